package question

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/effect"
)

// placedWorld has root, an administrator, ann, one in namespace dev alone, and
// eve, who has nothing. served is what the API server says that it serves.
func placedWorld(served ...access.KubernetesResource) *World {
	admin := access.RoleRef{Kind: access.ClusterRole, Name: "cluster-admin"}
	bind := func(namespace, user string) authz.Binding {
		return authz.Binding{Binding: access.Binding{Namespace: namespace, Name: user, Role: admin, Subjects: []access.Subject{{Kind: access.UserSubject, Name: user}}}}
	}
	w := &World{}
	w.add([]authz.Facts{{Name: "test", Mode: access.ModeAPI, DefaultRBAC: true, Bindings: []authz.Binding{bind("", "root"), bind("dev", "ann")}}}, nil)
	w.Clusters[0].resources = served
	return w
}

// A resource that is none of Kubernetes' own is asked both ways, in its
// namespace and in none, until the cluster says which it is.
//
// shows: item S62
func TestAResourceOfOthersIsAskedInANamespaceAndInNone(t *testing.T) {
	cluster := access.KubernetesResource{Group: "cert-manager.io", Name: "clusterissuers"}
	inside := cluster
	inside.Namespaced = true
	other := access.KubernetesResource{Group: "a.io", Name: "x", Namespaced: true}
	const allow, deny, open = authz.Allow, authz.Deny, authz.Undetermined
	for name, c := range map[string]struct {
		served         []access.KubernetesResource
		resource, ns   string
		root, ann, eve authz.Verdict
		note           bool
	}{
		"nobody asked":                   {nil, "clusterissuers.cert-manager.io", "dev", allow, open, deny, false},
		"the cluster does not serve it":  {[]access.KubernetesResource{other}, "clusterissuers.cert-manager.io", "dev", allow, open, deny, false},
		"it is in none":                  {[]access.KubernetesResource{other, cluster}, "clusterissuers.cert-manager.io", "dev", allow, deny, deny, true},
		"it is in namespaces":            {[]access.KubernetesResource{other, inside}, "clusterissuers.cert-manager.io", "dev", allow, allow, deny, false},
		"its subresource":                {[]access.KubernetesResource{other, inside}, "clusterissuers.cert-manager.io/status", "dev", allow, allow, deny, false},
		"without a namespace":            {nil, "clusterissuers.cert-manager.io", "", allow, deny, deny, false},
		"in another namespace":           {nil, "clusterissuers.cert-manager.io", "qa", allow, deny, deny, false},
		"Kubernetes' own, in namespaces": {nil, "deployments.apps", "dev", allow, allow, deny, false},
		"Kubernetes' own, in none":       {nil, "nodes", "dev", allow, deny, deny, true},
		"all resources":                  {nil, "*", "dev", allow, allow, deny, false},
	} {
		w := placedWorld(c.served...)
		asked, err := Parse(Ask{Verb: "create", Resource: c.resource, Namespace: c.ns})
		if err != nil {
			t.Fatal(err)
		}
		if noted := w.Noted(asked); strings.Contains(strings.Join(noted.Notes, "\n"), "not in namespaces") != c.note {
			t.Errorf("%s: notes %q", name, noted.Notes)
		}
		on, err := w.Clusters[0].WhoCan(asked)
		if err != nil {
			t.Fatal(err)
		}
		listed := map[string]authz.Verdict{}
		for _, h := range on.Certain {
			listed[h.Name] = allow
		}
		for _, h := range on.Possible {
			listed[h.Name] = open
		}
		for user, want := range map[string]authz.Verdict{"root": c.root, "ann": c.ann, "eve": c.eve} {
			s := effect.Subject{Name: user, Identity: &authz.Identity{Username: user, Groups: []string{authz.Authenticated}}}
			e, err := w.Clusters[0].Explain(s, asked)
			if err != nil {
				t.Fatal(err)
			}
			v, err := w.Clusters[0].Decide(s, asked)
			if err != nil || v != want || e.Verdict != want || listed[user] != want {
				t.Errorf("%s: %s: decided %s, explained %s, listed %s, want %s (%v)", name, user, v, e.Verdict, listed[user], want, err)
			}
			if want != open {
				continue
			}
			if settle := map[bool]string{true: "install what brings clusterissuers.cert-manager.io", false: "with --observed"}[c.served != nil]; len(e.Unknown) > 0 && !strings.Contains(e.Unknown[0].Settle, settle) {
				t.Errorf("%s: %s: settled by %q", name, user, e.Unknown[0].Settle)
			}
			if len(e.Reasons) != 0 || len(e.Unknown) != 1 || e.Unknown[0].Part != authz.UnknownResource || e.Unknown[0].Settle == "" {
				t.Errorf("%s: %s: %+v", name, user, e)
			}
		}
	}
}

// What is not known of a right on either way is told too, once.
func TestBothWaysOfAQuestionSayWhatIsUnknown(t *testing.T) {
	custom := access.RoleRef{Kind: access.ClusterRole, Name: "custom"}
	user := []access.Subject{{Kind: access.UserSubject, Name: "ann"}}
	w := &World{}
	w.add([]authz.Facts{{Name: "test", Mode: access.ModeAPI, DefaultRBAC: true,
		Bindings: []authz.Binding{{Binding: access.Binding{Name: "wide", Role: custom, Subjects: user}},
			{Binding: access.Binding{Namespace: "dev", Name: "here", Role: access.RoleRef{Kind: access.ClusterRole, Name: "cluster-admin"}, Subjects: user}}}}}, nil)
	e, err := w.Clusters[0].Explain(effect.Subject{Identity: &authz.Identity{Username: "ann"}}, mustParse(t, "get", "things.example.org", "dev"))
	if err != nil || e.Verdict != authz.Undetermined {
		t.Fatal(e, err)
	}
	var parts []authz.Part
	for _, u := range e.Unknown {
		parts = append(parts, u.Part)
	}
	if !slices.Equal(parts, []authz.Part{authz.UnknownResource, authz.UnknownRole}) {
		t.Errorf("%+v", e.Unknown)
	}
}

func TestTestsOfResourcesOfOthersAskWhatTheClustersServe(t *testing.T) {
	for name, c := range map[string]struct {
		test access.WantTest
		want bool
	}{
		"in a namespace":      {access.WantTest{Namespaces: []string{"dev"}, Cannot: []access.Ask{{Verb: "get", Resource: "x.example.org"}}}, true},
		"in none":             {access.WantTest{Can: []access.Ask{{Verb: "get", Resource: "x.example.org"}}}, false},
		"Kubernetes' own":     {access.WantTest{Namespaces: []string{"dev"}, Can: []access.Ask{{Verb: "get", Resource: "pods"}}}, false},
		"what is not a thing": {access.WantTest{Namespaces: []string{"dev"}, Can: []access.Ask{{Verb: "get", Resource: "podz"}}}, false},
	} {
		if got := AnyUnplaced([]access.WantTest{{}, c.test}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
