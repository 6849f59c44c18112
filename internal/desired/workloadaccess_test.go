package desired

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shows: item S96; key Team.spec.members.workload; key Workload.spec.grants; key Workload.spec.grants.{policy,clusterRole,role,namespaces,scope,group,clusters}
// shows: key Workload.spec.grants.clusters.{all,names,matchLabels}
func TestAWorkloadsRolesHaveAccessToClusters(t *testing.T) {
	hub, prod := mainCluster("hub", ""), mainCluster("prod", "")
	argo := func(role, grants string) string {
		return workload("argocd", "names: [hub]", "credentials: IRSA; "+account("argocd", `"argocd-*"`)+"; role: {name: "+role+"}; grants: ["+grants+"]")
	}
	for name, c := range map[string]struct {
		docs, want, bindings []string
	}{
		"as a member of a team": {
			docs: []string{hub, prod, argo("argo", ""), team("deployers", "{workload: argocd}, {user: ann}", "names: [prod]", "{policy: ClusterAdmin, scope: cluster}")},
			want: []string{"prod: role/argo ClusterAdmin(cluster)", "prod: user/ann ClusterAdmin(cluster)"},
		},
		"by its path, with a username": {
			docs: []string{hub, argo("argo, path: /x/", ""), team("deployers", `{workload: argocd, username: "argo:{{SessionName}}"}`, "all: true", "{group: g}")},
			want: []string{"hub: role/x/argo as argo:{{SessionName}} in g"},
		},
		"with a role a cluster each is a member": {
			docs: []string{hub, prod, workload("yace", "all: true", "credentials: PodIdentity; "+account("m", "s")+`; role: {name: "yace-{cluster}"}`), team("a", "{workload: yace}", "names: [prod]", "{group: g}")},
			want: []string{"prod: role/yace-hub in g", "prod: role/yace-prod in g"},
		},
		"roles of other partitions are not known": {
			docs: []string{hub, cluster("far", "account: china"), workload("yace", "all: true", "credentials: PodIdentity; "+account("m", "s")+`; role: {name: yace}`), team("a", "{workload: yace}", "all: true", "{group: g}")},
			want: []string{"far: role/yace in g", "hub: role/yace in g"},
		},
		"an existing role": {
			docs: []string{hub, workload("yace", "all: true", "credentials: PodIdentity; "+account("m", "s")+`; role: {existing: "arn:aws:iam::111111111111:role/p/old"}`), team("a", "{workload: yace}", "all: true", "{group: g}")},
			want: []string{"hub: role/p/old in g"},
		},
		"one entry with what people's documents give the role": {
			docs: []string{hub, argo("argo", ""), team("a", "{workload: argocd}", "all: true", "{policy: View, namespaces: [x]}"), team("b", "{role: argo}", "all: true", "{policy: View, namespaces: [z]}")},
			want: []string{"hub: role/argo View(x, z)"},
		},
		"by its own grants, on other clusters than its own": {
			docs: []string{hub, prod, argo("argo", `{policy: Edit, namespaces: ["app-*"], clusters: {names: [prod]}}, {group: g, clusters: {matchLabels: {stage: hub}}}`)},
			want: []string{"hub: role/argo in g", "prod: role/argo Edit(app-*)"},
		},
		"roles of its own are bound to a group of its own": {
			docs: []string{hub, prod, argo("argo", `{clusterRole: edit, namespaces: [x], clusters: {all: true}}, {role: r, namespaces: [z], clusters: {names: [prod]}}`), team("argocd", "{user: ann}", "names: [prod]", "{clusterRole: edit, namespaces: [x]}")},
			want: []string{"hub: role/argo in atlas-iam:ops:workload.argocd", "prod: role/argo in atlas-iam:ops:workload.argocd", "prod: user/ann in atlas-iam:ops:argocd"},
			bindings: []string{
				"hub: atlas-iam:ops:workload.argocd:clusterrole:edit = ClusterRole edit to atlas-iam:ops:workload.argocd in x [workload.argocd x]",
				"prod: atlas-iam:ops:argocd:clusterrole:edit = ClusterRole edit to atlas-iam:ops:argocd in x [argocd x]",
				"prod: atlas-iam:ops:workload.argocd:clusterrole:edit = ClusterRole edit to atlas-iam:ops:workload.argocd in x [workload.argocd x]",
				"prod: atlas-iam:ops:workload.argocd:role:r = Role r to atlas-iam:ops:workload.argocd in z [workload.argocd z]",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Compile(parse(t, append([]string{environment}, c.docs...)...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, summary(s)); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.bindings, bindingsOf(s)); diff != "" {
				t.Errorf("bindings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAWorkloadThatCannotBeAMember(t *testing.T) {
	hub := mainCluster("hub", "")
	argo := workload("argocd", "all: true", "credentials: IRSA; "+account("argocd", "s")+"; role: {name: argo}")
	member := func(m string) string { return team("a", m, "names: [hub]", "{group: g}") }
	refusals(t, map[string]refusal{
		"a workload that is not there": {
			docs: []string{environment, hub, argo, member("{workload: argo}")}, twin: []string{environment, hub, argo, member("{workload: argocd}")},
			want: []string{`4.yaml:5:13: there is no Workload "argo": did you mean argocd?`},
		},
		"row 9: a workload with the role of a cluster's nodes": {
			docs: []string{environment, mainCluster("hub", "nodeRoles: [{role: argo, type: EC2_LINUX}]"), argo, member("{user: ann}")}, twin: []string{environment, hub, argo, member("{user: ann}")},
			want: []string{"3.yaml:8:16: arn:aws:iam::111111111111:role/argo is the role of workload argocd here and of cluster hub's nodes at 2.yaml:4:35: give the workload a role of its own"},
		},
		"a workload whose role the cluster wants removed": {
			docs: []string{environment, mainCluster("hub", "remove: [{role: argo}]"), argo, member("{workload: argocd}")}, twin: []string{environment, hub, argo, member("{workload: argocd}")},
			want: []string{"4.yaml:5:13: role/argo gets access to cluster hub here and is to be removed from it at 2.yaml:4:32"},
		},
		"a workload of another partition alone": {
			docs: []string{environment, hub, cluster("far", "account: china"), workload("w", "names: [far]", "credentials: IRSA; "+account("a", "s")+"; role: {name: r}"), member("{workload: w}")},
			twin: []string{environment, hub, cluster("far", "account: china"), workload("w", "all: true", "credentials: IRSA; "+account("a", "s")+"; role: {name: r}"), member("{workload: w}")},
			want: []string{"5.yaml:5:13: no role of workload w is of partition aws, which cluster hub is of: a cluster knows the principals of its own partition only"},
		},
	})
}
