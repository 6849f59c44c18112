package plan

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// KubernetesNeed says of which clusters a plan rests on the Kubernetes side
// too, for observe.Options. It is needed where documents want bindings, where
// something of ours is to be found (destroy, or an entry of ours that bears a
// group of our teams: so a binding is found for as long as anybody can have
// access by it), and it is read, if it is there, where guards look at it: a
// step to mode API, a username of one's own, an access test. Everywhere else API
// servers are left alone. o are the plan's options.
func KubernetesNeed(want *access.State, o Options) func(*access.HaveCluster) access.KubernetesNeed {
	if o.Bind != nil {
		return func(*access.HaveCluster) access.KubernetesNeed { return access.KubernetesUnread }
	}
	documents := make(map[access.ClusterKey]*access.WantCluster, len(want.Clusters))
	for i := range want.Clusters {
		documents[want.Clusters[i].Key] = &want.Clusters[i]
	}
	tested := make(map[access.ClusterKey]bool)
	for i := range want.Tests {
		for _, k := range want.Tests[i].Clusters {
			tested[k] = !o.Destroy
		}
	}
	prefix := access.TeamGroup(want.Owner.Environment, "")
	return func(h *access.HaveCluster) access.KubernetesNeed {
		w := documents[h.Key]
		if w != nil {
			switch w.Via {
			case access.ViaNone:
				return access.KubernetesUnread
			case access.ViaRender: // to tell which namespaces match
				if slices.ContainsFunc(w.Bindings, hasPattern) {
					return access.KubernetesIfThere
				}
				return access.KubernetesUnread
			}
		}
		switch {
		case w != nil && len(w.Bindings) > 0 && !o.Destroy, slices.ContainsFunc(h.Entries, func(e access.Entry) bool {
			return want.Owner.OwnerOf(e.Tags, want.ForeignTags).Ours && slices.ContainsFunc(e.Groups, func(g string) bool { return strings.HasPrefix(g, prefix) })
		}):
			return access.KubernetesNeeded
		case o.Destroy && slices.ContainsFunc(h.Entries, func(e access.Entry) bool { return want.Owner.OwnerOf(e.Tags, want.ForeignTags).Ours }):
			return access.KubernetesIfThere
		case w != nil && (stepsToAPI(w, h) || choosesUsername(w, h)), tested[h.Key]:
			return access.KubernetesIfThere
		}
		return access.KubernetesUnread
	}
}

// KubernetesNeed says of which clusters the Kubernetes side is read again
// before a saved plan is made: those that it was read of.
func (p *Plan) KubernetesNeed() func(*access.HaveCluster) access.KubernetesNeed {
	need := make(map[access.ClusterKey]access.KubernetesNeed)
	for _, k := range p.Kubernetes {
		need[k] = access.KubernetesIfThere
	}
	for i := range p.Changes {
		if k := p.Changes[i].Kind; k == RoleBinding || k == ClusterRoleBinding {
			need[p.Changes[i].Cluster] = access.KubernetesNeeded
		}
	}
	return func(h *access.HaveCluster) access.KubernetesNeed { return need[h.Key] }
}

func hasPattern(w access.WantBinding) bool {
	return slices.ContainsFunc(w.Scope.Namespaces, isPattern)
}

func stepsToAPI(w *access.WantCluster, h *access.HaveCluster) bool {
	return w.Mode == access.ModeAPI && h.Mode == access.ModeAPIAndConfigMap
}

// choosesUsername reports whether a username is wanted that no entry has yet.
func choosesUsername(w *access.WantCluster, h *access.HaveCluster) bool {
	return slices.ContainsFunc(w.Entries, func(e access.WantEntry) bool {
		return e.Username != "" && !slices.ContainsFunc(h.Entries, func(have access.Entry) bool { return have.Username == e.Username })
	})
}

// Trials are the writes to API servers that nothing holds yet, to be tried
// before the first is made: the API server alone knows whether it will let the
// caller bind a role, or write at all. See observe.Try; Compute then takes them
// from the snapshot.
func (p *Plan) Trials() map[access.ClusterKey][]access.Trial {
	trials := make(map[access.ClusterKey][]access.Trial)
	for i := range p.Changes {
		c := &p.Changes[i]
		if len(c.Held) > 0 {
			continue
		}
		t := access.Trial{Verb: trialOf(c.Verb)}
		switch c.Kind {
		case RoleBinding, ClusterRoleBinding:
			if to, ok := c.To.(Binding); ok {
				t.Binding = *to.Clone()
			}
			if from, ok := c.From.(Binding); ok {
				if c.To == nil {
					t.Binding = *from.Clone()
				}
				t.Binding.UID = from.UID
			}
		case ServiceAccount, ArgoCDSecret:
			t.Written, t.UID = p.written(c)
		default:
			continue
		}
		trials[c.Cluster] = append(trials[c.Cluster], t)
	}
	return trials
}

// written is what a change of a ServiceAccount or a Secret writes, or would
// have to be written for what it deletes, and which object stands there.
func (p *Plan) written(c *Change) (w *access.WrittenObject, uid string) {
	for _, o := range []Object{c.To, c.From} {
		switch o := o.(type) {
		case KubernetesAccount:
			if w == nil {
				w = o.Written(p.Owner)
			}
			uid = o.UID
		case ArgoSecret:
			if w == nil {
				w = o.Written()
			}
			uid = o.UID
		}
	}
	return w, uid
}

// writtenKind is a kind's in trials; bindings have none.
func writtenKind(k Kind) access.ObjectKind {
	switch k {
	case ServiceAccount:
		return access.ServiceAccountObject
	case ArgoCDSecret:
		return access.SecretObject
	}
	return ""
}

func trialOf(v Verb) access.TrialVerb {
	switch v {
	case Delete:
		return access.TryDelete
	case Replace:
		return access.TryReplace
	}
	return access.TryApply
}
