package iam

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	authz "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/emulator/query"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

const managedBucket = "iam.policies"

// Managed is a managed policy, the customer's or AWS's.
type Managed struct {
	Name, Path, ID, ARN string
	Description         string
	Account             string // "aws" for AWS's own
	Created, Updated    time.Time
	Versions            []Version // oldest first
	Default             string
	Next                int // number of the next version
	Attachments         int
	Boundaries          int
	Tags                []Tag
}

// Version is a version of a managed policy.
type Version struct {
	ID, Document string
	Created      time.Time
}

func (m Managed) document(id string) string {
	for _, v := range m.Versions {
		if v.ID == id {
			return v.Document
		}
	}
	return ""
}

// Quotas of managed policies. (IAM User Guide, IAM and STS quotas)
const (
	managedSize   = 6144
	versionsQuota = 5
)

// findManaged finds a managed policy by its ARN: AWS's own, or a customer's.
func findManaged(r store.Reader, arn string) (Managed, bool) {
	if m, ok := awsManaged(arn); ok {
		return m, true
	}
	_, name := policyPathName(arn)
	m, ok := store.Get[Managed](r, managedBucket, entityKey(access.AccountOf(arn), name))
	return m, ok && m.ARN == arn
}

// HasPolicy reports whether there is a managed policy of an ARN.
func (s *Service) HasPolicy(r store.Reader, arn string) bool {
	_, ok := findManaged(r, arn)
	return ok
}

// countAttached counts the users and roles of an account that have AWS's
// policy; a customer's policy keeps its own count.
func countAttached(r store.Reader, account string, m Managed) Managed {
	if m.Account != "aws" {
		return m
	}
	for _, k := range []kind{user, role} {
		for _, e := range store.List[Entity](r, k.bucket, account, "") {
			if slices.Contains(e.Attached, m.ARN) {
				m.Attachments++
			}
		}
	}
	return m
}

// policyPathName takes a policy's ARN apart.
func policyPathName(arn string) (path, name string) {
	rest := arn[strings.LastIndexByte(arn, ':')+1:]
	rest = strings.TrimPrefix(rest, "policy")
	i := strings.LastIndexByte(rest, '/')
	return rest[:i+1], rest[i+1:]
}

// count changes the counts of a customer managed policy.
func (s *Service) count(tx *store.Tx, arn string, change func(*Managed)) {
	if arn == "" {
		return
	}
	_, name := policyPathName(arn)
	key := entityKey(access.AccountOf(arn), name)
	if m, ok := store.Get[Managed](tx, managedBucket, key); ok {
		change(&m)
		tx.Put(managedBucket, key, m)
	}
}

func (s *Service) managedHandlers() map[string]query.Handler {
	return map[string]query.Handler{
		"CreatePolicy":            write(s.createPolicy),
		"GetPolicy":               read(s.getPolicy),
		"ListPolicies":            read(s.listPolicies),
		"DeletePolicy":            write(s.deletePolicy),
		"CreatePolicyVersion":     write(s.createVersion),
		"GetPolicyVersion":        read(s.getVersion),
		"ListPolicyVersions":      read(s.listVersions),
		"DeletePolicyVersion":     write(s.deleteVersion),
		"SetDefaultPolicyVersion": write(s.setDefault),
		"TagPolicy":               write(s.tagPolicy),
		"UntagPolicy":             write(s.untagPolicy),
		"ListPolicyTags":          read(s.listPolicyTags),
	}
}

func (s *Service) createPolicy(r *request) (object, error) {
	name, path, document := r.In.Text("PolicyName"), r.In.Text("Path"), r.In.Text("PolicyDocument")
	if path == "" {
		path = "/"
	}
	arn := "arn:" + r.Partition + ":iam::" + r.Account + ":policy" + path + name
	if err := r.Authorize("iam:CreatePolicy", arn, conditionKeys(r, Entity{})); err != nil {
		return nil, err
	}
	if store.Has(r.Tx, managedBucket, entityKey(r.Account, name)) {
		return nil, s.model.Fault("EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", name)
	}
	if err := s.checkManaged(r.Partition, document); err != nil {
		return nil, err
	}
	tags, err := s.checkTags(r, nil)
	if err != nil {
		return nil, err
	}
	m := Managed{
		Name: name, Path: path, ID: uniqueID("ANPA"), ARN: arn, Account: r.Account, Description: r.In.Text("Description"),
		Created: r.Now, Updated: r.Now, Versions: []Version{{"v1", document, r.Now}}, Default: "v1", Next: 2, Tags: tags,
	}
	shown := showPolicy(m)
	delete(shown, "Description") // only GetPolicy has it (IAM API, Policy)
	return object{"Policy": shown}, s.saved(r, m)
}

func (s *Service) checkManaged(partition, document string) error {
	if err := s.checkIdentity(partition, document); err != nil {
		return err
	}
	if authz.Size(document) > managedSize {
		return s.limit("Cannot exceed quota for PolicySize: %d", managedSize)
	}
	return nil
}

func showPolicy(m Managed) object {
	out := object{
		"PolicyName": m.Name, "PolicyId": m.ID, "Arn": m.ARN, "Path": m.Path, "DefaultVersionId": m.Default,
		"AttachmentCount": m.Attachments, "PermissionsBoundaryUsageCount": m.Boundaries, "IsAttachable": true,
		"CreateDate": m.Created, "UpdateDate": m.Updated,
	}
	if m.Description != "" {
		out["Description"] = m.Description
	}
	if len(m.Tags) > 0 {
		out["Tags"] = tagObjects(m.Tags)
	}
	return out
}

// policy finds the managed policy that the request names, authorised.
func (s *Service) policy(r *request) (Managed, error) {
	arn := r.In.Text("PolicyArn")
	var from store.Reader = r.Tx
	if s.handlers[r.Operation].ReadOnly {
		from = r.Seen
	}
	m, ok := findManaged(from, arn)
	if err := r.Authorize("iam:"+r.Operation, arn, conditionKeys(r, Entity{Tags: m.Tags})); err != nil {
		return m, err
	}
	if !ok || m.Account != r.Account && m.Account != "aws" {
		return m, s.notFound("Policy %s was not found.", arn)
	}
	if m.Account == "aws" && !s.handlers[r.Operation].ReadOnly {
		return m, s.model.Fault("AccessDenied", "Cannot perform the operation on the protected policy %s", arn)
	}
	return m, nil
}

func (s *Service) saved(r *request, m Managed) error {
	r.Tx.Put(managedBucket, entityKey(m.Account, m.Name), m)
	r.Record(m.ARN, r.In)
	return nil
}

func (s *Service) getPolicy(r *request) (object, error) {
	m, err := s.policy(r)
	if err != nil {
		return nil, err
	}
	shown := showPolicy(countAttached(r.Seen, r.Account, m))
	shown["Tags"] = tagObjects(m.Tags)
	return object{"Policy": shown}, nil
}

func (s *Service) listPolicies(r *request) (object, error) {
	if err := r.Authorize("iam:ListPolicies", "*", nil); err != nil {
		return nil, err
	}
	scope, prefix := r.In.Text("Scope"), r.In.Text("PathPrefix")
	var all []Managed
	if scope != "Local" {
		for _, name := range slices.Sorted(maps.Keys(awsPolicies)) {
			m, _ := awsManaged(awsPolicyARN(r.Partition, name))
			all = append(all, countAttached(r.Seen, r.Account, m))
		}
	}
	if scope != "AWS" {
		for _, m := range store.List[Managed](r.Seen, managedBucket, r.Account, "") {
			all = append(all, m)
		}
	}
	usage := r.In.Text("PolicyUsageFilter")
	all = slices.DeleteFunc(all, func(m Managed) bool {
		return !strings.HasPrefix(m.Path, prefix) || r.In.Bool("OnlyAttached") && m.Attachments == 0 ||
			usage == "PermissionsBoundary" && m.Boundaries == 0 || usage == "PermissionsPolicy" && m.Attachments == 0
	})
	slices.SortFunc(all, func(a, b Managed) int { return strings.Compare(a.ARN, b.ARN) })
	return page(r, "Policies", all, func(m Managed) string { return m.ARN }, func(m Managed) object {
		shown := showPolicy(m)
		delete(shown, "Description")
		delete(shown, "Tags")
		return shown
	})
}

func (s *Service) deletePolicy(r *request) (object, error) {
	m, err := s.policy(r)
	switch {
	case err != nil:
		return nil, err
	case m.Attachments+m.Boundaries > 0:
		return nil, s.conflict("Cannot delete a policy attached to entities.")
	case len(m.Versions) > 1:
		return nil, s.conflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	r.Tx.Delete(managedBucket, entityKey(m.Account, m.Name))
	r.Record(m.ARN, r.In)
	return nil, nil
}

func (s *Service) createVersion(r *request) (object, error) {
	m, err := s.policy(r)
	if err != nil {
		return nil, err
	}
	document := r.In.Text("PolicyDocument")
	if err := s.checkManaged(r.Partition, document); err != nil {
		return nil, err
	}
	if len(m.Versions) >= versionsQuota {
		return nil, s.limit("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", versionsQuota)
	}
	v := Version{"v" + strconv.Itoa(m.Next), document, r.Now}
	m.Versions, m.Next, m.Updated = append(m.Versions, v), m.Next+1, r.Now
	if r.In.Bool("SetAsDefault") {
		m.Default = v.ID
	}
	shown := showVersion(m, v)
	delete(shown, "Document") // not in CreatePolicyVersion's answer (IAM API, PolicyVersion)
	return object{"PolicyVersion": shown}, s.saved(r, m)
}

func showVersion(m Managed, v Version) object {
	return object{"VersionId": v.ID, "IsDefaultVersion": v.ID == m.Default, "CreateDate": v.Created, "Document": encodeDocument(v.Document)}
}

// version finds the version that the request names.
func (s *Service) version(r *request) (Managed, int, error) {
	m, err := s.policy(r)
	if err != nil {
		return m, 0, err
	}
	id := r.In.Text("VersionId")
	i := slices.IndexFunc(m.Versions, func(v Version) bool { return v.ID == id })
	if i < 0 {
		return m, 0, s.notFound("Policy %s version %s does not exist or is not attachable.", m.ARN, id)
	}
	return m, i, nil
}

func (s *Service) getVersion(r *request) (object, error) {
	m, i, err := s.version(r)
	if err != nil {
		return nil, err
	}
	return object{"PolicyVersion": showVersion(m, m.Versions[i])}, nil
}

func (s *Service) listVersions(r *request) (object, error) {
	m, err := s.policy(r)
	if err != nil {
		return nil, err
	}
	slices.Reverse(m.Versions)        // newest first
	order := func(v Version) string { // ascends as versions get older
		n, _ := strconv.Atoi(strings.TrimPrefix(v.ID, "v"))
		return fmt.Sprintf("%09d", 999999999-n)
	}
	return page(r, "Versions", m.Versions, order, func(v Version) object {
		shown := showVersion(m, v)
		delete(shown, "Document")
		return shown
	})
}

func (s *Service) deleteVersion(r *request) (object, error) {
	m, i, err := s.version(r)
	if err != nil {
		return nil, err
	}
	if m.Versions[i].ID == m.Default {
		return nil, s.conflict("Cannot delete the default version of a policy.")
	}
	m.Versions = slices.Delete(m.Versions, i, i+1)
	return nil, s.saved(r, m)
}

func (s *Service) setDefault(r *request) (object, error) {
	m, i, err := s.version(r)
	if err != nil {
		return nil, err
	}
	m.Default, m.Updated = m.Versions[i].ID, r.Now
	return nil, s.saved(r, m)
}

func (s *Service) tagPolicy(r *request) (object, error) {
	m, err := s.policy(r)
	if err != nil {
		return nil, err
	}
	if m.Tags, err = s.checkTags(r, m.Tags); err != nil {
		return nil, err
	}
	return nil, s.saved(r, m)
}

func (s *Service) untagPolicy(r *request) (object, error) {
	m, err := s.policy(r)
	if err != nil {
		return nil, err
	}
	m.Tags = slices.DeleteFunc(m.Tags, func(t Tag) bool {
		return slices.ContainsFunc(r.In.Texts("TagKeys"), func(key string) bool { return strings.EqualFold(key, t.Key) })
	})
	return nil, s.saved(r, m)
}

func (s *Service) listPolicyTags(r *request) (object, error) {
	m, err := s.policy(r)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(m.Tags, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	return page(r, "Tags", m.Tags, func(t Tag) string { return t.Key }, tagObject)
}
