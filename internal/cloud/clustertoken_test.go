package cloud

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
)

// The form that API servers check. (aws-iam-authenticator, pkg/token)
func TestAClusterTokenIsAnIdentityCallSignedForThatCluster(t *testing.T) {
	f := &fakeAWS{answer: func(int, string, string, *http.Request) answer { return callerIs(mainID) }}
	c := open(t, f, mainAccount())
	before := time.Now()
	token, until, err := c.ClusterToken(t.Context(), mainID, "eu-west-1", "dev", "https://abc.gr7.eu-west-1.eks.amazonaws.com")
	if err != nil {
		t.Fatal(err)
	}
	if d := until.Sub(before); d < 14*time.Minute || d > 16*time.Minute {
		t.Errorf("good for %v", d)
	}
	raw, ok := strings.CutPrefix(token, "k8s-aws-v1.")
	if !ok {
		t.Fatalf("token %q", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(raw)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(string(b))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme != "https" || u.Host != "sts.eu-west-1.amazonaws.com" || u.Path != "/" || q.Get("Action") != "GetCallerIdentity" ||
		q.Get("X-Amz-Expires") != "60" || q.Get("X-Amz-SignedHeaders") != "host;x-k8s-aws-id" || q.Get("X-Amz-Signature") == "" ||
		!strings.Contains(q.Get("X-Amz-Credential"), "/eu-west-1/sts/aws4_request") {
		t.Errorf("token of %s", u.Redacted())
	}
	for k, v := range q {
		if len(v) != 1 {
			t.Errorf("%s stands %d times", k, len(v))
		}
	}
	if got := f.requests(); len(got) != 1 || !strings.Contains(got[0], "GetCallerIdentity") {
		t.Errorf("calls %q: the account is checked, the token is not sent", got)
	}
	other, _, err := c.ClusterToken(t.Context(), mainID, "eu-west-1", "prod", "https://abc.gr7.eu-west-1.eks.amazonaws.com")
	if err != nil || other == token {
		t.Errorf("another cluster's token is the same; %v", err)
	}
}

func TestATokenIsNotMadeForAnotherAccountOrAServerInTheClear(t *testing.T) {
	f := &fakeAWS{answer: func(int, string, string, *http.Request) answer { return callerIs("999900001111") }}
	var wrong *WrongAccountError
	if _, _, err := open(t, f, mainAccount()).ClusterToken(t.Context(), mainID, "eu-west-1", "dev", "https://a.example"); !errors.As(err, &wrong) {
		t.Errorf("of another account: %v", err)
	}
	f = &fakeAWS{answer: func(int, string, string, *http.Request) answer { return callerIs(mainID) }}
	var insecure *InsecureEndpointError
	c := open(t, f, mainAccount())
	if _, _, err := c.ClusterToken(t.Context(), mainID, "eu-west-1", "dev", "http://api.example"); !errors.As(err, &insecure) {
		t.Errorf("in the clear: %v", err)
	}
	if _, _, err := c.ClusterToken(t.Context(), mainID, "eu-west-1", "dev", "https://api.example"); err != nil {
		t.Errorf("by https: %v", err)
	}
}

func TestALabKeyMakesTokensForThisMachineAlone(t *testing.T) {
	f := &fakeAWS{answer: func(int, string, string, *http.Request) answer { return callerIs(mainID) }}
	c, err := Open(t.Context(), []access.Account{mainAccount()}, Options{Credentials: keys("AKIALABX"), Endpoint: "http://127.0.0.1:4566", HTTPClient: f})
	if err != nil {
		t.Fatal(err)
	}
	var lab *LabKeyError
	if _, _, err := c.ClusterToken(t.Context(), mainID, "eu-west-1", "dev", "https://abc.gr7.eu-west-1.eks.amazonaws.com"); !errors.As(err, &lab) {
		t.Errorf("for AWS: %v", err)
	}
	if _, _, err := c.ClusterToken(t.Context(), mainID, "eu-west-1", "dev", "https://127.0.0.1:6443"); err != nil {
		t.Errorf("for the lab: %v", err)
	}
}
