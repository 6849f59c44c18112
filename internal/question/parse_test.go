package question

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// shows: item S62
func TestKubectlsWordsBecomeRequests(t *testing.T) {
	for _, tt := range []struct {
		ask  Ask
		want string // verb|group|resource|subresource|namespace|name|path
		says string
	}{
		{Ask{"create", "pods", "dev", ""}, "create||pods||dev||", "create pods in dev"},
		{Ask{"GET", "po", "dev", "a"}, "get||pods||dev|a|", "get pods a in dev"},
		{Ask{"get", "pod", "", ""}, "get||pods||||", "get pods in all namespaces"},
		{Ask{"list", "deployments.apps", "dev", ""}, "list|apps|deployments||dev||", "list deployments.apps in dev"},
		{Ask{"list", "deploy", "dev", ""}, "list|apps|deployments||dev||", "list deployments.apps in dev"},
		{Ask{"list", "deployments.v1.apps", "dev", ""}, "list|apps|deployments||dev||", "list deployments.apps in dev"},
		{Ask{"patch", "deployments.apps/scale", "dev", "web"}, "patch|apps|deployments|scale|dev|web|", "patch deployments.apps/scale web in dev"},
		{Ask{"get", "pods/log", "dev", ""}, "get||pods|log|dev||", "get pods/log in dev"},
		{Ask{"get", "events", "dev", ""}, "get||events||dev||", "get events in dev"},
		{Ask{"get", "events.events.k8s.io", "dev", ""}, "get|events.k8s.io|events||dev||", "get events.events.k8s.io in dev"},
		{Ask{"list", "nodes", "", ""}, "list||nodes||||", "list nodes"},
		{Ask{"list", "no", "dev", ""}, "list||nodes||||", "list nodes"},
		{Ask{"get", "ns", "dev", ""}, "get||namespaces||dev|dev|", "get namespaces dev"},
		{Ask{"get", "namespaces", "", "dev"}, "get||namespaces||dev|dev|", "get namespaces dev"},
		{Ask{"list", "namespaces", "", ""}, "list||namespaces||||", "list namespaces"},
		// What names no object is in no Namespace: a right in dev is none to make dev.
		{Ask{"create", "namespaces", "dev", ""}, "create||namespaces||||", "create namespaces"},
		{Ask{"create", "namespaces", "", "dev"}, "create||namespaces||||", "create namespaces"},
		{Ask{"list", "ns", "dev", ""}, "list||namespaces||||", "list namespaces"},
		{Ask{"watch", "ns", "", "dev"}, "watch||namespaces|||dev|", "watch namespaces dev"},
		{Ask{"delete", "ns", "dev", ""}, "delete||namespaces||dev|dev|", "delete namespaces dev"},
		{Ask{"update", "namespaces/finalize", "", "dev"}, "update||namespaces|finalize|dev|dev|", "update namespaces/finalize dev"},
		{Ask{"create", "configmaps", "dev", "a"}, "create||configmaps||dev||", "create configmaps in dev"},
		{Ask{"create", "pods/exec", "dev", "a"}, "create||pods|exec|dev|a|", "create pods/exec a in dev"},
		{Ask{"get", "certificates.cert-manager.io", "dev", ""}, "get|cert-manager.io|certificates||dev||", "get certificates.cert-manager.io in dev"},
		{Ask{"get", "nodes.metrics.k8s.io", "", ""}, "get|metrics.k8s.io|nodes||||", "get nodes.metrics.k8s.io"},
		{Ask{"get", "pods.metrics.k8s.io", "dev", ""}, "get|metrics.k8s.io|pods||dev||", "get pods.metrics.k8s.io in dev"},
		{Ask{"get", "widgets.apps", "dev", ""}, "get|apps|widgets||dev||", "get widgets.apps in dev"}, // an aggregated API may serve it
		{Ask{"get", "namespaces", "qa", "dev"}, "get||namespaces||dev|dev|", "get namespaces dev"},
		{Ask{"get", "namespaces", "", ""}, "get||namespaces||||", "get namespaces"},
		{Ask{"get", "/healthz", "dev", "x"}, "get||||||/healthz", "get /healthz"},
		{Ask{"impersonate", "users", "", "x"}, "impersonate||users|||x|", "impersonate users x"},
		{Ask{"*", "*", "", ""}, "*|*|*||||", "* * in all namespaces"},
		{Ask{"get", "/healthz", "", ""}, "get||||||/healthz", "get /healthz"},
	} {
		got, err := Parse(tt.ask)
		r := got.Request
		words := strings.Join([]string{r.Verb, r.Group, r.Resource, r.Subresource, r.Namespace, r.Name, r.Path}, "|")
		if err != nil || words != tt.want || got.String() != tt.says {
			t.Errorf("%+v: %s, %q, %v; want %s, %q", tt.ask, words, got, err, tt.want, tt.says)
		}
	}
}

// What is not known is refused with the nearest word; what is odd and possible
// is asked and said.
func TestWordsThatStandForNothing(t *testing.T) {
	for _, tt := range []struct{ verb, resource, hint string }{
		{"get", "podz", "did you mean pods?"},
		{"get", "deploymens", "did you mean deployments?"},
		{"get", "widgets", "write its group too"},
		{"get", "deployments.app", "did you mean deployments.apps?"}, {"get", "deploymnts.apps", "did you mean deployments?"},
		{"get", "pods.apps", "did you mean pods?"}, {"get", "jobs.apps", "did you mean jobs.batch?"}, {"get", "widgets.mine", "has a dot"},
		{"get", "", ""}, {"", "pods", "get, list"}, {"get pods", "pods", "get, list"}, {"get", "pods.*", "RESOURCE.GROUP"},
	} {
		var w *WordError
		if _, err := Parse(Ask{Verb: tt.verb, Resource: tt.resource}); !errors.As(err, &w) || !strings.Contains(w.Hint, tt.hint) {
			t.Errorf("%s %s: %+v", tt.verb, tt.resource, err)
		}
	}
	for _, tt := range []struct {
		ask  Ask
		note string
	}{
		{Ask{"gett", "pods", "", ""}, "gett is none of Kubernetes' verbs; did you mean get?"},
		{Ask{"list", "nodes", "dev", ""}, "nodes are not in namespaces; the namespace is left out"},
		{Ask{"get", "pods/logs", "dev", ""}, "pods has no subresource logs in Kubernetes itself; did you mean log?"},
		{Ask{"get", "/healthz", "dev", ""}, "a URL has neither namespace nor name; they are left out"},
		{Ask{"get", "/healthz", "", "x"}, "a URL has neither namespace nor name; they are left out"},
		{Ask{"gett", "/healthz", "", ""}, "gett is none of Kubernetes' verbs; did you mean get?"},
		{Ask{"create", "pods", "dev", "x"}, "an API server judges create before it knows the name; the name is left out"},
		{Ask{"create", "namespaces", "dev", ""}, "no namespace holds what create namespaces asks; the namespace is left out"},
		{Ask{"create", "namespaces", "", ""}, ""}, {Ask{"list", "nodes", "", ""}, ""}, {Ask{"create", "pods/exec", "dev", "x"}, ""},
		{Ask{"get", "pods/log", "dev", ""}, ""}, {Ask{"post", "/x", "", ""}, ""}, {Ask{"get", "ns", "dev", ""}, ""},
	} {
		got, err := Parse(tt.ask)
		if err != nil || strings.Join(got.Notes, "; ") != tt.note {
			t.Errorf("%+v: %q %v, want %q", tt.ask, got.Notes, err, tt.note)
		}
	}
}

func TestWordsForCompletionAreSortedAndPlural(t *testing.T) {
	words := Resources()
	if !slices.IsSorted(words) || !slices.Contains(words, "pods") || slices.Contains(words, "pod") || slices.Contains(words, "po") {
		t.Error(words)
	}
	if v := Verbs(); !slices.Contains(v, "get") || slices.Contains(v, "post") {
		t.Error(v)
	}
}

func TestASubjectIsNoPath(t *testing.T) {
	for _, word := range []string{"me", "team/qa", "user/a/ann", "permissionSet/Qa", "serviceaccount/web/sa", "arn:aws:iam::111122223333:role/x"} {
		if !IsWho(word) {
			t.Errorf("%s is a subject", word)
		}
	}
	for _, path := range []string{"./team", "team", "access", "examples/team", "examples"} {
		if IsWho(path) {
			t.Errorf("%s is a path", path)
		}
	}
	if !IsAWSAction("s3:GetObject") || !IsAWSAction("cloudwatch:List*") || IsAWSAction("get") || IsAWSAction("arn:aws:iam::1:role/x") {
		t.Error("an action of AWS's is SERVICE:ACTION")
	}
}
