package cloud

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/atlas-iam/atlas-iam/access"
)

// configured opens a Cloud by the SDK's own configuration, at an endpoint.
func configured(t *testing.T, endpoint string) *Cloud {
	t.Helper()
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_SESSION_TOKEN": "canary-token",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none", "AWS_ENDPOINT_URL": endpoint,
	} {
		t.Setenv(k, v)
	}
	c, err := Open(context.Background(), []access.Account{{Name: "main", ID: "111111111111", Partition: "aws", Regions: []string{"us-east-1"}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// whoami answers STS, and everything else by then.
func whoami(then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if service, _ := scope(r); service != "sts" {
			then(w, r)
			return
		}
		io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:user/ann</Arn>`+
			`<UserId>AIDA</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect's target was asked, with token %q", r.Header.Get("X-Amz-Security-Token"))
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		first := httptest.NewServer(whoami(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/stolen", status)
		}))
		_, err := configured(t, first.URL).EKS("111111111111", "us-east-1").ListClusters(context.Background(), &eks.ListClustersInput{})
		if err == nil || Status(err) != status {
			t.Errorf("status %d: error %v", status, err)
		}
		first.Close()
	}
	plain := httptest.NewServer(whoami(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"clusters":["a"]}`) }))
	defer plain.Close()
	out, err := configured(t, plain.URL).EKS("111111111111", "us-east-1").ListClusters(context.Background(), &eks.ListClustersInput{})
	if err != nil || len(out.Clusters) != 1 {
		t.Errorf("an answer without redirect: %v, %v", out, err)
	}
}

func TestAnAnswerWithoutEndIsAnError(t *testing.T) {
	b := &boundedBody{io.NopCloser(strings.NewReader(strings.Repeat("x", 100))), 99}
	if got, err := io.ReadAll(b); err != errTooLong {
		t.Errorf("read %d bytes, error %v", len(got), err)
	}
	b = &boundedBody{io.NopCloser(strings.NewReader(strings.Repeat("x", 100))), 100}
	if got, err := io.ReadAll(b); err != nil || len(got) != 100 {
		t.Errorf("read %d bytes, error %v", len(got), err)
	}
}

// What may go in the clear because it stays on this machine does stay: no
// proxy gets it, and no name server is asked for a name beneath localhost.
func TestLoopbackNeedsNoProxyAndNoNameServer(t *testing.T) {
	proxied := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { proxied++; w.WriteHeader(http.StatusBadGateway) }))
	defer proxy.Close()
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "here") }))
	defer here.Close()
	built := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.Proxy = http.ProxyURL(proxyURL) }, transportOptions)
	for _, host := range []string{"localhost", "some.localhost", "127.0.0.1"} {
		resp, err := steadfast(built.GetTransport()).Get(strings.Replace(here.URL, "127.0.0.1", host, 1))
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		resp.Body.Close()
	}
	if proxied > 0 {
		t.Errorf("the proxy was asked %d times for this machine", proxied)
	}
	resp, err := steadfast(built.GetTransport()).Get("http://aws.invalid/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if proxied != 1 {
		t.Errorf("the proxy was asked %d times for another machine, want 1", proxied)
	}
}

func TestTheEndpointIsShownWithoutPassword(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://user:canary@aws.example/x?token=canary": "https://aws.example/x",
		"https://aws.example/x":                          "https://aws.example/x",
		"http://127.0.0.1:4566":                          "http://127.0.0.1:4566",
	} {
		if got := configured(t, endpoint).Endpoint(); got != want {
			t.Errorf("Endpoint() = %q, want %q", got, want)
		}
	}
}
