package desired

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// roleKey identifies a role as IAM does: without path, and whatever its
// capitals. (IAM API, CreateRole: RoleName)
type roleKey struct{ account, name string }

func (k roleKey) compare(o roleKey) int {
	return cmp.Or(cmp.Compare(k.account, o.account), cmp.Compare(k.name, o.name))
}

// role is a role of workloads while what they want of it is gathered.
type role struct {
	access.WantRole
	maker string // the workload that makes it; empty: none
}

// roleDetails is what a document says of the role it makes, the same on each
// cluster of a partition; its ARN is not settled.
func (c *compiler) roleDetails(doc workloadDoc, partition string) access.WantRole {
	spec := doc.Value.Spec.Role
	r := access.WantRole{
		Existing: spec.Existing != "", Description: spec.Description, MaxSession: seconds(spec.MaxSessionDuration),
		Managed: slices.Clone(spec.ManagedPolicies), Place: doc.At("spec", "role"),
	}
	slices.Sort(r.Managed)
	if len(spec.Tags) > 0 {
		r.Tags = maps.Clone(spec.Tags)
	}
	if r.Existing {
		return r
	}
	if roles := c.set.Environment.Value.Spec.Roles; roles != nil {
		r.Boundary = roles.PermissionsBoundary
	}
	if spec.PermissionsBoundary != nil {
		r.Boundary = *spec.PermissionsBoundary
	}
	c.roleTags(doc, spec.Tags)
	c.inline(doc, partition, &r)
	return r
}

// maxInline is how long a role's inline policies may be together. (IAM and STS
// quotas)
const maxInline = 10240

// placed is a statement and where it is from.
type placed struct {
	v1alpha1.Statement
	place access.Place
}

func placedStatements(list []v1alpha1.Statement, at func(path ...any) access.Place) []placed {
	var out []placed
	for i, s := range list {
		out = append(out, placed{s, at(i)})
	}
	return out
}

// inline makes the role's inline policy of its statements, its presets' and
// the way to its target.
func (c *compiler) inline(doc workloadDoc, partition string, r *access.WantRole) {
	spec := doc.Value.Spec
	statements := placedStatements(spec.Role.Statements, beneath(doc, "spec", "role", "statements"))
	for i := range spec.Role.Presets {
		statements = append(statements, c.preset(doc, i, partition)...)
	}
	c.ofPartition(partition, statements)
	if spec.TargetRole != nil {
		statements = append(statements, placed{toTarget(spec), doc.At("spec", "targetRole")})
	}
	if len(statements) == 0 {
		return
	}
	document, ok := c.policyDocument(iam.Identity, statements)
	if !ok {
		return
	}
	if n := iam.Size(string(document)); n > maxInline {
		at, what := doc.At("spec", "role", "statements"), "statements"
		if len(spec.Role.Presets) > 0 {
			at, what = doc.At("spec", "role", "presets"), "statements and presets"
		}
		c.faultOnce(at, "make managed policies of some, and name those under managedPolicies",
			"the %s of role %s have %d characters, and a role's inline policies %d at most", what, quoted(spec.Role.Name), n, maxInline)
	}
	r.Inline = []access.RolePolicy{{Name: cmp.Or(spec.Role.PolicyName, doc.Value.Name), Document: document}}
}

// toTarget lets the role go on to its target. (EKS User Guide, "Access AWS
// resources using EKS Pod Identity Target IAM roles")
func toTarget(spec v1alpha1.WorkloadSpec) v1alpha1.Statement {
	s := v1alpha1.Statement{Sid: "AtlasIamTargetRole", Actions: []string{"sts:AssumeRole"}, Resources: []string{spec.TargetRole.ARN}}
	if !spec.DisableSessionTags {
		s.Actions = append(s.Actions, "sts:TagSession")
	}
	return s
}

// statement is a statement as IAM writes it.
type statement struct {
	Sid         string                         `json:",omitempty"`
	Effect      string                         //
	Action      []string                       `json:",omitempty"`
	NotAction   []string                       `json:",omitempty"`
	Resource    []string                       `json:",omitempty"`
	NotResource []string                       `json:",omitempty"`
	Condition   map[string]map[string][]string `json:",omitempty"`
}

var statementPath = regexp.MustCompile(`^Statement\[(\d+)\]`)

// policyDocument makes a policy of statements, in canonical form.
func (c *compiler) policyDocument(kind iam.Kind, list []placed) (access.Document, bool) {
	policy := struct {
		Version   string
		Statement []statement
	}{Version: "2012-10-17"}
	for _, s := range list {
		policy.Statement = append(policy.Statement, statement{
			Sid: s.Sid, Effect: cmp.Or(s.Effect, "Allow"), Action: s.Actions, NotAction: s.NotActions,
			Resource: s.Resources, NotResource: s.NotResources, Condition: s.Conditions,
		})
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(policy); err != nil {
		c.faultOnce(list[0].place, "", "these statements make no policy: %s", documents.Escape(err.Error()))
		return "", false
	}
	document, err := iam.Canonical(kind, text.String())
	if err == nil {
		return document, true
	}
	place, said := list[0].place, err.Error()
	if wrong := (*iam.ParseError)(nil); errors.As(err, &wrong) {
		said = wrong.Problem
		if m := statementPath.FindStringSubmatch(wrong.Path); m != nil {
			i, _ := strconv.Atoi(m[1]) // digits by the pattern, of a statement of ours
			place = list[i].place
			said = strings.TrimPrefix(wrong.Path, m[0]+".") + ": " + said
		}
	}
	c.faultOnce(place, "", "IAM would refuse this statement: %s", documents.Escape(said))
	return "", false
}

// ofPartition refuses resources of another partition, as IAM does when it is
// too late: MalformedPolicyDocument, `Partition "aws" is not valid for resource
// "arn:aws:s3:::b"`. (terraform-aws-modules/terraform-aws-iam#39, eksctl#4329)
func (c *compiler) ofPartition(partition string, list []placed) {
	for _, s := range list {
		for _, r := range slices.Concat(s.Resources, s.NotResources) {
			after, isARN := strings.CutPrefix(r, "arn:")
			theirs, rest, _ := strings.Cut(after, ":")
			if isARN && theirs != partition && !strings.ContainsAny(theirs, "*?") {
				c.faultOnce(s.place, "write arn:"+partition+":"+documents.Escape(rest)+", and a Workload for each partition",
					"%s is of partition %s, and the role of partition %s: IAM refuses such a policy", quoted(r), quoted(theirs), partition)
			}
		}
	}
}

// roleTags refuses tags that with the Environment's are too many, or that make
// the role another tool's.
func (c *compiler) roleTags(doc workloadDoc, tags map[string]string) {
	all := withOwn(c.state)
	maps.Copy(all, tags)
	at := doc.At("spec", "role", "tags")
	if len(all) > 50 {
		c.faultOnce(at, "IAM allows 50 on a role, and two are atlas-iam's own", "with the Environment's the role has %d tags", len(all))
	}
	if mark := c.state.Owner.OwnerOf(all, c.state.ForeignTags); !mark.Ours && len(tags) > 0 {
		c.faultOnce(at, "take it out of tags or out of foreignTags", "the role would count as another tool's (%s)", documents.Escape(mark.By))
	}
}

// workloadRole settles the role of a workload on a cluster.
func (c *compiler) workloadRole(doc workloadDoc, s *site, details access.WantRole) (roleKey, bool) {
	spec, at := doc.Value.Spec.Role, doc.At("spec", "role", "name")
	iamRole := access.IAMPrincipal{Partition: s.partition, Account: s.want.Key.Account, Kind: "role", Path: "/"}
	if details.Existing {
		at = doc.At("spec", "role", "existing")
		found, err := access.ParseIAMPrincipal(spec.Existing)
		switch {
		case err != nil || found.Kind != "role":
			c.faultOnce(at, "want arn:PARTITION:iam::ACCOUNT:role/NAME", "%s is not a role's ARN", quoted(spec.Existing))
			return roleKey{}, false
		case found.Partition != s.partition:
			c.faultOnce(at, "write arn:"+s.partition+":iam::"+s.want.Key.Account+":role/...; a Workload's clusters with an existing role are of one account",
				"role %s is of partition %s, and cluster %s of %s", found.Name, found.Partition, s.want.Document, s.partition)
			return roleKey{}, false
		case found.Account != s.want.Key.Account:
			c.faultOnce(at, "a cluster's pods get a role of its own account; from there targetRole, or the program, goes on to others",
				"role %s is of account %s, and cluster %s of account %s", found.Name, found.Account, s.want.Document, s.want.Key.Account)
			return roleKey{}, false
		}
		iamRole = found
	} else {
		path := "/"
		if roles := c.set.Environment.Value.Spec.Roles; roles != nil {
			path = cmp.Or(roles.Path, path)
		}
		iamRole.Path, iamRole.Name = cmp.Or(spec.Path, path), roleName(spec.Name, s.want.Document)
		if n := len(iamRole.Name); n > 64 {
			c.fault(at, "shorten it: the name of a Cluster counts too", "the role's name on cluster %s has %d letters, and IAM allows 64: %s", s.want.Document, n, quoted(iamRole.Name))
			return roleKey{}, false
		}
	}
	arn := iamRole.ARN()
	if !c.roleMayBe(doc, s, arn, at) || !c.ownPolicies(doc, s, details) {
		return roleKey{}, false
	}
	if target := doc.Value.Spec.TargetRole; target != nil && !c.target(doc, s, arn, target.ARN) {
		return roleKey{}, false
	}
	return c.wantRole(doc, details, iamRole, at)
}

// wantRole unites what workloads want of one role.
func (c *compiler) wantRole(doc workloadDoc, details access.WantRole, iamRole access.IAMPrincipal, at access.Place) (roleKey, bool) {
	key, arn := roleKey{iamRole.Account, strings.ToLower(iamRole.Name)}, iamRole.ARN()
	r, ok := c.roles[key]
	switch {
	case ok && r.ARN != arn:
		c.faultOnce(at, "IAM knows a role by its name alone, whatever its path and its capitals", "role %s is %s here and %s at %s", iamRole.Name, arn, r.ARN, r.Place)
		return key, false
	case ok && !details.Existing && r.maker != "" && r.maker != doc.Value.Name:
		c.faultOnce(at, "one Workload makes a role; others name it by {existing: "+arn+"}", "role %s is made by workload %s here and by %s at %s", iamRole.Name, doc.Value.Name, r.maker, r.Place)
		return key, false
	case !ok:
		r = &role{WantRole: access.WantRole{Account: iamRole.Account, ARN: arn, Existing: true, Place: details.Place}}
		c.roles[key] = r
	}
	if !details.Existing && r.maker == "" {
		trust, workloads := r.Trust, r.Workloads
		r.WantRole, r.maker = details, doc.Value.Name
		r.Account, r.ARN, r.Trust, r.Workloads = iamRole.Account, arn, trust, workloads
	}
	r.Workloads = append(r.Workloads, doc.Value.Name)
	return key, true
}

// roleMayBe refuses roles that no workload may have: those of nodes, which
// every pod of theirs reaches, those that are protected, and our own.
func (c *compiler) roleMayBe(doc workloadDoc, s *site, arn string, at access.Place) bool {
	for _, t := range c.sites {
		if e, ok := t.entries[arn]; ok && e.nodeAt != (access.Place{}) {
			c.faultOnce(at, "give the workload a role of its own", "%s is the role of workload %s here and of cluster %s's nodes at %s", arn, doc.Value.Name, t.want.Document, e.nodeAt)
			return false
		}
		if p, ok := t.protect[arn]; ok {
			c.faultOnce(at, "give the workload a role of its own", "%s is the role of workload %s here and protected on cluster %s at %s", arn, doc.Value.Name, t.want.Document, p.Place)
			return false
		}
	}
	if a, ok := c.account(s.want.Key.Account); ok && a.RoleARN == arn {
		c.faultOnce(at, "give the workload a role of its own", "%s is what atlas-iam itself works as in account %s", arn, a.Name)
		return false
	}
	return true
}

// ownPolicies refuses managed policies and boundaries of other accounts and
// partitions. (IAM User Guide, customer managed policies: of the account)
func (c *compiler) ownPolicies(doc workloadDoc, s *site, details access.WantRole) bool {
	good := true
	judge := func(s *site, arn string, at access.Place) {
		a, err := access.ParseARN(arn)
		if err == nil && a.Partition == s.partition && (a.Account == "aws" || a.Account == s.want.Key.Account) {
			return
		}
		good = false
		if err == nil && a.Partition != s.partition {
			a.Partition = s.partition
			c.faultOnce(at, "write "+documents.Escape(a.String())+", and a Workload for each partition", "%s is not of partition %s, in which the role of cluster %s is", quoted(arn), s.partition, s.want.Document)
			return
		}
		c.faultOnce(at, "a role takes policies of its own account and AWS's own; write a Workload for each account", "%s is not a policy of account %s, in which the role of cluster %s is", quoted(arn), s.want.Key.Account, s.want.Document)
	}
	for i, arn := range doc.Value.Spec.Role.ManagedPolicies {
		judge(s, arn, doc.At("spec", "role", "managedPolicies", i))
	}
	if details.Boundary != "" {
		at := doc.At("spec", "role", "permissionsBoundary")
		if doc.Value.Spec.Role.PermissionsBoundary == nil {
			at = c.set.Environment.At("spec", "roles", "permissionsBoundary")
		}
		judge(s, details.Boundary, at)
	}
	return good
}

// target judges the role at the end of the chain.
func (c *compiler) target(doc workloadDoc, s *site, own, target string) bool {
	at := doc.At("spec", "targetRole", "arn")
	role, err := access.ParseIAMPrincipal(target)
	switch {
	case err != nil || role.Kind != "role":
		c.faultOnce(at, "want arn:PARTITION:iam::ACCOUNT:role/NAME", "%s is not a role's ARN", quoted(target))
	case role.Partition != s.partition:
		c.faultOnce(at, "roles are assumed within a partition", "the target role is of partition %s, and cluster %s of %s", role.Partition, s.want.Document, s.partition)
	case target == own:
		c.faultOnce(at, "leave targetRole out", "the target role is the role itself on cluster %s", s.want.Document)
	default:
		return true
	}
	return false
}
