//go:build conformance

package conformance

import (
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"
)

// shows: item S32
func TestBoto3ParsesEveryAnswerOfEKS(t *testing.T) {
	py := python(t, "boto3")
	creds := credentials(t, lab(t), "300000000001")
	out := run(t, ".", clean(t, list(creds)...), 0, py, "testdata/eks.py")
	var result struct {
		Calls int
		Never map[string][]string
	}
	decode(t, out, &result)
	if result.Calls < 20 {
		t.Errorf("%d calls were made, want at least 20", result.Calls)
	}
	var paths []string
	for p := range result.Never {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	for _, p := range paths {
		t.Logf("never set: %s: %s", p, strings.Join(result.Never[p], ", "))
	}
	// What we claim to build must be set; the list above is for the rest.
	for _, path := range []string{"DescribeAccessEntry.accessEntry", "CreateAccessEntry.accessEntry", "UpdateAccessEntry.accessEntry",
		"AssociateAccessPolicy.associatedAccessPolicy", "ListAssociatedAccessPolicies.associatedAccessPolicies[]", "ListAccessPolicies.accessPolicies[]"} {
		if n := result.Never[path]; len(n) > 0 {
			t.Errorf("%s: never set: %v", path, n)
		}
	}
}

func TestIAMAndSTSOnTheLab(t *testing.T) {
	py := python(t, "boto3")
	run(t, ".", clean(t, list(credentials(t, lab(t), "300000000002"))...), 0, py, "testdata/iam.py")
}

// The same script on an AWS by others: what it asserts is AWS's, not ours.
//
// shows: item S34
func TestIAMAndSTSOnMoto(t *testing.T) {
	py := python(t, "moto.server")
	server := program(t, "moto_server", "--help")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.Command(server, "-H", "127.0.0.1", "-p", port)
	cmd.Env = clean(t, "HOME="+filepath.Join(t.TempDir()), "MOTO_IAM_LOAD_MANAGED_POLICIES=true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	endpoint := "http://127.0.0.1:" + port
	for range 120 {
		if r, err := http.Get(endpoint + "/moto-api/"); err == nil {
			r.Body.Close()
			break
		}
		time.Sleep(250 * time.Millisecond)
	}
	env := clean(t, "AWS_ENDPOINT_URL="+endpoint, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1")
	run(t, ".", env, 0, py, "testdata/iam.py")
}
