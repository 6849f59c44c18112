package desired

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// shows: key Cluster.spec.argocd; key Cluster.spec.argocd.{hub,namespace,roleARN}
func TestAClusterIsRegisteredWithAnArgoCD(t *testing.T) {
	hub, app := mainCluster("hub", ""), mainCluster("app", "argocd: {hub: hub, namespace: argocd}")
	argo := func(grants string) string {
		return workload("argocd", "names: [hub]", "credentials: IRSA; "+account("argocd", `"argocd-*"`)+"; role: {name: argo}; grants: ["+grants+"]")
	}
	const far = "arn:aws:iam::222222222222:role/far"
	for name, c := range map[string]struct {
		docs  []string
		role  string
		notes []string
	}{
		"with rights by its own grants": {docs: []string{hub, app, argo("{clusterRole: cluster-admin, scope: cluster, clusters: {names: [app]}}")}},
		"with rights by a team":         {docs: []string{hub, app, argo(""), team("a", "{workload: argocd}", "all: true", "{policy: ClusterAdmin, scope: cluster}")}},
		"without rights": {docs: []string{hub, app, argo("")},
			notes: []string{"3.yaml:4:31: no document gives arn:aws:iam::111111111111:role/argo access to cluster app, so Argo CD does not get in"}},
		"with rights elsewhere": {docs: []string{hub, app, argo("{clusterRole: edit, scope: cluster, clusters: {names: [hub]}}")},
			notes: []string{"3.yaml:4:31: no document gives arn:aws:iam::111111111111:role/argo access to cluster app, so Argo CD does not get in"}},
		"with an Argo CD that no document knows": {docs: []string{hub, app},
			notes: []string{"3.yaml:4:31: no Workload has a ServiceAccount in namespace argocd of cluster hub, so the role of its Argo CD is not known here"}},
		"with a role to assume": {docs: []string{hub, mainCluster("app", `argocd: {hub: hub, namespace: argocd, roleARN: "`+far+`"}`), team("a", `{arn: "`+far+`"}`, "all: true", "{policy: ClusterAdmin, scope: cluster}")}, role: far},
		"with the role that it has anyway, which cannot assume itself": {docs: []string{hub, mainCluster("app", `argocd: {hub: hub, namespace: argocd, roleARN: "arn:aws:iam::111111111111:role/argo"}`), argo("{group: g, clusters: {all: true}}")}},
		"with a role to assume that has no rights": {docs: []string{hub, mainCluster("app", `argocd: {hub: hub, namespace: argocd, roleARN: "`+far+`"}`), argo("{group: g, clusters: {all: true}}")}, role: far,
			notes: []string{"3.yaml:4:31: no document gives " + far + " access to cluster app, so Argo CD does not get in"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Compile(parse(t, append([]string{environment}, c.docs...)...))
			if err != nil {
				t.Fatal(err)
			}
			want := &access.WantArgoCD{
				Hub: access.ClusterKey{Account: "111111111111", Region: "eu-west-1", Name: "hub"}, Namespace: "argocd", Role: c.role, Place: access.Place{File: "3.yaml", Line: 4, Column: 31},
			}
			if diff := cmp.Diff(want, s.Clusters[0].ArgoCD); diff != "" {
				t.Errorf("app (-want +got):\n%s", diff)
			}
			if s.Clusters[1].ArgoCD != nil {
				t.Error("the hub is registered too")
			}
			var notes []string
			for _, n := range s.Notes {
				notes = append(notes, n.Place.String()+": "+n.Text)
			}
			if diff := cmp.Diff(c.notes, notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnArgoCDThatCannotBe(t *testing.T) {
	hub := mainCluster("hub", "")
	at := func(hub string) string { return mainCluster("app", "argocd: {hub: "+hub+", namespace: argocd}") }
	refusals(t, map[string]refusal{
		"a hub that is not there": {docs: []string{environment, hub, at("hib")}, twin: []string{environment, hub, at("hub")},
			want: []string{`3.yaml:4:37: there is no Cluster "hib": did you mean hub?`}},
		"a hub in which nothing is written": {docs: []string{environment, mainCluster("hub", "kubernetes: {via: None}"), at("hub")}, twin: []string{environment, mainCluster("hub", "kubernetes: {via: Render}"), at("hub")},
			want: []string{"3.yaml:4:37: cluster app is registered on cluster hub here, and nothing is written in that: via is None at 2.yaml:4:41: write kubernetes: {via: Direct} or {via: Render} there"}},
		"a hub of another partition": {docs: []string{environment, cluster("hub", "account: china"), at("hub")}, twin: []string{environment, hub, at("hub")},
			want: []string{"3.yaml:4:37: cluster app is of partition aws, and the Argo CD on cluster hub of aws-cn: roles are of one partition"}},
		"a role of another partition": {
			docs: []string{environment, hub, mainCluster("app", `argocd: {hub: hub, namespace: argocd, roleARN: "arn:aws-cn:iam::333333333333:role/r"}`)},
			twin: []string{environment, hub, mainCluster("app", `argocd: {hub: hub, namespace: argocd, roleARN: "arn:aws:iam::333333333333:role/r"}`)},
			want: []string{`3.yaml:4:70: "arn:aws-cn:iam::333333333333:role/r" is no role of partition aws, which cluster app is of: want arn:aws:iam::ACCOUNT:role/NAME`}},
	})
}
