package effect

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
)

// WorkloadRole is what a workload is to AWS on one cluster: a session of its
// role, with the policies that count.
type WorkloadRole struct {
	Cluster  access.ClusterKey
	Document string // of the cluster
	Role     string // ARN of the role whose session it is: the target, if there is one
	Caller   iam.Caller
	Policies iam.Policies
	Context  *iam.Context
	// Places says where the policies were written, by the name of their source.
	Places map[string]access.Place
	// Refused is why its pods surely come to no credentials of the role, of what
	// was seen; empty: they may.
	Refused string
	// Far says that the role is the end of a chain: no document keeps what it may.
	Far bool
	// Settle says how a policy that was not read would be, by its source.
	Settle map[string]string
}

// ByObserving begins what would settle a policy that documents do not hold.
const ByObserving = "--observed"

// WorkloadRoles are what a workload is to AWS on each of its clusters: from the
// documents alone, or with have from what was seen of its roles.
func WorkloadRoles(w *access.WantWorkload, want *access.State, have *access.Snapshot) []WorkloadRole {
	var out []WorkloadRole
	for _, r := range w.Roles {
		if have != nil && !have.Part.HasCluster(r.Cluster) {
			continue
		}
		role := WorkloadRole{Cluster: r.Cluster, Role: r.ARN, Places: map[string]access.Place{}, Settle: map[string]string{}}
		if w.Target != "" {
			role.Role, role.Far = w.Target, true
		}
		var tags map[string]string
		if c, ok := want.Cluster(r.Cluster); ok {
			role.Document = c.Document
			for _, p := range slices.Concat(c.PodIdentities, c.PodIdentityPatterns) {
				if p.Workload != w.Name {
					continue
				}
				if p.SessionPolicy != "" && (p.TargetRole == "" || p.TargetRole == role.Role) {
					role.Policies.Session = []iam.Source{role.source("session policy of the association", p.SessionPolicy, p.Place)}
				}
				if !p.DisableSessionTags {
					tags = sessionTags(w, r.Cluster)
				}
				break
			}
		}
		if have == nil {
			role.identify(role.wanted(want), tags)
		} else {
			role.identify(role.seen(have, want), tags)
			role.Refused = refused(w, r, want, have)
		}
		out = append(out, role)
	}
	return out
}

// wanted takes the role's policies from the documents, and gives its tags; nil
// if they are not known.
func (r *WorkloadRole) wanted(want *access.State) map[string]string {
	i := slices.IndexFunc(want.Roles, func(w access.WantRole) bool { return w.ARN == r.Role })
	if i < 0 || want.Roles[i].Existing {
		r.unread(&r.Policies.Identity, "policies of role "+r.Role, ByObserving+" reads them")
		return nil
	}
	w := &want.Roles[i]
	r.policies(w.Inline, w.Managed, w.Boundary, nil, w.Place)
	tags := map[string]string{}
	for _, of := range []map[string]string{want.Tags, want.Owner.Tags(), w.Tags} {
		maps.Copy(tags, of)
	}
	return tags
}

// seen is wanted from what the account has. A policy that a document says alike
// is that document's.
func (r *WorkloadRole) seen(have *access.Snapshot, want *access.State) map[string]string {
	arn, err := access.ParseARN(r.Role)
	a, ok := have.Account(arn.Account)
	if err != nil || !ok || !a.DetailsRead {
		r.unread(&r.Policies.Identity, "policies of role "+r.Role, "let the caller read the roles of account "+arn.Account+" (iam:GetAccountAuthorizationDetails)")
		return nil
	}
	i := slices.IndexFunc(a.Details, func(d access.HaveRole) bool { return d.ARN == r.Role })
	if i < 0 {
		return nil // it is not there, and has nothing
	}
	d := &a.Details[i]
	documents := a.Policies
	if documents == nil { // and none was read
		documents = map[string]access.Document{}
	}
	r.policies(d.Inline, d.Managed, d.Boundary, documents, access.Place{})
	if i := slices.IndexFunc(want.Roles, func(w access.WantRole) bool { return w.ARN == r.Role && !w.Existing }); i >= 0 {
		r.written(d, &want.Roles[i])
	}
	return d.Tags
}

// written gives the policies that a role has as its document says them the
// document's place.
func (r *WorkloadRole) written(have *access.HaveRole, want *access.WantRole) {
	for _, s := range r.Policies.Identity {
		said := slices.Contains(want.Managed, s.Name)
		for _, p := range have.Inline {
			said = said || s.Name == iam.InlineName(p.Name) && slices.ContainsFunc(want.Inline, func(w access.RolePolicy) bool {
				return w.Name == p.Name && w.Document.Same(p.Document)
			})
		}
		if said && s.Policy != nil {
			r.Places[s.Name] = want.Place
		}
	}
	if b := r.Policies.Boundary; b != nil && b.Policy != nil && b.Name == want.Boundary {
		r.Places[b.Name] = want.Place
	}
}

// policies adds the role's own; documents are of the managed ones that were
// read, nil where nobody read.
func (r *WorkloadRole) policies(inline []access.RolePolicy, managed []string, boundary string, documents map[string]access.Document, at access.Place) {
	p, faults := iam.RolePolicies(inline, managed, boundary, documents)
	r.Policies.Identity, r.Policies.Boundary = p.Identity, p.Boundary
	sources := p.Identity
	if p.Boundary != nil {
		sources = append(slices.Clone(sources), *p.Boundary)
	}
	for _, s := range sources {
		switch {
		case faults[s.Name] != nil:
			r.Settle[s.Name] = mend(faults[s.Name])
		case s.Policy == nil && documents == nil:
			r.Settle[s.Name] = ByObserving + " reads it"
		case s.Policy == nil:
			r.Settle[s.Name] = "let the caller read it (iam:GetPolicyVersion)"
		case at != access.Place{}:
			r.Places[s.Name] = at
		}
	}
}

func mend(err error) string { return "mend it, IAM's grammar does not know it: " + err.Error() }

// unread adds policies of which nothing is known.
func (r *WorkloadRole) unread(list *[]iam.Source, name, settle string) {
	r.Settle[name] = settle
	*list = append(*list, iam.Source{Name: name})
}

// source parses a policy; one that does not parse counts as unread.
func (r *WorkloadRole) source(name string, d access.Document, at access.Place) iam.Source {
	p, err := iam.Parse(iam.Identity, string(d))
	if err != nil {
		r.Settle[name] = mend(err)
		return iam.Source{Name: name}
	}
	if at != (access.Place{}) {
		r.Places[name] = at
	}
	return iam.Source{Name: name, Policy: p}
}

// sessionTags are those that EKS gives a session of Pod Identity, as far as the
// documents tell them; an empty value is not known. (EKS User Guide,
// pod-id-abac)
func sessionTags(w *access.WantWorkload, k access.ClusterKey) map[string]string {
	tags := map[string]string{
		"eks-cluster-name": k.Name, "eks-cluster-arn": "arn:" + access.PartitionOf(k.Region) + ":eks:" + k.Region + ":" + k.Account + ":cluster/" + k.Name,
		"kubernetes-namespace": "", "kubernetes-service-account": "", "kubernetes-pod-name": "", "kubernetes-pod-uid": "",
	}
	if len(w.Accounts) == 1 && !strings.Contains(w.Accounts[0].Namespace+w.Accounts[0].Name, "*") {
		tags["kubernetes-namespace"], tags["kubernetes-service-account"] = w.Accounts[0].Namespace, w.Accounts[0].Name
	}
	return tags
}

// identify says who the session is and what is known of its condition keys;
// all others may have any value. (IAM User Guide, global condition keys;
// assumption secure-transport)
func (r *WorkloadRole) identify(tags, session map[string]string) {
	arn, _ := access.ParseARN(r.Role)
	name := r.Role[strings.LastIndexByte(r.Role, '/')+1:]
	r.Caller = iam.Caller{Kind: iam.Session, Account: arn.Account, Role: r.Role,
		ARN: "arn:" + arn.Partition + ":sts::" + arn.Account + ":assumed-role/" + name + "/session"}
	r.Context = r.Caller.Context()
	r.Context.OthersUnknown = true
	r.Context.Set("aws:username")
	r.Context.Set("aws:SecureTransport", "true")
	const principalTag = "aws:PrincipalTag/"
	if tags != nil { // else they were not read
		r.Context.SetTags(principalTag, tags)
	}
	for k, v := range session { // they win over the role's own (EKS User Guide, pod-id-abac)
		if v == "" {
			r.Context.SetUnknown(principalTag + k)
		} else {
			r.Context.Set(principalTag+k, v)
		}
	}
}

// Statement names a statement of one of the policies for people: by its Sid, or
// by what it is about.
func (r *WorkloadRole) Statement(source string, i int, sid string) string {
	if sid != "" {
		return "statement " + sid
	}
	sources := slices.Concat(r.Policies.Identity, r.Policies.Session)
	if b := r.Policies.Boundary; b != nil {
		sources = append(sources, *b)
	}
	for _, s := range sources {
		if s.Name != source || s.Policy == nil || i >= len(s.Policy.Statements) {
			continue
		}
		st := s.Policy.Statements[i]
		about := strings.Join(st.Actions, ", ")
		if len(st.Actions) == 0 {
			about = "all but " + strings.Join(st.NotActions, ", ")
		}
		return "the statement about " + about
	}
	return "statement " + strconv.Itoa(i+1)
}
