package apply

import (
	"context"
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

const (
	lokiRole  = "arn:aws:iam::492000000148:role/loki"
	otherRole = "arn:aws:iam::492000000148:role/other"
)

// accountServer has ServiceAccounts of ours, of others, and of both.
func accountServer() *kubetest.Server {
	s := kubetest.New("dev")
	ours := func(role string) map[string]string {
		a := owner.Tags()
		a[access.AnnotationRole] = role
		return a
	}
	s.PutAccount("dev", "gone", "atlas-iam", owner.Labels(), ours(lokiRole))
	s.PutAccount("dev", "moves", "atlas-iam", owner.Labels(), ours(otherRole))
	s.PutAccount("dev", "chart", "helm", map[string]string{"app.kubernetes.io/managed-by": "Helm"}, map[string]string{"note": "x"})
	s.PutAccount("dev", "theirs", "helm", nil, map[string]string{access.AnnotationRole: otherRole})
	return s
}

// seen is a ServiceAccount as a plan would see it.
func seen(t *testing.T, s *kubetest.Server, name string) plan.KubernetesAccount {
	t.Helper()
	c, err := dialer(s)(kube.Cluster{Name: "test", Endpoint: "https://api.example", Token: func(context.Context) (string, time.Time, error) { return "t", time.Now().Add(time.Hour), nil }})
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.ServiceAccounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(a access.HaveServiceAccount) bool { return a.Name == name })
	manage, _ := owner.ManagedAccount(&all[i], nil)
	return plan.KubernetesAccount{Namespace: "dev", Name: name, Manage: manage, Role: all[i].Annotations[access.AnnotationRole], UID: all[i].UID}
}

func (p *planner) account(verb plan.Verb, name string, from, to *plan.KubernetesAccount) string {
	c := plan.Change{ID: "serviceaccount/test/dev/" + name, Verb: verb, Kind: plan.ServiceAccount, Cluster: key("test"), Namespace: "dev", Name: name}
	if from != nil {
		c.From = *from
	}
	if to != nil {
		c.To = *to
	}
	p.Changes = append(p.Changes, c)
	return c.ID
}

func annotated(s *kubetest.Server) map[string]string {
	out := map[string]string{}
	for k, a := range s.Accounts() {
		out[strings.TrimPrefix(k, "dev/")] = a.Annotations[access.AnnotationRole]
	}
	return out
}

// shows: item S112
func TestServiceAccountsAreMadeAnnotatedAndTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, p := accountServer(), newFake(), newPlan()
		want := func(name string, manage access.Manage, role string) *plan.KubernetesAccount {
			return &plan.KubernetesAccount{Namespace: "dev", Name: name, Manage: manage, Role: role}
		}
		gone, moves, chart, theirs := seen(t, s, "gone"), seen(t, s, "moves"), seen(t, s, "chart"), seen(t, s, "theirs")
		if gone.Manage != access.ManageCreate || chart.Manage != "" || theirs.Manage != "" {
			t.Fatal(gone, chart, theirs)
		}
		p.account(plan.Create, "new", nil, want("new", access.ManageCreate, lokiRole))
		p.account(plan.Create, "bare", nil, want("bare", access.ManageCreate, ""))
		p.account(plan.Update, "moves", &moves, want("moves", access.ManageCreate, lokiRole))
		p.account(plan.Update, "chart", &chart, want("chart", access.ManageAnnotate, lokiRole))
		conflict := p.account(plan.Update, "theirs", &theirs, want("theirs", access.ManageAnnotate, lokiRole))
		p.account(plan.Delete, "gone", &gone, nil)
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s)})
		if err != nil || res.Counts.Done != 5 || res.Counts.Failed != 1 || status(t, res, conflict).Status != Failed {
			t.Fatal(err, statuses(res))
		}
		made := map[string]string{"new": lokiRole, "bare": "", "moves": lokiRole, "chart": lokiRole, "theirs": otherRole}
		if d := cmp.Diff(made, annotated(s)); d != "" {
			t.Error(d)
		}
		if a := s.Accounts()["dev/chart"]; a.Labels["app.kubernetes.io/managed-by"] != "Helm" || a.Annotations["note"] != "x" {
			t.Errorf("what others wrote is touched: %+v", a)
		}
		again, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s)})
		if err != nil || again.Counts.Already != 5 || again.Counts.Done != 0 {
			t.Fatal(err, statuses(again))
		}
		// The annotation alone is taken back from what is somebody else's.
		back, p := seen(t, s, "chart"), newPlan()
		if back.Manage != access.ManageAnnotate {
			t.Fatal(back)
		}
		p.account(plan.Update, "chart", &back, &plan.KubernetesAccount{Namespace: "dev", Name: "chart"})
		if res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s)}); err != nil || res.Counts.Done != 1 {
			t.Fatal(err, statuses(res), res.Outcomes[0].Err)
		}
		if a := s.Accounts()["dev/chart"]; len(a.Annotations) != 1 || a.Annotations["note"] != "x" {
			t.Errorf("left %+v", a)
		}
	})
}

func TestAServiceAccountThatMovedSinceThePlanIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, p := accountServer(), newFake(), newPlan()
		gone, moves := seen(t, s, "gone"), seen(t, s, "moves")
		p.account(plan.Delete, "gone", &gone, nil)
		p.account(plan.Update, "moves", &moves, &plan.KubernetesAccount{Namespace: "dev", Name: "moves", Manage: access.ManageCreate, Role: lokiRole})
		p.account(plan.Create, "chart", nil, &plan.KubernetesAccount{Namespace: "dev", Name: "chart", Manage: access.ManageCreate, Role: lokiRole})
		by := owner.Tags()
		by[access.AnnotationRole] = "arn:aws:iam::492000000148:role/third"
		s.PutAccount("dev", "gone", "atlas-iam", owner.Labels(), by)
		s.PutAccount("dev", "moves", "kubectl", nil, by)
		before := s.Accounts()
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s)})
		if err != nil || res.Counts.Failed != 3 {
			t.Fatal(err, statuses(res))
		}
		for _, o := range res.Outcomes {
			if !isMoved(o.Err) {
				t.Errorf("%s: %v", o.Change.ID, o.Err)
			}
		}
		if d := cmp.Diff(before, s.Accounts()); d != "" {
			t.Error(d)
		}
	})
}

func TestALostAnswerAboutAServiceAccountIsSettledByReading(t *testing.T) {
	for _, after := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, f, p := accountServer(), newFake(), newPlan()
			p.account(plan.Create, "new", nil, &plan.KubernetesAccount{Namespace: "dev", Name: "new", Manage: access.ManageCreate, Role: lokiRole})
			lost := 0
			s.Fault = func(c kubetest.Call) *kubetest.Fault {
				if c.Write() && lost == 0 {
					lost++
					return &kubetest.Fault{After: after}
				}
				return nil
			}
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s)})
			if err != nil || !res.OK() || lost != 1 || annotated(s)["new"] != lokiRole {
				t.Fatal(err, statuses(res), lost, res.Outcomes[0].Err)
			}
			if len(s.Accounts()) != 5 {
				t.Error(s.Accounts())
			}
		})
	}
}
