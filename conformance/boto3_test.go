//go:build conformance

package conformance

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// On the lab, or wherever ATLAS_ENDPOINT leads: it makes and removes users and
// roles of names of its own.
func TestIAMAndSTS(t *testing.T) {
	args := []string{"testdata/iam.py"}
	if r, err := http.Get(os.Getenv("ATLAS_ENDPOINT") + "/moto-api/"); err == nil && r.Body.Close() == nil && r.StatusCode == http.StatusOK {
		args = append(args, "moto") // which lacks some calls
	}
	run(t, ".", anywhere(t), 0, python(t, "boto3"), args...)
}

// moto starts an AWS by others, with one account and anyone's keys, and gives
// the environment to reach it in.
func moto(t *testing.T) (endpoint string, env []string) {
	t.Helper()
	python(t, "moto.server")
	server := program(t, "moto_server", "--help")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.Command(server, "-H", "127.0.0.1", "-p", port)
	cmd.Env = clean(t, "HOME="+t.TempDir(), "MOTO_IAM_LOAD_MANAGED_POLICIES=true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	endpoint = "http://127.0.0.1:" + port
	for range 240 {
		if r, err := http.Get(endpoint + "/moto-api/"); err == nil {
			r.Body.Close()
			return endpoint, clean(t, "AWS_ENDPOINT_URL="+endpoint, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1")
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Fatal("moto_server does not answer")
	return "", nil
}

// What these assert is AWS's, not ours: the script, the lab's own tests of what
// any IAM does, and that atlas-iam's own reading of accounts works on an AWS
// that shares no code with the lab.
//
// shows: item S34
func TestIAMAndSTSOnMoto(t *testing.T) {
	endpoint, env := moto(t)
	run(t, ".", env, 0, python(t, "boto3"), "testdata/iam.py", "moto")

	elsewhere := append(env, "ATLAS_ENDPOINT="+endpoint)
	test := func(tests, pkg string) {
		t.Helper()
		out := run(t, ".", elsewhere, 0, "go", "test", "-count=1", "-v", "-tags", "conformance", "-run", tests, pkg)
		passed := strings.Count(out, "--- PASS: Test")
		if passed == 0 || strings.Contains(out, "--- SKIP") {
			t.Errorf("%s in %s: nothing ran, or not all\n%s", tests, pkg, out)
		}
		t.Logf("%s: %d tests pass on moto", pkg, passed)
	}
	test("^(TestAUserLives|TestARoleLives|TestAManagedPolicyHas|TestListsCome|TestASessionOfARole|TestAnOIDCProviderLives|TestRolesAreReadWhole|TestAWSsOwnPoliciesRead)", "../emulator/iam")
	test("AnotherAWS$", "../internal/observe")
}
