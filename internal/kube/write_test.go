package kube

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
)

// otherAuthority is a certificate that signed nothing here.
func otherAuthority(t testing.TB) (endpoint, ca string) {
	t.Helper()
	ts := httptest.NewUnstartedServer(http.NotFoundHandler())
	ts.EnableHTTP2 = true
	ts.StartTLS()
	defer ts.Close()
	block := *ts.Certificate()
	raw := append([]byte(nil), block.Raw...)
	raw[len(raw)-1] ^= 1 // httptest's servers share one certificate
	return ts.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
}

func TestABindingIsAppliedReadAndDeletedOnlyAsItIs(t *testing.T) {
	s := kubetest.New("dev-a")
	c := dial(t, s)
	b := team("dev-a", "atlas-iam:ops:backend:clusterrole:edit", "edit")
	if _, err := c.Get(t.Context(), &b); !IsNotFound(err) {
		t.Fatalf("read what is not there: %v", err)
	}
	if _, err := c.TryApply(t.Context(), &b); err != nil || len(s.Bindings()) != 0 {
		t.Fatalf("a trial stored something, or failed: %v", err)
	}
	o, a, err := c.Apply(t.Context(), &b, nil)
	if err != nil || a.AuditID == "" || !o.SameAccess(&b) || !access.Owner.OwnerOfBinding(access.Owner{Environment: "ops", ID: "k7f3c9a1"}, &o.Binding, nil).Ours {
		t.Fatalf("applied %+v %+v %v", o, a, err)
	}
	old := *o
	more := b
	more.Subjects = append([]access.Subject{{Kind: access.UserSubject, Name: "ann"}}, b.Subjects...)
	if o, _, err = c.Apply(t.Context(), &more, &old); err != nil || len(o.Subjects) != 2 {
		t.Fatalf("changed %+v %v", o, err)
	}
	if _, err := c.Delete(t.Context(), &old, false); !IsConflict(err) || len(s.Bindings()) != 1 {
		t.Errorf("deleted what had changed: %v", err)
	}
	if _, err := c.Delete(t.Context(), o, true); err != nil || len(s.Bindings()) != 1 {
		t.Errorf("a trial of a delete: %v", err)
	}
	if _, err := c.Delete(t.Context(), o, false); err != nil || len(s.Bindings()) != 0 {
		t.Errorf("not deleted: %v", err)
	}
}

func TestWhatAnotherManagerOwnsIsNotTaken(t *testing.T) {
	s := kubetest.New("dev-a")
	b := team("dev-a", "x", "edit")
	other := b
	other.Subjects = []access.Subject{{Kind: access.UserSubject, Name: "eve"}}
	s.Put(other, "kubectl-edit")
	c := dial(t, s)
	have, err := c.Get(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Apply(t.Context(), &b, have); !IsConflict(err) || Unknown(err) || !strings.Contains(err.Error(), "kubectl-edit") {
		t.Errorf("%v", err)
	}
	for _, call := range s.Calls() {
		if call.Method == "PATCH" && strings.Contains(call.Path, "force=true") {
			t.Error("forced")
		}
	}
}

// Whoever comes in between reading and writing is not written over, and does not
// come to share what he made, even where it gives the same.
func TestABindingThatCameInBetweenIsNotAppliedOver(t *testing.T) {
	s := kubetest.New("dev-a")
	c := dial(t, s)
	b := team("dev-a", "x", "edit")
	s.Put(b, "kubectl")
	if _, _, err := c.Apply(t.Context(), &b, nil); !IsConflict(err) {
		t.Errorf("made over one of equal content: %v", err)
	}
	read, err := c.Get(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	s.Put(s.Bindings()["dev-a/x"], "kubectl") // again, in a newer version
	if _, _, err := c.Apply(t.Context(), &b, read); !IsConflict(err) {
		t.Errorf("applied over a newer version: %v", err)
	}
	if got := s.Bindings()["dev-a/x"].Managers; !slices.Equal(got, []string{"kubectl"}) {
		t.Errorf("its managers are %q", got)
	}
	now, err := c.Get(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	if o, _, err := c.Apply(t.Context(), &b, now); err != nil || !slices.Contains(o.Managers, access.FieldManager) {
		t.Errorf("not applied over what was read: %v", err)
	}
	if now, err = c.Get(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Delete(t.Context(), now, false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Apply(t.Context(), &b, now); !IsConflict(err) || len(s.Bindings()) != 0 {
		t.Errorf("made again what is gone: %v", err)
	}
	if o, _, err := c.Apply(t.Context(), &b, nil); err != nil || o.ResourceVersion == versionOfNone {
		t.Errorf("not made where nothing is: %+v %v", o, err)
	}
}

func TestTrialsSayWhatAWriteWouldMeet(t *testing.T) {
	s := kubetest.New("dev-a", "dev-b")
	s.Fault = func(c kubetest.Call) *kubetest.Fault {
		switch {
		case !c.Try && c.Method != "GET":
			t.Errorf("%s %s was no trial", c.Method, c.Path)
		case strings.Contains(c.Path, "dev-b"):
			return &kubetest.Fault{Status: 403, Reason: "Forbidden", Message: "attempting to grant RBAC permissions not currently held"}
		case strings.Contains(c.Path, "lost"):
			return &kubetest.Fault{}
		}
		return nil
	}
	s.Put(team("dev-a", "other", "view"), "atlas-iam")
	s.Put(team("dev-a", "gone", "view"), "atlas-iam")
	at := s.Bindings()
	replaced, gone := team("dev-a", "other", "edit"), at["dev-a/gone"]
	replaced.UID = at["dev-a/other"].UID
	lost := team("dev-a", "lost", "edit")
	got := dial(t, s).Try(t.Context(), []access.Trial{
		{Binding: team("dev-b", "x", "edit"), Verb: access.TryApply}, {Binding: team("dev-a", "x", "edit"), Verb: access.TryApply},
		{Binding: replaced, Verb: access.TryReplace}, {Binding: gone, Verb: access.TryDelete}, {Binding: lost, Verb: access.TryApply},
	})
	words := map[string]access.Trial{}
	for _, tr := range got {
		words[tr.Binding.Key()] = tr
	}
	for key, refused := range map[string]bool{"dev-b/x": true, "dev-a/x": false, "dev-a/other": false, "dev-a/gone": false, "dev-a/lost": true} {
		if tr, ok := words[key]; !ok || (tr.Refused != "") != refused || tr.Unread != (key == "dev-a/lost") || tr.Conflict {
			t.Errorf("%s: %+v", key, tr)
		}
	}
	if len(s.Bindings()) != 2 {
		t.Errorf("trials changed something: %v", s.Bindings())
	}
}

// The words are those of a real API server (v1.36).
func TestATrialTellsWhoMayWriteNothingFromWhoMayNotBindThat(t *testing.T) {
	for message, bare := range map[string]bool{
		`rolebindings.rbac.authorization.k8s.io "x" is forbidden: User "u" cannot patch resource "rolebindings" in API group "rbac.authorization.k8s.io" in the namespace "dev-a"`:       true,
		`rolebindings.rbac.authorization.k8s.io "x" is forbidden: user "u" (groups=["g"]) is attempting to grant RBAC permissions not currently held: {APIGroups:[""], Resources:["x"]}`: false,
	} {
		s := kubetest.New("dev-a")
		s.Fault = func(kubetest.Call) *kubetest.Fault {
			return &kubetest.Fault{Status: 403, Reason: "Forbidden", Message: message}
		}
		got := dial(t, s).Try(t.Context(), []access.Trial{{Binding: team("dev-a", "x", "edit"), Verb: access.TryApply}})
		if got[0].Bare != bare || got[0].Refused == "" || got[0].Unread {
			t.Errorf("%s: %+v", message, got[0])
		}
	}
}

func TestAWriteWithoutAnAnswerIsUnknown(t *testing.T) {
	for what, tc := range map[string]struct {
		fault   *kubetest.Fault
		unknown bool
	}{
		"done": {nil, false}, "broken": {&kubetest.Fault{After: true}, true}, "a fault inside": {&kubetest.Fault{Status: 500, Reason: "InternalError"}, true},
		"refused": {&kubetest.Fault{Status: 403, Reason: "Forbidden"}, false},
	} {
		s := kubetest.New("dev-a")
		s.Fault = func(kubetest.Call) *kubetest.Fault { return tc.fault }
		b := team("dev-a", "x", "edit")
		if _, _, err := dial(t, s).Apply(t.Context(), &b, nil); Unknown(err) != tc.unknown {
			t.Errorf("%s: unknown %v: %v", what, Unknown(err), err)
		}
	}
	c, err := Dial(Cluster{Name: "test", Endpoint: "https://127.0.0.1:1", CA: certificate(t), Token: token})
	if err != nil {
		t.Fatal(err)
	}
	b := team("dev-a", "x", "edit")
	if _, _, err := c.Apply(t.Context(), &b, nil); err == nil || Unknown(err) {
		t.Errorf("never got there: unknown %v: %v", Unknown(err), err)
	}
}

func certificate(t testing.TB) string {
	_, ca := kubetest.New().Start(t.Cleanup)
	return ca
}
