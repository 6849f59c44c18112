package oracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

type question struct {
	id authz.Identity
	r  authz.Request
}

// load is a cluster of n ClusterRoleBindings, a tenth as many RoleBindings and
// as many over patterns, each role of some rules as people write them; and
// questions of which half are allowed, a third of them in the whole cluster, a
// third in a namespace, a third by a pattern, one in four on a subresource.
func load(n int) (authz.Facts, []question) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	f := authz.Facts{Name: "load"}
	kinds := []string{"pods", "services", "configmaps", "secrets", "deployments", "jobs", "ingresses", "leases"}
	groupOf := map[string]string{"deployments": "apps", "jobs": "batch", "ingresses": "networking.k8s.io", "leases": "coordination.k8s.io"}
	for i := range 50 {
		a, b := kinds[i%8], kinds[(i*3+1)%8]
		f.Roles = append(f.Roles, access.KubernetesRole{Name: fmt.Sprint("role", i), Rules: []access.Rule{
			{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{groupOf[a]}, Resources: []string{a, a + "/status"}},
			{Verbs: []string{"create", "update", "patch", "delete"}, APIGroups: []string{groupOf[b]}, Resources: []string{b, b + "/status"}},
			{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods/log"}, ResourceNames: []string{"web"}},
		}})
	}
	bind := func(name string, b authz.Binding, i int) {
		b.Name, b.Role = name, access.RoleRef{Kind: access.ClusterRole, Name: fmt.Sprint("role", i%50)}
		b.Subjects = []access.Subject{{Kind: access.GroupSubject, Name: name}}
		if i%3 == 0 {
			b.Subjects = append(b.Subjects, access.Subject{Kind: access.ServiceAccountSubject, Namespace: fmt.Sprint("team-", i%40), Name: "robot"})
		}
		f.Bindings = append(f.Bindings, b)
	}
	for i := range n {
		bind(fmt.Sprint("wide", i), authz.Binding{}, i)
	}
	for i := range n/10 + 1 {
		bind(fmt.Sprint("in", i), authz.Binding{Binding: access.Binding{Namespace: fmt.Sprint("team-", i%40)}}, i)
		bind(fmt.Sprint("like", i), authz.Binding{Patterns: []string{fmt.Sprintf("*-%d", i%40), "dev-*"}}, i)
	}
	var questions []question
	for len(questions) < 4096 {
		i := r.IntN(len(f.Bindings))
		b := &f.Bindings[i]
		rule := f.Roles[slices.IndexFunc(f.Roles, func(x access.KubernetesRole) bool { return x.Name == b.Role.Name })].Rules[r.IntN(3)]
		q := question{id: authz.User("ann", b.Subjects[0].Name, "everybody"), r: authz.Request{Verb: pick(r, rule.Verbs), Group: rule.APIGroups[0], Namespace: fmt.Sprint("team-", r.IntN(40))}}
		if len(rule.ResourceNames) > 0 {
			q.r.Name = "web"
		}
		if b.Namespace != "" {
			q.r.Namespace = b.Namespace
		} else if len(b.Patterns) > 0 {
			q.r.Namespace = "dev-backend"
		}
		form := rule.Resources[r.IntN(len(rule.Resources))]
		q.r.Resource = form
		if r.IntN(4) == 0 {
			q.r.Resource, q.r.Subresource = rule.Resources[0], "status"
			if len(rule.Resources) == 1 {
				q.r.Resource, q.r.Subresource = "pods", "log"
			}
		} else if form != rule.Resources[0] || len(rule.Resources) == 1 {
			q.r.Resource, q.r.Subresource = cut(form)
		}
		if len(questions)%2 == 1 { // one that is denied
			switch r.IntN(3) {
			case 0:
				q.r.Verb = "deletecollection"
			case 1:
				q.r.Resource = "nodes"
			case 2:
				q.id.Groups[0] = "strangers"
			}
		}
		questions = append(questions, q)
	}
	return f, questions
}

func cut(form string) (string, string) {
	for i := range len(form) {
		if form[i] == '/' {
			return form[:i], form[i+1:]
		}
	}
	return form, ""
}

// median runs ask over all the questions, in lots of 64, until b is content,
// and reports the median and the 99th per cent of the lots' means, in
// nanoseconds a question.
func median(b *testing.B, questions []question, ask func(*question) bool) {
	var lots []float64
	allowed := 0
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		start := time.Now()
		for range 64 {
			if ask(&questions[at]) {
				allowed++
			}
			at = (at + 1) % len(questions)
		}
		lots = append(lots, float64(time.Since(start).Nanoseconds())/64)
	}
	slices.Sort(lots)
	b.ReportMetric(lots[len(lots)/2], "median-ns/question")
	b.ReportMetric(lots[len(lots)*99/100], "p99-ns/question")
	b.ReportMetric(100*float64(allowed)/float64(64*len(lots)), "%allowed")
}

// BenchmarkDecide is ours and upstream's over the same bindings.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		f, questions := load(n)
		c, err := authz.Compile(f)
		if err != nil {
			b.Fatal(err)
		}
		spaces := []string{"dev-backend"}
		for i := range 40 {
			spaces = append(spaces, fmt.Sprint("team-", i))
		}
		u := newUpstream(&f, spaces)
		for i := range questions {
			if q := &questions[i]; (c.Decide(q.id, q.r) == authz.Allow) != u.allows(&q.id, &q.r) {
				b.Fatalf("%+v: Decide %v", q, c.Decide(q.id, q.r))
			}
		}
		denied := slices.DeleteFunc(slices.Clone(questions), func(q question) bool { return u.allows(&q.id, &q.r) })
		ours := func(q *question) bool { return c.Decide(q.id, q.r) == authz.Allow }
		theirs := func(q *question) bool { return u.allows(&q.id, &q.r) }
		b.Run(fmt.Sprintf("bindings=%d/ours", n), func(b *testing.B) { median(b, questions, ours) })
		b.Run(fmt.Sprintf("bindings=%d/ours, denied", n), func(b *testing.B) { median(b, denied, ours) })
		b.Run(fmt.Sprintf("bindings=%d/upstream", n), func(b *testing.B) { median(b, questions, theirs) })
		b.Run(fmt.Sprintf("bindings=%d/upstream, denied", n), func(b *testing.B) { median(b, denied, theirs) })
	}
}
