package plan

import (
	"strings"
	"testing"
)

// given are the roles that a plan's changes of ServiceAccounts give and take.
func given(p *Plan) (gained, lost string) {
	words := func(list []Grant) string {
		var out []string
		for _, g := range list {
			out = append(out, g.What)
		}
		return strings.Join(out, ", ")
	}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Kind == ServiceAccount {
			gained, lost = gained+words(c.Gained), lost+words(c.Lost)
		}
	}
	return gained, lost
}

func TestAServiceAccountsChangeSaysWhichRoleItGivesAndTakes(t *testing.T) {
	want := workloadWant(t, test)
	first := Compute(want, workloadSees(test), Options{})
	have := made(t, workloadSees(test), first)
	const loki, yace = "role loki", "role yace"
	moved := workloadWant(t, test)
	moved.Clusters[0].ServiceAccounts[0].Role = yaceRole
	for name, c := range map[string]struct {
		p            *Plan
		gained, lost string
	}{
		"made":         {first, loki, ""},
		"at peace":     {Compute(want, have, Options{}), "", ""},
		"another role": {Compute(moved, have, Options{}), yace, loki},
		"gone":         {Compute(wants(wantCluster(test)), have, Options{}), "", loki},
	} {
		if gained, lost := given(c.p); gained != c.gained || lost != c.lost {
			t.Errorf("%s: gained %q, lost %q", name, gained, lost)
		}
	}
}
