package authz

import (
	"fmt"
	"sync"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// fleet is clusters of people in teams, as documents make them.
func fleet(t testing.TB, clusters, people int) []*Cluster {
	var all []*Cluster
	for i := range clusters {
		f := Facts{Name: fmt.Sprint("cluster-", i), Mode: access.ModeAPI, DefaultRBAC: true}
		for j := range people {
			team := fmt.Sprint("team-", j%20)
			e := entry(fmt.Sprintf("arn:aws:iam::111122223333:user/person-%d", j), "AmazonEKSEditPolicy", access.NamespaceScope("*"+team+"*"), "atlas-iam:ops:"+team)
			if j%3 == 0 {
				e.Principal = fmt.Sprintf("arn:aws:iam::111122223333:role/people/person-%d", j)
			}
			if j%20 == 0 {
				e.Associations[0] = access.Association{Policy: policyPrefix + "AmazonEKSClusterAdminPolicy", Scope: access.ClusterScope()}
			}
			e.Member, e.Teams = e.Principal, []string{team}
			f.Entries = append(f.Entries, e)
		}
		for j := range 20 {
			b := clusterBinding(fmt.Sprint("b", j), "view", group(fmt.Sprint("atlas-iam:ops:team-", j)))
			b.Patterns = []string{"shared-*"}
			f.Bindings = append(f.Bindings, b)
		}
		all = append(all, compiled(t, f))
	}
	return all
}

// many is a cluster of n ClusterRoleBindings to groups, of one of which alone
// the role gives what sought asks.
func many(t testing.TB, n int) *Cluster {
	f := Facts{Name: "many", Roles: []access.KubernetesRole{
		{Name: "reader", Rules: []access.Rule{{Verbs: []string{"get", "list"}, APIGroups: []string{""}, Resources: []string{"pods"}}}},
		{Name: "keeper", Rules: []access.Rule{{Verbs: []string{"delete"}, APIGroups: []string{""}, Resources: []string{"secrets"}}}},
	}}
	for i := range n {
		role := "reader"
		if i == n/2 {
			role = "keeper"
		}
		f.Bindings = append(f.Bindings, clusterBinding(fmt.Sprint("b", i), role, group(fmt.Sprint("group-", i))))
	}
	return compiled(t, f)
}

var sought = Request{Verb: "delete", Resource: "secrets", Namespace: "ops"}

// shows: item S53
func TestDecideAllocatesNothing(t *testing.T) {
	c := fleet(t, 1, 100)[0]
	role, _, _ := c.Identify("arn:aws:iam::111122223333:role/people/person-3", "")
	mine, _, _ := c.Identify("arn:aws:iam::111122223333:user/person-1", "")
	for _, id := range []Identity{role, mine, ServiceAccount("kube-system", "replicaset-controller"), User("stranger")} {
		for _, r := range []Request{createPods, listNodes, sought, {Verb: "get", Resource: "pods", Subresource: "log", Namespace: "shared-x", Name: "web"}, {Verb: "get", Path: "/healthz"}} {
			if n := testing.AllocsPerRun(100, func() { c.Decide(id, r) }); n != 0 {
				t.Errorf("Decide(%+v, %+v) allocates %v times", id, r, n)
			}
		}
	}
}

func TestWhoCanFindsTheOneOfMany(t *testing.T) {
	h := many(t, 10000).WhoCan(sought)
	if len(h.Allowed) != 1 || h.Allowed[0].Name != "group-5000" || len(h.Possible)+len(h.Indirect)+len(h.Unknown) != 0 {
		t.Errorf("%+v", h)
	}
}

func BenchmarkWhoCan(b *testing.B) {
	b.Run("bindings=10000", func(b *testing.B) {
		c := many(b, 10000)
		for b.Loop() {
			c.WhoCan(sought)
		}
	})
	b.Run("clusters=200/people=500", func(b *testing.B) {
		clusters := fleet(b, 200, 500)
		for _, c := range clusters {
			c.WhoCan(sought) // lists the people
		}
		for b.Loop() {
			for _, c := range clusters {
				if h := c.WhoCan(Request{Verb: "delete", Resource: "secrets", Namespace: "dev-team-7-api"}); len(h.Allowed) < 20 {
					b.Fatal(len(h.Allowed))
				}
			}
		}
	})
	b.Run("clusters=200/people=500/all", func(b *testing.B) {
		clusters := fleet(b, 200, 500)
		for _, c := range clusters {
			c.WhoCan(sought) // lists the people
		}
		for b.Loop() {
			for _, c := range clusters {
				if h := c.WhoCan(Request{Verb: "get", Resource: "pods", Namespace: "shared-x"}); len(h.Allowed) < 500 {
					b.Fatal(len(h.Allowed))
				}
			}
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		fleet(b, 1, 500)
	}
}

func BenchmarkExplain(b *testing.B) {
	c := fleet(b, 1, 500)[0]
	id, _, _ := c.Identify("arn:aws:iam::111122223333:user/person-1", "")
	for b.Loop() {
		c.Explain(id, createPods)
	}
}

// A compiled cluster may be asked from many goroutines.
func TestManyAskAtOnce(t *testing.T) {
	c := fleet(t, 1, 50)[0]
	want := c.WhoCan(createPods)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			id, _, _ := c.Identify(fmt.Sprintf("arn:aws:iam::111122223333:user/person-%d", i), "")
			for range 20 {
				if e := c.Explain(id, createPods); e.Verdict != c.Decide(id, createPods) {
					t.Errorf("%+v: Explain %v", id, e.Verdict)
				}
				if h := c.WhoCan(createPods); len(h.Allowed) != len(want.Allowed) {
					t.Errorf("%d holders, then %d", len(want.Allowed), len(h.Allowed))
				}
			}
		})
	}
	wg.Wait()
}
