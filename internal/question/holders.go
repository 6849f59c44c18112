package question

import (
	"cmp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// Holder is one who may do something, with the reasons.
type Holder struct {
	authz.Holder
	Why authz.Explanation
	// Workloads are those whose role or ServiceAccount it is, by name.
	Workloads []string
	// Peopled says of a group that holders who are in it are listed themselves.
	Peopled bool
}

// HoldersOn are those who may do something on one cluster.
type HoldersOn struct {
	Cluster *Cluster
	Certain []Holder
	// Possible may or may not; Unknown is what was not read and could name
	// others.
	Possible []Holder
	Unknown  []authz.Unknown
	// Indirect may not, and can come to it by themselves.
	Indirect []Holder
	// Elsewhere are those who may only in some namespaces, where it was asked of
	// all.
	Elsewhere []Elsewhere
}

// Open reports whether there may be holders besides the certain ones.
func (h *HoldersOn) Open() bool { return len(h.Possible)+len(h.Unknown) > 0 }

// OtherWorkloads are the holder's workloads, as teams, of which Teams does not
// say.
func (h *Holder) OtherWorkloads() []string {
	var out []string
	for _, w := range h.Workloads {
		if t := access.WorkloadTeam(w); !slices.Contains(h.Teams, t) {
			out = append(out, t)
		}
	}
	return out
}

// WhoCan asks every cluster of the world who may do something.
func (w *World) WhoCan(asked Asked) ([]HoldersOn, error) {
	var out []HoldersOn
	for _, c := range w.Clusters {
		h, err := c.WhoCan(asked)
		if err != nil {
			return nil, err
		}
		for _, list := range [][]Holder{h.Certain, h.Possible, h.Indirect} {
			for i := range list {
				switch x := &list[i]; x.Kind {
				case authz.PrincipalHolder:
					x.Workloads = w.Directory.WorkloadsOfRole(x.Name)
				case authz.ServiceAccountHolder:
					x.Workloads = w.Directory.WorkloadsOfAccount(c.Facts.Cluster, x.Name)
				}
			}
		}
		out = append(out, h)
	}
	return out, nil
}

// WhoCan asks one cluster. Who may it in one way of the question alone may or
// may not.
func (c *Cluster) WhoCan(a Asked) (HoldersOn, error) {
	engine, err := c.compiled()
	if err != nil {
		return HoldersOn{}, err
	}
	in, _ := c.ways(a)
	all := engine.WhoCan(in)
	on := HoldersOn{Cluster: c, Unknown: all.Unknown}
	for _, h := range all.Allowed {
		why := c.explain(engine, h.Identity, a)
		if why.Verdict == authz.Allow {
			on.Certain = append(on.Certain, Holder{Holder: h, Why: why})
		} else {
			on.Possible = append(on.Possible, Holder{Holder: h, Why: why})
		}
	}
	explained := func(hs []authz.Holder) []Holder {
		out := make([]Holder, 0, len(hs))
		for _, h := range hs {
			out = append(out, Holder{Holder: h, Why: c.explain(engine, h.Identity, a)})
		}
		return out
	}
	on.Possible = append(on.Possible, explained(all.Possible)...)
	on.Indirect = explained(all.Indirect)
	on.people()
	on.Elsewhere = c.elsewhere(engine, a, on.Certain)
	return on, nil
}

// people finds the groups whose people are listed.
func (h *HoldersOn) people() {
	lists := [][]Holder{h.Certain, h.Possible, h.Indirect}
	in := map[string]bool{}
	for _, list := range lists {
		for i := range list {
			if list[i].Kind == authz.PrincipalHolder {
				for _, g := range list[i].Identity.Groups {
					in[g] = true
				}
			}
		}
	}
	for _, list := range lists {
		for i := range list {
			list[i].Peopled = list[i].Kind == authz.GroupHolder && in[list[i].Name] && !slices.Contains(everybody, list[i].Name)
		}
	}
}

// HolderName is a holder as people write it: as the documents do, else by the
// ARN's kind and name, or by what Kubernetes calls it.
func HolderName(h *authz.Holder, k access.ClusterKey) string {
	switch h.Kind {
	case authz.PrincipalHolder:
		return cmp.Or(h.Member, principalName(h.Name, k))
	case authz.ServiceAccountHolder:
		return "serviceaccount/" + h.Name
	case authz.GroupHolder:
		return "group " + h.Name
	}
	return "Kubernetes user " + h.Name
}

// principalName is an ARN as people write it on a cluster.
func principalName(arn string, k access.ClusterKey) string {
	p, err := access.ParseIAMPrincipal(arn)
	if err != nil || p.Account != k.Account {
		return arn
	}
	if name, ok := p.PermissionSet(); ok {
		return string(access.PermissionSetMember) + "/" + name
	}
	return p.Kind + p.Path + p.Name
}

// everybody are groups that everybody is in, or everybody without a name.
var everybody = []string{authz.Authenticated, authz.Unauthenticated, "system:serviceaccounts"}

// KubernetesOwn reports whether a holder is a part of every cluster: users and
// groups that begin with system:, unless they are everybody, as who logs in not
// at all is, and the ServiceAccounts of kube-system.
func (h *Holder) KubernetesOwn() bool {
	switch h.Kind {
	case authz.PrincipalHolder:
		return false
	case authz.ServiceAccountHolder:
		return strings.HasPrefix(h.Name, "kube-system/")
	case authz.GroupHolder:
		if ns, ok := strings.CutPrefix(h.Name, "system:serviceaccounts:"); ok {
			return ns == "kube-system"
		}
		return strings.HasPrefix(h.Name, "system:") && !slices.Contains(everybody, h.Name)
	}
	return strings.HasPrefix(h.Name, "system:") && h.Name != authz.Anonymous
}
