package plan

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

// What is wrong with a wish but holds no change, for there is none, is pointed
// out here: nothing vanishes.

// silent points out a wanted entry that is as wanted and yet is not what the
// documents mean: nobody has access by it, or two wishes contradict.
func (d *differ) silent(s *site, w *ResolvedEntry) {
	if p := w.Principal.Problem; p != nil && p.Guard == NoPrincipal {
		d.warn(p.Guard, w.Principal.Place, "the access entry of "+w.Member.String()+" on "+s.name()+" gives nobody access: "+p.Reason)
	}
	if w.Conflict != "" {
		d.warn(Conflict, w.Principal.Place, w.Conflict+"; cluster "+s.name()+" is left as it is")
	}
}

// listsThatMeanNobody points out what remove and protect do not reach though
// their author may think so. That a principal to be removed has no entry any
// more is as it should be. A run that looks at some people cannot tell.
func (d *differ) listsThatMeanNobody(s *site) {
	if s.want == nil || s.have == nil || !s.have.EntriesRead || d.options.Destroy || (d.have.Part != nil && len(d.have.Part.Only) > 0) {
		return
	}
	for i := range s.want.Remove {
		p := &s.want.Remove[i]
		for j := range s.have.Entries {
			if e := &s.have.Entries[j]; e.Principal != p.ARN && p.MayMean(e.Principal) {
				d.warn(p.Problem.Guard, p.Place, "remove does not take away the entry of "+e.Principal+" on "+s.name()+": "+p.Problem.Reason)
			}
		}
	}
	for i := range s.want.Protect {
		p := &s.want.Protect[i]
		if p.Problem == nil || p.Problem.Guard != NoPrincipal || slices.ContainsFunc(s.have.Entries, func(e access.Entry) bool { return p.MayMean(e.Principal) || sameName(e.Principal, p.ARN) }) {
			continue
		}
		d.warn(p.Problem.Guard, p.Place, "protect shields nobody on "+s.name()+": "+p.Problem.Reason)
	}
}

func (d *differ) warn(slug string, at access.Place, text string) {
	d.plan.Warnings = append(d.plan.Warnings, Warning{Slug: slug, Source: at, Text: text})
}

// newNameFirst lets the delete of an entry wait for the create of another one
// that can only be for the same principal: IAM gives a name once in an account,
// whatever the path and the case, so a document that writes it otherwise
// either corrects it or errs. If the new entry cannot be made the old one
// stays. changes are those of one cluster.
func newNameFirst(changes []Change) {
	made := map[string]string{} // by name, the ID of what makes its entry
	for i := range changes {
		if c := &changes[i]; c.Kind == AccessEntry && c.Verb == Create {
			if name := nameKey(c.Principal); name != "" {
				made[name] = c.ID
			}
		}
	}
	for i := range changes {
		c := &changes[i]
		if id := made[nameKey(c.Principal)]; c.Kind == AccessEntry && c.Verb == Delete && id != "" && len(c.Held) == 0 {
			c.DependsOn = append(c.DependsOn, id)
		}
	}
}

// grantsFirst lets what takes access from a principal on a cluster wait for what
// gives him some there: of an Edit that becomes a View he keeps the Edit if the
// View cannot be given. changes are those of one principal on one cluster. An
// update that gives and takes is one call of AWS's and waits as well.
func grantsFirst(changes []Change) {
	var gives []string
	for i := range changes {
		if c := &changes[i]; c.Verb != Delete && c.Verb != Replace && len(c.Gained) > 0 && len(c.Lost) == 0 {
			gives = append(gives, c.ID)
		}
	}
	for i := range changes {
		if c := &changes[i]; len(c.Lost) > 0 && c.Verb != Replace {
			c.DependsOn = slices.Compact(slices.Sorted(slices.Values(append(c.DependsOn, gives...))))
		}
	}
}

// nameKey is access.PrincipalKeyOf as a key; empty for what is none.
func nameKey(arn string) string {
	k, ok := access.PrincipalKeyOf(arn)
	if !ok {
		return ""
	}
	return k.String()
}

func sameName(a, b string) bool { return nameKey(a) != "" && nameKey(a) == nameKey(b) }
