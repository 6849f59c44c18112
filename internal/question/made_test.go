package question

import (
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// shows: item S118
func TestAClusterThatIsNotThereIsNoted(t *testing.T) {
	key := func(name string) access.ClusterKey {
		return access.ClusterKey{Account: "111122223333", Region: "eu-west-1", Name: name}
	}
	want := &access.State{Clusters: []access.WantCluster{{Key: key("eks-test"), Document: "test"}, {Key: key("eks-prod"), Document: "prod"}}}
	test, prod := access.HaveCluster{Key: key("eks-test"), Mode: access.ModeAPI}, access.HaveCluster{Key: key("eks-prod"), Mode: access.ModeAPI}
	asked, err := Parse(Ask{Verb: "get", Resource: "pods"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		have *access.Snapshot
		note string
	}{
		"one is not there":     {&access.Snapshot{Clusters: []access.HaveCluster{test}}, "there is no cluster prod, so it was not asked"},
		"both are":             {&access.Snapshot{Clusters: []access.HaveCluster{test, prod}}, ""},
		"one is not looked at": {&access.Snapshot{Clusters: []access.HaveCluster{test}, Part: &access.Part{Clusters: []access.ClusterKey{key("eks-test")}}}, ""},
	} {
		if got := strings.Join(Observed(want, tt.have).Noted(asked).Notes, "; "); got != tt.note {
			t.Errorf("%s: %q, want %q", name, got, tt.note)
		}
	}
	if got := Documents(want, nil).Gone(); len(got) > 0 {
		t.Errorf("the documents alone know of none that is gone: %v", got)
	}
}
