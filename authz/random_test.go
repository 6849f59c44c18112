package authz_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/eks"
)

var (
	seed  = flag.Uint64("seed", 20261122, "of random tests")
	cases = flag.Int("cases", 20000, "how many random questions")
)

func compile(t *testing.T, w *world) *authz.Cluster {
	t.Helper()
	c, err := authz.Compile(w.facts())
	if err != nil {
		t.Fatalf("%v\n%+v", err, w)
	}
	return c
}

// whom is the identity that an asker has.
func whom(c *authz.Cluster, a asker) authz.Identity {
	if a.principal == "" {
		return a.identity
	}
	id, _, _ := c.Identify(a.principal, a.session)
	return id
}

// Decide against an evaluator written apart, over every completion of what was
// not read; and Explain and Rights against Decide.
//
// shows: item {S49,S51}
func TestDecideIsWhatEveryCompletionSays(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 1))
	mix := map[authz.Verdict]int{}
	done, unread := 0, 0
	for done < *cases {
		w := randomWorld(r)
		c := compile(t, &w)
		for range 20 {
			a, q := randomAsker(r), randomRequest(r)
			want := w.judge(a, q)
			id := whom(c, a)
			if got := c.Decide(id, q); got != want {
				t.Fatalf("seed %d, case %d: %+v as %+v asks %+v: Decide %v, want %v\nfacts: %+v", *seed, done, a, id, q, got, want, w.facts())
			}
			e := c.Explain(id, q)
			if e.Verdict != want {
				t.Fatalf("seed %d, case %d: %+v asks %+v: Explain %v, Decide %v\nfacts: %+v", *seed, done, a, q, e.Verdict, want, w.facts())
			}
			if (len(e.Reasons) > 0) != (want == authz.Allow) || (len(e.Unknown) > 0) != (want == authz.Undetermined) {
				t.Fatalf("seed %d, case %d: %v with %d reasons and %d unknown", *seed, done, want, len(e.Reasons), len(e.Unknown))
			}
			for _, u := range e.Unknown {
				if u.Settle == "" || u.Part == "" {
					t.Fatalf("seed %d, case %d: %+v names nothing that would settle it", *seed, done, u)
				}
			}
			if got := byRights(c.Rights(id), q); got != want {
				t.Fatalf("seed %d, case %d: %+v asks %+v: by rights %v, Decide %v", *seed, done, id, q, got, want)
			}
			mix[want]++
			if want == authz.Undetermined && (w.entriesUnread || w.mapUnread || w.rbacUnread || len(w.rolesUnread) > 0) {
				unread++
			}
			done++
		}
	}
	t.Logf("seed %d: %d questions, %v, %d of the undetermined for want of reading", *seed, done, mix, unread)
	for _, v := range []authz.Verdict{authz.Allow, authz.Deny, authz.Undetermined} {
		if mix[v]*100 < 15*done {
			t.Errorf("seed %d: a poor mix: %v is %d of %d", *seed, v, mix[v], done)
		}
	}
}

func byRights(rights []authz.Right, q authz.Request) authz.Verdict {
	v := authz.Deny
	for _, r := range rights {
		if !inScope(r.Scope, q) || !anyRule(r.Rules, q) {
			continue
		}
		if r.Known {
			return authz.Allow
		}
		v = authz.Undetermined
	}
	return v
}

// WhoCan lists those, and only those, of whom Decide says so.
//
// shows: item S52
func TestWhoCanIsDecideOfEverybody(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 2))
	kinds := map[string]int{}
	for n := range *cases / 20 {
		w := randomWorld(r)
		c := compile(t, &w)
		q := randomRequest(r)
		h := c.WhoCan(q)
		lists := map[authz.Verdict][]authz.Holder{authz.Allow: h.Allowed, authz.Undetermined: h.Possible, authz.Deny: h.Indirect}
		named := map[string]authz.Verdict{}
		for v, list := range lists {
			for _, x := range list {
				if got := c.Decide(x.Identity, q); got != v {
					t.Fatalf("seed %d, case %d: %s %s is listed as %v, Decide %v", *seed, n, x.Kind, x.Name, v, got)
				}
				key := string(x.Kind) + " " + short(x.Kind, x.Name)
				if _, twice := named[key]; twice {
					t.Fatalf("seed %d, case %d: %s is listed twice", *seed, n, key)
				}
				named[key] = v
				kinds[fmt.Sprint(v, " ", x.Kind, x.Route)]++
			}
		}
		for _, p := range principals {
			id, _, v := c.Identify(p, "")
			d := c.Decide(id, q)
			got, listed := named["principal "+short(authz.PrincipalHolder, id.Principal)]
			if listed && got != d || !listed && d == authz.Allow && byLine(&w, p) {
				t.Fatalf("seed %d, case %d: %s (%v): Decide %v of %+v, listed %t as %v\n%+v", *seed, n, p, v, d, q, listed, got, w.facts())
			}
			if !listed && d == authz.Undetermined && len(h.Unknown) == 0 && byLine(&w, p) {
				t.Fatalf("seed %d, case %d: %s may be allowed, and nothing says so", *seed, n, p)
			}
		}
		for _, b := range w.bindings {
			for _, s := range b.Subjects {
				if s.Kind != access.GroupSubject {
					continue
				}
				d := c.Decide(authz.Identity{Groups: []string{s.Name}}, q)
				if got, listed := named["group "+s.Name]; !w.rbacUnread && (listed && got != d || !listed && d != authz.Deny) {
					t.Fatalf("seed %d, case %d: group %s: Decide %v, listed %t as %v", *seed, n, s.Name, d, listed, got)
				}
			}
		}
	}
	t.Logf("seed %d: %v", *seed, kinds)
	for _, k := range []string{"allow principal", "allow group", "allow user", "allow serviceaccount", "undetermined principal", "deny principalimpersonate"} {
		if kinds[k] < 20 {
			t.Errorf("seed %d: a poor mix: %s only %d times", *seed, k, kinds[k])
		}
	}
}

// short is a principal as AWS tells them apart: without path, in any letter
// case.
func short(kind authz.HolderKind, name string) string {
	if kind != authz.PrincipalHolder {
		return name
	}
	parts := strings.Split(strings.ToLower(name), "/")
	return parts[0] + "/" + parts[len(parts)-1]
}

// byLine reports whether something names a principal himself, and not only his
// account.
func byLine(w *world, p string) bool {
	if slices.ContainsFunc(w.entries, func(e worldEntry) bool { return e.principal == p && !e.dead && w.mode != access.ModeConfigMap }) {
		return true
	}
	alone := *w
	alone.accounts = nil
	_, _, _, ok := alone.login(asker{principal: p, session: "zz"})
	return ok
}

// Doing what a deny says would allow it, allows it.
//
// shows: item {S51,S119}
func TestEachRemedyAllows(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 3))
	policies, roles, own := 0, 0, 0
	for n := 0; policies < 1000 || roles < 1000; n++ {
		if n > 200000 {
			t.Fatalf("seed %d: after %d questions only %d remedies by policy and %d by role", *seed, n, policies, roles)
		}
		w := randomWorld(r)
		c := compile(t, &w)
		a, q := randomAsker(r), randomRequest(r)
		id := whom(c, a)
		for _, m := range c.Explain(id, q).Remedies {
			f := w.facts()
			after := a
			if m.Own != nil {
				own++
				m.Role = "own"
				f.Roles = append(slices.Clone(f.Roles), access.KubernetesRole{Name: m.Role, Rules: []access.Rule{*m.Own}})
			}
			if m.Policy != "" {
				policies++
				give(&f, a.principal, m)
			} else {
				roles++
				b := authz.Binding{Binding: access.Binding{Name: "remedy", Role: access.RoleRef{Kind: access.ClusterRole, Name: m.Role}, Subjects: []access.Subject{sub("User", id.Username)}}}
				switch {
				case id.Username == "" && len(id.Groups) == 0: // whom nothing maps yet
					give(&f, a.principal, m)
					b.Subjects = []access.Subject{sub("Group", ownGroup)}
				case id.Username == "":
					b.Subjects = []access.Subject{sub("Group", id.Groups[0])}
				}
				if !m.Scope.Cluster {
					b.Namespace = m.Scope.Namespaces[0]
				}
				f.Bindings = append(slices.Clone(f.Bindings), b)
			}
			c, err := authz.Compile(f)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Decide(whom(c, after), q); got != authz.Allow {
				t.Fatalf("seed %d, case %d: %+v asks %+v: with %+v it is %v", *seed, n, a, q, m, got)
			}
		}
	}
	t.Logf("seed %d: %d remedies by policy, %d by role, of these %d by one of its own", *seed, policies, roles, own)
	if own == 0 {
		t.Error("the mix has no role of its own")
	}
}

// ownGroup is the group of who is given a role by an entry of his own.
const ownGroup = "of-its-own"

// give puts a policy on a principal's entry, on a new one if there is none that
// lives; of a remedy without a policy the group that is bound.
func give(f *authz.Facts, principal string, m authz.Remedy) {
	f.Entries = slices.DeleteFunc(slices.Clone(f.Entries), func(e authz.Entry) bool { return e.Principal == principal && e.Dead })
	i := slices.IndexFunc(f.Entries, func(e authz.Entry) bool { return e.Principal == principal })
	if i < 0 {
		i = len(f.Entries)
		f.Entries = append(f.Entries, authz.Entry{Entry: access.Entry{Principal: principal, Type: access.Standard}})
	}
	e := &f.Entries[i]
	if m.Policy == "" {
		e.Groups = append(slices.Clone(e.Groups), ownGroup)
		return
	}
	e.Associations = slices.Clone(e.Associations)
	a := access.Association{Policy: arnPrefix + m.Policy, Scope: m.Scope}
	if j := slices.IndexFunc(e.Associations, func(x access.Association) bool { return x.Policy == a.Policy }); j >= 0 {
		e.Associations[j].Scope = e.Associations[j].Scope.Union(a.Scope)
	} else {
		e.Associations = append(e.Associations, a)
	}
}

// Taking away all that allowed, denies.
//
// shows: item S51
func TestWithoutItsReasonsAnAllowIsADeny(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 4))
	taken := map[authz.ReasonKind]int{}
	for n, done := 0, 0; done < 1000; n++ {
		if n > 100000 {
			t.Fatalf("seed %d: %d cases after %d questions", *seed, done, n)
		}
		w := randomWorld(r)
		w.entriesUnread, w.mapUnread, w.rbacUnread, w.rolesUnread = false, false, false, nil
		for i := range w.entries {
			w.entries[i].unread = false
			w.entries[i].policies = slices.DeleteFunc(w.entries[i].policies, func(p worldPolicy) bool {
				known, ok := eks.Named(p.name)
				return !ok || !known.RulesComplete
			})
		}
		c := compile(t, &w)
		a, q := randomAsker(r), randomRequest(r)
		if a.principal != "" && a.session == "" {
			a.session = "zz"
		}
		id := whom(c, a)
		e := c.Explain(id, q)
		if e.Verdict != authz.Allow || e.Reasons[0].By == authz.ByMasters {
			continue
		}
		done++
		f := w.facts()
		f.Entries, f.Bindings = slices.Clone(f.Entries), slices.Clone(f.Bindings)
		for _, reason := range e.Reasons {
			taken[reason.By]++
			switch reason.By {
			case authz.ByPolicy:
				i := slices.IndexFunc(f.Entries, func(e authz.Entry) bool { return e.Principal == id.Principal && !e.Dead })
				f.Entries[i].Associations = slices.DeleteFunc(slices.Clone(f.Entries[i].Associations), func(x access.Association) bool { return x.Policy == reason.Policy })
			case authz.ByBinding:
				f.Bindings = slices.DeleteFunc(f.Bindings, func(b authz.Binding) bool {
					return b.Name == reason.Binding.Name && b.Namespace == reason.Binding.Namespace
				})
			}
		}
		after, err := authz.Compile(f)
		if err != nil {
			t.Fatal(err)
		}
		if got := after.Decide(whom(after, a), q); got != authz.Deny {
			t.Fatalf("seed %d, case %d: %+v asks %+v: without %+v it is %v", *seed, n, a, q, e.Reasons, got)
		}
	}
	t.Logf("seed %d: %v", *seed, taken)
	if taken[authz.ByPolicy] < 100 || taken[authz.ByBinding] < 100 {
		t.Errorf("seed %d: a poor mix: %v", *seed, taken)
	}
}
