package question

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/effect"
)

// robots has ServiceAccount web/sa with a role of each kind, in dev, in qa-*,
// where its rules are not known, and in the whole cluster; and web/idle, which
// has nothing.
func robots() *World {
	bind := func(kind, role, namespace string, patterns ...string) authz.Binding {
		return authz.Binding{Patterns: patterns, Binding: access.Binding{Namespace: namespace, Name: role, Role: access.RoleRef{Kind: kind, Name: role},
			Subjects: []access.Subject{{Kind: access.ServiceAccountSubject, Namespace: "web", Name: "sa"}}}}
	}
	role := func(name string, rules ...access.Rule) access.KubernetesRole {
		return access.KubernetesRole{Name: name, Rules: rules}
	}
	rule := func(verbs, resources string) access.Rule {
		return access.Rule{Verbs: strings.Split(verbs, ","), APIGroups: []string{"*"}, Resources: strings.Split(resources, ",")}
	}
	const cluster = access.ClusterRole
	w := &World{Directory: effect.NewDirectory(&access.State{}, nil)}
	w.add([]authz.Facts{{Name: "test", Mode: access.ModeAPI,
		Roles: []access.KubernetesRole{
			role("here", rule("get,list,watch", "pods"), rule("get", "secrets"), rule("create,update,patch,delete", "configmaps"), rule("delete", "services"),
				rule("create", "pods/exec,pods/attach"), rule("impersonate", "serviceaccounts"), rule("create", "serviceaccounts/token"), rule("bind", "roles")),
			role("wide", rule("get,list,watch", "nodes,events"), rule("get", "nodes/proxy")),
		},
		Bindings: []authz.Binding{bind(cluster, "here", "dev"), bind(cluster, "secret", "", "qa-*"), bind(cluster, "wide", "")},
		Unknown:  []authz.Unknown{{Part: authz.UnknownRole, Role: access.RoleRef{Kind: cluster, Name: "secret"}, Why: "hidden", Settle: "show it"}},
	}}, nil)
	return w
}

// One letter a level, read, write, act: - none, s some, A all, ? not known.
func TestTheMatrixTellsWhatIsReadWrittenAndActed(t *testing.T) {
	w := robots()
	who := access.Who{Kind: access.WhoServiceAccount, Name: "web/sa"}
	patterns, err := w.Columns(w.Clusters[0], who, access.Who{Kind: access.WhoServiceAccount, Name: "web/idle"})
	if err != nil || !slices.Equal(patterns, []string{"dev", "qa-*"}) {
		t.Fatalf("columns %q, %v", patterns, err)
	}
	m, err := w.Matrix(who, w.Clusters[0], patterns)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.Columns); got != "[dev qa-* other cluster]" || m.Subjects != 1 {
		t.Errorf("columns %s, %d subjects", got, m.Subjects)
	}
	if len(m.Unknown) != 1 || m.Unknown[0].Settle != "show it" {
		t.Errorf("what the unknown cells wait for, once: %+v", m.Unknown)
	}
	got := map[string]string{}
	for _, r := range m.Rows {
		var cells []string
		for _, c := range r.Cells {
			var b strings.Builder
			for _, s := range c {
				b.WriteByte("-sA?"[s])
			}
			cells = append(cells, b.String())
		}
		got[r.Resource] = strings.Join(cells, " ")
		if namespaced := !slices.Contains([]string{"nodes", "namespaces", "persistentvolumes", "storageclasses.storage.k8s.io", "customresourcedefinitions.apiextensions.k8s.io",
			"clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io"}, r.Resource); r.Namespaced != namespaced {
			t.Errorf("%s is in namespaces: %t", r.Resource, r.Namespaced)
		}
	}
	if len(got) != len(reviewed) {
		t.Errorf("%d rows of %d", len(got), len(reviewed))
	}
	for resource, want := range map[string]string{
		"pods":                            "A-s ??? --- ---",
		"secrets":                         "s-- ??- --- ---",
		"configmaps":                      "-A- ??- --- ---",
		"services":                        "-s- ??- --- ---",
		"serviceaccounts":                 "--A ??? --- ---",
		"roles.rbac.authorization.k8s.io": "--s ??? --- ---",
		"events":                          "A-- A?- A-- A--",
		"nodes":                           "--- --- --- A-s",
		"namespaces":                      "--- --- --- ---",
		"clusterrolebindings.rbac.authorization.k8s.io": "--- --- --- ---",
	} {
		if got[resource] != want {
			t.Errorf("%s: %q, want %q", resource, got[resource], want)
		}
	}
	// A pattern that takes in every namespace leaves no other.
	if m, err = w.Matrix(who, w.Clusters[0], []string{"*", "dev"}); err != nil || fmt.Sprint(m.Columns) != "[* dev cluster]" {
		t.Errorf("columns %v, %v", m.Columns, err)
	}
}

// What one of two may and the other may not is some; what both may is all.
func TestAMatrixOfSeveralIsWhatAllOfThemMay(t *testing.T) {
	subject := func(name string) effect.Subject {
		id := authz.ServiceAccount("web", name)
		return effect.Subject{Name: name, Identity: &id}
	}
	m := &Matrix{Cluster: robots().Clusters[0]}
	asked, err := Parse(Ask{Verb: "get", Resource: "pods", Namespace: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		names []string
		want  Share
	}{{[]string{"sa"}, All}, {[]string{"sa", "idle"}, Some}, {[]string{"idle", "sa"}, Some}, {[]string{"idle"}, None}, {nil, None}} {
		var subjects []effect.Subject
		for _, n := range c.names {
			subjects = append(subjects, subject(n))
		}
		if got, err := m.share(subjects, []Asked{asked}); err != nil || got != c.want {
			t.Errorf("%v: %v %v, want %v", c.names, got, err, c.want)
		}
	}
}

// A pattern's column stands for all of its namespaces: what is had in some of
// them alone is not had there.
func TestAColumnIsTheWholePattern(t *testing.T) {
	for _, c := range []struct {
		column Column
		grant  string
		want   bool
	}{
		{Column{Pattern: "dev-*"}, "*", true}, {Column{Pattern: "dev-*"}, "dev*", true}, {Column{Pattern: "dev-*"}, "dev-*", true},
		{Column{Pattern: "dev-*"}, "dev-x*", false}, {Column{Pattern: "dev-*"}, "dev-x", false}, {Column{Pattern: "dev"}, "dev", true},
		{Column{}, "*", true}, {Column{}, "*a*", false}, {Column{Cluster: true}, "*", false},
	} {
		ns := c.column.namespace()
		if got := ns != "" && access.MatchPattern(c.grant, ns); got != c.want {
			t.Errorf("column %s, granted in %s: %t", c.column, c.grant, got)
		}
	}
}

func TestHoldersAreCalledAsPeopleWriteThem(t *testing.T) {
	k := access.ClusterKey{Account: "111122223333", Region: "eu-west-1", Name: "a"}
	for want, h := range map[string]authz.Holder{
		"user/ann":                               {Kind: authz.PrincipalHolder, Name: "arn:aws:iam::111122223333:user/x", Member: "user/ann"},
		"user/eve":                               {Kind: authz.PrincipalHolder, Name: "arn:aws:iam::111122223333:user/eve"},
		"role/ci/deploy":                         {Kind: authz.PrincipalHolder, Name: "arn:aws:iam::111122223333:role/ci/deploy"},
		"arn:aws:iam::999900001111:role/partner": {Kind: authz.PrincipalHolder, Name: "arn:aws:iam::999900001111:role/partner"},
		"permissionSet/Qa":                       {Kind: authz.PrincipalHolder, Name: "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Qa_0123456789abcdef"},
		"not an arn":                             {Kind: authz.PrincipalHolder, Name: "not an arn"},
		"serviceaccount/web/sa":                  {Kind: authz.ServiceAccountHolder, Name: "web/sa"},
		"group g":                                {Kind: authz.GroupHolder, Name: "g"},
		"Kubernetes user bob":                    {Kind: authz.UserHolder, Name: "bob"},
	} {
		if got := HolderName(&h, k); got != want {
			t.Errorf("%+v: %q, want %q", h, got, want)
		}
	}
}

func TestKubernetesOwnHoldersAreToldFromPeople(t *testing.T) {
	for _, c := range []struct {
		kind authz.HolderKind
		name string
		own  bool
	}{
		{authz.PrincipalHolder, "system:admin", false},
		{authz.ServiceAccountHolder, "kube-system/x", true}, {authz.ServiceAccountHolder, "web/x", false},
		{authz.GroupHolder, "system:nodes", true}, {authz.GroupHolder, "g", false},
		{authz.GroupHolder, "system:authenticated", false}, {authz.GroupHolder, "system:unauthenticated", false}, {authz.GroupHolder, "system:serviceaccounts", false},
		{authz.GroupHolder, "system:serviceaccounts:kube-system", true}, {authz.GroupHolder, "system:serviceaccounts:web", false},
		{authz.UserHolder, "system:kube-scheduler", true}, {authz.UserHolder, "system:anonymous", false}, {authz.UserHolder, "bob", false},
	} {
		if got := (&Holder{Holder: authz.Holder{Kind: c.kind, Name: c.name}}).KubernetesOwn(); got != c.own {
			t.Errorf("%s %s: %t", c.kind, c.name, got)
		}
	}
}

// A group's people count in its stead where one of them is listed, wherever he
// is listed.
func TestAGroupIsPeopledByThoseWhoAreListed(t *testing.T) {
	person := Holder{Holder: authz.Holder{Kind: authz.PrincipalHolder, Name: "p", Identity: authz.Identity{Groups: []string{"g", "system:authenticated"}}}}
	robot := Holder{Holder: authz.Holder{Kind: authz.ServiceAccountHolder, Name: "r", Identity: authz.Identity{Groups: []string{"robots"}}}}
	groups := func() []Holder {
		var out []Holder
		for _, n := range []string{"g", "other", "robots", "system:authenticated"} {
			out = append(out, Holder{Holder: authz.Holder{Kind: authz.GroupHolder, Name: n}})
		}
		return append(out, Holder{Holder: authz.Holder{Kind: authz.UserHolder, Name: "g"}}, person, robot)
	}
	for i := range 3 {
		lists := [3][]Holder{}
		lists[(i+1)%3] = []Holder{person}
		lists[i] = groups()[:5]
		lists[(i+2)%3] = []Holder{robot}
		on := HoldersOn{Certain: lists[0], Possible: lists[1], Indirect: lists[2]}
		on.people()
		var peopled []string
		for _, h := range lists[i] {
			if h.Peopled {
				peopled = append(peopled, string(h.Kind)+" "+h.Name)
			}
		}
		if d := cmp.Diff([]string{"group g"}, peopled); d != "" {
			t.Errorf("list %d: %s", i, d)
		}
	}
}

func TestHoldersAreOpenWhileSomethingIsUnknown(t *testing.T) {
	one := []Holder{{}}
	for name, c := range map[string]struct {
		on   HoldersOn
		open bool
	}{
		"certain": {HoldersOn{Certain: one, Indirect: one}, false}, "possible": {HoldersOn{Possible: one}, true},
		"unknown": {HoldersOn{Unknown: []authz.Unknown{{}}}, true}, "both": {HoldersOn{Possible: one, Unknown: []authz.Unknown{{}}}, true},
	} {
		if c.on.Open() != c.open {
			t.Errorf("%s: open %t", name, !c.open)
		}
	}
}
