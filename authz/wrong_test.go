package authz_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// eachEntry changes every entry, in a copy.
func eachEntry(change func(*authz.Entry)) func(*authz.Facts) {
	return func(f *authz.Facts) {
		f.Entries = slices.Clone(f.Entries)
		for i := range f.Entries {
			f.Entries[i].Associations = slices.Clone(f.Entries[i].Associations)
			change(&f.Entries[i])
		}
	}
}

func eachPolicy(change func(*access.Association)) func(*authz.Facts) {
	return eachEntry(func(e *authz.Entry) {
		for i := range e.Associations {
			change(&e.Associations[i])
		}
	})
}

func eachAuthMap(change func(*access.AuthMap)) func(*authz.Facts) {
	return func(f *authz.Facts) {
		if f.AuthMap != nil {
			m := *f.AuthMap
			change(&m)
			f.AuthMap = &m
		}
	}
}

func forgets(part authz.Part) func(*authz.Facts) {
	return func(f *authz.Facts) {
		f.Unknown = slices.DeleteFunc(slices.Clone(f.Unknown), func(u authz.Unknown) bool { return u.Part == part })
	}
}

func published(policy string) bool {
	p, ok := access.PolicyNamed(policy)
	return ok && p.Published
}

// lines are the items of a key of aws-auth as worlds write them.
func lines(key string) []string { return strings.SplitAfter(key, "]\n") }

// Each fault in what is not upstream's to judge shows within 2,000 questions.
//
// shows: item S49
func TestWrongReadingsAreFound(t *testing.T) {
	const within = 2000
	wrongs := map[string]func(*authz.Facts){
		"the whole cluster is every namespace": eachPolicy(func(a *access.Association) {
			if a.Scope.Cluster {
				a.Scope = access.NamespaceScope("*")
			}
		}),
		"every namespace is the whole cluster": eachPolicy(func(a *access.Association) {
			if slices.Contains(a.Scope.Namespaces, "*") {
				a.Scope = access.ClusterScope()
			}
		}),
		"a leading star is none": eachPolicy(func(a *access.Association) {
			for i, p := range a.Scope.Namespaces {
				a.Scope.Namespaces = slices.Clone(a.Scope.Namespaces)
				a.Scope.Namespaces[i] = strings.TrimPrefix(p, "*")
			}
		}),
		"a star in the middle ends the pattern": eachPolicy(func(a *access.Association) {
			a.Scope.Namespaces = slices.Clone(a.Scope.Namespaces)
			for i, p := range a.Scope.Namespaces {
				if p == "d*b*d" {
					a.Scope.Namespaces[i] = "d*"
				}
			}
		}),
		"the second policy is not read": eachEntry(func(e *authz.Entry) { e.Associations = e.Associations[:min(1, len(e.Associations))] }),
		"unpublished rules are none": eachEntry(func(e *authz.Entry) {
			e.Associations = slices.DeleteFunc(e.Associations, func(a access.Association) bool { return !published(a.Policy) })
		}),
		"unpublished rules are all": eachPolicy(func(a *access.Association) {
			if !published(a.Policy) {
				a.Policy = arnPrefix + access.ClusterAdmin
			}
		}),
		"a dead entry lives":                 eachEntry(func(e *authz.Entry) { e.Dead = false }),
		"an entry's groups are none":         eachEntry(func(e *authz.Entry) { e.Groups = nil }),
		"an entry's username is its default": eachEntry(func(e *authz.Entry) { e.Username = "" }),
		"aws-auth overrides entries": func(f *authz.Facts) {
			if f.AuthMap != nil && f.Mode == access.ModeAPIAndConfigMap {
				f.Mode = access.ModeConfigMap
			}
		},
		"every mode takes entries": func(f *authz.Facts) { f.Mode = access.ModeAPIAndConfigMap },
		"mapUsers is not read":     eachAuthMap(func(m *access.AuthMap) { m.MapUsers = "" }),
		"mapRoles is not read":     eachAuthMap(func(m *access.AuthMap) { m.MapRoles = "" }),
		"mapAccounts is not read":  eachAuthMap(func(m *access.AuthMap) { m.MapAccounts = "" }),
		"letter case counts":       eachAuthMap(func(m *access.AuthMap) { m.MapRoles = strings.ReplaceAll(m.MapRoles, "ARN:AWS", "none:AWS") }),
		"of equal lines the first counts": eachAuthMap(func(m *access.AuthMap) {
			users, roles := lines(m.MapUsers), lines(m.MapRoles)
			slices.Reverse(users)
			slices.Reverse(roles)
			m.MapUsers, m.MapRoles = strings.Join(users, ""), strings.Join(roles, "")
		}),
		"what was not read of entries is not there":  forgets(authz.UnknownEntries),
		"an entry that was not read is not there":    forgets(authz.UnknownEntry),
		"aws-auth that was not read is not there":    forgets(authz.UnknownAuthMap),
		"RBAC that was not read is not there":        forgets(authz.UnknownRBAC),
		"rules that were not read are as they stand": forgets(authz.UnknownRole),
	}
	for name, wrong := range wrongs {
		if n := firstDifference(t, wrong, within); n < 0 {
			t.Errorf("seed %d: %s: not found in %d questions", *seed, name, within)
		}
	}
	if n := firstDifference(t, func(*authz.Facts) {}, within); n >= 0 {
		t.Errorf("seed %d: without a fault: question %d differs", *seed, n)
	}
}

// firstDifference asks until the engine, given facts with a fault, says what is
// wrong of the world; -1 if it does not within so many questions.
func firstDifference(t *testing.T, wrong func(*authz.Facts), within int) int {
	r := rand.New(rand.NewPCG(*seed, 5))
	for n := 0; n < within; {
		w := randomWorld(r)
		f := w.facts()
		wrong(&f)
		c, err := authz.Compile(f)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			a, q := randomAsker(r), randomRequest(r)
			if c.Decide(whom(c, a), q) != w.judge(a, q) {
				return n
			}
			n++
		}
	}
	return -1
}
