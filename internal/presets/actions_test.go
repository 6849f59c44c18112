package presets

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// models are the names of botocore's folders where they are not the prefix of
// the service's actions.
var models = map[string]string{
	"elasticloadbalancing": "elbv2", "elasticfilesystem": "efs", "s3express": "s3", "tag": "resourcegroupstaggingapi", "aps": "amp",
}

// Every action is that of a call which the service's model has, or has a
// source of its own.
func TestEveryActionExists(t *testing.T) {
	root := modelsOfTheCLI(t)
	calls, seen := map[string][]string{}, map[string]bool{}
	for _, p := range All() {
		for _, n := range p.Needs {
			for _, action := range n.Actions {
				seen[action] = true
				service, name, ok := strings.Cut(action, ":")
				if !ok {
					t.Errorf("%s: %s is no action", n.Sid, action)
					continue
				}
				if parsed().Permissions[action] != "" {
					continue
				}
				if _, ok := calls[service]; !ok {
					calls[service] = callsOf(t, root, service)
				}
				prefix, wild := strings.CutSuffix(name, "*")
				if !slices.ContainsFunc(calls[service], func(c string) bool { return c == name || wild && strings.HasPrefix(c, prefix) }) {
					t.Errorf("%s: %s is no call of %s and has no source", n.Sid, action, service)
				}
			}
		}
	}
	for action, source := range parsed().Permissions {
		if !seen[action] || source == "" {
			t.Errorf("%s is in the list of permissions and in no preset, or has no source", action)
		}
	}
	if len(seen) < 150 || len(calls) < 15 {
		t.Errorf("only %d actions of %d services were looked at", len(seen), len(calls))
	}
}

// modelsOfTheCLI is the folder of service models of the AWS CLI's botocore.
func modelsOfTheCLI(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("python3", "-c", "import botocore, os; print(os.path.join(os.path.dirname(botocore.__file__), 'data'))").Output()
	if err == nil {
		return strings.TrimSpace(string(out))
	}
	if os.Getenv("ATLAS_REQUIRE_CLIENTS") != "" {
		t.Fatalf("python3 with botocore is needed: %v", err)
	}
	t.Skipf("SKIPPED: no python3 with botocore, so no action was looked up: %v", err)
	return ""
}

// callsOf are the calls in the newest model of a service.
func callsOf(t *testing.T, root, service string) []string {
	t.Helper()
	folder := service
	if models[service] != "" {
		folder = models[service]
	}
	files, _ := filepath.Glob(filepath.Join(root, folder, "*", "service-2.json*"))
	if len(files) == 0 {
		t.Errorf("botocore has no model of %s", service)
		return nil
	}
	slices.Sort(files)
	f, err := os.Open(files[len(files)-1])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(f.Name(), ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var model struct {
		Operations map[string]json.RawMessage `json:"operations"`
	}
	if err := json.NewDecoder(r).Decode(&model); err != nil {
		t.Fatalf("%s: %v", f.Name(), err)
	}
	var out []string
	for name := range model.Operations {
		out = append(out, name)
	}
	return out
}
