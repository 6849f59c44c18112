package guard

import (
	"slices"
	"strconv"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// people are those whom a subject of a binding stands for on a cluster, as far
// as entries say it: the documents' members, and others who have an entry there
// that is not ours, with what they are bound by. Without any it is the subject
// alone, for aws-auth may map people to it.
func (w *workloads) people(k access.ClusterKey, s access.Subject) string {
	as, everybody := "by "+subjectWords(s), strings.HasPrefix(s.Name, "system:")
	if s.Kind == access.GroupSubject {
		if environment, team, ok := access.TeamOfGroup(s.Name); ok && environment == w.in.Want.Owner.Environment {
			as = "of " + access.TeamWord(team)
		}
	}
	if s.Kind == access.ServiceAccountSubject || everybody {
		return subjectWords(s)
	}
	var who []string
	var wanted []access.Member
	if d, ok := w.in.Want.Cluster(k); ok {
		for i := range d.Entries {
			e := &d.Entries[i]
			wanted = append(wanted, e.Member)
			arn, _ := e.Member.ARN()
			if bound(&access.Entry{Principal: arn, Type: e.Type, Username: e.Username, Groups: e.Groups}, []access.Subject{s}) {
				who = append(who, e.Member.String())
			}
		}
	}
	if h, ok := w.in.Have.Cluster(k); ok {
		for i := range h.Entries {
			e := &h.Entries[i]
			isWanted := slices.ContainsFunc(wanted, func(m access.Member) bool { return names(m, e.Principal) })
			if !isWanted && !ours(w.in, e) && bound(e, []access.Subject{s}) {
				who = append(who, e.Principal)
			}
		}
	}
	if len(who) == 0 {
		return subjectWords(s)
	}
	return few(who) + " " + as
}

func subjectWords(s access.Subject) string {
	if s.Kind == access.ServiceAccountSubject {
		return "serviceaccount " + s.Namespace + "/" + s.Name
	}
	return strings.ToLower(string(s.Kind)) + " " + s.Name
}

// mostPeople bounds the people that a sentence names.
const mostPeople = 5

func few(who []string) string {
	if len(who) <= mostPeople+1 {
		return list(who)
	}
	return strings.Join(who[:mostPeople], ", ") + " and " + strconv.Itoa(len(who)-mostPeople) + " more"
}
