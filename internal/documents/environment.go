package documents

import (
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// environment judges what an Environment says by itself.
func (d *decoder) environment(e *v1alpha1.Environment) {
	d.metadata(e.Name, e.Labels)
	d.form([]any{"spec", "id"}, e.Spec.ID, environment, "want 6 to 16 lower-case letters and digits, a letter first; atlas-iam init draws one")

	accounts := []any{"spec", "accounts"}
	if n, ok := follow(d.node, accounts); ok && len(n.Content) == 0 && !d.spoiled[n] {
		d.bad(accounts, "name one account at least", "spec.accounts is empty")
	}
	names, ids := map[string]bool{}, map[string]bool{}
	for i, a := range e.Spec.Accounts {
		p := at(accounts, i)
		d.environmentAccount(p, a)
		if a.Name != "" && names[a.Name] {
			d.bad(at(p, "name"), "give each account a name of its own", "two accounts are named %s", quoted(a.Name))
		}
		if a.ID != "" && ids[a.ID] {
			d.bad(at(p, "id"), "write its regions in one list", "the account %s stands twice", quoted(a.ID))
		}
		names[a.Name], ids[a.ID] = true, true
	}

	if r := e.Spec.Roles; r != nil {
		d.roles([]any{"spec", "roles"}, r)
	}
	d.tags([]any{"spec", "tags"}, e.Spec.Tags, e.Spec.ForeignTags)
	if n := len(e.Spec.ForeignTags); n > maxLabels {
		d.bad([]any{"spec", "foreignTags"}, "", "spec.foreignTags has %d marks, over %d", n, maxLabels)
		return
	}
	for k, v := range e.Spec.ForeignTags {
		p := []any{"spec", "foreignTags", k}
		if strings.HasPrefix(strings.ToLower(k), "atlas-iam.dev/") {
			d.badKey(p, "all that atlas-iam makes would be taken for another tool's", "%s is atlas-iam's own mark", quoted(k))
		} else if !strings.HasPrefix(k, "aws:") {
			d.tag(p, k, v, true)
		}
	}
}

func (d *decoder) environmentAccount(p []any, a v1alpha1.Account) {
	d.form(at(p, "name"), a.Name, dnsLabel, labelForm)
	if onlyDigits.MatchString(a.Name) && a.Name != "" {
		d.bad(at(p, "name"), "a name of digits alone could be taken for an id", "%s.name cannot be %s", pathString(p), quoted(a.Name))
	}
	idOK := d.accountID(at(p, "id"), a.ID)

	regions := at(p, "regions")
	if n, ok := follow(d.node, regions); ok && len(n.Content) == 0 && !d.spoiled[n] {
		d.bad(regions, "name one region at least", "%s is empty", pathString(regions))
	}
	partition, seen := "", map[string]bool{}
	for i, region := range a.Regions {
		q := at(regions, i)
		switch {
		case region == "" || !d.region(q, region):
			continue
		case seen[region]:
			d.bad(q, "", "%s stands twice", quoted(region))
		case partition != "" && access.PartitionOf(region) != partition:
			d.bad(q, "an account is in one partition", "%s is in the partition %s, and %s before it in %s", Escape(region), access.PartitionOf(region), Escape(a.Regions[0]), partition)
		}
		seen[region] = true
		if partition == "" {
			partition = access.PartitionOf(region)
		}
	}
	if r := a.AssumeRole; r != nil {
		d.assumeRole(at(p, "assumeRole"), r, a.ID, idOK, partition)
	}
}

// assumeRole checks the role that an account is worked in with.
func (d *decoder) assumeRole(p []any, r *v1alpha1.AssumeRole, id string, idOK bool, partition string) {
	if d.form(at(p, "externalId"), r.ExternalID, externalID, "want 2 to 1224 letters, digits and _ + = , . @ : / -") && len(r.ExternalID) > 1224 {
		d.bad(at(p, "externalId"), "IAM allows 1224", "%s.externalId has %d letters", pathString(p), len(r.ExternalID))
	}
	d.form(at(p, "sessionName"), r.SessionName, sessionName, "want 2 to 64 letters, digits and _ + = , . @ -")
	where := at(p, "arn")
	if r.ARN == "" || !d.ascii(where, r.ARN) {
		return
	}
	role, ok := roleARN(r.ARN)
	switch {
	case !ok || !twelveDigits.MatchString(role.Account) || !knownPartition(role.Partition) || !iamName.MatchString(role.Name) || !iamPath.MatchString(role.Path):
		d.bad(where, "want arn:aws:iam::ACCOUNT:role/NAME", "%s is not a role's ARN: %s", pathString(where), quoted(r.ARN))
	case id != "" && idOK && role.Account != id:
		d.bad(where, "a role of the account itself is assumed", "this role is in the account %s, not in %s", role.Account, Escape(id))
	case partition != "" && role.Partition != partition:
		d.bad(where, "write arn:"+partition+":...", "this role is in the partition %s, and the account's regions in %s", role.Partition, partition)
	}
}

func (d *decoder) roles(p []any, r *v1alpha1.Roles) {
	d.rolePath(at(p, "path"), r.Path)
	d.form(at(p, "permissionsBoundary"), r.PermissionsBoundary, boundaryARN, "want arn:aws:iam::ACCOUNT:policy/NAME")
}

// rolePath judges the IAM path of roles that are made.
func (d *decoder) rolePath(p []any, s string) {
	if !d.form(p, s, iamPath, "want a path such as /atlas-iam/ops/, with a slash at both ends") {
		return
	}
	switch {
	case len(s) > 512:
		d.bad(p, "IAM allows 512", "%s has %d letters", pathString(p), len(s))
	case strings.HasPrefix(s, "/aws-service-role/") || strings.HasPrefix(s, "/aws-reserved/"):
		d.bad(p, "AWS keeps this path for itself", "%s cannot be %s", pathString(p), quoted(s))
	}
}
