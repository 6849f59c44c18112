package guard

import (
	"fmt"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// associated puts associations of ours on cluster test, n of them, to a role
// of ours that no document wants any more.
func (w *world) associated(t *testing.T, n int) *world {
	t.Helper()
	w.hasRole(t, "role/loki", true, podTrust)
	h := w.cluster(test)
	for i := range n {
		h.PodIdentities = append(h.PodIdentities, access.PodIdentityAssociation{Namespace: "loki", ServiceAccount: fmt.Sprintf("sa-%02d", i), Role: arn("role/loki"), Tags: us.Tags(), ID: fmt.Sprint("a-", i)})
	}
	return w
}

func TestDeletesOfWorkloadsAreJudgedAsOthersAre(t *testing.T) {
	gone := []string{"delete podidentity/test/loki/sa-00", "delete role/loki"}
	other := func(w *world) { // a workload that stays, so that something is wanted
		w.runs(t, "PodIdentity web/web role/web")
	}
	made := []string{"create podidentity/test/web/web", "create role/web"}
	runWorkloads(t, map[string]judgedCase{
		"a file was not read": {hosts().associated(t, 1).change(func(w *world) { w.want.Partial = []string{"loki.yaml"} }),
			[]string{"delete podidentity/test/loki/sa-00 !partial-input", "delete role/loki !partial-input"}},
		"nothing is wanted any more": {emptied(hosts().associated(t, 1)),
			[]string{"delete podidentity/test/loki/sa-00 !delete-all", "delete role/loki !delete-all"}},
		"half of the cluster goes": {hosts().associated(t, 4).change(other).change(noEntries), append([]string{
			"delete podidentity/test/loki/sa-00 !mass-deletion", "delete podidentity/test/loki/sa-01 !mass-deletion",
			"delete podidentity/test/loki/sa-02 !mass-deletion", "delete podidentity/test/loki/sa-03 !mass-deletion", "delete role/loki !depends !depends !depends !depends"}, made...)},

		"twin: all was read":             {hosts().associated(t, 1), gone},
		"twin: another one is wanted":    {hosts().associated(t, 1).change(other).change(noEntries), append(made, gone...)},
		"twin: destroy says it is meant": {emptied(hosts().associated(t, 1)).change(func(w *world) { w.options.Destroy = true }), gone},
		"twin: a few of many": {hosts().associated(t, 3).change(other).change(noEntries), append([]string{
			"delete podidentity/test/loki/sa-00", "delete podidentity/test/loki/sa-01", "delete podidentity/test/loki/sa-02", "delete role/loki"}, made...)},
	})
}

// noEntries takes the people out of the story.
func noEntries(w *world) {
	for i := range w.want.Clusters {
		w.want.Clusters[i].Entries = nil
	}
	for i := range w.have.Clusters {
		w.have.Clusters[i].Entries = nil
	}
}

func emptied(w *world) *world {
	noEntries(w)
	w.want.Clusters = nil
	return w
}

// registered puts Secrets of ours on cluster test, n of them, by which an Argo CD
// knows clusters that are registered no more.
func (w *world) registered(n int) *world {
	w.kubernetes(test, []string{"argocd"}, nil)
	k := w.cluster(test).Kubernetes
	k.ArgoSecretsRead = true
	for i := range n {
		k.ArgoSecrets = append(k.ArgoSecrets, access.HaveArgoSecret{Namespace: "argocd", Name: fmt.Sprintf("s-%02d", i), UID: "u", Labels: us.ArgoLabels(), Managers: []string{access.FieldManager},
			Registration: &access.Registration{Cluster: fmt.Sprintf("c-%02d", i)}})
	}
	return w
}

// shows: item S130
func TestClustersAreNotTakenFromAnArgoCDInPassing(t *testing.T) {
	gone := func(n int, held string) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("delete argocd/test/argocd/s-%02d%s", i, held))
		}
		return out
	}
	wanted := func(w *world) { // something else is, elsewhere
		w.want.Clusters[0].ArgoCD = &access.WantArgoCD{Hub: access.ClusterKey{Account: test.Account, Region: test.Region, Name: "far"}, Namespace: "argocd"}
	}
	runWorkloads(t, map[string]judgedCase{
		"a file was not read":        {hosts().registered(1).change(func(w *world) { w.want.Partial = []string{"prod.yaml"} }), gone(1, " !partial-input")},
		"nothing is wanted any more": {emptied(hosts().registered(1)), gone(1, " !delete-all")},
		"half of what is ours goes":  {hosts().registered(4).change(noEntries).change(wanted), gone(4, " !mass-deletion")},

		"twin: all was read":             {hosts().registered(1), gone(1, "")},
		"twin: destroy says it is meant": {emptied(hosts().registered(1)).change(func(w *world) { w.options.Destroy = true }), gone(1, "")},
		"twin: a few":                    {hosts().registered(3).change(noEntries).change(wanted), gone(3, "")},
	})
}

// What holds says that no workload is wanted either, for there may be no Team at
// all.
func TestWhereOnlyWorkloadsAreTheirDeletesAreHeldInTheirWords(t *testing.T) {
	const words = "would delete everything: the documents want no entry and no workload on any cluster that exists"
	said := func(w *world) (n int) {
		p := w.plan()
		for i := range p.Changes {
			for _, h := range p.Changes[i].Held {
				if h.Guard == "delete-all" && h.Reason == words {
					n++
				}
			}
		}
		return n
	}
	if got := said(emptied(hosts().associated(t, 1))); got != 2 {
		t.Errorf("%d deletes are held in these words, want an association's and a role's", got)
	}
	if got := said(hosts().associated(t, 1)); got != 0 {
		t.Errorf("the twin, people are wanted: %d are held", got)
	}
}
