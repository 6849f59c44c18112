package apply

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

func registration(server string) access.Registration {
	return access.Registration{Cluster: "prod", Server: server, ClusterName: "prod", CA: "Q0E="}
}

// argoServer has Secrets of ours and of others.
func argoServer() *kubetest.Server {
	s := kubetest.New("argocd")
	s.PutSecret("argocd", "moves", access.FieldManager, owner.ArgoLabels(), registration("https://old").Data())
	s.PutSecret("argocd", "gone", access.FieldManager, owner.ArgoLabels(), registration("https://old").Data())
	s.PutSecret("argocd", "theirs", "helm", nil, map[string]string{"config": "hidden"})
	return s
}

func (p *planner) argo(s *kubetest.Server, verb plan.Verb, name, server string) string {
	to := plan.ArgoSecret{Namespace: "argocd", Name: name, Labels: owner.ArgoLabels(), Registration: registration(server)}
	c := plan.Change{ID: "argocd/test/argocd/" + name, Verb: verb, Kind: plan.ArgoCDSecret, Cluster: key("test"), Namespace: "argocd", Name: name}
	if verb != plan.Delete {
		c.To = to
	}
	if verb != plan.Create {
		from := to
		from.UID, from.Server = s.Secrets()["argocd/"+name].UID, "https://old"
		c.From = from
	}
	p.Changes = append(p.Changes, c)
	return c.ID
}

func servers(s *kubetest.Server) map[string]string {
	out := map[string]string{}
	for k, a := range s.Secrets() {
		out[strings.TrimPrefix(k, "argocd/")] = a.Data["server"]
	}
	return out
}

// shows: item S128
func TestArgoCDsSecretsAreMadeChangedAndTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, p := argoServer(), newFake(), newPlan()
		p.argo(s, plan.Create, "new", "https://new")
		p.argo(s, plan.Update, "moves", "https://new")
		p.argo(s, plan.Delete, "gone", "")
		theirs := p.argo(s, plan.Create, "theirs", "https://new")
		var record strings.Builder
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s), Record: &record})
		if err != nil || res.Counts.Done != 3 || !isMoved(status(t, res, theirs).Err) {
			t.Fatal(err, statuses(res))
		}
		if d := cmp.Diff(map[string]string{"new": "https://new", "moves": "https://new", "theirs": ""}, servers(s)); d != "" {
			t.Error(d)
		}
		if a := s.Secrets()["argocd/new"]; !cmp.Equal(a.Data, registration("https://new").Data()) || !cmp.Equal(a.Labels, owner.ArgoLabels()) {
			t.Errorf("%+v", a)
		}
		if a := s.Secrets()["argocd/theirs"]; a.Served || strings.Contains(record.String(), "hidden") {
			t.Errorf("somebody else's Secret was read")
		}
		again, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s)})
		if err != nil || again.Counts.Already != 3 || again.Counts.Done != 0 {
			t.Fatal(err, statuses(again))
		}
	})
}

func TestASecretOfArgoCDsThatMovedSinceThePlanIsLeftAlone(t *testing.T) {
	for name, move := range map[string]func(*kubetest.Server, string){
		"it says something else": func(s *kubetest.Server, n string) {
			s.PutSecret("argocd", n, access.FieldManager, owner.ArgoLabels(), registration("https://third").Data())
		},
		"it is somebody else's": func(s *kubetest.Server, n string) {
			s.PutSecret("argocd", n, "helm", nil, registration("https://old").Data())
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, f, p := argoServer(), newFake(), newPlan()
			p.argo(s, plan.Update, "moves", "https://new")
			p.argo(s, plan.Delete, "gone", "")
			move(s, "moves")
			move(s, "gone")
			before := s.Secrets()
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s)})
			if err != nil || res.Counts.Failed != 2 {
				t.Fatal(name, err, statuses(res))
			}
			for _, o := range res.Outcomes {
				if !isMoved(o.Err) {
					t.Errorf("%s: %s: %v", name, o.Change.ID, o.Err)
				}
			}
			for k, a := range s.Secrets() {
				if a.Version != before[k].Version {
					t.Errorf("%s: %s was written", name, k)
				}
			}
		})
	}
}

// An answer that is lost, before the effect or after it, is settled by reading.
func TestALostAnswerAboutASecretOfArgoCDsIsSettledByReading(t *testing.T) {
	for _, after := range []bool{false, true} {
		for _, verb := range []plan.Verb{plan.Create, plan.Update, plan.Delete} {
			synctest.Test(t, func(t *testing.T) {
				s, f, p := argoServer(), newFake(), newPlan()
				name := map[plan.Verb]string{plan.Create: "new", plan.Update: "moves", plan.Delete: "gone"}[verb]
				p.argo(s, verb, name, "https://new")
				lost := 0
				s.Fault = func(c kubetest.Call) *kubetest.Fault {
					if c.Write() && lost == 0 {
						lost++
						return &kubetest.Fault{After: after}
					}
					return nil
				}
				res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s)})
				_, there := servers(s)[name]
				if err != nil || !res.OK() || lost != 1 || there == (verb == plan.Delete) || there && servers(s)[name] != "https://new" {
					t.Fatal(err, statuses(res), lost, res.Outcomes[0].Err, servers(s))
				}
			})
		}
	}
}

// The entry by which a Secret is found goes after it, on whatever cluster.
func TestASecretOfArgoCDsGoesBeforeTheEntryByWhichItIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, p := argoServer(), newFake(), newPlan()
		e := f.put("prod", entry("argocd"))
		seen := *e
		p.argo(s, plan.Delete, "gone", "")
		p.entry("prod", &seen, nil)
		f.before = func(_ *fakeEKS, operation string) {
			if _, there := servers(s)["gone"]; operation == "DeleteAccessEntry" && there {
				t.Error("the entry goes first")
			}
		}
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Dial: dialer(s)})
		if err != nil || res.Counts.Done != 2 {
			t.Fatal(err, statuses(res))
		}
	})
}
