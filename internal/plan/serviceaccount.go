package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// serviceAccounts decides the ServiceAccounts of a cluster that a document has
// us write, and takes back what we wrote of others.
func (w *workloads) serviceAccounts(s *workloadSite) {
	if s.want != nil && !s.want.Via.Direct() {
		return
	}
	var k access.HaveKubernetes
	if s.have != nil && s.have.Kubernetes != nil {
		k = *s.have.Kubernetes
	}
	hold := w.hold(s, access.GapServiceAccounts, k.ServiceAccountsRead)
	wanted := map[string]bool{}
	if s.want != nil {
		for i := range s.want.ServiceAccounts {
			want := &s.want.ServiceAccounts[i]
			wanted[want.Namespace+"/"+want.Name] = true
			w.wantedAccount(s, want, &k, hold)
		}
	}
	for i := range k.ServiceAccounts {
		have := &k.ServiceAccounts[i]
		if wanted[have.Namespace+"/"+have.Name] || k.NamespacesRead && !slices.Contains(k.Namespaces, have.Namespace) {
			continue
		}
		from := w.seenAccount(have)
		c := w.aboutAccount(s, have.Namespace, have.Name)
		switch from.Manage {
		case access.ManageCreate:
			c.Verb, c.From = Delete, from
		case access.ManageAnnotate:
			to := from
			to.Manage, to.Role = "", ""
			c.Verb, c.From, c.To = Update, from, to
		default:
			continue
		}
		c.Lost = accountGrants(&c, from.Role)
		w.addTried(s, c)
	}
}

// addTried adds a change of an object of a cluster's, held by what came of
// trying it.
func (w *workloads) addTried(s *workloadSite, c Change) {
	w.holdTried(&c, s.have, s.name())
	w.add(c)
}

func (w *workloads) aboutAccount(s *workloadSite, namespace, name string) Change {
	return Change{ID: siteID("serviceaccount", s.key, namespace, name), Kind: ServiceAccount, Cluster: s.key, Document: s.document(), Namespace: namespace, Name: name}
}

// seenAccount is a ServiceAccount as it was read.
func (w *workloads) seenAccount(a *access.HaveServiceAccount) KubernetesAccount {
	manage, _ := w.want.Owner.ManagedAccount(a, w.want.ForeignTags)
	return KubernetesAccount{Namespace: a.Namespace, Name: a.Name, Manage: manage, Role: a.Annotations[access.AnnotationRole], UID: a.UID}
}

func (w *workloads) wantedAccount(s *workloadSite, want *access.WantServiceAccount, k *access.HaveKubernetes, hold *Hold) {
	c := w.aboutAccount(s, want.Namespace, want.Name)
	c.Source = want.Place
	if want.Workload != "" {
		c.Workloads = []string{want.Workload}
	}
	to := KubernetesAccount{Namespace: want.Namespace, Name: want.Name, Manage: want.Manage, Role: want.Role}
	have, there := k.ServiceAccount(want.Namespace, want.Name)
	name := "ServiceAccount " + want.Namespace + "/" + want.Name
	switch {
	case !there:
		c.Verb, c.To = Create, to
		switch {
		case hold != nil:
		case want.Manage == access.ManageAnnotate:
			c.hold(Hold{NoServiceAccount, name + " is not on cluster " + s.name() + " and manage: Annotate makes none: make it, or write manage: Create"})
		case k.NamespacesRead && !slices.Contains(k.Namespaces, want.Namespace):
			c.hold(Hold{NoServiceAccount, "namespace " + want.Namespace + " is not on cluster " + s.name() + ": make it and run again"})
		}
	default:
		from := w.seenAccount(have)
		to.UID = from.UID
		_, by := w.want.Owner.ManagedAccount(have, w.want.ForeignTags)
		same := from.Role == want.Role
		switch {
		case same && (from.Manage != "" || want.Manage == access.ManageAnnotate):
			return
		case from.Manage == access.ManageCreate:
			to.Manage = access.ManageCreate
		case want.Manage == access.ManageCreate && from.Manage == "":
			c.hold(Hold{ForeignEntry, name + " is there and not ours (" + by + "): write manage: Annotate to give it its role and leave the rest of it alone"})
		case from.Manage == "" && from.Role != "" && have.RoleManager != access.FieldManager:
			// Of an object that was never applied no field managers are kept.
			// (Kubernetes, server-side apply: before-first-apply)
			who := cmp.Or(have.RoleManager, "somebody else")
			c.hold(Hold{ForeignEntry, name + " has role " + from.Role + " by " + who + ", wanted is " + orNone(want.Role) + ": let " + who +
				" set that, or take it off: kubectl annotate serviceaccount -n " + shellWord(want.Namespace) + " " + shellWord(want.Name) + " " + access.AnnotationRole + "-"})
		case from.Manage == access.ManageAnnotate:
			to.Manage = access.ManageAnnotate
		}
		c.Verb, c.From, c.To = Update, from, to
		c.Lost = accountGrants(&c, from.Role)
	}
	c.Gained = accountGrants(&c, want.Role)
	if hold != nil {
		c.hold(*hold)
	}
	if want.Role != "" {
		w.give(&c, want.Role)
	}
	w.addTried(s, c)
}

// accountGrants are what an annotation gives: a role to a ServiceAccount.
func accountGrants(c *Change, role string) []Grant {
	if role == "" {
		return nil
	}
	g := Grant{Cluster: c.Cluster, Document: c.Document, Principal: role, ServiceAccount: c.Namespace + "/" + c.Name, What: "role " + access.RoleName(role), Where: c.Namespace + "/" + c.Name, Source: c.Source}
	if len(c.Workloads) > 0 {
		g.Member = "workload/" + c.Workloads[0]
	}
	return []Grant{g}
}

// WorkloadsNeed says what of workloads a plan rests on, for observe.Options. o
// are the plan's options.
func WorkloadsNeed(want *access.State, o Options) *access.WorkloadsNeed {
	need := &access.WorkloadsNeed{Everywhere: len(want.Workloads) > 0 || len(want.Roles) > 0 || o.Destroy, RolePath: want.RolePath, OurTrust: trust.Written, Left: len(want.Workloads) == 0,
		Accounts: map[string]bool{}, Issuers: map[string][]access.ClusterKey{}, Agents: map[access.ClusterKey]bool{}}
	if need.Everywhere { // what was ours in an account may stand where no document speaks of it any more
		for _, a := range want.Accounts {
			need.Accounts[a.ID] = true
		}
	}
	needPolicies(want, need)
	trusted := map[lack]bool{}
	for i := range want.Roles {
		r := &want.Roles[i]
		need.Accounts[r.Account] = true
		for _, t := range r.Trust {
			if t.Credentials == access.IRSA {
				need.Issuers[r.Account] = append(need.Issuers[r.Account], t.Cluster)
			}
			trusted[lack{r.ARN, t.Cluster}] = !o.Destroy
		}
	}
	for account, clusters := range need.Issuers {
		slices.SortFunc(clusters, access.ClusterKey.Compare)
		need.Issuers[account] = slices.Compact(clusters)
	}
	managed := map[access.ClusterKey]bool{}
	for i := range want.Clusters {
		c := &want.Clusters[i]
		need.Agents[c.Key] = len(c.PodIdentities)+len(c.PodIdentityPatterns) > 0
		managed[c.Key] = len(c.ServiceAccounts) > 0 && !o.Destroy && c.Via.Direct()
		for _, p := range slices.Concat(c.PodIdentities, c.PodIdentityPatterns) {
			if a, err := access.ParseARN(p.TargetRole); err == nil {
				need.Accounts[a.Account] = true
			}
		}
	}
	if o.Bind != nil {
		need.Association = &access.WorkloadAccount{Namespace: o.Bind.Namespace, Name: o.Bind.ServiceAccount}
		return need
	}
	need.Detach = func(have *access.HaveRole) []string { return detached(want, o, have) }
	need.ServiceAccounts = func(have *access.Snapshot) map[access.ClusterKey]access.KubernetesNeed {
		out := map[access.ClusterKey]access.KubernetesNeed{}
		for i := range have.Clusters {
			h := &have.Clusters[i]
			switch {
			case managed[h.Key]:
				out[h.Key] = access.KubernetesNeeded
			case leaves(want, o, have, h, trusted):
				out[h.Key] = access.KubernetesIfThere
			}
		}
		return out
	}
	need.ArgoSecrets = func(have *access.Snapshot) map[access.ClusterKey]access.ArgoNeed { return argoNeed(want, o, have) }
	return need
}

// needPolicies asks for the boundaries of roles, which limit what guards judge,
// for the managed policies that are new to a role, and for those of the roles of
// which access tests ask what they may do.
func needPolicies(want *access.State, need *access.WorkloadsNeed) {
	need.Policies, need.Roles, need.Attach = map[string][]string{}, map[string]bool{}, map[string][]string{}
	for _, t := range want.Tests {
		if !slices.ContainsFunc(slices.Concat(t.Can, t.Cannot), access.Ask.OfAWS) {
			continue
		}
		for _, w := range want.Workloads {
			if slices.ContainsFunc(t.Who, func(who access.Who) bool { return who.Kind == access.WhoWorkload && who.Name == w.Name }) {
				for _, r := range w.Roles {
					need.Roles[r.ARN] = true
				}
				if w.Target != "" {
					need.Roles[w.Target] = true
				}
			}
		}
	}
	for i := range want.Roles {
		r := &want.Roles[i]
		asked := need.Roles[r.ARN]
		need.Roles[r.ARN] = asked // each role has a key
		if !r.Existing && len(r.Managed) > 0 {
			need.Attach[r.ARN] = r.Managed
		}
		if asked {
			need.Policies[r.Account] = append(need.Policies[r.Account], r.Managed...)
		}
		if r.Boundary != "" {
			need.Policies[r.Account] = append(need.Policies[r.Account], r.Boundary)
		}
	}
}

// detached are the managed policies that a role of ours has and is to lose, all
// of them where the role goes.
func detached(want *access.State, o Options, have *access.HaveRole) []string {
	if !want.Owner.OwnerOf(have.Tags, want.ForeignTags).Ours {
		return nil
	}
	i := slices.IndexFunc(want.Roles, func(r access.WantRole) bool { return r.ARN == have.ARN })
	if i < 0 || o.Destroy {
		return have.Managed
	}
	if r := &want.Roles[i]; !r.Existing {
		return slices.DeleteFunc(slices.Clone(have.Managed), func(arn string) bool { return slices.Contains(r.Managed, arn) })
	}
	return nil
}

// leaves reports whether something that gives ServiceAccounts of a cluster a
// role goes, so that what we wrote of them may have to go too.
func leaves(want *access.State, o Options, have *access.Snapshot, h *access.HaveCluster, trusted map[lack]bool) bool {
	ours := func(tags map[string]string) bool { return want.Owner.OwnerOf(tags, want.ForeignTags).Ours }
	if !direct(want, h.Key) {
		return false
	}
	c, documented := want.Cluster(h.Key)
	for j := range h.PodIdentities {
		a := &h.PodIdentities[j]
		wanted := false
		if documented && !o.Destroy {
			_, _, wanted = c.PodIdentity(a.Namespace, a.ServiceAccount)
		}
		if a.OwnerARN == "" && ours(a.Tags) && !wanted {
			return true
		}
	}
	for a := range have.Accounts {
		for j := range have.Accounts[a].Details {
			r := &have.Accounts[a].Details[j]
			if ours(r.Tags) && trusts(r.Trust, h) && !trusted[lack{r.ARN, h.Key}] {
				return true
			}
		}
	}
	return false
}

// trusts reports whether a trust policy speaks of a cluster: of its issuer, or
// of its ARN, as ours do for Pod Identity.
func trusts(policy access.Document, h *access.HaveCluster) bool {
	arn := "arn:" + access.PartitionOf(h.Key.Region) + ":eks:" + h.Key.Region + ":" + h.Key.Account + ":cluster/" + h.Key.Name
	return h.Issuer != "" && strings.Contains(string(policy), h.Issuer) || strings.Contains(string(policy), `"`+arn+`"`)
}

// WorkloadsNeed says what of workloads is read again before a saved plan is
// made.
func (p *Plan) WorkloadsNeed() *access.WorkloadsNeed {
	need := &access.WorkloadsNeed{Accounts: map[string]bool{}, Issuers: map[string][]access.ClusterKey{}, Agents: map[access.ClusterKey]bool{}}
	accounts := map[access.ClusterKey]access.KubernetesNeed{}
	secrets := map[access.ClusterKey]access.ArgoNeed{}
	for i := range p.Changes {
		c := &p.Changes[i]
		if !c.Kind.Workload() || len(c.Held) > 0 {
			continue
		}
		need.Everywhere = true
		switch c.Kind {
		case Role, RolePolicy, RoleAttachment:
			need.Accounts[c.Cluster.Account] = true
		case OIDCProvider:
			need.Providers = append(need.Providers, access.ClusterKey{Account: c.Cluster.Account, Name: c.Name})
		case AgentAddon:
			need.Agents[c.Cluster] = true
		case ServiceAccount:
			accounts[c.Cluster] = access.KubernetesNeeded
		case ArgoCDSecret:
			n := access.ArgoNeed{Need: access.KubernetesNeeded, Owner: p.Owner, ForeignTags: p.ForeignTags}
			n.Names = append(secrets[c.Cluster].Names, access.ArgoSecretKey{Namespace: c.Namespace, Name: c.Name})
			secrets[c.Cluster] = n
		}
	}
	need.Policies = map[string][]string{}
	for _, f := range p.Facts {
		if account, arn, ok := f.policy(); ok && need.Everywhere {
			need.Accounts[account] = true
			need.Policies[account] = append(need.Policies[account], arn)
		}
	}
	need.ArgoSecrets = func(*access.Snapshot) map[access.ClusterKey]access.ArgoNeed { return secrets }
	need.ServiceAccounts = func(*access.Snapshot) map[access.ClusterKey]access.KubernetesNeed { return accounts }
	return need
}
