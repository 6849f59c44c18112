package guard

import (
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// withAuthMap has aws-auth as it was read through the cluster's endpoint.
func (w *world) withAuthMap(m *access.AuthMap) *world {
	if w.cluster(test).Kubernetes == nil {
		w.kubernetes(test, []string{"dev"}, nil)
	}
	w.cluster(test).Kubernetes.AuthMap = m
	return w
}

// refusals.md row 22.
//
// shows: item S61
func TestRow22TheStepToModeAPIIsHeldWhileAwsAuthMapsSomebodyWithoutAnEntry(t *testing.T) {
	step := func() *world {
		w := manned()
		w.document(test).Mode = access.ModeAPI
		return w
	}
	roles := func(lines ...string) *access.AuthMap { return &access.AuthMap{MapRoles: strings.Join(lines, "\n")} }
	line := func(arn, group string) string {
		return "- {rolearn: " + arn + ", username: x, groups: [\"" + group + "\"]}"
	}
	const anyNode = "arn:aws:iam::" + home + ":role/nodes"
	for name, c := range map[string]struct {
		world *world
		says  string // empty: it goes through
	}{
		"it was not read":                  {step(), "was not read"},
		"it is a gap":                      {step().withAuthMap(nil).change(func(w *world) { w.cluster(test).Kubernetes.AuthMapRead = false }), "was not read"},
		"there is none":                    {step().withAuthMap(nil), ""},
		"it is empty":                      {step().withAuthMap(&access.AuthMap{}), ""},
		"a role without an entry":          {step().withAuthMap(roles(line("arn:aws:iam::"+home+":role/legacy", "system:masters"))), "role/legacy, who has no entry"},
		"a role with an entry":             {step().ours(test, "role/ci/deploy", "View:a").wants(test, "ci", "role/ci/deploy", "View:a").principals(monday, "role/ci/deploy").withAuthMap(roles(line("arn:aws:iam::"+home+":role/deploy", "g"))), ""},
		"a role whose entry this makes":    {step().principals(monday, "role/legacy").wants(test, "ci", "role/legacy", "View:a").withAuthMap(roles(line("arn:aws:iam::"+home+":role/legacy", "g"))), ""},
		"a role whose entry this deletes":  {step().principals(monday, "role/legacy").ours(test, "role/legacy", "View:a").withAuthMap(roles(line("arn:aws:iam::"+home+":role/legacy", "g"))), "role/legacy"},
		"a role whose entry is dead":       {step().theirs(test, "role/legacy", "View:a").principals(friday, "role/legacy").withAuthMap(roles(line("arn:aws:iam::"+home+":role/legacy", "g"))), "role/legacy"},
		"nodes with a node's entry":        {step().theirs(test, "role/nodes", "type:EC2_LINUX").withAuthMap(roles(line(anyNode, "system:nodes"))), ""},
		"nodes with a person's entry":      {step().theirs(test, "role/nodes", "View:a").withAuthMap(roles(line(anyNode, "system:nodes"))), "as a node"},
		"a user":                           {step().withAuthMap(&access.AuthMap{MapUsers: "- {userarn: arn:aws:iam::" + home + ":user/zoe, groups: [g]}"}), "user/zoe"},
		"an account":                       {step().withAuthMap(&access.AuthMap{MapAccounts: `["` + home + `"]`}), "every user and role of account " + home},
		"a line that never matches anyone": {step().withAuthMap(roles(line("arn:aws:iam::"+home+":role/a/path/legacy", "g"))), ""},
	} {
		p := c.world.plan()
		said := reasons(p, "mode-api")
		found := false
		for i := range p.Changes {
			if ch := &p.Changes[i]; ch.Kind == plan.AuthenticationMode {
				found = true
				if heldBy(ch, "mode-api") != (c.says != "") || !strings.Contains(said, c.says) {
					t.Errorf("%s: %s\n%v", name, said, judged(p))
				}
			}
		}
		if !found {
			t.Errorf("%s: no step is planned", name)
		}
	}
}

// An entry overrides aws-auth: the caller's own, if it gives less, is held.
func TestTheCallersNewEntryMayNotOverrideMoreThanItGives(t *testing.T) {
	masters := &access.AuthMap{MapRoles: "- {rolearn: arn:aws:iam::" + home + ":role/runner, username: x, groups: [\"system:masters\"]}"}
	group := &access.AuthMap{MapRoles: "- {rolearn: arn:aws:iam::" + home + ":role/runner, username: x, groups: [viewers]}"}
	for name, c := range map[string]struct {
		world *world
		held  bool
	}{
		"less than system:masters": {manned().wants(test, "ci", "role/runner", "View:a").withAuthMap(masters), true},
		"a group that is not kept": {manned().wants(test, "ci", "role/runner", "View:a").withAuthMap(group), true},
		"twin, an administrator":   {manned().wants(test, "ci", "role/runner", "ClusterAdmin:cluster").withAuthMap(masters), false},
		"twin, somebody else":      {manned().wants(test, "ci", "user/dan", "View:a").withAuthMap(masters), false},
		"twin, no aws-auth":        {manned().wants(test, "ci", "role/runner", "View:a").withAuthMap(nil), false},
		"twin, it does not count": {manned().wants(test, "ci", "role/runner", "View:a").withAuthMap(masters).change(func(w *world) {
			w.cluster(test).Mode = access.ModeAPI
		}), false},
	} {
		p := c.world.plan()
		if len(p.Changes) == 0 {
			t.Errorf("%s: nothing is planned", name)
		}
		if said := reasons(p, "caller"); (said != "") != c.held {
			t.Errorf("%s: %q\n%v", name, said, judged(p))
		}
	}
}
