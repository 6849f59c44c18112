package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// mostPodIdentities is how many associations a cluster may have; the quota
// cannot be raised. (EKS User Guide, service quotas)
const mostPodIdentities = 1000

// podIdentities decides a cluster's associations, by ServiceAccount.
func (w *workloads) podIdentities(s *workloadSite) {
	var seen []access.PodIdentityAssociation
	read := s.have != nil && s.have.PodIdentitiesRead
	if read {
		seen = s.have.PodIdentities
	}
	w.plan.Read.PodIdentities += len(seen)
	hold := w.hold(s, access.GapPodIdentities, read)
	wanted := map[string]bool{}
	var creates, deletes []string
	if s.want != nil {
		for i := range s.want.PodIdentities {
			want := &s.want.PodIdentities[i]
			wanted[podKey(&want.PodIdentityAssociation)] = true
			if id := w.wantedPodIdentity(s, want, hold); id != "" {
				creates = append(creates, id)
			}
		}
	}
	for i := range seen {
		have := &seen[i]
		if wanted[podKey(have)] {
			continue
		}
		if !w.oursPodIdentity(have) {
			w.plan.Foreign = append(w.plan.Foreign, w.foreignPodIdentity(s, have))
			continue
		}
		if want, ok := s.bound(have); ok {
			w.wantedPodIdentity(s, &want, hold)
			continue
		}
		c := w.aboutPodIdentity(s, have)
		c.Verb, c.From = Delete, PodIdentity{*have}
		c.Lost = []Grant{podGrant(&c, have)}
		w.add(c)
		deletes = append(deletes, c.ID)
	}
	w.quota(s, len(seen), creates, deletes)
}

// bound is what the documents want of an association of ours that a pattern
// matches: it was bound, and stays as long as it matches.
func (s *workloadSite) bound(have *access.PodIdentityAssociation) (want access.WantPodIdentity, ok bool) {
	if s.want == nil {
		return want, false
	}
	want, _, ok = s.want.PodIdentity(have.Namespace, have.ServiceAccount)
	return want, ok
}

// quota lets the creates for which a cluster has no room wait for the deletes
// that make some, and holds those for which there is none then either.
func (w *workloads) quota(s *workloadSite, have int, creates, deletes []string) {
	room := max(0, mostPodIdentities-have)
	made := max(0, mostPodIdentities-have+len(deletes)) - room
	over := creates[min(len(creates), room):]
	waiting := over[:min(len(over), made)]
	for i := range w.plan.Changes {
		switch c := &w.plan.Changes[i]; {
		case slices.Contains(waiting, c.ID):
			c.DependsOn = append(c.DependsOn, deletes...)
			slices.Sort(c.DependsOn)
		case slices.Contains(over, c.ID):
			c.hold(Hold{Quota, fmt.Sprintf("cluster %s would have %d associations and EKS allows %d", s.name(), have-len(deletes)+len(creates), mostPodIdentities)})
		}
	}
}

func podKey(a *access.PodIdentityAssociation) string { return a.Namespace + "/" + a.ServiceAccount }

func (w *workloads) oursPodIdentity(a *access.PodIdentityAssociation) bool {
	return a.OwnerARN == "" && w.want.Owner.OwnerOf(a.Tags, w.want.ForeignTags).Ours
}

// aboutPodIdentity is a change about an association, before its verb.
func (w *workloads) aboutPodIdentity(s *workloadSite, a *access.PodIdentityAssociation) Change {
	return Change{ID: siteID("podidentity", s.key, a.Namespace, a.ServiceAccount), Kind: PodIdentityAssociation, Cluster: s.key, Document: s.document(),
		Namespace: a.Namespace, Name: a.ServiceAccount}
}

// wantedPodIdentity decides a wanted association and gives the ID of the change
// that makes it, if one does.
func (w *workloads) wantedPodIdentity(s *workloadSite, want *access.WantPodIdentity, hold *Hold) (created string) {
	c := w.aboutPodIdentity(s, &want.PodIdentityAssociation)
	c.Source = want.Place
	if want.Workload != "" {
		c.Workloads = []string{want.Workload}
	}
	to := want.PodIdentityAssociation
	to.Tags = maps.Clone(w.tags)
	have, there := (*access.PodIdentityAssociation)(nil), false
	if s.have != nil {
		have, there = s.have.PodIdentity(want.Namespace, want.ServiceAccount)
	}
	switch {
	case !there:
		c.Verb, c.To = Create, PodIdentity{to}
		c.Gained = []Grant{podGrant(&c, &to)}
		if hold == nil {
			hold = w.hiddenPodIdentity(s)
		}
	default:
		ours := w.oursPodIdentity(have)
		to.ID, to.ARN, to.ExternalID = have.ID, have.ARN, have.ExternalID
		for k, v := range have.Tags {
			if _, set := to.Tags[k]; !set {
				to.Tags[k] = v
			}
		}
		same := samePodIdentity(have, &to)
		if same && (!ours || maps.Equal(have.Tags, to.Tags)) {
			if !ours {
				w.foreignWanted(s, have, true)
			}
			return ""
		}
		c.Verb, c.From, c.To = Update, PodIdentity{*have}, PodIdentity{to}
		if ours && (have.TargetRole != "" && to.TargetRole == "" || have.SessionPolicy != "" && to.SessionPolicy == "") {
			c.Verb, to.ID, to.ARN = Replace, "", "" // no text of AWS says that an update takes them off
			c.To = PodIdentity{to}
		}
		if !same {
			c.Gained, c.Lost = []Grant{podGrant(&c, &to)}, []Grant{podGrant(&c, have)}
		}
		if !ours {
			f := w.foreignWanted(s, have, false)
			c.hold(Hold{ForeignEntry, "the association is not ours (" + f.Owner + "): " + podDifference(have, &to) + foreignWay(f)})
		}
	}
	if hold != nil {
		c.hold(*hold)
	}
	w.give(&c, want.Role)
	w.add(c)
	if c.Verb == Create {
		return c.ID
	}
	return ""
}

// foreignWay says how a foreign association comes to be as wanted.
func foreignWay(f Foreign) string {
	switch {
	case strings.HasPrefix(f.Owner, "add-on "):
		return "; change it through its add-on, or take the ServiceAccount out of the documents"
	case len(f.Marks) > 0 || f.Environment != "":
		return "; release it where it was made, or take the ServiceAccount out of the documents"
	}
	return "; let the documents want what it gives and take it over by `atlas-iam adopt`, or let who made it delete it"
}

// hiddenPodIdentity says that an association may stand where none was seen, for
// one of the cluster could not be read.
func (w *workloads) hiddenPodIdentity(s *workloadSite) *Hold {
	for _, g := range w.have.Gaps {
		if g.What == access.GapPodIdentity && g.Account == s.key.Account && g.Region == s.key.Region && g.Cluster == s.key.Name {
			return &Hold{HalfRead, gapWords(g)}
		}
	}
	return nil
}

// samePodIdentity compares what two associations give.
func samePodIdentity(a, b *access.PodIdentityAssociation) bool {
	return a.Role == b.Role && a.TargetRole == b.TargetRole && a.DisableSessionTags == b.DisableSessionTags && a.SessionPolicy.Same(b.SessionPolicy) && a.OwnerARN == ""
}

func podDifference(have, to *access.PodIdentityAssociation) string {
	var diffs []string
	differ := func(what, is, want string) {
		if is != want {
			diffs = append(diffs, "its "+what+" is "+orNone(is)+", wanted is "+orNone(want))
		}
	}
	if have.OwnerARN == "" {
		differ("role", have.Role, to.Role)
		differ("target role", have.TargetRole, to.TargetRole)
		differ("session policy", string(have.SessionPolicy), string(to.SessionPolicy))
		if have.DisableSessionTags != to.DisableSessionTags {
			diffs = append(diffs, fmt.Sprintf("disableSessionTags is %v, wanted is %v", have.DisableSessionTags, to.DisableSessionTags))
		}
	}
	return cmp.Or(strings.Join(diffs, "; "), "EKS has one for each ServiceAccount")
}

func (w *workloads) foreignWanted(s *workloadSite, have *access.PodIdentityAssociation, adoptable bool) Foreign {
	f := w.foreignPodIdentity(s, have)
	f.Wanted, f.Adoptable = true, adoptable
	w.plan.Foreign = append(w.plan.Foreign, f)
	return f
}

func (d *differ) foreignPodIdentity(s *workloadSite, have *access.PodIdentityAssociation) Foreign {
	f := Foreign{Kind: PodIdentityAssociation, Cluster: s.key, Name: podKey(have), Owner: d.want.Owner.OwnerOf(have.Tags, d.want.ForeignTags).By,
		Marks: access.ToolMarks(have.Tags, d.want.ForeignTags), Environment: have.Tags[access.TagEnvironment]}
	if len(f.Marks) > 0 {
		f.Object = have.ARN
	}
	if have.OwnerARN != "" {
		f.Owner = "add-on " + addonName(have.OwnerARN)
	}
	return f
}

// addonName is the name in an add-on's ARN, arn:...:addon/CLUSTER/NAME/ID.
// (EKS API, Addon)
func addonName(arn string) string {
	if parts := strings.Split(arn, "/"); len(parts) == 4 {
		return parts[2]
	}
	return arn
}

// podGrant is what an association gives: a role to a ServiceAccount.
func podGrant(c *Change, a *access.PodIdentityAssociation) Grant {
	g := Grant{Cluster: c.Cluster, Document: c.Document, Principal: a.Role, ServiceAccount: podKey(a), What: "role " + access.RoleName(a.Role), Where: podKey(a), Source: c.Source}
	if len(c.Workloads) > 0 {
		g.Member = "workload/" + c.Workloads[0]
	}
	return g
}
