package apply

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// teamBinding binds team backend's group to a ClusterRole, as ours.
func teamBinding(namespace, name, role string) access.Binding {
	return access.Binding{Namespace: namespace, Name: name, Role: access.RoleRef{Kind: access.ClusterRole, Name: role}, Labels: owner.Labels(),
		Subjects: []access.Subject{{Kind: access.GroupSubject, Name: access.TeamGroup("ops", "backend")}}}
}

func dialer(s *kubetest.Server) kube.Dialer {
	return func(c kube.Cluster) (*kube.Client, error) {
		c.Transport = s
		return kube.Dial(c)
	}
}

// binding adds the change of a binding from what the server has to another.
func (p *planner) binding(s *kubetest.Server, cluster, at string, to *access.Binding, needs ...string) string {
	have, there := s.Bindings()[at]
	namespace, name, _ := strings.Cut(at, "/")
	if name == "" {
		namespace, name = "", at
	}
	c := plan.Change{ID: "binding/" + cluster + "/" + at, Verb: plan.Update, Kind: bindingKind(namespace), Cluster: key(cluster), Namespace: namespace, Name: name,
		Teams: []string{"backend"}, DependsOn: needs}
	switch {
	case to == nil:
		c.Verb = plan.Delete
	case !there:
		c.Verb = plan.Create
	case have.Role != to.Role:
		c.Verb = plan.Replace
	}
	if there {
		c.From = plan.Binding{Binding: have}
	}
	if to != nil {
		c.To = plan.Binding{Binding: *to}
	}
	if c.Verb != plan.Create {
		c.Lost = []plan.Grant{{Cluster: key(cluster)}}
	}
	p.Changes = append(p.Changes, c)
	return c.ID
}

// everyBinding is a server and a plan with every kind of change of a binding,
// and what stands when it is made, as "key: role subjects".
func everyBinding() (*kubetest.Server, *plan.Plan, map[string]string) {
	s := kubetest.New("dev", "qa")
	s.Put(teamBinding("dev", "gone", "edit"), "atlas-iam")
	s.Put(teamBinding("dev", "other", "view"), "atlas-iam")
	narrowed := teamBinding("", "people", "view")
	narrowed.Subjects = append(narrowed.Subjects, access.Subject{Kind: access.GroupSubject, Name: "atlas-iam:ops:old"})
	s.Put(narrowed, "atlas-iam")
	s.Put(access.Binding{Namespace: "dev", Name: "foreign", Role: access.RoleRef{Kind: access.Role, Name: "r"}}, "kubectl")
	p := newPlan()
	for _, ns := range []string{"dev", "qa"} {
		b := teamBinding(ns, "new", "edit")
		p.binding(s, "test", ns+"/new", &b)
	}
	all := teamBinding("", "all", "view")
	p.binding(s, "test", "all", &all)
	p.binding(s, "test", "dev/gone", nil)
	other := teamBinding("dev", "other", "edit")
	p.binding(s, "test", "dev/other", &other)
	people := teamBinding("", "people", "view")
	p.binding(s, "test", "people", &people)
	return s, &p.Plan, map[string]string{
		"dev/new": "ClusterRole edit", "qa/new": "ClusterRole edit", "all": "ClusterRole view", "dev/other": "ClusterRole edit", "people": "ClusterRole view", "dev/foreign": "Role r",
	}
}

func standing(s *kubetest.Server) map[string]string {
	out := map[string]string{}
	for k, b := range s.Bindings() {
		out[k] = b.Role.String()
		if k == "people" && len(b.Subjects) != 1 {
			out[k] += fmt.Sprint(b.Subjects)
		}
	}
	return out
}

// shows: item S59
func TestBindingsAreMadeAsPlannedAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p, want := everyBinding()
		f := newFake()
		var record bytes.Buffer
		res, err := Run(t.Context(), f.open(t), p, Options{Dial: dialer(s), Record: &record})
		if err != nil || !res.OK() || res.Counts.Done != 6 {
			t.Fatal(err, statuses(res), res.Outcomes[0].Err)
		}
		if d := cmp.Diff(want, standing(s)); d != "" {
			t.Error(d)
		}
		for _, o := range res.Outcomes {
			if !strings.HasPrefix(o.RequestID, "audit-") {
				t.Errorf("%s has request id %q", o.Change.ID, o.RequestID)
			}
		}
		for _, part := range []string{`"operation":"ApplyRoleBinding"`, `"operation":"DeleteRoleBinding"`, `"operation":"ApplyClusterRoleBinding"`,
			`"namespace":"qa","name":"new"`, `"requestId":"audit-`, `"role":{"kind":"ClusterRole","name":"edit"}`} {
			if !strings.Contains(record.String(), part) {
				t.Errorf("the record lacks %s", part)
			}
		}
		again, err := Run(t.Context(), f.open(t), p, Options{Dial: dialer(s)})
		if err != nil || again.Counts.Already != 6 || again.Counts.Writes != 0 {
			t.Errorf("a second time: %v %v", err, statuses(again))
		}
	})
}

// Every call that a run makes fails in every way, once.
//
// shows: item S59
func TestAfterEachFaultOfAnAPIServerARunConvergesAndDoublesNothing(t *testing.T) {
	faults := map[string]kubetest.Fault{
		"a lost connection": {}, "a lost answer": {After: true}, "a fault inside": {Status: 500, Reason: "InternalError"},
		"a fault after the effect": {Status: 500, After: true}, "too many calls": {Status: 429, Reason: "TooManyRequests", RetryAfter: 1},
		"a refusal": {Status: 403, Reason: "Forbidden", Message: "no"}, "a conflict": {Status: 409, Reason: "Conflict", Message: "no"},
		"not known": {Status: 401, Reason: "Unauthorized"},
	}
	calls := 0
	synctest.Test(t, func(t *testing.T) {
		s, p, _ := everyBinding()
		if _, err := Run(t.Context(), newFake().open(t), p, Options{Dial: dialer(s), Parallel: 1}); err != nil {
			t.Fatal(err)
		}
		calls = len(s.Calls())
	})
	if calls < 12 {
		t.Fatalf("a run makes %d calls; the test would be empty", calls)
	}
	failed, unknown, settled := 0, 0, 0
	for _, what := range slices.Sorted(maps.Keys(faults)) {
		for n := 1; n <= calls; n++ {
			synctest.Test(t, func(t *testing.T) {
				s, p, want := everyBinding()
				f := newFake()
				fault := faults[what]
				s.Fault = func(c kubetest.Call) *kubetest.Fault {
					if c.Nth == n {
						return &fault
					}
					return nil
				}
				res, err := Run(t.Context(), f.open(t), p, Options{Dial: dialer(s), Parallel: 1})
				if err != nil {
					t.Fatal(what, n, err)
				}
				failed += res.Counts.Failed
				unknown += res.Counts.Unknown
				for _, o := range res.Outcomes {
					if o.Settled {
						settled++
					}
					if o.Status == Failed && o.Err == nil || o.Status == Done && len(o.Writes) == 0 {
						t.Errorf("%s at call %d: %s is %s, %v, %d writes", what, n, o.Change.ID, o.Status, o.Err, len(o.Writes))
					}
				}
				if res.OK() {
					if d := cmp.Diff(want, standing(s)); d != "" {
						t.Errorf("%s at call %d says it is done: %s", what, n, d)
					}
				}
				s.Fault = nil
				res, err = Run(t.Context(), f.open(t), p, Options{Dial: dialer(s)})
				if err != nil || !res.OK() {
					t.Errorf("%s at call %d, run again: %v %v", what, n, err, statuses(res))
				}
				if d := cmp.Diff(want, standing(s)); d != "" {
					t.Errorf("%s at call %d, run again: %s", what, n, d)
				}
			})
		}
	}
	if failed == 0 || settled == 0 {
		t.Errorf("%d failed, %d unknown, %d settled: the faults reach too little", failed, unknown, settled)
	}
	t.Logf("%d calls, %d kinds of faults: %d failed, %d unknown, %d settled", calls, len(faults), failed, unknown, settled)
}

// shows: item S59
func TestABindingThatMovedSinceThePlanIsNotWrittenOver(t *testing.T) {
	foreign := func(b access.Binding) access.Binding {
		b.Labels = nil
		return b
	}
	view := func(b access.Binding) access.Binding {
		b.Role.Name = "admin"
		return b
	}
	for name, c := range map[string]struct {
		at     string
		moves  func(*kubetest.Server)
		status Status
		says   string
	}{
		"nothing moved":            {"dev/gone", func(*kubetest.Server) {}, Done, ""},
		"somebody made it":         {"dev/new", func(s *kubetest.Server) { s.Put(foreign(teamBinding("dev", "new", "edit")), "kubectl") }, Failed, "not ours"},
		"we made it with more":     {"dev/new", func(s *kubetest.Server) { s.Put(view(teamBinding("dev", "new", "edit")), "atlas-iam") }, Failed, "different"},
		"we made it":               {"dev/new", func(s *kubetest.Server) { s.Put(teamBinding("dev", "new", "edit"), "atlas-iam") }, Already, ""},
		"another stands there":     {"dev/gone", func(s *kubetest.Server) { s.Put(teamBinding("dev", "gone", "edit"), "atlas-iam") }, Failed, "uid"},
		"another's copy, replaced": {"dev/other", func(s *kubetest.Server) { s.Put(foreign(teamBinding("dev", "other", "view")), "kubectl") }, Failed, "uid"},
		"a label was taken off": {"dev/gone", func(s *kubetest.Server) {
			b := s.Bindings()["dev/gone"]
			b.Labels = nil
			s.Put(b, "atlas-iam")
		}, Failed, "labels"},
		"its manager went": {"people", func(s *kubetest.Server) { s.Put(s.Bindings()["people"], "kubectl") }, Failed, "owner"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, p, _ := everyBinding()
			c.moves(s)
			before := s.Bindings()[c.at]
			res, err := Run(t.Context(), newFake().open(t), p, Options{Dial: dialer(s)})
			if err != nil {
				t.Fatal(err)
			}
			o := status(t, res, "binding/test/"+c.at)
			if o.Status != c.status || c.says != "" && (o.Err == nil || !strings.Contains(o.Err.Error(), c.says)) {
				t.Errorf("%s: %s, %v", name, o.Status, o.Err)
			}
			if c.status == Failed {
				if d := cmp.Diff(before, s.Bindings()[c.at]); d != "" {
					t.Errorf("%s: written over: %s", name, d)
				}
			}
		})
	}
}

// Between reading a binding and writing it somebody else may be faster.
//
// shows: item S59
func TestABindingThatMovesBetweenReadingAndWritingIsNotWrittenOver(t *testing.T) {
	now := func(s *kubetest.Server, at string, change func(*access.Binding)) access.Binding {
		b := s.Bindings()[at]
		change(&b)
		return b
	}
	for name, c := range map[string]struct {
		at     string
		moves  func(*kubetest.Server)
		status Status
		says   string
	}{
		"nobody": {"dev/new", func(*kubetest.Server) {}, Done, ""},
		"somebody makes an equal one": {"dev/new", func(s *kubetest.Server) {
			b := teamBinding("dev", "new", "edit")
			b.Labels = nil
			s.Put(b, "kubectl")
		}, Failed, "not ours"},
		"somebody makes a copy of ours": {"dev/new", func(s *kubetest.Server) { s.Put(teamBinding("dev", "new", "edit"), "kubectl") }, Failed, "not ours"},
		"another run makes it":          {"dev/new", func(s *kubetest.Server) { s.Put(teamBinding("dev", "new", "edit"), "atlas-iam") }, Already, ""},
		"somebody makes it again": {"people", func(s *kubetest.Server) {
			s.Put(now(s, "people", func(b *access.Binding) { b.UID = "" }), "kubectl")
		}, Failed, "uid"},
		"somebody binds one more": {"people", func(s *kubetest.Server) {
			s.Put(now(s, "people", func(b *access.Binding) {
				b.Subjects = append(b.Subjects, access.Subject{Kind: access.UserSubject, Name: "eve"})
			}), "atlas-iam", "kubectl")
		}, Failed, "eve"},
		"somebody annotates it": {"people", func(s *kubetest.Server) {
			s.Put(now(s, "people", func(b *access.Binding) { b.Annotations = map[string]string{"note": "x"} }), "atlas-iam")
		}, Done, ""},
		"somebody makes one where it was replaced": {"dev/other", func(s *kubetest.Server) {
			b := teamBinding("dev", "other", "edit")
			b.Labels = nil
			s.Put(b, "kubectl")
		}, Failed, "not ours"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, p, _ := everyBinding()
			began := false
			var before access.Binding
			s.Fault = func(call kubetest.Call) *kubetest.Fault {
				if call.Method == "PATCH" && strings.HasSuffix(call.Path, "/"+lastPart(c.at)) && strings.Contains(call.Path, lastButOne(c.at)) && !began {
					began = true
					c.moves(s)
					before = s.Bindings()[c.at]
				}
				return nil
			}
			res, err := Run(t.Context(), newFake().open(t), p, Options{Dial: dialer(s)})
			if err != nil || !began {
				t.Fatal(name, err, began)
			}
			o := status(t, res, "binding/test/"+c.at)
			if o.Status != c.status || c.says != "" && (o.Err == nil || !strings.Contains(o.Err.Error(), c.says)) {
				t.Errorf("%s: %s, %v", name, o.Status, o.Err)
			}
			if c.status == Failed {
				if d := cmp.Diff(before, s.Bindings()[c.at]); d != "" {
					t.Errorf("%s: written over: %s", name, d)
				}
			}
		})
	}
}

// lastPart and lastButOne are a binding's name, and its namespace if it has one.
func lastPart(key string) string   { return key[strings.LastIndexByte(key, '/')+1:] }
func lastButOne(key string) string { return key[:max(strings.LastIndexByte(key, '/'), 0)] }

func TestAPlanThatWouldMakeABindingWithoutOurMarkIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := kubetest.New("dev")
		p := newPlan()
		b := teamBinding("dev", "x", "edit")
		b.Labels = nil
		p.binding(s, "test", "dev/x", &b)
		named := teamBinding("dev", "y", "edit")
		p.binding(s, "test", "dev/z", &named)
		res, err := Run(t.Context(), newFake().open(t), &p.Plan, Options{Dial: dialer(s)})
		if err != nil || res.Counts.Failed != 2 || len(s.Calls()) != 0 {
			t.Error(err, statuses(res), s.Calls())
		}
	})
}

// An entry that this run makes for the caller is known after some seconds.
func TestAnAPIServerThatDoesNotKnowTheCallerYetIsWaitedForOnlyWhereItsEntryIsMade(t *testing.T) {
	for own, want := range map[bool]Status{true: Done, false: Failed} {
		synctest.Test(t, func(t *testing.T) {
			s := kubetest.New("dev")
			began := time.Now()
			s.Fault = func(kubetest.Call) *kubetest.Fault {
				if time.Since(began) < 6*time.Second {
					return &kubetest.Fault{Status: 401, Reason: "Unauthorized"}
				}
				return nil
			}
			p := newPlan()
			if own {
				e := entry("x")
				e.Principal, e.Username = adminARN, ""
				p.entry("test", nil, &e)
			}
			b := teamBinding("dev", "x", "edit")
			id := p.binding(s, "test", "dev/x", &b)
			res, err := Run(t.Context(), newFake().open(t), &p.Plan, Options{Dial: dialer(s)})
			if err != nil || status(t, res, id).Status != want {
				t.Errorf("own %v: %v %v", own, err, statuses(res))
			}
		})
	}
}

// A binding is found by the entries that bear its group, so it goes first.
func TestBindingsGoBeforeTheEntriesByWhichTheyAreFound(t *testing.T) {
	for _, broken := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := kubetest.New("dev")
			s.Put(teamBinding("dev", "gone", "edit"), "atlas-iam")
			f := newFake()
			e := f.put("test", entry("a", access.TeamGroup("ops", "backend")))
			seen := -1
			f.before = func(_ *fakeEKS, operation string) {
				if operation == "DeleteAccessEntry" {
					seen = len(s.Bindings())
				}
			}
			if broken {
				s.Fault = func(kubetest.Call) *kubetest.Fault { return &kubetest.Fault{Status: 403, Reason: "Forbidden"} }
			}
			p := newPlan()
			p.binding(s, "test", "dev/gone", nil)
			id := p.entry("test", e, nil)
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s)})
			if err != nil || status(t, res, id).Status != Done {
				t.Errorf("the entry must go whatever becomes of the binding: %v %v", err, statuses(res))
			}
			if want := map[bool]int{false: 0, true: 1}[broken]; seen != want {
				t.Errorf("%d bindings stood when the entry went, want %d", seen, want)
			}
		})
	}
}

func TestASavedPlanOfBindingsIsFinishedFromAnyPoint(t *testing.T) {
	for made := range 7 {
		synctest.Test(t, func(t *testing.T) {
			s, p, want := everyBinding()
			p = saved(t, p)
			f := newFake()
			part := *p
			part.Changes = slices.Clone(p.Changes)[:made]
			if res, err := Run(t.Context(), f.open(t), &part, Options{Dial: dialer(s)}); err != nil || !res.OK() {
				t.Fatal(err, statuses(res))
			}
			f.cluster("test")
			have := f.snapshot()
			k := &access.HaveKubernetes{RBACRead: true}
			for _, b := range s.Bindings() {
				k.Bindings = append(k.Bindings, b)
			}
			slices.SortFunc(k.Bindings, func(a, b access.Binding) int { return a.Compare(&b) })
			have.Clusters[0].Kubernetes = k
			before := len(k.Bindings)
			saw := -1
			todo, err := Verify(p, Now{Have: have, Guards: []plan.Guard{{Slug: "x", Check: func(in *plan.Input) plan.Findings {
				saw = len(in.Have.Clusters[0].Kubernetes.Bindings)
				return plan.Findings{}
			}}}})
			if err != nil || todo != (made < 6) || len(k.Bindings) != before {
				t.Errorf("%d made: todo %v, %v", made, todo, err)
			}
			if todo && saw != 4 {
				t.Errorf("%d made: guards saw %d bindings, want the 4 of before", made, saw)
			}
			if _, err := Run(t.Context(), f.open(t), p, Options{Dial: dialer(s)}); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, standing(s)); d != "" {
				t.Error(d)
			}
		})
	}
}

// shows: item S21
func TestAdoptingABindingLabelsItAndDoesNothingElse(t *testing.T) {
	theirs := func() access.Binding {
		b := teamBinding("dev", "x", "edit")
		b.Labels = map[string]string{"app": "x"}
		return b
	}
	for name, c := range map[string]struct {
		to     func(*access.Binding)
		moves  func(*kubetest.Server)
		status Status
	}{
		"our labels": {func(b *access.Binding) {}, nil, Done},
		"and somebody more": {func(b *access.Binding) {
			b.Subjects = append(b.Subjects, access.Subject{Kind: access.UserSubject, Name: "z"})
		}, nil, Failed},
		"and a label gone": {func(b *access.Binding) { delete(b.Labels, "app") }, nil, Failed},
		"of what moved": {func(b *access.Binding) {}, func(s *kubetest.Server) {
			b := s.Bindings()["dev/x"]
			b.Subjects = nil
			s.Put(b, "kubectl")
		}, Failed},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := kubetest.New("dev")
			s.Put(theirs(), "kubectl")
			to := theirs()
			maps.Copy(to.Labels, owner.Labels())
			c.to(&to)
			p := newPlan()
			id := p.binding(s, "test", "dev/x", &to)
			if c.moves != nil {
				c.moves(s)
			}
			res, err := Adopt(t.Context(), newFake().open(t), &p.Plan, Options{Dial: dialer(s)})
			if err != nil || status(t, res, id).Status != c.status {
				t.Errorf("%s: %v %v %v", name, err, statuses(res), res.Outcomes[0].Err)
			}
			now := s.Bindings()["dev/x"]
			if ours := owner.OwnerOfBinding(&now, nil).Ours; ours != (c.status == Done) || now.Labels["app"] != "x" {
				t.Errorf("%s: ours %v, %v", name, ours, now.Labels)
			}
		})
	}
}
