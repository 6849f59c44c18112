package plan

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// theirs is the world of workloadWant as others made it: yace and its
// association bear tags, and what edit does.
func theirs(t *testing.T, tags map[string]string, edit func(*access.HaveRole, *access.PodIdentityAssociation)) (*access.State, *access.Snapshot) {
	t.Helper()
	want := workloadWant(t, test)
	have := made(t, workloadSees(test), Compute(want, workloadSees(test), Options{}))
	role, association := &have.Accounts[0].Details[1], &have.Clusters[0].PodIdentities[0]
	role.Tags, association.Tags = maps.Clone(tags), maps.Clone(tags)
	if edit != nil {
		edit(role, association)
	}
	return want, have
}

// A role or association of others is taken over only where nobody else claims it
// and the documents want what it gives; else it is held with the difference.
//
// shows: item S108
func TestAdoptingAWorkloadsObjectThatWouldNarrowOrStayForeignIsHeld(t *testing.T) {
	tool, old := map[string]string{"created-by": "terraform"}, access.Owner{Environment: "old", ID: "x"}.Tags()
	const role, association = "role/main/yace", "association/test/ops/yace-sa"
	const other = "the documents want it otherwise, so the next plan would take a role from somebody: "
	for name, c := range map[string]struct {
		tags map[string]string
		edit func(*access.HaveRole, *access.PodIdentityAssociation)
		key  string // empty: without keys
		held map[string]string
	}{
		"nobody's":                    {nil, nil, "", nil},
		"another tool's":              {tool, nil, "", map[string]string{"role/yace": "it stays another's (tag created-by=terraform)", "podidentity/test/ops/yace-sa": "it stays another's (tag created-by=terraform)"}},
		"another tool's, named":       {tool, nil, role, map[string]string{"role/yace": "it stays another's (tag created-by=terraform)"}},
		"another environment's":       {old, nil, "", map[string]string{"role/yace": "it belongs to environment old: release it there, or take it over all the same by its key: atlas-iam adopt role/" + home + "/yace", "podidentity/test/ops/yace-sa": "it belongs to environment old: release it there, or take it over all the same by its key: atlas-iam adopt " + association}},
		"another environment's role":  {old, nil, role, nil},
		"another environment's, both": {old, nil, association, nil},
		"another role":                {nil, func(_ *access.HaveRole, a *access.PodIdentityAssociation) { a.Role = lokiRole }, association, map[string]string{"podidentity/test/ops/yace-sa": other + "its role is " + lokiRole + ", wanted is " + yaceRole}},
		"another target":              {nil, func(_ *access.HaveRole, a *access.PodIdentityAssociation) { a.TargetRole = "arn:t" }, association, map[string]string{"podidentity/test/ops/yace-sa": other + "its target role is arn:t, wanted is none"}},
		"no session tags":             {nil, func(_ *access.HaveRole, a *access.PodIdentityAssociation) { a.DisableSessionTags = true }, association, map[string]string{"podidentity/test/ops/yace-sa": other + "disableSessionTags is true, wanted is false"}},
		"a session policy":            {nil, func(_ *access.HaveRole, a *access.PodIdentityAssociation) { a.SessionPolicy = "{}" }, association, map[string]string{"podidentity/test/ops/yace-sa": other + "its session policy is {}, wanted is none"}},
		"an add-on's": {nil, func(_ *access.HaveRole, a *access.PodIdentityAssociation) {
			a.OwnerARN = "arn:aws:eks:eu-west-1:1:addon/test/vpc-cni/x"
		}, association, map[string]string{"podidentity/test/ops/yace-sa": "it is the add-on vpc-cni's: change it through that"}},
		"a managed policy more": {nil, func(r *access.HaveRole, _ *access.PodIdentityAssociation) {
			r.Managed = append(slices.Clone(r.Managed), "arn:x")
		}, role, map[string]string{"role/yace": "would take: managed policy arn:x; let them want that too, adopt it, then narrow them"}},
		"a managed policy less":     {nil, func(r *access.HaveRole, _ *access.PodIdentityAssociation) { r.Managed = nil }, role, nil},
		"trust that cannot be read": {nil, func(r *access.HaveRole, _ *access.PodIdentityAssociation) { r.Trust, r.TrustText = "", "{" }, role, map[string]string{"role/yace": "the trust policy of role yace cannot be read"}},
	} {
		want, have := theirs(t, c.tags, c.edit)
		var keys []string
		if c.key != "" {
			keys = []string{c.key}
		}
		p, err := Adoptions(want, have, keys)
		if err != nil || len(p.Changes) != map[bool]int{true: 2, false: 1}[c.key == ""] {
			t.Errorf("%s: %v %v", name, lines(p), err)
		}
		for i := range p.Changes {
			ch := &p.Changes[i]
			says := c.held[strings.ReplaceAll(strings.ReplaceAll(ch.ID, home+"/", ""), "eu-west-1/", "")]
			if got := strings.Join(holds(ch), "; "); (got == "") != (says == "") || !strings.Contains(got, says) {
				t.Errorf("%s: %s is held by %q, want %q", name, ch.ID, got, says)
			}
		}
	}
}

// What is another's and differs is held with all in which it differs, and the
// way to its end.
//
// shows: item S108
func TestAForeignObjectOfAWorkloadIsHeldWithItsDifferenceAndItsWay(t *testing.T) {
	const instead = "; or write `existing: " + yaceRole + "` to use it as it is, or take another name"
	const adopt = "; let the documents want what it gives and take it over by `atlas-iam adopt`, or let who made it delete it"
	const release = "; release it where it was made, or take the ServiceAccount out of the documents"
	tool := map[string]string{"created-by": "terraform", "team": "ops"}
	for name, c := range map[string]struct {
		tags map[string]string
		edit func(*access.HaveRole, *access.PodIdentityAssociation)
		id   string
		says string
	}{
		"a description": {map[string]string{"team": "ops"}, func(r *access.HaveRole, _ *access.PodIdentityAssociation) { r.Description = "x" }, "", ""}, // stays
		"a session": {map[string]string{"team": "ops"}, func(r *access.HaveRole, _ *access.PodIdentityAssociation) { r.MaxSession = 7200 }, "role/yace",
			"the role is not ours (nobody's mark): a session of it is at most 7200 s, wanted are 3600 s; take it over by `atlas-iam adopt role/" + home + "/yace`" + instead},
		"a policy": {map[string]string{"team": "ops"}, func(r *access.HaveRole, _ *access.PodIdentityAssociation) { r.Inline = nil }, "rolepolicy/yace/p",
			"the role is not ours (nobody's mark): policy p is missing; take it over by `atlas-iam adopt role/" + home + "/yace`" + instead},
		"a policy of a tool's": {tool, func(r *access.HaveRole, _ *access.PodIdentityAssociation) { r.Inline = nil }, "rolepolicy/yace/p",
			"the role is not ours (tag created-by=terraform): policy p is missing; release it there, then take the mark off: aws iam untag-role --role-name yace --tag-keys created-by" + instead},
		"an association's role": {nil, func(_ *access.HaveRole, a *access.PodIdentityAssociation) { a.Role = lokiRole }, "podidentity/test/ops/yace-sa",
			"the association is not ours (nobody's mark): its role is " + lokiRole + ", wanted is " + yaceRole + adopt},
		"an association's tags": {nil, func(_ *access.HaveRole, a *access.PodIdentityAssociation) { a.DisableSessionTags = true }, "podidentity/test/ops/yace-sa",
			"the association is not ours (nobody's mark): disableSessionTags is true, wanted is false" + adopt},
		"an association of a tool's": {tool, func(_ *access.HaveRole, a *access.PodIdentityAssociation) { a.TargetRole = "arn:t" }, "podidentity/test/ops/yace-sa",
			"the association is not ours (tag created-by=terraform): its target role is arn:t, wanted is none" + release},
		"an add-on's": {nil, func(_ *access.HaveRole, a *access.PodIdentityAssociation) {
			a.OwnerARN = "arn:aws:eks:eu-west-1:1:addon/test/vpc-cni/x"
		}, "podidentity/test/ops/yace-sa",
			"the association is not ours (add-on vpc-cni): EKS has one for each ServiceAccount; change it through its add-on, or take the ServiceAccount out of the documents"},
	} {
		want, have := theirs(t, c.tags, c.edit)
		p := Compute(want, have, Options{})
		if c.id == "" {
			if len(p.Changes) > 0 {
				t.Errorf("%s: %v", name, lines(p))
			}
			continue
		}
		ch := find(p, c.id)
		if ch == nil || !slices.Contains(holds(ch), ForeignEntry+": "+c.says) {
			t.Errorf("%s: %+v, want %s", name, ch, c.says)
		}
		marked := c.tags["created-by"] != ""
		for _, f := range p.Foreign {
			object := map[Kind]string{Role: "yace", PodIdentityAssociation: "arn:a-1"}[f.Kind]
			if !marked {
				object = ""
			}
			if f.Object != object || (len(f.Marks) > 0) != marked || !f.Wanted {
				t.Errorf("%s: foreign %+v", name, f)
			}
		}
	}
}

// Of another's role nothing is said that was not read.
func TestARoleOfAnothersThatWasNotReadIsNoFault(t *testing.T) {
	for name, edit := range map[string]func(*access.Snapshot){
		"its policies were not read": func(h *access.Snapshot) { h.Accounts[0].DetailsRead, h.Accounts[0].Details = false, nil },
		"a gap": func(h *access.Snapshot) {
			gap(h, access.Gap{What: access.GapRoleDetails, Account: home, Reason: "403"})
		},
	} {
		want, have := workloadWant(t, test), workloadSees(test)
		want.Roles = want.Roles[1:]
		want.Roles[0].Existing = true
		want.Clusters[0].ServiceAccounts = nil
		edit(have)
		p := Compute(want, have, Options{})
		if ch := find(p, "podidentity/test/ops/yace-sa"); ch == nil || len(ch.Held) > 0 || len(p.Warnings) > 0 {
			t.Errorf("%s: %v, warnings %v", name, lines(p), p.Warnings)
		}
	}
}

// A ServiceAccount cannot be made where its namespace is not.
func TestAServiceAccountNeedsItsNamespace(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*access.HaveKubernetes)
		says []string
	}{
		"there":     {func(*access.HaveKubernetes) {}, nil},
		"not there": {func(k *access.HaveKubernetes) { k.Namespaces = []string{"ops"} }, []string{"no-service-account: namespace logs-a is not on cluster test: make it and run again"}},
		"not read":  {func(k *access.HaveKubernetes) { k.NamespacesRead, k.Namespaces = false, nil }, nil},
	} {
		have := workloadSees(test)
		c.edit(have.Clusters[0].Kubernetes)
		ch := find(Compute(workloadWant(t, test), have, Options{}), "serviceaccount/test/logs-a/loki")
		if d := cmp.Diff(c.says, holds(ch)); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}
