package question

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// unmade are notes on a yes from the documents alone that rests on bindings:
// they are made in the namespaces that are there when apply runs, or by whoever
// applies manifests, so the cluster may say no still.
func (w *World) unmade(results []Result) []string {
	if !w.Alone {
		return nil
	}
	waits := false
	var written []string
	for i := range results {
		r := &results[i]
		if r.Verdict != authz.Allow || slices.ContainsFunc(r.Reasons, func(x authz.Reason) bool { return x.By != authz.ByBinding || len(x.Sources) == 0 }) {
			continue
		}
		if name := r.Cluster.Facts.Name; w.via(r.Cluster.Facts.Cluster) == access.ViaRender {
			if !slices.Contains(written, name) {
				written = append(written, name)
			}
			continue
		}
		waits = waits || !slices.ContainsFunc(r.Reasons, func(x authz.Reason) bool { return x.Scope.Cluster })
	}
	var notes []string
	if waits {
		notes = append(notes, "a role is bound in the namespaces that are there when apply runs; one that is made later has it after the next apply")
	}
	if len(written) > 0 {
		notes = append(notes, "on "+strings.Join(written, ", ")+" roles are bound once somebody applies the manifests that apply --manifests writes")
	}
	return notes
}

// via is how a document has a cluster's Kubernetes side written.
func (w *World) via(k access.ClusterKey) access.Via {
	if w.want == nil {
		return ""
	}
	c, ok := w.want.Cluster(k)
	if !ok {
		return ""
	}
	return c.Via
}

// Gone are the clusters that documents name and that do not exist, as the
// documents name them. Nothing is asked of them.
func (w *World) Gone() []string {
	var gone []string
	if w.want == nil || w.Alone {
		return nil
	}
	for i := range w.want.Clusters {
		c := &w.want.Clusters[i]
		if _, ok := w.Cluster(c.Key); !ok && !w.Outside(c.Key) {
			gone = append(gone, c.Document)
		}
	}
	return gone
}
