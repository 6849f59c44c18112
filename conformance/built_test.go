//go:build conformance

package conformance

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write docs/conformance.md anew")

// never is what one of the scripts in testdata says of what it saw.
type never struct {
	Calls int                 // of the script
	Seen  []string            // operations it called
	Never map[string][]string // path in an answer to the members that the model knows and no answer set
}

// onTheLab runs a script of testdata on an account of its own of a lab.
var onTheLab = func() func(t *testing.T, script string) never {
	var mu sync.Mutex
	done := map[string]never{}
	return func(t *testing.T, script string) never {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if n, ok := done[script]; ok {
			return n
		}
		var n never
		py := python(t, "boto3")
		decode(t, run(t, ".", clean(t, list(credentials(t, lab(t), newAccount()))...), 0, py, "testdata/"+script), &n)
		done[script] = n
		return n
	}
}()

// shows: item S32
func TestBoto3ParsesEveryAnswer(t *testing.T) {
	eks, iam := onTheLab(t, "eks.py"), onTheLab(t, "iam.py")
	if eks.Calls < 25 {
		t.Errorf("%d calls of EKS were made, want at least 25", eks.Calls)
	}
	// What documents speak of must be set; the page lists the rest.
	for _, path := range []string{"eks.DescribeAccessEntry.accessEntry", "eks.CreateAccessEntry.accessEntry", "eks.UpdateAccessEntry.accessEntry",
		"eks.AssociateAccessPolicy.associatedAccessPolicy", "eks.ListAssociatedAccessPolicies.associatedAccessPolicies[]",
		"eks.ListAccessPolicies.accessPolicies[]", "eks.UpdateClusterConfig.update", "eks.DescribeUpdate.update",
		"eks.DescribePodIdentityAssociation.association", "eks.ListPodIdentityAssociations.associations[]"} {
		if n := eks.Never[path]; len(n) > 0 {
			t.Errorf("%s: never set: %v", path, n)
		}
	}
	page := neverPage(eks.Never, iam.Never)
	const file = "../docs/conformance.md"
	have, err := os.ReadFile(file)
	before, rest, marked := strings.Cut(string(have), pageBegin)
	_, after, ended := strings.Cut(rest, pageEnd)
	if err != nil || !marked || !ended {
		t.Fatalf("%s has no place for the list: %v", file, err)
	}
	want := before + pageBegin + page + pageEnd + after
	switch {
	case want == string(have):
	case *update:
		write(t, file, want)
	default:
		t.Errorf("%s is not what boto3 sees now; go test -tags conformance -run Boto3 ./conformance -update\n%s", file, page)
	}
}

const (
	pageBegin = "<!-- the list below is written by TestBoto3ParsesEveryAnswer -->\n"
	pageEnd   = "<!-- end of the list -->\n"
)

// neverPage folds paths that lack the same members.
func neverPage(lists ...map[string][]string) string {
	paths := map[string][]string{}
	for _, list := range lists {
		for path, members := range list {
			key := "`" + strings.Join(members, "`, `") + "`"
			paths[key] = append(paths[key], "`"+path+"`")
		}
	}
	var rows []string
	for members, p := range paths {
		sort.Strings(p)
		rows = append(rows, fmt.Sprintf("| %s | %s |\n", strings.Join(p, "<br>"), members))
	}
	sort.Strings(rows)
	return "\n| in the answer | never set |\n|---|---|\n" + strings.Join(rows, "") + "\n"
}

// No operation that the lab has escapes the checks: boto3 calls each, and those
// whose answers the AWS CLI documents are judged by them.
func TestEveryOperationBuiltIsChecked(t *testing.T) {
	py := python(t, "awscli.clidriver")
	var found map[string]struct {
		Built, Lacking map[string]string // operation to the AWS CLI's command
		Documented     []string          // commands with an example of their answer
	}
	decode(t, run(t, ".", clean(t, list(credentials(t, lab(t), newAccount()))...), 0, py, "testdata/built.py"), &found)
	called := append(onTheLab(t, "eks.py").Seen, onTheLab(t, "iam.py").Seen...)
	built := 0
	for service, f := range found {
		for operation, command := range f.Built {
			built++
			if !slices.Contains(called, service+"."+operation) {
				t.Errorf("%s:%s is built, and no script calls it with boto3", service, operation)
			}
			if slices.Contains(f.Documented, command) && !slices.Contains(operations, service+"/"+command) {
				t.Errorf("%s:%s is built and documented, and missing from operations", service, operation)
			}
		}
		for operation, command := range f.Lacking {
			if slices.Contains(operations, service+"/"+command) {
				t.Errorf("%s:%s stands in operations, and the lab refuses it", service, operation)
			}
		}
		if len(f.Lacking) == 0 {
			t.Errorf("%s: nothing is lacking: is the lab's mark of what it does not have still the same?", service)
		}
	}
	t.Logf("%d operations are built", built)
}
