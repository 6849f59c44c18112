package plan

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// foreignEntry is an entry that is not ours, with what keeps adopt from it.
func (d *differ) foreignEntry(s *site, have *access.Entry) Foreign {
	owner := d.want.Owner.OwnerOf(have.Tags, d.want.ForeignTags)
	f := Foreign{Kind: AccessEntry, Cluster: s.key, Name: have.Principal, Owner: foreignOwner(have, owner),
		Marks: access.ToolMarks(have.Tags, d.want.ForeignTags), Environment: have.Tags[access.TagEnvironment]}
	if len(f.Marks) > 0 {
		f.Object = have.ARN
	}
	return f
}

// foreignBindingOf is foreignEntry for a binding. A label that says that a tool
// manages it is that tool's mark.
func (d *differ) foreignBindingOf(s *site, b *access.Binding) Foreign {
	f := Foreign{Kind: Binding{*b}.kind(), Cluster: s.key, Name: b.Key(), Owner: d.want.Owner.OwnerOfBinding(b, d.want.ForeignTags).By,
		Marks: access.ToolMarks(b.Labels, d.want.ForeignTags)}
	if by := b.Labels[access.LabelManagedBy]; by != "" && by != access.FieldManager && !slices.Contains(f.Marks, access.LabelManagedBy) {
		f.Marks = append(f.Marks, access.LabelManagedBy)
		slices.Sort(f.Marks)
	}
	if b.Labels[access.TagID] != d.want.Owner.ID {
		f.Environment = b.Labels[access.TagEnvironment]
	}
	return f
}

// holdForeign holds the changes of an entry that is not ours, for one reason:
// all in which it differs, and the way that leads to the end. Adopting an entry
// that gives more than is wanted would be held, so that is said here.
func (d *differ) holdForeign(s *site, w *ResolvedEntry, have *access.Entry, f *Foreign, changes []Change) {
	var words []string
	for i := range changes {
		words = append(words, d.words(s, &changes[i]))
	}
	reason := "the entry is not ours (" + f.Owner + "): " + strings.Join(words, "; ")
	key := entryKeys(s, have)[0]
	if way := f.Release(key); way != "" {
		reason += "; " + way
	}
	lost, other := d.lostByAdopting(s, w, have)
	switch {
	case other:
		reason += "; let who made it delete it, and plan again"
	case lost != "":
		reason += "; it gives " + lost + ": let the documents want that first, take it over by `atlas-iam adopt`, then narrow them"
	case len(f.Marks) > 0 || f.Environment == "":
		reason += "; take it over by `atlas-iam adopt`"
	}
	for i := range changes {
		changes[i].hold(Hold{ForeignEntry, reason + ", or take the principal out of the documents"})
	}
}

// Free reports whether adopt takes the object over as it is, without its key:
// it is equal to what is wanted, and nobody else claims it.
func (f *Foreign) Free() bool {
	return f.Adoptable && len(f.Marks) == 0 && f.Environment == ""
}

// Release says what it takes before adopt takes the object over; key is its
// name for adopt. It is empty where nobody claims the object.
func (f *Foreign) Release(key string) string {
	switch {
	case slices.ContainsFunc(f.Marks, func(k string) bool { return strings.HasPrefix(k, "aws:") }):
		// Tags that begin with aws: are AWS's own; users cannot remove them.
		// (EKS User Guide, Tagging your resources)
		return "AWS lets nobody take off a stack's mark: leave it to the stack, or delete it there and plan again"
	case len(f.Marks) > 0:
		return "release it there, then take the mark off: " + f.untag()
	case f.Environment != "":
		return "release it there, or take it over all the same by its key: atlas-iam adopt " + key
	}
	return ""
}

// untag is the AWS CLI's line that takes the marks off, or kubectl's.
func (f *Foreign) untag() string {
	switch f.Kind {
	case Role:
		words := []string{"aws iam untag-role --role-name", shellWord(f.Object), "--tag-keys"}
		for _, k := range f.Marks {
			words = append(words, shellWord(k))
		}
		return strings.Join(words, " ")
	case RoleBinding, ClusterRoleBinding:
		words := []string{"kubectl label", strings.ToLower(string(f.Kind))}
		namespace, name, ok := strings.Cut(f.Name, "/")
		if !ok {
			namespace, name = "", namespace
		}
		words = append(words, shellWord(name))
		if namespace != "" {
			words = append(words, "-n", shellWord(namespace))
		}
		for _, k := range f.Marks {
			words = append(words, shellWord(k+"-"))
		}
		return strings.Join(words, " ")
	}
	words := []string{"aws eks untag-resource --region", f.Cluster.Region, "--resource-arn", shellWord(f.Object), "--tag-keys"}
	for _, k := range f.Marks {
		words = append(words, shellWord(k))
	}
	return strings.Join(words, " ")
}

// shellWord quotes a word for a shell where it needs it.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=+@,", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
