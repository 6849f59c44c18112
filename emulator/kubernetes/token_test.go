package kubernetes_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/emulator"
)

// Each hostile token differs in one thing from its legal twin; what it claims
// is signed rightly wherever a signature can be made for it, so that the check
// named is the one that refuses. (aws-facts 7.3)
//
// shows: item S44
func TestHostileTokensAreRefusedAndTheirTwinsAreNot(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	ann := w.user("ann", "/")
	w.entry(w.arn("user/ann"))
	query := func(from, to string) func(*draft) {
		return func(d *draft) { d.url = strings.Replace(d.url, from, to, 1) }
	}
	host := func(to string) func(*draft) { return query("sts.us-east-1.amazonaws.com", to) }
	add := func(more string) func(*draft) { return func(d *draft) { d.url += more } }
	afterwards := func(f func(*url.URL)) func(*draft) { return func(d *draft) { d.signed = f } }
	rewrite := func(from, to string) func(*draft) {
		return afterwards(func(u *url.URL) { u.RawQuery = strings.Replace(u.RawQuery, from, to, 1) })
	}
	encode := func(f func(s string) string) func(*draft) { return func(d *draft) { d.encode = f } }
	at := func(after time.Duration) func(*draft) { return func(d *draft) { d.at = w.now.Add(after) } }
	region := func(name string, change func(*draft)) func(*draft) {
		return func(d *draft) { d.region = name; change(d) }
	}
	with := func(bytes int) func(*draft) { // of the URL; the fragment is not sent
		return encode(func(s string) string {
			return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(s+"#"+strings.Repeat("x", bytes-len(s)-1)))
		})
	}
	raw := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	same := func(*draft) {}
	const sts = "sts getCallerIdentity failed"

	for name, c := range map[string]struct {
		hostile func(*draft)
		why     string // part of the reason
		twin    func(*draft)
	}{
		"4097 bytes": {with(3064), "too large", with(3063)}, // the twin has 4095
		"another prefix": {
			encode(func(s string) string { return "k8s-aws-v2." + raw(s) }), "prefix", same},
		"base64 with padding": {
			encode(func(s string) string {
				return "k8s-aws-v1." + base64.URLEncoding.EncodeToString([]byte(s+strings.Repeat("#", 1+(4-len(s)%3)%3)))
			}), "illegal base64", same},
		"base64 of another alphabet": {
			encode(func(s string) string {
				return "k8s-aws-v1." + base64.RawStdEncoding.EncodeToString([]byte(s+"#???>>>"))
			}), "illegal base64",
			encode(func(s string) string {
				return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(s+"#???>>>"))
			})},
		"no URL":                       {encode(func(string) string { return "k8s-aws-v1." + raw("https://%zz/") }), "cannot be read", same},
		"plain http to STS":            {query("https:", "http:"), "scheme", same},
		"another scheme":               {encode(func(s string) string { return "k8s-aws-v1." + raw("ftp"+strings.TrimPrefix(s, "https")) }), "scheme", same},
		"https to this machine":        {host("127.0.0.1:4566"), "hostname", query("https://sts.us-east-1.amazonaws.com", "http://127.0.0.1:4566")},
		"plain http to another lab":    {query("https://sts.us-east-1.amazonaws.com", "http://192.0.2.1:4566"), "scheme", query("https://sts.us-east-1.amazonaws.com", "http://localhost:4566")},
		"another host":                 {host("evil.example"), "hostname", same},
		"a host that begins well":      {host("sts.us-east-1.amazonaws.com.evil.example"), "hostname", same},
		"a host that ends well":        {host("evil.sts.us-east-1.amazonaws.com"), "hostname", same},
		"a host with a port":           {host("sts.us-east-1.amazonaws.com:443"), "hostname", same},
		"a host in capitals":           {host("STS.us-east-1.amazonaws.com"), "hostname", same},
		"another service's host":       {host("iam.us-east-1.amazonaws.com"), "hostname", host("sts-fips.us-east-1.amazonaws.com")},
		"a Region with a slash":        {host("sts.us_east_1.amazonaws.com"), "hostname", same},
		"the domain of China":          {host("sts.us-east-1.amazonaws.com.cn"), "hostname", host("sts.us-east-1.api.aws")},
		"a Region of China":            {region("cn-north-1", host("sts.cn-north-1.amazonaws.com.cn")), "hostname", region("eu-west-1", host("sts.eu-west-1.amazonaws.com"))},
		"a Region of China, our name":  {region("cn-north-1", host("sts.cn-north-1.amazonaws.com")), "hostname", region("eu-west-1", host("sts-fips.eu-west-1.api.aws"))},
		"the global host, signed else": {region("eu-west-1", host("sts.amazonaws.com")), sts, host("sts.amazonaws.com")},
		"one Region's host, signed for another": {
			region("eu-west-1", same), sts, region("eu-west-1", host("sts.eu-west-1.amazonaws.com"))},
		"a path":               {query("com/?", "com/x?"), "path", same},
		"a path that is empty": {query("com/?", "com?"), "path", same},
		"a path of two":        {query("com/?", "com//?"), "path", same},
		"Action twice":         {add("&Action=GetCallerIdentity"), "duplicate", same},
		"Action twice, in another case": {
			add("&action=AssumeRole"), "duplicate", same},
		"X-Amz-Expires twice, in another case": {
			add("&x-amz-expires=60"), "duplicate", same},
		"another Version twice": {add("&VERSION=2011-06-15"), "duplicate", same},
		"one parameter more":    {add("&RoleArn=x"), "non-whitelisted", same},
		"a semicolon":           {rewrite("&Version", ";x&Version"), "cannot be read", same},
		"another action":        {query("GetCallerIdentity", "AssumeRole"), "unexpected action", same},
		"no action":             {query("Action=GetCallerIdentity&", ""), "unexpected action", same},
		"the cluster not signed": {
			func(d *draft) { d.header = "" }, "did not sign", same},
		"the cluster named among the signed headers, and not signed": {
			func(d *draft) {
				d.header = ""
				d.signed = func(u *url.URL) {
					u.RawQuery = strings.Replace(u.RawQuery, "X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%3Bx-k8s-aws-id", 1)
				}
			}, sts, same},
		"another cluster":                {func(d *draft) { d.header = "prod" }, sts, same},
		"the host not signed":            {rewrite("SignedHeaders=host%3Bx-k8s-aws-id", "SignedHeaders=x-k8s-aws-id"), sts, same},
		"the host changed after signing": {afterwards(func(u *url.URL) { u.Host = "sts.amazonaws.com" }), sts, same},
		"another signature": {
			afterwards(func(u *url.URL) {
				q := u.Query()
				q.Set("X-Amz-Signature", strings.Repeat("0", 64))
				u.RawQuery = q.Encode()
			}), sts, same},
		"no X-Amz-Expires":       {func(d *draft) { d.expires = "" }, "X-Amz-Expires", func(d *draft) { d.expires = "0" }},
		"X-Amz-Expires 901":      {func(d *draft) { d.expires = "901" }, "X-Amz-Expires", func(d *draft) { d.expires = "900" }},
		"X-Amz-Expires negative": {func(d *draft) { d.expires = "-1" }, "X-Amz-Expires", same},
		"X-Amz-Expires no number": {
			func(d *draft) { d.expires = "1e2" }, "X-Amz-Expires", same},
		"expired":                        {at(-15*time.Minute - time.Second), "expired", at(-15 * time.Minute)},
		"past its X-Amz-Expires":         {at(-16 * time.Minute), "expired", at(-14 * time.Minute)}, // 60 seconds: nobody heeds it
		"of the future":                  {at(16 * time.Minute), sts, at(14 * time.Minute)},
		"no date":                        {rewrite("X-Amz-Date=", "X-Amz-Date=x"), "X-Amz-Date", same},
		"a date prolonged":               {rewrite("X-Amz-Date="+w.now.UTC().Format("20060102T1504"), "X-Amz-Date="+w.now.Add(time.Minute).UTC().Format("20060102T1504")), sts, same},
		"signed for another service":     {func(d *draft) { d.service = "eks" }, sts, same},
		"signed with a password as well": {afterwards(func(u *url.URL) { u.User = url.UserPassword("a", "b") }), sts, same},
	} {
		d := w.draft()
		c.hostile(d)
		before := len(w.refused)
		status, _ := w.login(w.bearer(d, ann))
		if status != 403 || len(w.refused) != before+1 || !strings.Contains(w.why(), c.why) {
			t.Errorf("%s: %d %q, want 403 and %q", name, status, w.why(), c.why)
		}
		d = w.draft()
		c.twin(d)
		if status, u := w.login(w.bearer(d, ann)); status != 200 || u.Username != w.arn("user/ann") {
			t.Errorf("%s, the legal twin: %d %q %+v", name, status, w.why(), u)
		}
	}
}

// Whose credentials are no longer his is nobody, at once.
//
// shows: item S44
func TestTokensEndWithTheCredentialsThatSignedThem(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	ann := w.user("ann", "/")
	w.entry(w.arn("user/ann"))
	token := w.bearer(w.draft(), ann)
	if status, _ := w.login(token); status != 200 {
		t.Fatalf("a good token: %d %s", status, w.why())
	}
	name := "ann"
	must[*iam.UpdateAccessKeyOutput](t)(w.iam().UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{UserName: &name, AccessKeyId: &ann.AccessKeyID, Status: "Inactive"}))
	if status, _ := w.login(token); status != 403 {
		t.Errorf("with its key switched off: %d", status)
	}
	role := w.role("dev", "/")
	w.entry(role)
	session := w.assume(role, "ann")
	d := w.draft()
	if status, _ := w.login(w.bearer(d, session)); status != 200 {
		t.Errorf("a session: %d %s", status, w.why())
	}
	other := session
	other.SessionToken = w.assume(role, "other").SessionToken
	if status, _ := w.login(w.bearer(d, other)); status != 403 {
		t.Error("a session with another's token was let in")
	}
	w.now = w.now.Add(59 * time.Minute)
	if status, _ := w.login(w.bearer(w.draft(), session)); status != 200 {
		t.Errorf("a session of 59 minutes: %d %s", status, w.why())
	}
	w.now = w.now.Add(2 * time.Minute)
	if status, _ := w.login(w.bearer(w.draft(), session)); status != 403 {
		t.Error("an expired session was let in")
	}
}

// Partitions have STS endpoints and credentials of their own.
func TestTokensOfChina(t *testing.T) {
	w := newWorldIn(t, "cn-north-1", types.AuthenticationModeApi)
	ann := w.user("ann", "/")
	w.entry(w.arn("user/ann"))
	for host, want := range map[string]int{
		"sts.cn-north-1.amazonaws.com.cn": 200, "sts-fips.cn-north-1.amazonaws.com.cn": 200, "sts.cn-north-1.api.amazonwebservices.com.cn": 200,
		"sts.amazonaws.com": 403, "sts.cn-north-1.amazonaws.com": 403, "sts.cn-north-1.api.aws": 403,
	} {
		d := w.draft()
		d.url = "https://" + host + "/?Action=GetCallerIdentity&Version=2011-06-15"
		if status, _ := w.login(w.bearer(d, ann)); status != want {
			t.Errorf("%s: %d %s, want %d", host, status, w.why(), want)
		}
	}
}

// What STS throttles the authenticator hands on, for the API server to ask
// again.
func TestAThrottledSTSIsNoRefusal(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi, func(o *emulator.Options) { o.Rate = 3 })
	ann := w.draft()
	token := w.bearer(ann, w.admin)
	seen := map[int]int{}
	for range 20 {
		status, _ := w.login(token)
		seen[status]++
	}
	if seen[429] == 0 || seen[403] == 0 || len(seen) != 2 { // 403: the lab's caller has no entry
		t.Errorf("statuses %v", seen)
	}
}
