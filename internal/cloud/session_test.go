package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/logging"

	"github.com/atlas-iam/atlas-iam/access"
)

func withRole(a access.Account) access.Account {
	a.RoleARN, a.ExternalID = "arn:aws:iam::"+a.ID+":role/atlas", "ext-42"
	return a
}

func assumedUntil(key string, end time.Time) answer {
	return answer{status: 200, body: `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>` + key +
		`</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>` + end.UTC().Format(time.RFC3339) +
		`</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`}
}

func TestARoleIsAssumedOnceAndItsSessionUsed(t *testing.T) {
	var form string
	f := &fakeAWS{}
	f.answer = func(_ int, service, what string, r *http.Request) answer {
		switch what {
		case "AssumeRole":
			form = r.Form.Encode()
			return assumedUntil("ASIAROLE", time.Now().Add(time.Hour))
		case "GetCallerIdentity":
			return callerIs(mainID)
		}
		return answer{status: 200, body: `{"clusters":[]}`}
	}
	c := open(t, f, withRole(mainAccount()))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := listClusters(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	want := map[string]int{"sts AssumeRole AKIAEXAMPLE": 1, "sts GetCallerIdentity ASIAROLE": 1, "eks GET /clusters ASIAROLE": 20}
	got := make(map[string]int)
	for _, r := range f.requests() {
		got[r]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("requests %v, want %v", got, want)
	}
	for _, part := range []string{"ExternalId=ext-42", "RoleSessionName=atlas-iam", "role%2Fatlas"} {
		if !strings.Contains(form, part) {
			t.Errorf("AssumeRole %q lacks %s", form, part)
		}
	}
}

// Whose credentials assume the roles is asked once for all accounts that share
// them; nobody is behind an account without a role.
func TestWhoAssumesTheRolesIsAskedOnce(t *testing.T) {
	f := &fakeAWS{}
	f.answer = func(_ int, _, what string, r *http.Request) answer {
		switch what {
		case "AssumeRole":
			return assumedUntil("ASIAROLE", time.Now().Add(time.Hour))
		case "GetCallerIdentity":
			return callerIs(mainID)
		}
		return answer{status: 200, body: `{"clusters":[]}`}
	}
	second := mainAccount()
	second.Name, second.ID = "second", "444455556666"
	plain := mainAccount()
	plain.Name, plain.ID = "plain", "777788889999"
	c := open(t, f, withRole(mainAccount()), withRole(second), plain)
	var wg sync.WaitGroup
	for range 4 {
		for id, want := range map[string]bool{mainID: true, second.ID: true, plain.ID: false, "000000000000": false} {
			wg.Go(func() {
				if arn, err := c.Behind(t.Context(), id); err != nil || (arn != "") != want {
					t.Errorf("%s: %q %v", id, arn, err)
				}
			})
		}
	}
	wg.Wait()
	if got := f.requests(); len(got) != 1 || got[0] != "sts GetCallerIdentity AKIAEXAMPLE" {
		t.Errorf("requests %q", got)
	}
}

func TestASessionThatEndsIsRenewedAndTheCallRepeatedOnce(t *testing.T) {
	for _, tc := range []struct {
		name    string
		dead    func(key string) bool // sessions that EKS refuses
		assumed int
		fails   bool
	}{
		{"a session that lives", func(string) bool { return false }, 1, false},
		{"a session that AWS ended early", func(key string) bool { return key == "ASIAROLE1" }, 2, false},
		{"every session is refused", func(string) bool { return true }, 2, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var assumed int
				f := &fakeAWS{answer: func(_ int, service, what string, r *http.Request) answer {
					_, key := scope(r)
					switch {
					case what == "AssumeRole":
						assumed++
						return assumedUntil(fmt.Sprintf("ASIAROLE%d", assumed), time.Now().Add(time.Hour))
					case service == "sts":
						return callerIs(mainID)
					case tc.dead(key):
						return eksError(403, "ExpiredTokenException", "The security token included in the request is expired")
					}
					return answer{status: 200, body: `{"clusters":[]}`}
				}}
				c := open(t, f, withRole(mainAccount()))
				err := listClusters(t.Context(), c)
				if assumed != tc.assumed || (err != nil) != tc.fails {
					t.Errorf("assumed %d times, error %v; requests %q", assumed, err, f.requests())
				}
			})
		})
	}
}

func TestASessionWhoseTimeIsUpIsRenewedBeforeTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		assumed := 0
		f := &fakeAWS{answer: func(_ int, service, what string, r *http.Request) answer {
			switch {
			case what == "AssumeRole":
				assumed++
				return assumedUntil(fmt.Sprintf("ASIAROLE%d", assumed), time.Now().Add(15*time.Minute))
			case service == "sts":
				return callerIs(mainID)
			}
			return answer{status: 200, body: `{"clusters":[]}`}
		}}
		c := open(t, f, withRole(mainAccount()))
		for range 4 {
			if err := listClusters(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
		}
		if assumed != 2 {
			t.Errorf("assumed %d times in 40 minutes of sessions of 15, want 2: at 0 and at 20 minutes", assumed)
		}
	})
}

// sdkConfig gives a test an SDK configuration of its own.
func sdkConfig(t *testing.T, env map[string]string, profile string) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for k, v := range env {
		t.Setenv(k, v)
	}
}

// Row 50: nothing goes in the clear to anything but loopback.
func TestRow50PlainHTTPIsForLoopbackOnly(t *testing.T) {
	for _, tc := range []struct {
		name     string
		env      map[string]string
		profile  string
		explicit string
		refuse   bool
	}{
		{name: "no endpoint"},
		{name: "https anywhere", env: map[string]string{"AWS_ENDPOINT_URL": "https://aws.example.com"}},
		{name: "http to anywhere", env: map[string]string{"AWS_ENDPOINT_URL": "http://aws.example.com"}, refuse: true},
		{name: "http to 127.0.0.1", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}},
		{name: "http to ::1", env: map[string]string{"AWS_ENDPOINT_URL": "http://[::1]:4566"}},
		{name: "http to localhost", env: map[string]string{"AWS_ENDPOINT_URL": "http://localhost:4566"}},
		{name: "http to a name that begins like loopback", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1.example.com"}, refuse: true},
		{name: "http to a name that ends like localhost", env: map[string]string{"AWS_ENDPOINT_URL": "http://notlocalhost"}, refuse: true},
		{name: "http with loopback as the user", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1@example.com"}, refuse: true},
		{name: "http to the local network", env: map[string]string{"AWS_ENDPOINT_URL": "http://192.168.0.4:4566"}, refuse: true},
		{name: "http to 0.0.0.0", env: map[string]string{"AWS_ENDPOINT_URL": "http://0.0.0.0:4566"}, refuse: true},
		{name: "http for one service", env: map[string]string{"AWS_ENDPOINT_URL_STS": "http://sts.example.com"}, refuse: true},
		{name: "http for one service on loopback", env: map[string]string{"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:4566"}},
		{name: "http for the sign-in", env: map[string]string{"AWS_ENDPOINT_URL_SSO": "http://sso.example.com"}, refuse: true},
		{name: "http in the profile", profile: "[default]\nendpoint_url = http://aws.example.com\n", refuse: true},
		{name: "https in the profile", profile: "[default]\nendpoint_url = https://aws.example.com\n"},
		{name: "http for a service in the profile", profile: "[default]\nservices = lab\n[services lab]\neks =\n  endpoint_url = http://eks.example.com\n", refuse: true},
		{name: "endpoints that are switched off", env: map[string]string{"AWS_ENDPOINT_URL": "https://aws.example.com", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}},
		{name: "no URL", env: map[string]string{"AWS_ENDPOINT_URL": "aws.example.com"}, refuse: true},
		{name: "an option in the clear", explicit: "http://aws.example.com", refuse: true},
		{name: "an option on loopback", explicit: "http://127.0.0.1:4566"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sdkConfig(t, tc.env, tc.profile)
			_, err := Open(t.Context(), []access.Account{mainAccount()}, Options{Endpoint: tc.explicit})
			var insecure *InsecureEndpointError
			if errors.As(err, &insecure) != tc.refuse || (err != nil) != tc.refuse {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Row 50: the lab's keys stay on this machine.
//
// shows: item S28
func TestRow50LabKeysGoToLoopbackOnly(t *testing.T) {
	for _, tc := range []struct {
		name, key, endpoint string
		refuse              bool
	}{
		{"a lab key to AWS", "AKIALABEXAMPLE", "", true},
		{"a lab session to AWS", "ASIALABEXAMPLE", "", true},
		{"a lab key to somebody else", "AKIALABEXAMPLE", "https://aws.example.com", true},
		{"a lab key to the lab", "AKIALABEXAMPLE", "http://127.0.0.1:4566", false},
		{"another key to AWS", "AKIAEXAMPLE", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fakeAWS{answer: func(int, string, string, *http.Request) answer { return callerIs(mainID) }}
			c, err := Open(t.Context(), []access.Account{mainAccount()}, Options{Credentials: keys(tc.key), Endpoint: tc.endpoint, HTTPClient: f})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Caller(t.Context(), mainID)
			var lab *LabKeyError
			if errors.As(err, &lab) != tc.refuse || (err != nil) != tc.refuse {
				t.Errorf("error %v", err)
			}
			if got := len(f.requests()); (got == 0) != tc.refuse {
				t.Errorf("%d requests", got)
			}
		})
	}
}

func TestTheLabIgnoresTheSDKsConfiguration(t *testing.T) {
	sdkConfig(t, map[string]string{
		"AWS_ENDPOINT_URL": "http://aws.example.com", "AWS_ENDPOINT_URL_EKS": "http://eks.example.com", "AWS_PROFILE": "nobody",
		"AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "mars-1", "AWS_MAX_ATTEMPTS": "1", "AWS_USE_FIPS_ENDPOINT": "true",
	}, "[broken")
	hosts := make(map[string]bool)
	f := &fakeAWS{answer: func(_ int, service, _ string, r *http.Request) answer {
		_, key := scope(r)
		hosts[r.URL.Host+" "+key] = true
		if service == "sts" {
			return callerIs(mainID)
		}
		return answer{status: 200, body: `{"clusters":[]}`}
	}}
	c, err := Open(t.Context(), []access.Account{mainAccount()}, Options{Credentials: keys("AKIALABX"), Endpoint: "http://127.0.0.1:4566", HTTPClient: f})
	if err != nil {
		t.Fatal(err)
	}
	if err := listClusters(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(hosts) != 1 || !hosts["127.0.0.1:4566 AKIALABX"] || c.Endpoint() != "http://127.0.0.1:4566" {
		t.Errorf("went to %v, endpoint %q", hosts, c.Endpoint())
	}
}

func TestTheSDKsConfigurationIsUsed(t *testing.T) {
	sdkConfig(t, map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_PROFILE": "dev"},
		"[profile dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = s\n")
	f := &fakeAWS{answer: func(int, string, string, *http.Request) answer { return callerIs(mainID) }}
	c, err := Open(t.Context(), []access.Account{mainAccount()}, Options{HTTPClient: f})
	if err != nil {
		t.Fatal(err)
	}
	arn, err := c.Caller(t.Context(), mainID)
	if err != nil || arn != "arn:aws:iam::"+mainID+":user/me" || c.Endpoint() != "http://127.0.0.1:4566" {
		t.Errorf("caller %q, error %v, endpoint %q", arn, err, c.Endpoint())
	}
	if got := f.requests(); len(got) != 1 || got[0] != "sts GetCallerIdentity AKIADEV" {
		t.Errorf("requests %q", got)
	}
}

func TestNoCredentialsSayWhatToDo(t *testing.T) {
	sdkConfig(t, nil, "")
	f := &fakeAWS{answer: func(int, string, string, *http.Request) answer { return answer{err: errRefused()} }}
	for _, a := range []access.Account{mainAccount(), withRole(mainAccount())} {
		c, err := Open(t.Context(), []access.Account{a}, Options{HTTPClient: f})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Caller(t.Context(), mainID)
		var none *NoCredentialsError
		if !errors.As(err, &none) {
			t.Fatalf("role %q: error %v", a.RoleARN, err)
		}
		for _, word := range []string{"--local", "AWS_PROFILE"} {
			if !strings.Contains(Reason(err), word) {
				t.Errorf("%q does not say %s", Reason(err), word)
			}
		}
	}
}

// Without credentials the SDK warned on stderr of how it asks the instance,
// under its own name.
func TestTheSDKWarnsOfNothingByItself(t *testing.T) {
	sdkConfig(t, nil, "")
	cfg, err := loadConfig(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, silent := cfg.Logger.(logging.Nop); !silent {
		t.Errorf("the SDK's logger is %T, want none", cfg.Logger)
	}
}

// Row 47: a clock that is 20 minutes off.
func TestRow47AWrongClockIsSaid(t *testing.T) {
	signedAt := func(r *http.Request) time.Time {
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil {
			t.Error(err)
		}
		return at
	}
	for _, off := range []time.Duration{0, 20 * time.Minute, -20 * time.Minute} {
		t.Run(off.String(), func(t *testing.T) {
			f := &fakeAWS{date: true, answer: func(_ int, _, _ string, r *http.Request) answer {
				switch d := time.Since(signedAt(r)); {
				case d > 5*time.Minute:
					return queryError(403, "SignatureDoesNotMatch", "Signature expired: A is now earlier than B")
				case d < -5*time.Minute:
					return queryError(403, "SignatureDoesNotMatch", "Signature not yet current: A is still later than B")
				}
				return callerIs(mainID)
			}}
			c, err := Open(t.Context(), []access.Account{mainAccount()}, Options{
				Credentials: keys("AKIAEXAMPLE"), HTTPClient: f, Now: func() time.Time { return time.Now().Add(off) },
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Caller(t.Context(), mainID)
			if (err != nil) != (off != 0) || strings.Contains(Reason(err), "clock") != (off != 0) || len(f.requests()) != 1 {
				t.Errorf("clock off by %v: %q, %d requests", off, Reason(err), len(f.requests()))
			}
		})
	}
}

func queryError(status int, code, message string) answer {
	return answer{status: status, body: `<ErrorResponse><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error></ErrorResponse>`}
}

// shows: item S40
func TestTheLogHasALineForEachRequestAndNoSecret(t *testing.T) {
	const secret = "CANARY"
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var lines []string
		f := &fakeAWS{answer: func(n int, service, what string, _ *http.Request) answer {
			switch {
			case what == "AssumeRole":
				a := assumedUntil("ASIAROLE", time.Now().Add(time.Hour))
				a.body = strings.ReplaceAll(strings.ReplaceAll(a.body, ">s<", ">"+secret+"<"), ">t<", ">"+secret+"<")
				return a
			case service == "sts":
				return callerIs(mainID)
			case n == 3:
				return eksError(429, "ThrottlingException", "Rate exceeded")
			}
			return answer{status: 200, body: `{"clusters":["` + secret + `"],"nextToken":"` + secret + `"}`}
		}}
		a := withRole(mainAccount())
		a.ExternalID = secret
		c, err := Open(t.Context(), []access.Account{a}, Options{
			Credentials: staticKeys{aws.Credentials{AccessKeyID: "AKIA" + secret, SecretAccessKey: secret, SessionToken: secret}}, HTTPClient: f,
			Log: func(c Call) { mu.Lock(); defer mu.Unlock(); lines = append(lines, c.String()) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := listClusters(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"STS AssumeRole account=492000000148 region=us-east-1 status=200 request=req-1 0s",
			"STS GetCallerIdentity account=492000000148 region=us-east-1 status=200 request=req-2 0s",
			"EKS ListClusters account=492000000148 region=us-east-1 status=429 code=ThrottlingException request=req-3 0s",
			"EKS ListClusters account=492000000148 region=us-east-1 status=200 request=req-4 attempt=2 0s",
		}
		if fmt.Sprint(lines) != fmt.Sprint(want) {
			t.Errorf("lines\n%s", strings.Join(lines, "\n"))
		}
		if strings.Contains(strings.Join(lines, "\n"), secret) {
			t.Errorf("a secret is logged: %q", lines)
		}
	})
}

type staticKeys struct{ aws.Credentials }

func (s staticKeys) Retrieve(context.Context) (aws.Credentials, error) { return s.Credentials, nil }

func TestAnAccountMayHaveBaseCredentialsOfItsOwn(t *testing.T) {
	const otherID = "111122223333"
	other := withRole(access.Account{Name: "other", ID: otherID, Partition: "aws", Regions: []string{"us-east-1"}})
	f := &fakeAWS{answer: func(_ int, _, what string, r *http.Request) answer {
		_, key := scope(r)
		switch {
		case what == "AssumeRole":
			return assumedUntil("ASIAROLE", time.Now().Add(time.Hour))
		case key == "AKIA"+mainID:
			return callerIs(mainID)
		}
		return callerIs(otherID)
	}}
	c, err := Open(t.Context(), []access.Account{mainAccount(), other}, Options{
		Credentials: keys("AKIANOBODY"), HTTPClient: f,
		CredentialsFor: func(a access.Account) aws.CredentialsProvider { return keys("AKIA" + a.ID) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{mainID, otherID} {
		if _, err := c.Caller(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	want := []string{"sts GetCallerIdentity AKIA" + mainID, "sts AssumeRole AKIA" + otherID, "sts GetCallerIdentity ASIAROLE"}
	if got := f.requests(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("requests %q, want %q", got, want)
	}
}
