package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// Grants before revokes: what others rest on first, then what gives, then what
// changes nobody's access, then what takes, the widest taking last. Written down
// in the order of DESIGN 4, rule 6, and given to sort the other way round.
func TestEveryKindOfChangeHasItsPlaceInTheOrder(t *testing.T) {
	gives, takes := []Grant{{Group: "g"}}, []Grant{{Group: "h"}}
	to := func(m access.AuthMode) Object { return Mode{m} }
	order := [][]Change{
		{{Kind: AuthenticationMode, Verb: Update, To: to(access.ModeAPIAndConfigMap)}},
		{{Kind: AgentAddon, Verb: Create}, {Kind: OIDCProvider, Verb: Create}, {Kind: OIDCProvider, Verb: Update}},
		{{Kind: Role, Verb: Create}},
		{{Kind: AccessEntry, Verb: Create, Gained: gives}},
		{
			{Kind: AccessEntry, Verb: Update, Gained: gives}, {Kind: ArgoCDSecret, Verb: Create}, {Kind: ClusterRoleBinding, Verb: Create, Gained: gives},
			{Kind: PodIdentityAssociation, Verb: Create, Gained: gives}, {Kind: PodIdentityAssociation, Verb: Update, Gained: gives},
			{Kind: PolicyAssociation, Verb: Create, Gained: gives}, {Kind: PolicyAssociation, Verb: Update, Gained: gives},
			{Kind: Role, Verb: Update, Gained: gives}, {Kind: RoleAttachment, Verb: Create, Gained: gives},
			{Kind: RoleBinding, Verb: Create, Gained: gives}, {Kind: RoleBinding, Verb: Update, Gained: gives},
			{Kind: RolePolicy, Verb: Create, Gained: gives}, {Kind: RolePolicy, Verb: Update, Gained: gives},
			{Kind: ServiceAccount, Verb: Create, Gained: gives}, {Kind: ServiceAccount, Verb: Update, Gained: gives},
		},
		{{Kind: AccessEntry, Verb: Update}, {Kind: ArgoCDSecret, Verb: Update}, {Kind: Role, Verb: Update}},
		{
			{Kind: ArgoCDSecret, Verb: Delete}, {Kind: ClusterRoleBinding, Verb: Delete, Lost: takes}, {Kind: PodIdentityAssociation, Verb: Delete, Lost: takes},
			{Kind: RoleBinding, Verb: Delete, Lost: takes}, {Kind: RoleBinding, Verb: Replace, Gained: gives, Lost: takes},
			{Kind: RoleBinding, Verb: Update, Gained: gives, Lost: takes}, {Kind: ServiceAccount, Verb: Delete, Lost: takes},
		},
		{
			{Kind: AccessEntry, Verb: Replace, Gained: gives}, {Kind: AccessEntry, Verb: Update, Gained: gives, Lost: takes},
			{Kind: AuthenticationMode, Verb: Update, To: to(access.ModeAPI)}, {Kind: PodIdentityAssociation, Verb: Update, Gained: gives, Lost: takes},
			{Kind: PolicyAssociation, Verb: Update, Gained: gives, Lost: takes}, {Kind: Role, Verb: Replace, Gained: gives}, {Kind: Role, Verb: Update, Lost: takes},
			{Kind: RolePolicy, Verb: Update, Lost: takes}, {Kind: ServiceAccount, Verb: Update, Lost: takes},
		},
		{{Kind: PolicyAssociation, Verb: Delete, Lost: takes}, {Kind: RoleAttachment, Verb: Delete, Lost: takes}, {Kind: RolePolicy, Verb: Delete, Lost: takes}},
		{{Kind: AccessEntry, Verb: Delete, Lost: takes}, {Kind: Role, Verb: Delete, Lost: takes}},
	}
	var want []string
	var changes []Change
	for _, together := range order {
		for _, c := range together { // written by kind, then by what tells them apart
			c.ID = string(c.Kind) + " " + string(c.Verb) + map[bool]string{true: " gives"}[len(c.Gained) > 0] + map[bool]string{true: " takes"}[len(c.Lost) > 0]
			if m, ok := c.To.(Mode); ok {
				c.ID += " " + string(m.AuthenticationMode)
			}
			want, changes = append(want, c.ID), append(changes, c)
		}
	}
	slices.Reverse(changes)
	p := Plan{Changes: changes}
	p.sort(sees())
	var got []string
	for _, c := range p.Changes {
		got = append(got, c.ID)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
