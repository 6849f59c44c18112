//go:build conformance || bench

package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// missing skips, loudly, or fails where every client is required.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("ATLAS_REQUIRE_CLIENTS") != "" {
		t.Fatalf("MISSING and required: %s", what)
	}
	skip(t, what+" is not on this machine")
}

// skip skips, and says so where tools/stage shows it.
func skip(t *testing.T, why string) {
	t.Helper()
	if f, err := os.OpenFile(os.Getenv("ATLAS_SKIPPED"), os.O_APPEND|os.O_WRONLY, 0); err == nil {
		fmt.Fprintf(f, "%s: %s\n", t.Name(), why)
		f.Close()
	}
	t.Skip("SKIPPED: " + why)
}

// program finds a program that answers to being run.
func program(t *testing.T, name string, probe ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		err = exec.Command(path, probe...).Run()
	}
	if err != nil {
		missing(t, name)
	}
	return path
}

func python(t *testing.T, module string) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil || exec.Command(path, "-c", "import "+module).Run() != nil {
		missing(t, "python3 with "+module)
	}
	return path
}

// atlas is the built program, from ATLAS_IAM.
func atlas(t *testing.T) string {
	t.Helper()
	path := os.Getenv("ATLAS_IAM")
	if path == "" {
		t.Fatal("ATLAS_IAM is not set: run `make conformance`")
	}
	return path
}

// labs holds how to stop each lab, by endpoint.
var labs sync.Map

// stop ends a lab and waits for it, so that another can have its file.
func stop(t *testing.T, endpoint string) {
	t.Helper()
	done, ok := labs.Load(endpoint)
	if !ok {
		t.Fatalf("no lab was started at %s", endpoint)
	}
	done.(func())()
}

var endpointInText = regexp.MustCompile(`http://[0-9.:\[\]]+`)

// isLab reports whether a lab answers at an endpoint: /healthz is its own route.
func isLab(endpoint string) bool {
	client := http.Client{Timeout: 5 * time.Second}
	r, err := client.Get(strings.TrimRight(endpoint, "/") + "/healthz")
	if err != nil {
		return false
	}
	defer r.Body.Close()
	var health struct{ Status string }
	return json.NewDecoder(r.Body).Decode(&health) == nil && health.Status == "ok"
}

// lab starts `atlas-iam lab serve` on an empty file and gives its endpoint. The
// lab at ATLAS_ENDPOINT is used instead if there is one. What is there and no
// lab gets only the checks of anywhere.
func lab(t *testing.T, flags ...string) string {
	t.Helper()
	if e := os.Getenv("ATLAS_ENDPOINT"); e != "" {
		if !isLab(e) {
			skip(t, "it makes accounts and clusters at will, and "+e+" is no lab")
		}
		return e
	}
	ctx, cancel := context.WithCancel(context.Background())
	args := append([]string{"lab", "serve", "--listen", "127.0.0.1:0"}, flags...)
	if !slices.Contains(flags, "--lab") {
		args = append(args, "--lab", filepath.Join(t.TempDir(), "lab.db"))
	}
	cmd := exec.CommandContext(ctx, atlas(t), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := sync.OnceFunc(func() {
		cancel()
		if err := cmd.Wait(); err != nil && ctx.Err() == nil {
			t.Errorf("lab serve: %v\n%s", err, errs.String())
		}
	})
	t.Cleanup(done)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if e := endpointInText.FindString(lines.Text()); e != "" {
			go io.Copy(io.Discard, out)
			labs.Store(e, done)
			return e
		}
	}
	t.Fatalf("lab serve named no endpoint\n%s", errs.String())
	return ""
}

// clean is this process's environment without anything that configures AWS,
// Terraform or a proxy, plus what is given.
func clean(t *testing.T, extra ...string) []string {
	t.Helper()
	var env []string
	for _, kv := range os.Environ() {
		k, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(k, "AWS_") || strings.HasPrefix(k, "TF_") || strings.HasSuffix(strings.ToLower(k), "_proxy") {
			continue
		}
		env = append(env, kv)
	}
	none := filepath.Join(t.TempDir(), "none")
	env = append(env, "AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
	return append(env, extra...)
}

// anywhere gives the environment in which AWS's clients use the endpoint under
// test: a fresh account of a lab, or whatever is at ATLAS_ENDPOINT as whom the
// caller of this test is configured to be ("aws": the clients' own endpoints).
func anywhere(t *testing.T) []string {
	t.Helper()
	switch e := os.Getenv("ATLAS_ENDPOINT"); {
	case e == "aws":
		return os.Environ()
	case e != "" && !isLab(e):
		return append(os.Environ(), "AWS_ENDPOINT_URL="+e)
	}
	endpoint := lab(t)
	return clean(t, list(credentials(t, endpoint, newAccount()))...)
}

// newAccount draws the id of an account that the lab under test, which may have
// been tested before, does not have.
func newAccount() string { return fmt.Sprintf("9%011d", rand.Int64N(1e11)) }

// credentials are the variables that `lab env` prints for an account. The
// account is made first, as `lab seed` makes those that documents name.
func credentials(t *testing.T, endpoint, account string) map[string]string {
	t.Helper()
	makeAccounts(t, endpoint, account)
	return keys(t, endpoint, account)
}

// makeAccounts makes the accounts that a lab lacks.
func makeAccounts(t *testing.T, endpoint string, accounts ...string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("apiVersion: atlas-iam.dev/v1alpha1\nkind: Environment\nmetadata: {name: conformance}\nspec:\n  id: \"c0f0a11e\"\n  accounts:\n")
	for i, account := range accounts {
		fmt.Fprintf(&b, "    - {name: a%d, id: %q, regions: [us-east-1]}\n", i, account)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "environment.yaml"), b.String())
	if out, err := exec.Command(atlas(t), "lab", "seed", "--endpoint", endpoint, dir).CombinedOutput(); err != nil {
		t.Fatalf("lab seed: %v\n%s", err, out)
	}
}

func keys(t *testing.T, endpoint, account string) map[string]string {
	t.Helper()
	out, err := exec.Command(atlas(t), "lab", "env", "--endpoint", endpoint, "--account", account).CombinedOutput()
	if err != nil {
		t.Fatalf("lab env: %v\n%s", err, out)
	}
	vars := map[string]string{}
	for _, line := range strings.Split(string(out), "\n") {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		if k, v, ok := strings.Cut(line, "="); ok && strings.HasPrefix(k, "AWS_") {
			vars[k] = strings.Trim(v, `'"`)
		}
	}
	if vars["AWS_ENDPOINT_URL"] == "" || vars["AWS_ACCESS_KEY_ID"] == "" {
		t.Fatalf("lab env prints no endpoint or key:\n%s", out)
	}
	return vars
}

func list(vars map[string]string) []string {
	var env []string
	for k, v := range vars {
		env = append(env, k+"="+v)
	}
	return env
}

// run runs a program to its end and fails the test on an exit code other than
// want; it gives standard output and standard error together.
func run(t *testing.T, dir string, env []string, want int, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Fatalf("%s %s: exit %d, want %d (%v)\n%s", filepath.Base(name), strings.Join(args, " "), code, want, err, out)
	}
	return string(out)
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
