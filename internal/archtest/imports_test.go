package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/atlas-iam/atlas-iam"

// room is one row of the import table in docs/design/002-spine.md.
type room struct {
	// ours lists what of this module it may import; "x/..." takes in what is
	// beneath x. A room may always import the rooms beneath itself.
	ours []string
	// theirs lists what may come from other modules, by prefix; nil: nothing.
	theirs []string
	why    string
}

const (
	sdk      = "github.com/aws/aws-sdk-go-v2"
	smithy   = "github.com/aws/smithy-go"
	yaml     = "go.yaml.in/yaml/v3"
	sigsYAML = "sigs.k8s.io/yaml"
)

var table = map[string]room{
	"access":           {why: "the vocabulary depends on nothing, so that everything may depend on it"},
	"api/v1alpha1":     {why: "the documents' shapes need nothing, and a custom resource can take their specs"},
	"authz":            {ours: []string{"access"}, theirs: []string{sigsYAML, yaml}, why: "decisions are pure"},
	"authz/iam/oracle": {why: "it judges authz/iam, so it shares nothing with it; tests alone use it"},
	"emulator": {ours: []string{"access", "authz/..."}, theirs: []string{"go.etcd.io/bbolt", smithy, sdk + "/service/eks/schemas", sdk + "/service/eks/types", sigsYAML, "golang.org/x/time"},
		why: "the emulator shares no code with the client it tests, and none of the SDK's clients"},
	"internal/documents": {ours: []string{"access", "api/..."}, theirs: []string{yaml, sigsYAML}, why: "reading needs no AWS"},
	"internal/desired":   {ours: []string{"access", "api/...", "authz/iam", "internal/documents", "internal/presets", "internal/trust"}, why: "documents to state needs no AWS; policies are made canonical, add-ons bring theirs, trust policies are measured"},
	"internal/cloud":     {ours: []string{"access"}, theirs: []string{sdk, smithy, "golang.org/x"}, why: "the one door to AWS"},
	"internal/kube":      {ours: []string{"access"}, why: "one cluster's API server by net/http and JSON: client libraries would double the build"},
	"internal/observe":   {ours: []string{"access", "authz/iam", "internal/cloud", "internal/kube"}, theirs: []string{sdk, smithy, "golang.org/x"}, why: "it reads; it does not judge"},
	"internal/plan":      {ours: []string{"access", "internal/trust"}, why: "planning is a function of its arguments; the trust policies it wants are made by trust"},
	"internal/gain":      {ours: []string{"access", "internal/plan", "internal/effect", "internal/trust", "authz/..."}, why: "what a plan comes to is decided by authz, apart from those who say it"},
	"internal/guard":     {ours: []string{"access", "internal/plan", "internal/trust", "authz/..."}, why: "judgement reads nothing but the plan's inputs"},
	"internal/apply":     {ours: []string{"access", "authz/iam", "internal/plan", "internal/cloud", "internal/kube"}, theirs: []string{sdk, smithy, "golang.org/x"}, why: "it makes the plan's changes and nothing else"},
	"internal/presets":   {ours: []string{"access", "authz/iam"}, theirs: []string{sigsYAML}, why: "what add-ons need is data; it needs no AWS"},
	"internal/trust":     {ours: []string{"access", "authz/..."}, why: "trust policies are made and judged from what was read, and judged by decisions"},
	"internal/effect":    {ours: []string{"access", "authz/...", "internal/plan", "internal/trust"}, why: "it turns states, snapshots and plans into facts, and decides nothing; whom a role lets in trust knows"},
	"internal/question":  {ours: []string{"access", "authz/...", "internal/effect"}, why: "it puts people's questions to the engine and decides nothing itself"},
	"internal/report":    {ours: []string{"access", "internal/plan", "internal/apply", "internal/documents", "internal/question", "internal/accesstest", "authz/..."}, why: "it says, it never decides"},
	"internal/lab":       {ours: []string{"access", "internal/cloud", "internal/trust", "emulator/..."}, theirs: []string{sdk, smithy, "go.etcd.io/bbolt"}, why: "the lab as commands use it"},
	"internal/cli":       {ours: []string{"access", "api/...", "internal/...", "emulator/...", "authz/..."}, theirs: []string{"github.com/spf13", sdk, smithy, "golang.org/x/term", "golang.org/x/sys"}, why: "the shell knows everything"},
	"internal/assume":    {ours: []string{"emulator"}, why: "it lists what others assume"},
	"internal/archtest":  {why: "it looks from outside"},
	"cmd/atlas-iam":      {ours: []string{"internal/cli"}, why: "only main exits"},
	"conformance":        {why: "black-box checks see no code of ours"},
	"e2e":                {ours: []string{"access", "internal/...", "emulator/...", "authz/...", "api/..."}, theirs: []string{sdk, smithy}, why: "the flow, whole, in tests only"},

	"internal/accesstest": {ours: []string{"access", "authz/...", "internal/effect", "internal/question"}, why: "access tests are questions with their answers; they need no documents and no AWS"},
}

type pkg struct {
	ImportPath string
	Imports    []string
	Dir        string
}

// shows: item S1
func TestEachRoomImportsOnlyWhatTheTableAllows(t *testing.T) {
	packages := list(t, "list", "-json=ImportPath,Imports", module+"/...")
	if len(packages) < 2 {
		t.Fatalf("go list gave %d packages; the check would be empty", len(packages))
	}
	standard := map[string]bool{}
	for _, p := range list(t, "list", "-json=ImportPath", "std") {
		standard[p.ImportPath] = true
	}
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		key, r, ok := roomOf(name)
		if !ok {
			t.Errorf("%s is in no room of the table: add a row with its reason, here and in docs/design/002-spine.md", name)
			continue
		}
		for _, imp := range p.Imports {
			if !allowed(key, r, imp, standard) {
				t.Errorf("%s imports %s, which the table does not allow (%s)", name, imp, r.why)
			}
		}
	}
}

// What is for tests stays there: a program that used the second evaluator would
// have two truths.
func TestOnlyTestsUseWhatIsForTests(t *testing.T) {
	forTests := map[string]bool{
		"authz/iam/oracle": false, "emulator/call/calltest": false, "emulator/oidc/oidctest": false,
		"internal/kube/kubetest": false, "internal/lab/labtest": false,
	}
	packages := list(t, "list", "-json=ImportPath,Imports", module+"/...")
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		_, isOne := forTests[name]
		if isOne {
			forTests[name] = true
		}
		for _, imp := range p.Imports {
			if _, ok := forTests[strings.TrimPrefix(imp, module+"/")]; ok && !isOne {
				t.Errorf("%s imports %s, which is for tests", p.ImportPath, imp)
			}
		}
	}
	for name, seen := range forTests {
		if !seen {
			t.Errorf("there is no %s; the check would be empty", name)
		}
	}
}

// The table in the design note is the one that people read.
func TestTheDesignNoteHasEveryRoomOfTheTable(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root(t), "docs", "design", "002-spine.md"))
	if err != nil {
		t.Fatal(err)
	}
	noted := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9/-]+)`").FindAllStringSubmatch(string(b), -1) {
		noted[m[1]] = true
		if _, ok := table[m[1]]; !ok {
			t.Errorf("the design note has a room %s, which the table has not", m[1])
		}
	}
	for name := range table {
		if !noted[name] {
			t.Errorf("the design note lacks the room %s", name)
		}
	}
}

func roomOf(name string) (string, room, bool) {
	for n := name; ; {
		if r, ok := table[n]; ok {
			return n, r, true
		}
		i := strings.LastIndexByte(n, '/')
		if i < 0 {
			return "", room{}, false
		}
		n = n[:i]
	}
}

func allowed(key string, r room, imp string, standard map[string]bool) bool {
	if standard[imp] {
		return true
	}
	ours, isOurs := strings.CutPrefix(imp, module+"/")
	if !isOurs {
		return slices.ContainsFunc(r.theirs, func(t string) bool { return imp == t || strings.HasPrefix(imp, t+"/") })
	}
	if ours == key || strings.HasPrefix(ours, key+"/") {
		return true
	}
	return slices.ContainsFunc(r.ours, func(o string) bool {
		base, deep := strings.CutSuffix(o, "/...")
		return ours == base || deep && strings.HasPrefix(ours, base+"/")
	})
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list's answer: %v", err)
		}
		all = append(all, p)
	}
}
