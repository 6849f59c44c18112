package iam

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/query"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

func (s *Service) accountHandlers() map[string]query.Handler {
	return map[string]query.Handler{
		"GetAccountAuthorizationDetails": read(s.authorizationDetails),
		"ListEntitiesForPolicy":          read(s.entitiesForPolicy),
	}
}

// item is one of the things that a list of several kinds has on its pages.
type item struct {
	member string // the list of the answer that it stands in
	key    string // tells it apart, and orders it among all
	show   func() object
}

// pageOf answers a list of several kinds: the items after Marker, at most
// MaxItems of all kinds together, each in its own list. Every list is there,
// also an empty one.
func pageOf(r *request, items []item, members ...string) (object, error) {
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.key, b.key) })
	from := 0
	if marker := r.In.Text("Marker"); marker != "" {
		after, err := base64.RawURLEncoding.DecodeString(marker)
		if err != nil {
			return nil, &call.Error{Code: query.ValidationError, Message: "Invalid Marker."}
		}
		from, _ = slices.BinarySearchFunc(items, string(after)+"\x00", func(i item, key string) int { return strings.Compare(i.key, key) })
	}
	upTo := min(len(items), from+r.PageSize(r.In.Int("MaxItems", 100)))
	lists := map[string][]object{}
	for _, m := range members {
		lists[m] = []object{}
	}
	for _, i := range items[from:upTo] {
		lists[i.member] = append(lists[i.member], i.show())
	}
	out := object{"IsTruncated": upTo < len(items)}
	for member, list := range lists {
		out[member] = list
	}
	if upTo < len(items) {
		out["Marker"] = base64.RawURLEncoding.EncodeToString([]byte(items[upTo-1].key))
	}
	return out, nil
}

// authorizationDetails lists users, roles and managed policies whole. Of AWS's
// own policies those that somebody has are listed. Assumption
// details-aws-policies.
func (s *Service) authorizationDetails(r *request) (object, error) {
	if err := r.Authorize("iam:GetAccountAuthorizationDetails", "*", nil); err != nil {
		return nil, err
	}
	filter := r.In.Texts("Filter")
	wanted := func(kind string) bool { return len(filter) == 0 || slices.Contains(filter, kind) }
	var items []item
	if wanted("User") {
		for _, e := range list(r, user) {
			items = append(items, item{"UserDetailList", store.Key("1", byName(e)), func() object { return s.userDetail(e) }})
		}
	}
	if wanted("Role") {
		for _, e := range list(r, role) {
			items = append(items, item{"RoleDetailList", store.Key("2", byName(e)), func() object { return s.roleDetail(r, e) }})
		}
	}
	policy := func(m Managed) {
		items = append(items, item{"Policies", store.Key("3", m.ARN), func() object { return policyDetail(m) }})
	}
	if wanted("LocalManagedPolicy") {
		for _, m := range store.List[Managed](r.Seen, managedBucket, r.Account, "") {
			policy(m)
		}
	}
	if wanted("AWSManagedPolicy") {
		for _, name := range slices.Sorted(maps.Keys(awsPolicies)) {
			m, _ := awsManaged(awsPolicyARN(r.Partition, name))
			if m = countAttached(r.Seen, r.Account, m); m.Attachments > 0 {
				policy(m)
			}
		}
	}
	return pageOf(r, items, "UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
}

// detail gives the members that the details of users and roles have alike.
func detail(k kind, e Entity) object {
	out := show(k, e, true)
	out["Tags"] = tagObjects(e.Tags)
	inline := []object{}
	for _, i := range e.Inline {
		inline = append(inline, object{"PolicyName": i.Name, "PolicyDocument": encodeDocument(i.Document)})
	}
	out[k.word+"PolicyList"] = inline
	attached := []object{}
	for _, arn := range e.Attached {
		_, name := policyPathName(arn)
		attached = append(attached, object{"PolicyName": name, "PolicyArn": arn})
	}
	out["AttachedManagedPolicies"] = attached
	return out
}

func (s *Service) userDetail(e Entity) object {
	out := detail(user, e)
	out["GroupList"] = []string{}
	return out
}

// roleDetail has neither the description nor the longest session. (IAM API,
// RoleDetail)
func (s *Service) roleDetail(r *request, e Entity) object {
	out := detail(role, e)
	whole := s.showRole(r.Seen, e, true)
	out["AssumeRolePolicyDocument"], out["RoleLastUsed"] = whole["AssumeRolePolicyDocument"], whole["RoleLastUsed"]
	out["InstanceProfileList"] = []object{}
	return out
}

func policyDetail(m Managed) object {
	out := showPolicy(m)
	delete(out, "Description")
	delete(out, "Tags") // not a member of it (IAM API, ManagedPolicyDetail)
	versions := []object{}
	for _, v := range m.Versions {
		versions = append(versions, showVersion(m, v))
	}
	out["PolicyVersionList"] = versions
	return out
}

// entitiesForPolicy lists the users and roles that have a managed policy, as
// such or as boundary.
func (s *Service) entitiesForPolicy(r *request) (object, error) {
	m, err := s.policy(r)
	if err != nil {
		return nil, err
	}
	filter, usage := r.In.Text("EntityFilter"), r.In.Text("PolicyUsageFilter")
	uses := func(e Entity) bool {
		return usage != "PermissionsBoundary" && slices.Contains(e.Attached, m.ARN) || usage != "PermissionsPolicy" && e.Boundary == m.ARN
	}
	var items []item
	for order, k := range []kind{user, role} {
		if filter != "" && filter != k.word {
			continue
		}
		for _, e := range list(r, k) {
			if uses(e) {
				items = append(items, item{"Policy" + k.word + "s", store.Key(string(rune('1'+order)), byName(e)), func() object {
					return object{k.word + "Name": e.Name, k.word + "Id": e.ID}
				}})
			}
		}
	}
	return pageOf(r, items, "PolicyGroups", "PolicyUsers", "PolicyRoles")
}
