package plan

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// ArgoSecret is the Secret by which an Argo CD knows a cluster. Where it is read
// and not ours, what it says is not.
type ArgoSecret struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	access.Registration
	Labels map[string]string `json:"labels,omitempty"` // of those that we set
	UID    string            `json:"uid,omitempty"`
}

func (ArgoSecret) kind() Kind { return ArgoCDSecret }

// Written is s as it is written.
func (s *ArgoSecret) Written() *access.WrittenObject {
	return &access.WrittenObject{Kind: access.SecretObject, Namespace: s.Namespace, Name: s.Name, Labels: s.Labels, Data: s.Data()}
}

// Same reports whether two say the same; o may bear other labels too.
func (s *ArgoSecret) Same(o *ArgoSecret) bool {
	for k, v := range s.Labels {
		if o.Labels[k] != v {
			return false
		}
	}
	return s.Registration == o.Registration
}

// SeenArgoSecret is a Secret as it was read, with those of our labels that it
// bears.
func SeenArgoSecret(o access.Owner, have *access.HaveArgoSecret) ArgoSecret {
	s := ArgoSecret{Namespace: have.Namespace, Name: have.Name, UID: have.UID}
	for k := range o.ArgoLabels() {
		if v, ok := have.Labels[k]; ok {
			if s.Labels == nil {
				s.Labels = map[string]string{}
			}
			s.Labels[k] = v
		}
	}
	if have.Registration != nil {
		s.Registration = *have.Registration
	}
	return s
}

// WantedArgoSecret is a registration that a document asks for.
type WantedArgoSecret struct {
	ArgoSecret
	Spoke *access.WantCluster // that is registered
	// Hold says why what it says is not known, if that is so.
	Hold *Hold
}

// ArgoSecrets are the registrations that documents ask for with the Argo CDs of
// a cluster, sorted by namespace and name. One of a cluster that the run does not
// look at has neither a Server nor a Hold.
func ArgoSecrets(want *access.State, have *access.Snapshot, hub access.ClusterKey) []WantedArgoSecret {
	var all []WantedArgoSecret
	for i := range want.Clusters {
		spoke := &want.Clusters[i]
		a := spoke.ArgoCD
		if a == nil || a.Hub != hub {
			continue
		}
		w := WantedArgoSecret{Spoke: spoke, ArgoSecret: ArgoSecret{Namespace: a.Namespace, Name: want.Owner.ArgoSecretName(spoke.Document), Labels: want.Owner.ArgoLabels(),
			Registration: access.Registration{Cluster: spoke.Document, ClusterName: spoke.Key.Name, Role: a.Role}}}
		if h, ok := have.Cluster(spoke.Key); ok {
			w.Server, w.CA = h.Endpoint, base64.StdEncoding.EncodeToString([]byte(h.CA))
		}
		w.Hold = unknownServer(have, &w)
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b WantedArgoSecret) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return all
}

// unknownServer says why it is not known where a cluster is.
func unknownServer(have *access.Snapshot, w *WantedArgoSecret) *Hold {
	k := w.Spoke.Key
	_, seen := have.Cluster(k)
	gap, unread := have.Unread(k, "")
	_, asked := have.Account(k.Account)
	switch {
	case !have.Part.HasCluster(k), seen && w.Server != "" && w.CA != "":
		return nil
	case seen:
		return &Hold{NoCluster, "EKS gives no endpoint or no certificate authority for cluster " + w.Cluster + " yet"}
	case unread:
		return &Hold{HalfRead, gapWords(gap)}
	case !asked:
		return &Hold{HalfRead, "account " + k.Account + " was not read"}
	}
	return &Hold{NoCluster, "account " + k.Account + " has no cluster " + k.Name + " in " + k.Region}
}

// argoSecrets decides the Secrets of a cluster that register others with an
// Argo CD there, and takes away those of ours that no document asks for.
func (w *workloads) argoSecrets(s *workloadSite) {
	if s.want != nil && !s.want.Via.Direct() {
		return
	}
	var k access.HaveKubernetes
	if s.have != nil && s.have.Kubernetes != nil {
		k = *s.have.Kubernetes
	}
	hold := w.hold(s, access.GapArgoSecrets, k.ArgoSecretsRead)
	wanted := map[string]bool{}
	if s.want != nil {
		for _, one := range ArgoSecrets(w.want, w.have, s.key) {
			wanted[one.Namespace+"/"+one.Name] = true
			if one.Hold != nil || one.Server != "" {
				w.wantedArgoSecret(s, &one, &k, hold)
			}
		}
	}
	for i := range k.ArgoSecrets {
		have := &k.ArgoSecrets[i]
		if wanted[have.Namespace+"/"+have.Name] || !w.want.Owner.OwnerOfArgoSecret(have, w.want.ForeignTags).Ours ||
			k.NamespacesRead && !slices.Contains(k.Namespaces, have.Namespace) {
			continue
		}
		c := w.aboutArgoSecret(s, have.Namespace, have.Name)
		c.Verb, c.From = Delete, SeenArgoSecret(w.want.Owner, have)
		w.addTried(s, c)
	}
}

func (w *workloads) aboutArgoSecret(s *workloadSite, namespace, name string) Change {
	return Change{ID: siteID("argocd", s.key, namespace, name), Kind: ArgoCDSecret, Cluster: s.key, Document: s.document(), Namespace: namespace, Name: name}
}

func (w *workloads) wantedArgoSecret(s *workloadSite, one *WantedArgoSecret, k *access.HaveKubernetes, hold *Hold) {
	c := w.aboutArgoSecret(s, one.Namespace, one.Name)
	c.Verb, c.To, c.Source = Create, one.ArgoSecret, one.Spoke.ArgoCD.Place
	if have, there := k.ArgoSecret(one.Namespace, one.Name); there {
		from, by := SeenArgoSecret(w.want.Owner, have), w.want.Owner.OwnerOfArgoSecret(have, w.want.ForeignTags)
		if by.Ours && one.Hold == nil && one.Same(&from) {
			return
		}
		to := one.ArgoSecret
		to.UID = from.UID
		c.Verb, c.From, c.To = Update, from, to
		if !by.Ours {
			c.hold(Hold{ForeignEntry, "Secret " + one.Namespace + "/" + one.Name + " is there and not ours (" + by.By + "): let who made it delete it, or leave argocd out"})
		}
	} else if hold == nil && k.NamespacesRead && !slices.Contains(k.Namespaces, one.Namespace) {
		c.hold(Hold{NoNamespace, "namespace " + one.Namespace + " is not on cluster " + s.name() + ": install Argo CD there and run again"})
	}
	for _, h := range []*Hold{one.Hold, hold} {
		if h != nil {
			c.hold(*h)
		}
	}
	w.addTried(s, c)
}

// argoNeed says of which clusters the Secrets are read that register others
// with an Argo CD: of those that documents name as hubs, and where a role of a
// cluster's workload has an entry of ours on another one, as Argo CD's has: so
// the Secret is found whose cluster is registered no more, for as long as Argo
// CD can have access by us.
func argoNeed(want *access.State, o Options, have *access.Snapshot) map[access.ClusterKey]access.ArgoNeed {
	out := map[access.ClusterKey]access.ArgoNeed{}
	for i := range want.Clusters {
		c := &want.Clusters[i]
		a := c.ArgoCD
		if a == nil || !direct(want, a.Hub) {
			continue
		}
		n := out[a.Hub]
		if n.Need = access.KubernetesNeeded; o.Destroy {
			n.Need = access.KubernetesIfThere
		} else {
			n.Names = append(n.Names, access.ArgoSecretKey{Namespace: a.Namespace, Name: want.Owner.ArgoSecretName(c.Document)})
		}
		out[a.Hub] = n
	}
	for i := range have.Clusters {
		k := have.Clusters[i].Key
		if _, ok := out[k]; !ok && direct(want, k) && reachesOut(want, have, &have.Clusters[i]) {
			out[k] = access.ArgoNeed{Need: access.KubernetesIfThere}
		}
	}
	for k, n := range out {
		n.Owner, n.ForeignTags = want.Owner, want.ForeignTags
		out[k] = n
	}
	return out
}

// direct reports whether a cluster's objects are written through its own
// endpoint, as far as a document says.
func direct(want *access.State, k access.ClusterKey) bool {
	c, ok := want.Cluster(k)
	return !ok || c.Via.Direct()
}

// reachesOut reports whether a role that a cluster's ServiceAccounts may have
// has an entry of ours on another cluster.
func reachesOut(want *access.State, have *access.Snapshot, h *access.HaveCluster) bool {
	roles := map[string]bool{}
	for i := range h.PodIdentities {
		roles[h.PodIdentities[i].Role] = true
	}
	for i := range have.Accounts {
		for j := range have.Accounts[i].Details {
			if r := &have.Accounts[i].Details[j]; trusts(r.Trust, h) {
				roles[r.ARN] = true
			}
		}
	}
	return slices.ContainsFunc(have.Clusters, func(c access.HaveCluster) bool {
		return c.Key != h.Key && slices.ContainsFunc(c.Entries, func(e access.Entry) bool {
			return roles[e.Principal] && want.Owner.OwnerOf(e.Tags, want.ForeignTags).Ours
		})
	})
}
