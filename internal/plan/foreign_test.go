package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// What a plan offers to adopt is what adopt takes without more: both are asked
// of the same entries.
//
// shows: item S21
func TestFreeIsWhatAdoptTakesWithoutItsKey(t *testing.T) {
	const theirs = "tag:atlas-iam.dev/environment=old tag:atlas-iam.dev/id=x"
	for have, free := range map[string]bool{
		"Edit:a":                              true,
		"Edit:a tag:team=x":                   true,
		"Edit:a tag:created-by=terraform":     false,
		"Edit:a " + theirs:                    false,
		"Edit:a tag:alpha.eksctl.io/cluster=": false,
	} {
		want, seen := wants(wantCluster(test, wantEntry("user/ann", "Edit:a"))), sees(haveCluster(test, foreignEntry("user/ann", have)))
		p := Compute(want, seen, Options{})
		if len(p.Foreign) != 1 || p.Foreign[0].Free() != free || !p.Foreign[0].Adoptable {
			t.Errorf("%s: foreign %+v, want free %v", have, p.Foreign, free)
			continue
		}
		if said := p.Foreign[0].Release("entry/x") != ""; said == free {
			t.Errorf("%s: free %v, and what releases it is said: %v", have, free, said)
		}
		a, err := Adoptions(want, seen, nil)
		if err != nil || len(a.Changes) != 1 || (len(a.Changes[0].Held) == 0) != free {
			t.Errorf("%s: adopt %v, %v, want taken %v", have, lines(a), err, free)
		}
	}
}

func TestWhatReleasesAnEntryIsALineToType(t *testing.T) {
	f := Foreign{Kind: AccessEntry, Cluster: test, Object: "arn:x", Marks: []string{"a b", "alpha.eksctl.io/cluster", "it's"}}
	if got, want := f.untag(), `aws eks untag-resource --region eu-west-1 --resource-arn arn:x --tag-keys 'a b' alpha.eksctl.io/cluster 'it'\''s'`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	f.Marks = access.ToolMarks(map[string]string{"aws:cloudformation:stack-id": "x", "created-by": "terraform", "other": "y"}, map[string]string{"created-by": "*"})
	if d := cmp.Diff([]string{"aws:cloudformation:stack-id", "created-by"}, f.Marks); d != "" {
		t.Error(d)
	}
	if got := f.Release(""); got != "AWS lets nobody take off a stack's mark: leave it to the stack, or delete it there and plan again" {
		t.Error(got)
	}
	if !slices.IsSorted(f.Marks) {
		t.Error("marks are not sorted")
	}
}

func TestWhatReleasesABindingIsALineToType(t *testing.T) {
	for want, f := range map[string]Foreign{
		"release it there, then take the mark off: kubectl label rolebinding b -n qa app.kubernetes.io/managed-by-": {Kind: RoleBinding, Name: "qa/b", Marks: []string{"app.kubernetes.io/managed-by"}},
		"release it there, then take the mark off: kubectl label clusterrolebinding b a- c-":                        {Kind: ClusterRoleBinding, Name: "b", Marks: []string{"a", "c"}},
		"release it there, or take it over all the same by its key: atlas-iam adopt clusterrolebinding/test/b":      {Kind: ClusterRoleBinding, Name: "b", Environment: "x"},
		"": {Kind: ClusterRoleBinding, Name: "b"},
	} {
		if got := f.Release("clusterrolebinding/test/b"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A reason ends with one way, the one that leads to the end.
func TestAForeignEntryThatDiffersIsToldOneWay(t *testing.T) {
	const theirs = " tag:atlas-iam.dev/environment=old tag:atlas-iam.dev/id=x"
	key := "entry/test/" + arn("user/ann")
	for have, way := range map[string]string{
		"":                                   "; take it over by `atlas-iam adopt`, or",
		" tag:created-by=terraform":          "--tag-keys created-by; take it over by `atlas-iam adopt`, or",
		theirs:                               "; release it there, or take it over all the same by its key: atlas-iam adopt " + key + ", or",
		theirs + " tag:created-by=terraform": "--tag-keys created-by; take it over by `atlas-iam adopt`, or",
	} {
		p := Compute(wants(wantCluster(test, wantEntry("user/ann", "Edit:a"))), sees(haveCluster(test, foreignEntry("user/ann", have))), Options{})
		if len(p.Changes) != 1 || len(p.Changes[0].Held) != 1 || !strings.HasSuffix(p.Changes[0].Held[0].Reason, way+" take the principal out of the documents") {
			t.Errorf("%q: held by %+v, want %q", have, p.Changes, way)
		}
	}
}
