package desired

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// bindingsOf are a State's wanted bindings in lines: cluster: KIND name =
// role, scope [the parts' scopes].
func bindingsOf(s *access.State) []string {
	var out []string
	for _, c := range s.Clusters {
		for _, b := range c.Bindings {
			var parts []string
			for _, p := range b.Parts {
				parts = append(parts, p.Source.Team+" "+p.Scope.String())
			}
			out = append(out, fmt.Sprintf("%s: %s = %s to %s in %s [%s]", c.Document, b.Name, b.Role, b.Group, b.Scope, strings.Join(parts, "; ")))
		}
	}
	return out
}

// shows: item S54; key Team.spec.grants.{clusterRole,role}
func TestGrantsOfRolesBecomeBindings(t *testing.T) {
	test, prod := mainCluster("test", ""), mainCluster("prod", "")
	for name, c := range map[string]struct {
		docs    []string
		want    []string // bindings
		entries []string
	}{
		"one binding a team, role and cluster, and the members bear the team's group": {
			docs: []string{test, prod, team("a", "{user: ann}, {user: bob}", "all: true", `{clusterRole: edit, namespaces: ["*qa*"]}`)},
			want: []string{
				"prod: atlas-iam:ops:a:clusterrole:edit = ClusterRole edit to atlas-iam:ops:a in *qa* [a *qa*]",
				"test: atlas-iam:ops:a:clusterrole:edit = ClusterRole edit to atlas-iam:ops:a in *qa* [a *qa*]",
			},
			entries: []string{"prod: user/ann in atlas-iam:ops:a", "prod: user/bob in atlas-iam:ops:a", "test: user/ann in atlas-iam:ops:a", "test: user/bob in atlas-iam:ops:a"},
		},
		"the same role twice is the union, and every part is remembered": {
			docs:    []string{test, team("a", "{user: ann}", "all: true", `{clusterRole: edit, namespaces: [x, b]}, {clusterRole: edit, namespaces: [a, b]}`)},
			want:    []string{"test: atlas-iam:ops:a:clusterrole:edit = ClusterRole edit to atlas-iam:ops:a in a, b, x [a b, x; a a, b]"},
			entries: []string{"test: user/ann in atlas-iam:ops:a"},
		},
		"the cluster and namespaces of one role stay two bindings": {
			docs: []string{test, team("a", "{user: ann}", "all: true", `{clusterRole: view, namespaces: [x]}, {clusterRole: view, scope: cluster}, {clusterRole: view, namespaces: [yy]}`)},
			want: []string{
				"test: atlas-iam:ops:a:clusterrole:view = ClusterRole view to atlas-iam:ops:a in cluster [a cluster]",
				"test: atlas-iam:ops:a:clusterrole:view = ClusterRole view to atlas-iam:ops:a in x, yy [a x; a yy]",
			},
			entries: []string{"test: user/ann in atlas-iam:ops:a"},
		},
		"a Role and a ClusterRole of one name are two": {
			docs: []string{test, team("a", "{user: ann}", "all: true", `{role: edit, namespaces: [x]}, {clusterRole: edit, namespaces: [x]}`)},
			want: []string{
				"test: atlas-iam:ops:a:clusterrole:edit = ClusterRole edit to atlas-iam:ops:a in x [a x]",
				"test: atlas-iam:ops:a:role:edit = Role edit to atlas-iam:ops:a in x [a x]",
			},
			entries: []string{"test: user/ann in atlas-iam:ops:a"},
		},
		"two teams have bindings and groups of their own, a member of both bears both": {
			docs: []string{test, team("a", "{user: ann}", "all: true", `{clusterRole: edit, namespaces: [x]}`), team("b", "{user: ann}, {user: bob}", "all: true", `{clusterRole: edit, namespaces: [yy]}, {group: g}`)},
			want: []string{
				"test: atlas-iam:ops:a:clusterrole:edit = ClusterRole edit to atlas-iam:ops:a in x [a x]",
				"test: atlas-iam:ops:b:clusterrole:edit = ClusterRole edit to atlas-iam:ops:b in yy [b yy]",
			},
			entries: []string{"test: user/ann in atlas-iam:ops:a,atlas-iam:ops:b,g", "test: user/bob in atlas-iam:ops:b,g"},
		},
		"a grant's clusters narrow the binding and the group": {
			docs: []string{test, prod, team("a", "{user: ann}", "all: true", `{clusterRole: edit, namespaces: [x], clusters: {names: [test]}}, {policy: View, namespaces: [x]}`)},
			want: []string{"test: atlas-iam:ops:a:clusterrole:edit = ClusterRole edit to atlas-iam:ops:a in x [a x]"},
			entries: []string{
				"prod: user/ann View(x)", "test: user/ann in atlas-iam:ops:a View(x)",
			},
		},
		"a team without members keeps its bindings, for nobody": {
			docs: []string{test, team("a", "", "all: true", `{clusterRole: edit, namespaces: [x]}`)},
			want: []string{"test: atlas-iam:ops:a:clusterrole:edit = ClusterRole edit to atlas-iam:ops:a in x [a x]"},
		},
		"a role of yours, with a colon in its name": {
			docs:    []string{test, team("a", "{user: ann}", "all: true", `{clusterRole: "acme:Log.reader", scope: cluster}`)},
			want:    []string{"test: atlas-iam:ops:a:clusterrole:acme:Log.reader = ClusterRole acme:Log.reader to atlas-iam:ops:a in cluster [a cluster]"},
			entries: []string{"test: user/ann in atlas-iam:ops:a"},
		},
		"rendered is wanted just so": {
			docs:    []string{mainCluster("test", "kubernetes: {via: Render}"), team("a", "{user: ann}", "all: true", `{role: r, namespaces: [x]}`)},
			want:    []string{"test: atlas-iam:ops:a:role:r = Role r to atlas-iam:ops:a in x [a x]"},
			entries: []string{"test: user/ann in atlas-iam:ops:a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Compile(parse(t, append([]string{environment}, c.docs...)...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, bindingsOf(s)); diff != "" {
				t.Errorf("bindings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.entries, summary(s)); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			if len(s.Notes) > 0 {
				t.Errorf("notes %v", s.Notes)
			}
		})
	}
}

// shows: item S56; key Cluster.spec.kubernetes.via
func TestARoleIsRefusedWhereNothingIsWritten(t *testing.T) {
	edit := team("a", "{user: ann}", "all: true", "{clusterRole: edit, namespaces: [x]}")
	const said = "ClusterRole edit is bound on cluster %s here, and nothing is written in it: via is None at %d.yaml:4:41: write kubernetes: {via: Direct} or {via: Render}, or use a policy"
	for name, c := range map[string]struct{ docs, want, twin []string }{
		"via None": {
			docs: []string{mainCluster("test", "kubernetes: {via: None}"), edit},
			want: []string{"3.yaml:7:12: " + fmt.Sprintf(said, "test", 2)},
			twin: []string{mainCluster("test", "kubernetes: {via: Direct}"), edit},
		},
		"via None on two clusters, one of which is named": {
			docs: []string{mainCluster("test", "kubernetes: {via: None}"), mainCluster("prod", "kubernetes: {via: None}"), edit},
			want: []string{fmt.Sprintf(said, "test", 2), fmt.Sprintf(said, "prod", 3)},
			twin: []string{mainCluster("test", ""), mainCluster("prod", "kubernetes: {via: Render}"), edit},
		},
		"via None for a team without members": {
			docs: []string{mainCluster("test", "kubernetes: {via: None}"), team("a", "", "all: true", "{clusterRole: edit, namespaces: [x]}")},
			want: []string{fmt.Sprintf(said, "test", 2)},
			twin: []string{mainCluster("test", "kubernetes: {via: None}"), team("a", "", "all: true", "{policy: Edit, namespaces: [x]}")},
		},
		"via None where the grant is not for that cluster": {
			docs: []string{mainCluster("test", "kubernetes: {via: None}"), mainCluster("prod", ""), team("a", "{user: ann}", "all: true", "{clusterRole: edit, namespaces: [x], clusters: {names: [test]}}, {group: g}")},
			want: []string{fmt.Sprintf(said, "test", 2)},
			twin: []string{mainCluster("test", "kubernetes: {via: None}"), mainCluster("prod", ""), team("a", "{user: ann}", "all: true", "{clusterRole: edit, namespaces: [x], clusters: {names: [prod]}}, {group: g}")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, append([]string{environment}, c.docs...), c.want)
			if _, err := Compile(parse(t, append([]string{environment}, c.twin...)...)); err != nil {
				t.Errorf("the legal twin: %v", err)
			}
		})
	}
}

func TestViaIsDirectUnlessWritten(t *testing.T) {
	s, err := Compile(parse(t, environment, mainCluster("a", ""), mainCluster("b", "kubernetes: {via: Render}"), mainCluster("c", "kubernetes: {via: None}"), mainCluster("d", "kubernetes: {via: Direct}")))
	if err != nil {
		t.Fatal(err)
	}
	var got []access.Via
	for _, c := range s.Clusters {
		got = append(got, c.Via)
	}
	if diff := cmp.Diff([]access.Via{access.ViaDirect, access.ViaRender, access.ViaNone, access.ViaDirect}, got); diff != "" {
		t.Error(diff)
	}
}

// A role of anybody's own is legal; only what looks like one of Kubernetes' own
// is pointed out.
func TestARoleThatLooksMisspeltIsPointedOut(t *testing.T) {
	for role, want := range map[string]string{
		"Edit": "edit", "VIEW": "view", "ClusterAdmin": "cluster-admin", "cluster_admin": "cluster-admin", "edti": "edit", "amdin": "admin",
		"edit": "", "view": "", "admin": "", "cluster-admin": "", "editor": "", "viewer": "", "admins": "", "acme:edit": "", "audit": "", "log-reader": "", "system:node": "",
	} {
		s, err := Compile(parse(t, environment, mainCluster("test", ""), team("a", "{user: ann}", "all: true", `{clusterRole: "`+role+`", namespaces: [x]}, {role: "`+role+`", namespaces: [x]}`)))
		if err != nil {
			t.Errorf("%s: %v", role, err)
			continue
		}
		got := ""
		for _, n := range s.Notes {
			got += n.Place.String() + ": " + n.Text
		}
		if want != "" {
			want = fmt.Sprintf("3.yaml:7:26: ClusterRole %q is none of Kubernetes' own: did you mean %s?", role, want)
		}
		if got != want {
			t.Errorf("%s: note %q, want %q", role, got, want)
		}
	}
}

// What package documents refuses in grants of roles does not become a State
// when a Set is made by hand.
func TestARoleOfASetMadeByHandIsRefusedToo(t *testing.T) {
	x := []string{"x"}
	for name, c := range map[string]struct {
		bad, twin v1alpha1.Grant
		want      string
	}{
		"a reach":                {v1alpha1.Grant{ClusterRole: "edit"}, v1alpha1.Grant{ClusterRole: "edit", Scope: "cluster"}, "this grant does not say its reach once"},
		"one reach":              {v1alpha1.Grant{ClusterRole: "edit", Namespaces: x, Scope: "cluster"}, v1alpha1.Grant{ClusterRole: "edit", Namespaces: x}, "this grant does not say its reach once"},
		"a Role has namespaces":  {v1alpha1.Grant{Role: "r", Scope: "cluster"}, v1alpha1.Grant{Role: "r", Namespaces: x}, "a Role is in a namespace and has no scope"},
		"a Role has a reach":     {v1alpha1.Grant{Role: "r"}, v1alpha1.Grant{Role: "r", Namespaces: x}, "this grant does not say its reach once"},
		"one role":               {v1alpha1.Grant{Role: "r", ClusterRole: "r", Namespaces: x}, v1alpha1.Grant{ClusterRole: "r", Namespaces: x}, "this grant gives more than one thing"},
		"a role and no policy":   {v1alpha1.Grant{Policy: "Edit", ClusterRole: "r", Namespaces: x}, v1alpha1.Grant{Policy: "Edit", Namespaces: x}, "this grant gives more than one thing"},
		"a role and no group":    {v1alpha1.Grant{Group: "g", Role: "r", Namespaces: x}, v1alpha1.Grant{Group: "g"}, "this grant gives more than one thing"},
		"a name without a slash": {v1alpha1.Grant{ClusterRole: "a/b", Namespaces: x}, v1alpha1.Grant{ClusterRole: "a:b", Namespaces: x}, `"a/b" cannot be the name of a ClusterRole`},
		"a name that is a name":  {v1alpha1.Grant{Role: "..", Namespaces: x}, v1alpha1.Grant{Role: "...", Namespaces: x}, `".." cannot be the name of a Role`},
		"a group of ours":        {v1alpha1.Grant{Group: "Atlas-IAM:ops:b"}, v1alpha1.Grant{Group: "atlas-iam"}, `group "Atlas-IAM:ops:b": those that begin with atlas-iam: are atlas-iam's own`},
	} {
		t.Run(name, func(t *testing.T) {
			set := parse(t, environment, mainCluster("test", ""), team("a", "{user: ann}", "all: true", "{group: g}"))
			set.Teams[0].Value.Spec.Grants[0] = c.bad
			if _, err := Compile(set); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			set.Teams[0].Value.Spec.Grants[0] = c.twin
			if _, err := Compile(set); err != nil {
				t.Errorf("the legal twin: %v", err)
			}
		})
	}
}
