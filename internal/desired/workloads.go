package desired

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

type workloadDoc = documents.Doc[v1alpha1.Workload]

// workloads makes roles, associations and ServiceAccounts of the Workload
// documents.
func (c *compiler) workloads() {
	if roles := c.set.Environment.Value.Spec.Roles; roles != nil {
		c.state.RolePath = roles.Path
	}
	docs := slices.Clone(c.set.Workloads)
	slices.SortStableFunc(docs, func(a, b workloadDoc) int {
		return cmp.Or(cmp.Compare(a.Value.Name, b.Value.Name), comparePlaces(a.At(), b.At()))
	})
	for _, doc := range docs {
		c.workload(doc)
	}
	for _, s := range c.sites {
		c.oneRoleEach(s)
		c.countAssociations(s)
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.roles), roleKey.compare) {
		r := c.roles[key]
		slices.SortFunc(r.Trust, access.WantTrust.Compare)
		r.Workloads = slices.Compact(r.Workloads) // sorted, as the documents are
		c.countTrust(&r.WantRole)
		c.state.Roles = append(c.state.Roles, r.WantRole)
	}
	slices.SortFunc(c.state.Roles, func(a, b access.WantRole) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.ARN, b.ARN))
	})
}

// workload reads one Workload document.
func (c *compiler) workload(doc workloadDoc) {
	spec := doc.Value.Spec
	w := access.WantWorkload{Name: doc.Value.Name, Credentials: access.Credentials(spec.Credentials), Place: doc.At()}
	if spec.TargetRole != nil {
		w.Target = spec.TargetRole.ARN
	}
	for i, sa := range spec.ServiceAccounts {
		at := doc.At("spec", "serviceAccounts", i)
		w.Accounts = append(w.Accounts, access.WorkloadAccount{
			Namespace: sa.Namespace, Name: sa.Name, Manage: cmp.Or(access.Manage(sa.Manage), access.ManageNone), Place: at,
		})
		if access.MatchPattern(sa.Name, "default") {
			c.note(at, "default-service-account", "ServiceAccount %s/default is that of every pod of its namespace which names none", documents.Escape(sa.Namespace))
		}
	}
	slices.SortFunc(w.Accounts, func(a, b access.WorkloadAccount) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	w.Presets = c.presets(doc)
	selected := c.selectClusters(spec.Clusters, func(i int) access.Place { return doc.At("spec", "clusters", "names", i) })
	if len(selected) == 0 {
		c.note(doc.At("spec", "clusters"), "no-clusters", "workload %s selects no cluster", doc.Value.Name)
	}
	details := map[string]access.WantRole{} // by partition
	sessions := map[string]access.Document{}
	for _, s := range c.sites {
		if !selected[s.want.Document] {
			continue
		}
		if _, ok := details[s.partition]; !ok {
			details[s.partition], sessions[s.partition] = c.roleDetails(doc, s.partition), c.sessionPolicy(doc, s.partition)
		}
		key, ok := c.workloadRole(doc, s, details[s.partition])
		if !ok {
			continue
		}
		r := c.roles[key]
		w.Clusters = append(w.Clusters, s.want.Key)
		w.Roles = append(w.Roles, access.WorkloadRole{Cluster: s.want.Key, ARN: r.ARN})
		for i := range spec.ServiceAccounts {
			c.giveRole(doc, i, s, r, sessions[s.partition])
		}
	}
	slices.SortFunc(w.Clusters, access.ClusterKey.Compare)
	slices.SortFunc(w.Roles, func(a, b access.WorkloadRole) int { return a.Cluster.Compare(b.Cluster) })
	c.state.Workloads = append(c.state.Workloads, w)
}

// claim is a ServiceAccount of a cluster, exact or as patterns, and who gives
// it a role.
type claim struct {
	namespace, name string
	credentials     access.Credentials
	role            string
	workload        string
	place           access.Place
}

func (c claim) isPattern() bool { return isPattern(c.namespace) || isPattern(c.name) }

// giveRole gives the i-th ServiceAccount of a workload its role on a cluster.
func (c *compiler) giveRole(doc workloadDoc, i int, s *site, r *role, session access.Document) {
	spec, at := doc.Value.Spec, doc.At("spec", "serviceAccounts", i)
	sa := spec.ServiceAccounts[i]
	how, manage := access.Credentials(spec.Credentials), access.Manage(sa.Manage)
	r.Trust = append(r.Trust, access.WantTrust{
		Credentials: how, Cluster: s.want.Key, Namespace: sa.Namespace, Name: sa.Name, Untagged: spec.DisableSessionTags, Place: at,
	})
	s.claims = append(s.claims, claim{sa.Namespace, sa.Name, how, r.ARN, doc.Value.Name, at})
	if how == access.PodIdentity {
		a := access.PodIdentityAssociation{
			Namespace: sa.Namespace, ServiceAccount: sa.Name, Role: r.ARN,
			DisableSessionTags: spec.DisableSessionTags, SessionPolicy: session,
		}
		if spec.TargetRole != nil {
			a.TargetRole = spec.TargetRole.ARN
		}
		list := &s.want.PodIdentities
		if isPattern(sa.Namespace) || isPattern(sa.Name) {
			list = &s.want.PodIdentityPatterns
		}
		*list = append(*list, access.WantPodIdentity{PodIdentityAssociation: a, Workload: doc.Value.Name, Place: at})
	}
	if manage != access.ManageAnnotate && manage != access.ManageCreate {
		return
	}
	if s.want.Via == access.ViaNone {
		c.fault(doc.At("spec", "serviceAccounts", i, "manage"), "write manage: None, or kubernetes: {via: Direct} or {via: Render}",
			"ServiceAccount %s/%s is to be written on cluster %s, and nothing is written in it: via is None at %s",
			documents.Escape(sa.Namespace), documents.Escape(sa.Name), s.want.Document, s.doc.At("spec", "kubernetes", "via"))
		return
	}
	w := access.WantServiceAccount{Namespace: sa.Namespace, Name: sa.Name, Manage: manage, Workload: doc.Value.Name, Place: at}
	if how == access.IRSA {
		w.Role = r.ARN
	}
	s.want.ServiceAccounts = append(s.want.ServiceAccounts, w)
}

// oneRoleEach refuses two workloads that give one ServiceAccount of a cluster
// a role. That both ways lead to one role is legal: so one moves from the one
// to the other.
func (c *compiler) oneRoleEach(s *site) {
	exact := map[[2]string][]claim{}
	var patterns []claim
	for _, one := range s.claims {
		if one.isPattern() {
			patterns = append(patterns, one)
			continue
		}
		key := [2]string{one.namespace, one.name}
		for _, other := range exact[key] {
			c.clash(s, other, one, one.namespace+"/"+one.name)
		}
		exact[key] = append(exact[key], one)
	}
	for i, p := range patterns {
		for _, q := range patterns[:i] {
			if p.workload == q.workload {
				continue
			}
			namespace, ok := meet(p.namespace, q.namespace, false)
			name, both := meet(p.name, q.name, true)
			if ok && both {
				c.clash(s, q, p, namespace+"/"+name)
			}
		}
		for _, one := range s.claims {
			if !one.isPattern() && access.MatchPattern(p.namespace, one.namespace) && access.MatchPattern(p.name, one.name) {
				c.clash(s, one, p, one.namespace+"/"+one.name)
			}
		}
	}
}

// clash is a ServiceAccount that two claims are about; it is no fault within
// one workload, nor where two ways lead to one role.
func (c *compiler) clash(s *site, a, b claim, account string) {
	if a.workload == b.workload || a.role == b.role && a.credentials != b.credentials {
		return
	}
	if comparePlaces(a.place, b.place) > 0 {
		a, b = b, a
	}
	what := "a ServiceAccount has one role"
	if a.role == b.role {
		what = "one Workload names a ServiceAccount"
	}
	said := "ServiceAccount " + account
	if a.isPattern() || b.isPattern() {
		said = "patterns meet: " + said
	}
	c.faultOnce(b.place, what, "%s of cluster %s is workload %s's here and %s's at %s", documents.Escape(said), s.want.Document, b.workload, a.workload, a.place)
}

// maxAssociations is how many Pod Identity associations a cluster may have.
// (EKS User Guide, service quotas)
const maxAssociations = 1000

func (c *compiler) countAssociations(s *site) {
	if n := len(s.want.PodIdentities); n > maxAssociations {
		last := slices.MaxFunc(s.want.PodIdentities, func(a, b access.WantPodIdentity) int { return comparePlaces(a.Place, b.Place) })
		c.fault(last.Place, "use IRSA for some", "cluster %s is to have %d Pod Identity associations, and EKS allows %d", s.want.Document, n, maxAssociations)
	}
}

// sessionPolicy makes the policy of a workload's sessions in a partition;
// empty: none.
func (c *compiler) sessionPolicy(doc workloadDoc, partition string) access.Document {
	p := doc.Value.Spec.SessionPolicy
	if p == nil {
		return ""
	}
	statements := placedStatements(p.Statements, beneath(doc, "spec", "sessionPolicy", "statements"))
	c.ofPartition(partition, statements)
	document, ok := c.policyDocument(iam.SessionPolicy, statements)
	if n := iam.Size(string(document)); ok && n > maxSessionPolicy {
		c.faultOnce(doc.At("spec", "sessionPolicy"), "leave to the role what can be there", "the session policy has %d characters, and STS takes %d", n, maxSessionPolicy)
	}
	return document
}

// maxSessionPolicy is how long a session policy may be. (STS API, AssumeRole)
const maxSessionPolicy = 2048

// seconds reads a duration that package documents has judged; 0: none.
func seconds(s string) int {
	long, err := time.ParseDuration(s)
	if err != nil {
		return 0
	}
	return int(long / time.Second)
}

// roleName is a role's name on a cluster.
func roleName(name, cluster string) string {
	return strings.ReplaceAll(name, documents.ClusterWord, cluster)
}
