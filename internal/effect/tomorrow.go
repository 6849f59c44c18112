package effect

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// Tomorrow adds to a cluster's facts after a plan what the documents want there
// and the plan itself does not make: bindings that somebody else applies from
// manifests, and those in namespaces that are asked about, that match, and that
// are not there yet; the run after they are made binds them.
func Tomorrow(f *authz.Facts, w *access.WantCluster, asked []string) {
	f.Bindings = slices.Clone(f.Bindings)
	for i := range w.Bindings {
		b := wantedBinding(&w.Bindings[i])
		if w.Via == access.ViaRender {
			f.Bindings = append(f.Bindings, b)
			continue
		}
		if f.Namespaces == nil || w.Bindings[i].Scope.Cluster {
			continue
		}
		matches := func(ns string) bool {
			return slices.ContainsFunc(b.Patterns, func(p string) bool { return access.MatchPattern(p, ns) })
		}
		for _, ns := range asked {
			if matches(ns) && !slices.Contains(f.Namespaces, ns) {
				there := b
				there.Patterns, there.Namespace = nil, ns
				f.Bindings = append(f.Bindings, there)
			}
		}
	}
}
