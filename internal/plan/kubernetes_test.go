package plan

import (
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// An access test is judged by all there is, so its clusters' API servers are
// read where there are any; other clusters' are left alone.
func TestAccessTestsReadTheAPIServersOfTheirClusters(t *testing.T) {
	want := &access.State{Clusters: []access.WantCluster{{Key: test}, {Key: prod}}, Tests: []access.WantTest{{Clusters: []access.ClusterKey{test}}}}
	for what, tt := range map[string]struct {
		key  access.ClusterKey
		o    Options
		need access.KubernetesNeed
	}{
		"tested":                {test, Options{}, access.KubernetesIfThere},
		"not tested":            {prod, Options{}, access.KubernetesUnread},
		"tested, and destroyed": {test, Options{Destroy: true}, access.KubernetesUnread},
	} {
		if got := KubernetesNeed(want, tt.o)(&access.HaveCluster{Key: tt.key}); got != tt.need {
			t.Errorf("%s: %d, want %d", what, got, tt.need)
		}
	}
}
