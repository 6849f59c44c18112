package effect

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// What a plan leaves of roles and associations is what was there with its
// changes made, each role and association sorted where it belongs; what was
// seen stays as it was.
func TestWhatAPlanLeavesOfRolesAndAssociations(t *testing.T) {
	const a, b, c = "arn:aws:iam::111111111111:role/a", "arn:aws:iam::111111111111:role/b", "arn:aws:iam::111111111111:role/c"
	role := func(arn string) access.HaveRole {
		return access.HaveRole{Principal: access.Principal{ARN: arn}, Trust: "old", Boundary: "old", Tags: map[string]string{"x": "old"},
			Inline: []access.RolePolicy{{Name: "p", Document: readDoc}}, Managed: []string{managed}}
	}
	association := func(name, role string) access.PodIdentityAssociation {
		return access.PodIdentityAssociation{Namespace: "ns", ServiceAccount: name, Role: role}
	}
	world := func() *access.Snapshot {
		return &access.Snapshot{
			Accounts: []access.HaveAccount{{Account: access.Account{ID: "111111111111"}, Details: []access.HaveRole{role(a), role(b)}}, {Account: access.Account{ID: "222222222222"}}},
			Clusters: []access.HaveCluster{{Key: roleProd, PodIdentities: []access.PodIdentityAssociation{association("x", a)}}, {Key: roleTest, PodIdentities: []access.PodIdentityAssociation{association("x", a), association("y", b)}}},
		}
	}
	made := plan.IAMRole{ARN: b, Trust: "new", Boundary: "new", Tags: map[string]string{"x": "new"}}
	pod := func(a access.PodIdentityAssociation) plan.PodIdentity {
		return plan.PodIdentity{PodIdentityAssociation: a}
	}
	for name, x := range map[string]struct {
		change plan.Change
		leaves func(*access.Snapshot)
	}{
		"held":        {plan.Change{Verb: plan.Delete, Kind: plan.Role, Principal: b, From: plan.IAMRole{ARN: b}, Held: []plan.Hold{{Guard: "x"}}}, func(*access.Snapshot) {}},
		"a role goes": {plan.Change{Verb: plan.Delete, Kind: plan.Role, Principal: a, From: plan.IAMRole{ARN: a}}, func(h *access.Snapshot) { h.Accounts[0].Details = h.Accounts[0].Details[1:] }},
		"a role changes": {plan.Change{Verb: plan.Update, Kind: plan.Role, Principal: b, From: plan.IAMRole{ARN: b}, To: made}, func(h *access.Snapshot) {
			r := &h.Accounts[0].Details[1]
			r.Trust, r.Boundary, r.Tags = "new", "new", made.Tags
		}},
		"a role is made again": {plan.Change{Verb: plan.Replace, Kind: plan.Role, Principal: b, From: plan.IAMRole{ARN: b}, To: made}, func(h *access.Snapshot) {
			h.Accounts[0].Details[1] = access.HaveRole{Principal: access.Principal{ARN: b}, Trust: "new", Boundary: "new", Tags: made.Tags}
		}},
		"a role is made": {plan.Change{Verb: plan.Create, Kind: plan.Role, Principal: c, To: plan.IAMRole{ARN: c, Trust: "new"}}, func(h *access.Snapshot) {
			h.Accounts[0].Details = append(h.Accounts[0].Details, access.HaveRole{Principal: access.Principal{ARN: c}, Trust: "new"})
		}},
		"a policy changes": {plan.Change{Verb: plan.Update, Kind: plan.RolePolicy, Principal: b, From: plan.InlinePolicy{Role: b, RolePolicy: access.RolePolicy{Name: "p"}}, To: plan.InlinePolicy{Role: b, RolePolicy: access.RolePolicy{Name: "p", Document: writeDoc}}},
			func(h *access.Snapshot) {
				h.Accounts[0].Details[1].Inline = []access.RolePolicy{{Name: "p", Document: writeDoc}}
			}},
		"a policy goes": {plan.Change{Verb: plan.Delete, Kind: plan.RolePolicy, Principal: b, From: plan.InlinePolicy{Role: b, RolePolicy: access.RolePolicy{Name: "p"}}},
			func(h *access.Snapshot) { h.Accounts[0].Details[1].Inline = []access.RolePolicy{} }},
		"an attachment goes": {plan.Change{Verb: plan.Delete, Kind: plan.RoleAttachment, Principal: b, From: plan.Attachment{Role: b, Policy: managed}},
			func(h *access.Snapshot) { h.Accounts[0].Details[1].Managed = []string{} }},
		"an attachment comes": {plan.Change{Verb: plan.Create, Kind: plan.RoleAttachment, Principal: a, To: plan.Attachment{Role: a, Policy: edge}},
			func(h *access.Snapshot) { h.Accounts[0].Details[0].Managed = []string{managed, edge} }},
		"an association goes": {plan.Change{Verb: plan.Delete, Kind: plan.PodIdentityAssociation, Cluster: roleTest, Namespace: "ns", Name: "x", From: pod(association("x", a))},
			func(h *access.Snapshot) { h.Clusters[1].PodIdentities = h.Clusters[1].PodIdentities[1:] }},
		"an association comes, and is sorted": {plan.Change{Verb: plan.Create, Kind: plan.PodIdentityAssociation, Cluster: roleTest, Namespace: "ns", Name: "w", To: pod(association("w", b))},
			func(h *access.Snapshot) {
				h.Clusters[1].PodIdentities = append([]access.PodIdentityAssociation{association("w", b)}, h.Clusters[1].PodIdentities...)
			}},
		"an association changes": {plan.Change{Verb: plan.Update, Kind: plan.PodIdentityAssociation, Cluster: roleProd, Namespace: "ns", Name: "x", From: pod(association("x", a)), To: pod(association("x", b))},
			func(h *access.Snapshot) { h.Clusters[0].PodIdentities[0].Role = b }},
		"another kind": {plan.Change{Verb: plan.Delete, Kind: plan.AccessEntry, Cluster: roleTest, Principal: a}, func(*access.Snapshot) {}},
	} {
		have, want := world(), world()
		x.leaves(want)
		if d := cmp.Diff(want, WorkloadsAfter(have, &plan.Plan{Changes: []plan.Change{x.change}})); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if d := cmp.Diff(world(), have); d != "" {
			t.Errorf("%s: the snapshot was changed: %s", name, d)
		}
	}
}
