package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var (
	noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	keys = aws.Credentials{AccessKeyID: "ASIALABX", SecretAccessKey: "secret", SessionToken: "token"}
)

func sum(body string) string {
	s := sha256.Sum256([]byte(body))
	return hex.EncodeToString(s[:])
}

// signed is a request as a server gets it, signed by the SDK.
func signed(t testing.TB, method, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, sum(body), "eks", "us-east-1", noon); err != nil {
		t.Fatal(err)
	}
	return received(r, body)
}

func presigned(t testing.TB, service, target, expires string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("GET", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	q := r.URL.Query()
	q.Set("X-Amz-Expires", expires)
	r.URL.RawQuery = q.Encode()
	uri, _, err := v4.NewSigner().PresignHTTP(t.Context(), keys, r, sum(""), service, "us-east-1", noon)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	return received(&http.Request{Method: "GET", URL: u, Host: u.Host, Header: http.Header{}}, "")
}

// received is r as net/http hands it to a handler.
func received(r *http.Request, body string) *http.Request {
	in := httptest.NewRequest(r.Method, r.URL.RequestURI(), io.NopCloser(bytes.NewBufferString(body)))
	in.Host, in.Header, in.ContentLength = r.URL.Host, r.Header, int64(len(body))
	return in
}

func verify(r *http.Request, body string, now time.Time) error {
	s, err := Parse(r)
	if err != nil {
		return err
	}
	return s.Verify(r, []byte(body), keys.SecretAccessKey, now)
}

const entryPath = "http://127.0.0.1:4566/clusters/dev/access-entries/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fa%2Fb"

func TestWhatTheSDKSignsIsAccepted(t *testing.T) {
	for name, c := range map[string]struct{ method, target, body string }{
		"a body":                  {"POST", "http://127.0.0.1:4566/clusters", `{"name":"dev"}`},
		"a path with an ARN":      {"GET", entryPath, ""},
		"a list in the query":     {"DELETE", "http://127.0.0.1/tags/x?tagKeys=b&tagKeys=a&tagKeys=a%20b%2Fc", ""},
		"an empty path":           {"POST", "http://127.0.0.1:4566", "Action=GetCallerIdentity"},
		"a name of another scale": {"GET", "http://[::1]:4566/clusters?maxResults=5&nextToken=a%2Bb%3D", ""},
	} {
		r := signed(t, c.method, c.target, c.body)
		if err := verify(r, c.body, noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s, _ := Parse(r)
		if s.AccessKeyID != keys.AccessKeyID || s.Service != "eks" || s.Region != "us-east-1" || s.SessionToken != "token" || s.Presigned {
			t.Errorf("%s: parsed as %+v", name, s)
		}
	}
	if err := verify(presigned(t, "eks", "http://127.0.0.1/?Action=GetCallerIdentity&Version=2011-06-15", "60"), "", noon.Add(59*time.Second)); err != nil {
		t.Errorf("presigned: %v", err)
	}
}

func TestWhatWasChangedAfterSigningIsRefused(t *testing.T) {
	const body = `{"name":"dev"}`
	for name, c := range map[string]struct {
		change func(*http.Request)
		body   string
		now    time.Duration
		kind   Kind
	}{
		"no signature":     {func(r *http.Request) { r.Header.Del("Authorization") }, body, 0, Missing},
		"another method":   {func(r *http.Request) { r.Method = "DELETE" }, body, 0, Mismatch},
		"another path":     {func(r *http.Request) { r.URL.Path = "/other" }, body, 0, Mismatch},
		"a query added":    {func(r *http.Request) { r.URL.RawQuery = "x=1" }, body, 0, Mismatch},
		"another host":     {func(r *http.Request) { r.Host = "evil.example" }, body, 0, Mismatch},
		"another body":     {func(*http.Request) {}, `{"name":"prod"}`, 0, Mismatch},
		"another token":    {func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "other") }, body, 0, Mismatch},
		"an x-amz header":  {func(r *http.Request) { r.Header.Set("X-Amz-Target", "Evil") }, body, 0, Mismatch},
		"two dates":        {func(r *http.Request) { r.Header.Add("X-Amz-Date", "20260102T120001Z") }, body, 0, Incomplete},
		"another date":     {func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260102T120001Z") }, body, 0, Mismatch},
		"16 minutes old":   {func(*http.Request) {}, body, 16 * time.Minute, Expired},
		"16 minutes early": {func(*http.Request) {}, body, -16 * time.Minute, Expired},
		"another scope":    {replace("us-east-1", "us-west-2"), body, 0, Mismatch},
		"host not signed":  {replace("host;", ""), body, 0, Mismatch},
		"signature cut": {func(r *http.Request) {
			h := r.Header
			h.Set("Authorization", h.Get("Authorization")[:len(h.Get("Authorization"))-2])
		}, body, 0, Incomplete},
		"two authorizations":  {func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, body, 0, Incomplete},
		"a name in two cases": {func(r *http.Request) { r.URL.RawQuery = "a=1&A=2" }, body, 0, Incomplete},
	} {
		r := signed(t, "POST", "http://127.0.0.1:4566/clusters", body)
		c.change(r)
		var e *Error
		if err := verify(r, c.body, noon.Add(c.now)); !errors.As(err, &e) || e.Kind != c.kind {
			t.Errorf("%s: got %v, want kind %d", name, err, c.kind)
		}
	}
	for _, minutes := range []time.Duration{-14, 14} {
		if err := verify(signed(t, "POST", "http://127.0.0.1:4566/clusters", body), body, noon.Add(minutes*time.Minute)); err != nil {
			t.Errorf("%d minutes off: %v", minutes, err)
		}
	}
}

func replace(from, to string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
	}
}

func TestPresignedRequestsAreHeldToTheLetter(t *testing.T) {
	const target = "http://127.0.0.1/?Action=GetCallerIdentity&Version=2011-06-15"
	for name, c := range map[string]struct {
		expires string
		change  func(q string) string
		now     time.Duration
		kind    Kind
	}{
		"expired":                 {"60", func(q string) string { return q }, 61 * time.Second, Expired},
		"for no time":             {"0", func(q string) string { return q }, 0, Incomplete},
		"for eight days":          {"691200", func(q string) string { return q }, 0, Incomplete},
		"Action twice":            {"60", func(q string) string { return q + "&Action=Other" }, 0, Incomplete},
		"action in another case":  {"60", func(q string) string { return q + "&action=Other" }, 0, Incomplete},
		"X-Amz-Expires prolonged": {"60", func(q string) string { return strings.Replace(q, "X-Amz-Expires=60", "X-Amz-Expires=600", 1) }, 0, Mismatch},
		"X-Amz-Date twice":        {"60", func(q string) string { return q + "&x-amz-date=20260102T120000Z" }, 0, Incomplete},
	} {
		r := presigned(t, "eks", target, c.expires)
		r.URL.RawQuery = c.change(r.URL.RawQuery)
		var e *Error
		if err := verify(r, "", noon.Add(c.now)); !errors.As(err, &e) || e.Kind != c.kind {
			t.Errorf("%s: got %v, want kind %d", name, err, c.kind)
		}
	}
}

// What is presigned for STS holds a quarter of an hour, whatever it says.
// (aws-facts 7.3)
func TestSTSHeedsNoExpiry(t *testing.T) {
	for _, expires := range []string{"0", "60", "900", "691200"} {
		for after, ok := range map[time.Duration]bool{0: true, 15 * time.Minute: true, 15*time.Minute + time.Second: false, -16 * time.Minute: false} {
			r := presigned(t, "sts", "http://127.0.0.1/?Action=GetCallerIdentity&Version=2011-06-15", expires)
			if err := verify(r, "", noon.Add(after)); (err == nil) != ok {
				t.Errorf("X-Amz-Expires=%s, %s after: %v", expires, after, err)
			}
		}
	}
}

// FuzzVerify: whatever is changed in a signed request, it is never accepted
// unless it is the request that was signed, and nothing panics.
//
// shows: item S41
func FuzzVerify(f *testing.F) {
	good := signed(f, "POST", "http://127.0.0.1:4566/clusters?a=1", "{}")
	authorization, date := good.Header.Get("Authorization"), good.Header.Get("X-Amz-Date")
	f.Add(authorization, date, "a=1", "{}")
	f.Add(authorization, date, "a=1&A=2", "{}")
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request", date, "X-Amz-Signature=0", "")
	f.Add("", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&X-Amz-Credential=a%2Fb", "")
	f.Fuzz(func(t *testing.T, auth, at, query, body string) {
		r := signed(t, "POST", "http://127.0.0.1:4566/clusters?a=1", "{}")
		r.Header.Set("Authorization", auth)
		r.Header.Set("X-Amz-Date", at)
		r.URL.RawQuery = query
		if verify(r, body, noon) != nil {
			return
		}
		s, _ := parseQuery(query)
		if at != date || body != "{}" || s.canonical(false) != "a=1" {
			t.Errorf("accepted %q %q %q %q", auth, at, query, body)
		}
	})
}
