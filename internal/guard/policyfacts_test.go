package guard

import (
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// shows: item S164
func TestPoliciesThatAPlanRestsOnAreFacts(t *testing.T) {
	const limit, other = "arn:aws:iam::" + home + ":policy/limit", "arn:aws:iam::" + home + ":policy/other"
	planned := func(boundary string, documents map[string]access.Document) []plan.Fact {
		w := hosts().runs(t, "PodIdentity loki/loki role/loki", allows("s3:GetObject on *"))
		w.want.Roles[0].Boundary = boundary
		w.have.Accounts[0].Policies = documents
		return w.plan().Facts
	}
	about := func(facts []plan.Fact, arn string) (out []string) {
		for _, f := range facts {
			if strings.Contains(f.Subject, arn) {
				out = append(out, f.Guard+" "+f.Subject+" "+f.Value)
			}
		}
		return out
	}
	const lets, more = `{"Statement":[{"Action":["s3:*"],"Effect":"Allow","Resource":["*"]}]}`, `{"Statement":[{"Action":["*"],"Effect":"Allow","Resource":["*"]}]}`
	both := map[string]access.Document{limit: lets, other: more}
	facts := planned(limit, both)
	was := about(facts, limit)
	if len(was) != 1 || !strings.HasPrefix(was[0], "privilege policy "+limit+" in account "+home+" sha256:") || len(about(facts, other)) != 0 {
		t.Fatalf("%+v", facts)
	}
	if is := about(planned(limit, map[string]access.Document{limit: access.Document(strings.Replace(lets, "s3:*", "S3:*", 1))}), limit); len(is) != 1 || is[0] != was[0] {
		t.Errorf("in other letters: %q, was %q", is, was)
	}
	if is := about(planned(limit, map[string]access.Document{limit: more}), limit); len(is) != 1 || is[0] == was[0] {
		t.Errorf("another document: %q, was %q", is, was)
	}
	// A boundary that a role newly gets counts, and one that goes.
	for name, boundaries := range map[string][2]string{"comes": {"", limit}, "goes": {limit, ""}} {
		p := &plan.Plan{Changes: []plan.Change{{Kind: plan.Role, Verb: plan.Update, Principal: "arn:aws:iam::" + home + ":role/x",
			From: plan.IAMRole{Boundary: boundaries[0]}, To: plan.IAMRole{Boundary: boundaries[1]}}}}
		have := &access.Snapshot{Accounts: []access.HaveAccount{{Account: access.Account{ID: home}, Policies: both}}}
		if got := about(policyFacts(&plan.Input{Plan: p, Have: have}), "policy/"); len(got) != 1 || !strings.Contains(got[0], limit) {
			t.Errorf("a boundary that %s: %q", name, got)
		}
	}
	// What was not read was not relied on; what no role of the plan has neither.
	if got := about(planned(limit, nil), "policy/"); len(got) != 0 {
		t.Errorf("not read: %q", got)
	}
	if got := about(planned("", both), "policy/"); len(got) != 0 {
		t.Errorf("of no role: %q", got)
	}
}
