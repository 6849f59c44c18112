package iam

import (
	"slices"
	"strings"

	authz "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/query"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// entityHandlers are the operations that users and roles have alike: tags,
// inline policies, attached policies, the permissions boundary.
func (s *Service) entityHandlers(k kind) map[string]query.Handler {
	on := func(f func(*request, kind, Entity) (object, error)) do {
		return func(r *request) (object, error) {
			e, err := s.named(r, k, k.word+"Name")
			if err != nil {
				return nil, err
			}
			return f(r, k, e)
		}
	}
	w := k.word
	return map[string]query.Handler{
		"Tag" + w:                            write(on(s.tag)),
		"Untag" + w:                          write(on(s.untag)),
		"List" + w + "Tags":                  read(on(s.listTags)),
		"Put" + w + "Policy":                 write(on(s.putInline)),
		"Get" + w + "Policy":                 read(on(s.getInline)),
		"List" + w + "Policies":              read(on(s.listInline)),
		"Delete" + w + "Policy":              write(on(s.deleteInline)),
		"Attach" + w + "Policy":              write(on(s.attach)),
		"Detach" + w + "Policy":              write(on(s.detach)),
		"ListAttached" + w + "Policies":      read(on(s.listAttached)),
		"Put" + w + "PermissionsBoundary":    write(on(s.putBoundary)),
		"Delete" + w + "PermissionsBoundary": write(on(s.deleteBoundary)),
	}
}

// named finds the entity that the request names, authorised for the
// operation. A request that may leave the name out means the caller.
func (s *Service) named(r *request, k kind, member string) (Entity, error) {
	name := r.In.Text(member)
	if name == "" {
		if r.Caller.Kind != call.User || k.word != user.word {
			return Entity{}, &call.Error{Code: query.ValidationError, Message: "Must specify userName when calling with non-User credentials"}
		}
		name = r.Caller.PrincipalARN[strings.LastIndexByte(r.Caller.PrincipalARN, '/')+1:]
	}
	var from store.Reader = r.Tx
	if s.handlers[r.Operation].ReadOnly {
		from = r.Seen
	}
	e, ok := k.find(from, r.Account, name)
	arn := k.arn(r.Call, "/", name)
	if ok {
		arn = e.ARN
	}
	if err := r.Authorize("iam:"+r.Operation, arn, conditionKeys(r, e)); err != nil {
		return Entity{}, err
	}
	if !ok {
		return Entity{}, s.notFound("The %s with name %s cannot be found.", k.noun, name)
	}
	return e, nil
}

// conditionKeys are the keys of IAM's own: tags of the entity and of the
// request, the policy that is attached, the boundary.
func conditionKeys(r *request, e Entity) map[string][]string {
	keys := map[string][]string{}
	for _, t := range e.Tags {
		keys["aws:ResourceTag/"+t.Key] = []string{t.Value}
		keys["iam:ResourceTag/"+t.Key] = []string{t.Value}
	}
	for _, t := range r.In.Objects("Tags") {
		keys["aws:RequestTag/"+t.Text("Key")] = []string{t.Text("Value")}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.Text("Key"))
	}
	if removed := r.In.Texts("TagKeys"); removed != nil {
		keys["aws:TagKeys"] = removed
	}
	if arn := r.In.Text("PolicyArn"); arn != "" {
		keys["iam:PolicyARN"] = []string{arn}
	}
	if b := r.In.Text("PermissionsBoundary"); b != "" {
		keys["iam:PermissionsBoundary"] = []string{b}
	} else if e.Boundary != "" {
		keys["iam:PermissionsBoundary"] = []string{e.Boundary}
	}
	return keys
}

func (s *Service) tag(r *request, k kind, e Entity) (object, error) {
	tags, err := s.checkTags(r, e.Tags)
	if err != nil {
		return nil, err
	}
	e.Tags = tags
	return nil, s.changed(r, k, e)
}

// checkTags gives the tags after those of the request are added.
func (s *Service) checkTags(r *request, have []Tag) ([]Tag, error) {
	var add []Tag
	for _, t := range r.In.Objects("Tags") {
		tag := Tag{t.Text("Key"), t.Text("Value")}
		if slices.ContainsFunc(add, func(o Tag) bool { return strings.EqualFold(o.Key, tag.Key) }) {
			return nil, s.model.Fault("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		if strings.HasPrefix(strings.ToLower(tag.Key), "aws:") {
			return nil, s.model.Fault("InvalidInput", "System tags cannot be added/updated by requester.")
		}
		add = append(add, tag)
	}
	all := setTags(have, add)
	if len(all) > 50 {
		return nil, s.limit("The number of tags has reached the maximum limit.")
	}
	return all, nil
}

func (s *Service) untag(r *request, k kind, e Entity) (object, error) {
	e.Tags = slices.DeleteFunc(e.Tags, func(t Tag) bool {
		return slices.ContainsFunc(r.In.Texts("TagKeys"), func(key string) bool { return strings.EqualFold(key, t.Key) })
	})
	return nil, s.changed(r, k, e)
}

func (s *Service) listTags(r *request, _ kind, e Entity) (object, error) {
	slices.SortFunc(e.Tags, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	return page(r, "Tags", e.Tags, func(t Tag) string { return t.Key }, tagObject)
}

func tagObject(t Tag) object { return object{"Key": t.Key, "Value": t.Value} }

func tagObjects(tags []Tag) []object {
	out := make([]object, len(tags))
	for i, t := range tags {
		out[i] = tagObject(t)
	}
	return out
}

func (s *Service) putInline(r *request, k kind, e Entity) (object, error) {
	name, document := r.In.Text("PolicyName"), r.In.Text("PolicyDocument")
	if err := s.checkIdentity(r.Partition, document); err != nil {
		return nil, err
	}
	e.Inline = slices.DeleteFunc(e.Inline, func(i Inline) bool { return i.Name == name })
	e.Inline = append(e.Inline, Inline{name, document})
	slices.SortFunc(e.Inline, func(a, b Inline) int { return strings.Compare(a.Name, b.Name) })
	size := 0
	for _, i := range e.Inline {
		size += authz.Size(i.Document)
	}
	if size > k.inlineSize {
		return nil, s.limit("Maximum policy size of %d bytes exceeded for %s %s", k.inlineSize, k.noun, e.Name)
	}
	return nil, s.changed(r, k, e)
}

// inline finds the inline policy that the request names.
func (s *Service) inline(r *request, k kind, e Entity) (int, error) {
	name := r.In.Text("PolicyName")
	i := slices.IndexFunc(e.Inline, func(i Inline) bool { return i.Name == name })
	if i < 0 {
		return 0, s.notFound("The %s policy with name %s cannot be found.", k.noun, name)
	}
	return i, nil
}

func (s *Service) getInline(r *request, k kind, e Entity) (object, error) {
	i, err := s.inline(r, k, e)
	if err != nil {
		return nil, err
	}
	return object{k.word + "Name": e.Name, "PolicyName": e.Inline[i].Name, "PolicyDocument": encodeDocument(e.Inline[i].Document)}, nil
}

func (s *Service) listInline(r *request, _ kind, e Entity) (object, error) {
	return page(r, "PolicyNames", e.Inline, func(i Inline) string { return i.Name }, func(i Inline) string { return i.Name })
}

func (s *Service) deleteInline(r *request, k kind, e Entity) (object, error) {
	i, err := s.inline(r, k, e)
	if err != nil {
		return nil, err
	}
	e.Inline = slices.Delete(e.Inline, i, i+1)
	return nil, s.changed(r, k, e)
}

// attachedQuota is how many managed policies a user or role may have.
const attachedQuota = 10

// attachable reports whether the policy is AWS's, of the caller's partition,
// or one of the caller's account.
func attachable(r *request, arn string) bool {
	m, ok := findManaged(r.Tx, arn)
	return ok && partitionOf(arn) == r.Partition && (m.Account == "aws" || m.Account == r.Account)
}

func (s *Service) attach(r *request, k kind, e Entity) (object, error) {
	arn := r.In.Text("PolicyArn")
	if !attachable(r, arn) {
		return nil, s.notFound("Policy %s does not exist or is not attachable.", arn)
	}
	if slices.Contains(e.Attached, arn) {
		return nil, nil
	}
	if len(e.Attached) >= attachedQuota {
		return nil, s.limit("Cannot exceed quota for PoliciesPer%s: %d", k.word, attachedQuota)
	}
	e.Attached = append(e.Attached, arn)
	s.count(r.Tx, arn, func(m *Managed) { m.Attachments++ })
	return nil, s.changed(r, k, e)
}

func (s *Service) detach(r *request, k kind, e Entity) (object, error) {
	arn := r.In.Text("PolicyArn")
	i := slices.Index(e.Attached, arn)
	if i < 0 {
		return nil, s.notFound("Policy %s was not found.", arn)
	}
	e.Attached = slices.Delete(e.Attached, i, i+1)
	s.count(r.Tx, arn, func(m *Managed) { m.Attachments-- })
	return nil, s.changed(r, k, e)
}

func (s *Service) listAttached(r *request, _ kind, e Entity) (object, error) {
	prefix := r.In.Text("PathPrefix")
	var shown []string
	for _, arn := range e.Attached {
		if path, _ := policyPathName(arn); strings.HasPrefix(path, prefix) {
			shown = append(shown, arn)
		}
	}
	slices.Sort(shown)
	return page(r, "AttachedPolicies", shown, func(arn string) string { return arn }, func(arn string) object {
		_, name := policyPathName(arn)
		return object{"PolicyName": name, "PolicyArn": arn}
	})
}

func (s *Service) putBoundary(r *request, k kind, e Entity) (object, error) {
	if err := s.setBoundary(r, &e, r.In.Text("PermissionsBoundary")); err != nil {
		return nil, err
	}
	return nil, s.changed(r, k, e)
}

// setBoundary replaces the entity's boundary; an empty ARN removes it.
func (s *Service) setBoundary(r *request, e *Entity, arn string) error {
	if arn != "" {
		if !attachable(r, arn) {
			return s.notFound("Scope ARN: %s does not exist or is not attachable.", arn)
		}
	}
	s.count(r.Tx, e.Boundary, func(m *Managed) { m.Boundaries-- })
	s.count(r.Tx, arn, func(m *Managed) { m.Boundaries++ })
	e.Boundary = arn
	return nil
}

func (s *Service) deleteBoundary(r *request, k kind, e Entity) (object, error) {
	if e.Boundary == "" {
		return nil, s.notFound("%s does not have a permission boundary set.", e.Name)
	}
	if err := s.setBoundary(r, &e, ""); err != nil {
		return nil, err
	}
	return nil, s.changed(r, k, e)
}

// changed saves an entity and notes the write.
func (s *Service) changed(r *request, k kind, e Entity) error {
	k.put(r.Tx, e)
	r.Record(e.ARN, r.In)
	return nil
}
