//go:build e2e || soak

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// What follows knows nothing of observe, plan, guard and apply: it reads the
// world with the SDK alone, follows the lab's journal from there write by
// write, and holds after each what must be true.

// held is an access entry as the checker knows it.
type held struct {
	Type, Username, ARN string
	Groups              []string
	Tags                map[string]string
	Policies            map[string]string // short name to scope: "cluster" or patterns
	CreatedAt           time.Time
	raw                 string // all that AWS shows of it
}

func (h *held) admin() bool { return h.Policies["ClusterAdmin"] == "cluster" }

// state is what clusters have: entries by "CLUSTER PRINCIPAL".
type state map[string]*held

// read reads the state whole, without faults.
func (v *virtual) read(accounts []access.Account) state {
	v.t.Helper()
	hook := v.hook.Swap(nil)
	defer v.hook.Store(hook)
	s := state{}
	for _, a := range accounts {
		c := v.open(accounts).EKS(a.ID, a.Regions[0])
		clusters := eks.NewListClustersPaginator(c, &eks.ListClustersInput{})
		for clusters.HasMorePages() {
			page, err := clusters.NextPage(v.t.Context())
			if err != nil {
				v.t.Fatal(err)
			}
			for _, cluster := range page.Clusters {
				v.readCluster(c, cluster, s)
			}
		}
	}
	return s
}

func (v *virtual) readCluster(c *eks.Client, cluster string, s state) {
	v.t.Helper()
	list := eks.NewListAccessEntriesPaginator(c, &eks.ListAccessEntriesInput{ClusterName: &cluster})
	for list.HasMorePages() {
		page, err := list.NextPage(v.t.Context())
		if err != nil && strings.Contains(err.Error(), "authentication mode") {
			return // CONFIG_MAP: it has none
		}
		if err != nil {
			v.t.Fatal(err)
		}
		for _, arn := range page.AccessEntries {
			e, err := c.DescribeAccessEntry(v.t.Context(), &eks.DescribeAccessEntryInput{ClusterName: &cluster, PrincipalArn: &arn})
			if err != nil {
				v.t.Fatal(err)
			}
			p, err := c.ListAssociatedAccessPolicies(v.t.Context(), &eks.ListAssociatedAccessPoliciesInput{ClusterName: &cluster, PrincipalArn: &arn})
			if err != nil {
				v.t.Fatal(err)
			}
			raw, err := json.Marshal([]any{e.AccessEntry, p.AssociatedAccessPolicies})
			if err != nil {
				v.t.Fatal(err)
			}
			h := &held{Type: *e.AccessEntry.Type, Username: aws.ToString(e.AccessEntry.Username), ARN: *e.AccessEntry.AccessEntryArn,
				Groups: slices.Sorted(slices.Values(e.AccessEntry.KubernetesGroups)), Tags: e.AccessEntry.Tags, Policies: map[string]string{},
				CreatedAt: *e.AccessEntry.CreatedAt, raw: string(raw)}
			for _, a := range p.AssociatedAccessPolicies {
				h.Policies[short(*a.PolicyArn)] = scopeText(string(a.AccessScope.Type), a.AccessScope.Namespaces)
			}
			s[cluster+" "+arn] = h
		}
	}
}

// born are the users and roles that exist, with when they were made.
func (v *virtual) born(account access.Account) map[string]time.Time {
	v.t.Helper()
	c, all := v.open([]access.Account{account}).IAM(account.ID), map[string]time.Time{}
	users, err := c.ListUsers(v.t.Context(), &iam.ListUsersInput{MaxItems: aws.Int32(1000)})
	if err != nil {
		v.t.Fatal(err)
	}
	for _, u := range users.Users {
		all[*u.Arn] = *u.CreateDate
	}
	roles, err := c.ListRoles(v.t.Context(), &iam.ListRolesInput{MaxItems: aws.Int32(1000)})
	if err != nil {
		v.t.Fatal(err)
	}
	for _, r := range roles.Roles {
		all[*r.Arn] = *r.CreateDate
	}
	return all
}

func short(policy string) string {
	name := policy[strings.LastIndexByte(policy, '/')+1:]
	return strings.TrimSuffix(strings.TrimPrefix(name, "AmazonEKS"), "Policy")
}

func scopeText(kind string, namespaces []string) string {
	if kind == "cluster" {
		return kind
	}
	return strings.Join(slices.Sorted(slices.Values(namespaces)), ",")
}

// written is what the journal shows of a write.
type written struct {
	ClusterName, Name, PrincipalArn, PolicyArn, ResourceArn, Type string
	Username                                                      *string
	KubernetesGroups                                              []string
	Tags                                                          map[string]string
	TagKeys                                                       []string
	AccessScope                                                   struct {
		Type       string
		Namespaces []string
	}
	AccessConfig struct{ AuthenticationMode string }
}

// checker follows the journal.
type checker struct {
	want      *access.State
	born      map[string]time.Time
	protected []string // "CLUSTER role/NAME"
	remove    []string
	lossy     string // a cluster on which the caller was allowed to lose
	runs      int    // at once; of several, each keeps the caller for its own end

	at0, now  state
	admins    map[string]bool // clusters that had a living administrator
	callerOut bool            // the caller has lost something in this run
	taken     map[string]bool // clusters on which this run has taken something
	replaced  map[string]bool // entries that this run deleted, to make them again
	faults    []string
}

func newChecker(v *virtual, want *access.State) *checker {
	v.t.Helper()
	k := &checker{want: want, born: v.born(want.Accounts[0]), at0: v.read(want.Accounts), now: state{}, admins: map[string]bool{}}
	for key, h := range k.at0 {
		c := *h
		c.Groups, c.Tags, c.Policies = slices.Clone(h.Groups), maps.Clone(h.Tags), maps.Clone(h.Policies)
		k.now[key] = &c
	}
	for i := range want.Clusters {
		c := &want.Clusters[i]
		for _, m := range c.Protect {
			k.protected = append(k.protected, c.Key.Name+" "+m.Member.String())
		}
		for _, m := range c.Remove {
			k.remove = append(k.remove, c.Key.Name+" "+m.Member.String())
		}
	}
	k.admins = k.living()
	k.nextRun()
	return k
}

// nextRun forgets the order of what was done: another run has its own.
func (k *checker) nextRun() {
	k.callerOut, k.taken, k.replaced = false, map[string]bool{}, map[string]bool{}
}

// living are the clusters with an administrator who exists and is the one
// that the entry was made for.
func (k *checker) living() map[string]bool {
	out := map[string]bool{}
	for key, h := range k.now {
		cluster, arn, _ := strings.Cut(key, " ")
		if t, ok := k.born[arn]; h.admin() && ok && !t.After(h.CreatedAt) {
			out[cluster] = true
		}
	}
	return out
}

func named(list []string, key string) bool {
	cluster, arn, _ := strings.Cut(key, " ")
	_, name, _ := strings.Cut(arn, ":"+faultAccount+":")
	return slices.Contains(list, cluster+" "+name)
}

func (k *checker) ours(h *held) bool {
	if h.Tags[access.TagEnvironment] != k.want.Owner.Environment || h.Tags[access.TagID] != k.want.Owner.ID {
		return false
	}
	for key, v := range k.want.ForeignTags {
		if h.Tags[key] == v {
			return false
		}
	}
	return true
}

func (k *checker) fault(w call.Write, format string, args ...any) {
	k.faults = append(k.faults, fmt.Sprintf("%s %s: ", w.Operation, w.Resource)+fmt.Sprintf(format, args...))
}

// follow takes the journal's next writes and judges after each.
func (k *checker) follow(journal []call.Write) {
	for _, w := range journal {
		var p written
		if err := json.Unmarshal(w.Params, &p); err != nil {
			k.fault(w, "%v", err)
			continue
		}
		key := k.key(w, &p)
		var before *held
		if h, ok := k.now[key]; ok {
			c := *h
			c.Groups, c.Tags, c.Policies = h.Groups, maps.Clone(h.Tags), maps.Clone(h.Policies)
			before = &c
		}
		k.take(w, &p, key)
		k.judge(w, key, before, k.now[key])
	}
}

// key is whose entry a write is about; empty for a cluster's own.
func (k *checker) key(w call.Write, p *written) string {
	if p.ResourceArn == "" {
		return strings.TrimSpace(p.ClusterName + " " + p.PrincipalArn)
	}
	for key, h := range k.now {
		if h.ARN == p.ResourceArn {
			return key
		}
	}
	k.fault(w, "no such entry is known")
	return ""
}

func (k *checker) take(w call.Write, p *written, key string) {
	h := k.now[key]
	if h == nil && w.Operation != "CreateAccessEntry" && w.Operation != "UpdateClusterConfig" {
		k.fault(w, "on an entry that is not there")
		return
	}
	switch w.Operation {
	case "CreateAccessEntry":
		if h != nil {
			k.fault(w, "made a second time")
		}
		k.now[key] = made(w, p)
	case "UpdateAccessEntry":
		if p.Username != nil {
			h.Username = *p.Username
		}
		if p.KubernetesGroups != nil {
			h.Groups = slices.Sorted(slices.Values(p.KubernetesGroups))
		}
	case "DeleteAccessEntry":
		delete(k.now, key)
	case "TagResource":
		h.Tags = maps.Clone(h.Tags)
		maps.Copy(h.Tags, p.Tags)
	case "UntagResource":
		for _, t := range p.TagKeys {
			delete(h.Tags, t)
		}
	case "AssociateAccessPolicy":
		h.Policies[short(p.PolicyArn)] = scopeText(p.AccessScope.Type, p.AccessScope.Namespaces)
	case "DisassociateAccessPolicy":
		delete(h.Policies, short(p.PolicyArn))
	case "UpdateClusterConfig":
	default:
		k.fault(w, "a write that no change needs")
	}
}

// made is the entry that a create brings, with what EKS fills in.
func made(w call.Write, p *written) *held {
	h := &held{Type: p.Type, ARN: w.Resource, CreatedAt: w.Time, Policies: map[string]string{}, Tags: maps.Clone(p.Tags),
		Groups: slices.Sorted(slices.Values(p.KubernetesGroups)), Username: aws.ToString(p.Username)}
	name := p.PrincipalArn[strings.LastIndexByte(p.PrincipalArn, '/')+1:]
	switch {
	case h.Type != "STANDARD" && h.Type != "":
		h.Username, h.Groups = "system:node:{{EC2PrivateDNSName}}", []string{"system:nodes"}
	case h.Username != "":
	case strings.Contains(p.PrincipalArn, ":user/"):
		h.Username = p.PrincipalArn
	default:
		h.Username = "arn:aws:sts::" + faultAccount + ":assumed-role/" + name + "/{{SessionName}}"
	}
	return h
}

// lost says what a principal had and has no more.
func lost(before, after *held) string {
	switch {
	case before == nil:
		return ""
	case after == nil:
		return "the entry"
	case before.Username != after.Username:
		return "username " + before.Username
	}
	for _, g := range before.Groups {
		if !slices.Contains(after.Groups, g) {
			return "group " + g
		}
	}
	for _, p := range sortedKeys(before.Policies) {
		if after.Policies[p] == "cluster" {
			continue
		}
		now := strings.Split(after.Policies[p], ",")
		for _, pattern := range strings.Split(before.Policies[p], ",") {
			if !slices.Contains(now, pattern) {
				return p + " on " + pattern
			}
		}
	}
	return ""
}

// judge holds what must be true after each write.
func (k *checker) judge(w call.Write, key string, before, after *held) {
	cluster, arn, _ := strings.Cut(key, " ")
	loss := lost(before, after)
	if before != nil && !k.ours(before) && !(named(k.remove, key) && after == nil) {
		k.fault(w, "changed what is not ours and is in no remove")
	}
	if before != nil && named(k.protected, key) {
		k.fault(w, "touched what is protected")
	}
	if arn == faultCaller {
		if loss != "" && cluster != k.lossy {
			k.fault(w, "took %s from the caller", loss)
		}
		k.callerOut = k.callerOut || loss != ""
	} else if k.callerOut && k.runs < 2 {
		k.fault(w, "was made after something was taken from the caller")
	}
	if k.runs < 2 {
		k.inOrder(w, cluster, key, loss, after)
	}
	if now := k.living(); loss != "" || w.Operation == "CreateAccessEntry" {
		for c := range k.admins {
			if !now[c] {
				k.fault(w, "left cluster %s without a living administrator", c)
			}
		}
	}
	if w.Operation == "DisassociateAccessPolicy" && k.wants(cluster, arn, lostPolicy(before, after)) {
		k.fault(w, "took a policy off that the documents want there")
	}
	if after != nil && !k.ours(after) {
		k.fault(w, "left an entry without our mark")
	}
}

// inOrder holds that a run gives before it takes, cluster by cluster. What is
// given to an entry that is made again comes after the taking, and tags give
// nothing.
func (k *checker) inOrder(w call.Write, cluster, key, loss string, after *held) {
	switch {
	case loss != "":
		k.taken[cluster] = true
		k.replaced[key] = k.replaced[key] || after == nil
	case k.taken[cluster] && !k.replaced[key] && w.Operation != "TagResource":
		k.fault(w, "gave after something was taken on the cluster")
	}
}

func lostPolicy(before, after *held) string {
	for p := range before.Policies {
		if _, ok := after.Policies[p]; !ok {
			return p
		}
	}
	return ""
}

// wants reports whether the documents want a policy on a principal.
func (k *checker) wants(cluster, arn, policy string) bool {
	for i := range k.want.Clusters {
		for _, e := range k.want.Clusters[i].Entries {
			if a, ok := e.Member.ARN(); ok && a == arn && k.want.Clusters[i].Key.Name == cluster {
				return slices.ContainsFunc(e.Associations, func(x access.WantAssociation) bool { return short(x.Policy) == policy })
			}
		}
	}
	return false
}

// same compares what the journal led to with what is there, and what is
// foreign with what it was, byte by byte. EKS's own entries may have come.
func (k *checker) same(is state) {
	for _, key := range sortedKeys(is) {
		h, ok := k.now[key]
		if !ok {
			if !strings.Contains(key, "/aws-service-role/") {
				k.faults = append(k.faults, key+" is there and no write made it")
			}
			continue
		}
		if a, b := h.text(), is[key].text(); a != b {
			k.faults = append(k.faults, key+" is "+b+", the journal made it "+a)
		}
		if was, ok := k.at0[key]; ok && !k.ours(was) && was.raw != is[key].raw {
			k.faults = append(k.faults, key+" is foreign and was changed:\n"+was.raw+"\n"+is[key].raw)
		}
	}
	for _, key := range sortedKeys(k.now) {
		if _, ok := is[key]; !ok {
			k.faults = append(k.faults, key+" is gone and no write took it")
		}
	}
}

func (h *held) text() string {
	b, _ := json.Marshal([]any{h.Type, h.Username, append([]string{}, h.Groups...), h.Tags, h.Policies}) // of strings: cannot fail
	return string(b)
}
