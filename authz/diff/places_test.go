package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

func TestWhichNamesANamespaceCanHave(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "z": true, "0": true, "9": true, "a-b": true, "a--b": true, "": false, "-": false, "-a": false, "a-": false, "A": false, "a.b": false, "a*": false, "a_b": false, "a/": false, "a:": false, "`": false, "{": false,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false,
	} {
		if legalName(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}

// shortNames are all legal names of up to four letters of a few, the shortest
// first and then in the alphabet's order.
func shortNames() []string {
	var out []string
	level := []string{""}
	for range 4 {
		var next []string
		for _, s := range level {
			for _, letter := range []string{"a", "b", "c", "-"} {
				next = append(next, s+letter)
			}
		}
		slices.SortStableFunc(next, func(a, b string) int { // a dash comes last, as letters are told apart
			return strings.Compare(strings.ReplaceAll(a, "-", "~"), strings.ReplaceAll(b, "-", "~"))
		})
		for _, s := range next {
			if legalName(s) {
				out = append(out, s)
			}
		}
		level = next
	}
	return out
}

func matchesOne(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return globs(p, name) })
}

func inPlace(p access.Where, name string) bool {
	for _, list := range p.In {
		if !matchesOne(list, name) {
			return false
		}
	}
	return !p.Cluster && !matchesOne(p.Outside, name)
}

// No namespace has a name of more than 63 letters.
func TestNoNamespaceHasALongerName(t *testing.T) {
	for n, cells := range map[int]int{1: 2, 2: 2, 62: 2, 63: 2, 64: 1, 65: 1, 70: 1} {
		if got := len(landOf([][]string{{strings.Repeat("a", n)}}).cells); got != cells {
			t.Errorf("a name of %d letters: %d cells, want %d", n, got, cells)
		}
		if got := len(landOf([][]string{{strings.Repeat("ab-", n/3) + strings.Repeat("c", n%3+1) + "*"}}).cells); got != map[bool]int{true: 2, false: 1}[n+1 <= 63] {
			t.Errorf("names that begin with %d letters: %d cells", n+1, got)
		}
	}
}

// scopesOfFew are lists of scopes over few letters, so that all short names
// tell what they are.
func scopesOfFew() [][][]string {
	lists := [][]string{{"*"}, {"a*"}, {"*b"}, {"a"}, {"ab"}, {"*a*"}, {"a*b"}, {"a", "b"}, {"*-*"}, {"a-*", "*-b"}, {"a**b"}, {"b*", "*a"}}
	out := [][][]string{nil}
	for i := range lists {
		out = append(out, [][]string{lists[i]})
		for j := range lists[:i] {
			out = append(out, [][]string{lists[i], lists[j]})
			for k := range lists[:j] {
				if (i+j+k)%4 == 0 {
					out = append(out, [][]string{lists[i], lists[j], lists[k]})
				}
			}
		}
	}
	return out
}

// Each name is in the one cell of the scopes that take it in, and a cell's
// example is the first of its names.
func TestCellsAreTheNamesThatTheSameScopesTakeIn(t *testing.T) {
	names := shortNames()
	for _, scopes := range scopesOfFew() {
		first := map[string]string{}
		for _, n := range names {
			sign := make([]bool, len(scopes))
			for i, list := range scopes {
				sign[i] = matchesOne(list, n)
			}
			if k := fmt.Sprint(sign); first[k] == "" {
				first[k] = n
			}
		}
		got := map[string]string{}
		l := landOf(scopes)
		for _, c := range l.cells {
			sign := make([]bool, len(scopes))
			for i := range scopes {
				sign[i] = c.in.has(i)
			}
			got[fmt.Sprint(sign)] = c.example
		}
		if d := cmp.Diff(first, got); d != "" || len(got) != len(l.cells) {
			t.Errorf("%q: %s", scopes, d)
		}
	}
}

// Places are said so that all of must is in them and nothing beyond may; each
// has an example that is its first name, and none can be left out that another
// one plainly holds.
func TestPlacesSayWhatTheyMustAndNoMore(t *testing.T) {
	names := shortNames()
	asked := 0
	for _, scopes := range scopesOfFew() {
		l := landOf(scopes)
		n := len(l.cells)
		cellOf := map[string]int{}
		for _, name := range names {
			cellOf[name] = slices.IndexFunc(l.cells, func(c cell) bool {
				for i, list := range scopes {
					if c.in.has(i) != matchesOne(list, name) {
						return false
					}
				}
				return true
			})
		}
		for bits := 1; bits < 1<<n; bits++ {
			for _, more := range []int{0, bits * 5 % (1 << n), 1<<n - 1} {
				must, may := newSet(n), newSet(n)
				for i := range n {
					if bits>>i&1 == 1 {
						must.add(i)
					}
					if (bits|more)>>i&1 == 1 {
						may.add(i)
					}
				}
				asked++
				places := l.places(must, may)
				for _, name := range names {
					said := slices.ContainsFunc(places, func(p access.Where) bool { return inPlace(p, name) })
					if at := cellOf[name]; must.has(at) && !said || !may.has(at) && said {
						t.Fatalf("%q: %s is said: %t, in %+v", scopes, name, said, places)
					}
				}
				for i, p := range places {
					if at := slices.IndexFunc(names, func(n string) bool { return inPlace(p, n) }); at < 0 || names[at] != p.Example {
						t.Fatalf("%q: example %q of %+v", scopes, p.Example, p)
					}
					for j, q := range places {
						if i != j && len(p.In) == 1 && len(q.In) == 1 && len(p.In[0])+len(q.In[0]) == 2 && len(q.Outside) == 0 && globs(q.In[0][0], strings.ReplaceAll(p.In[0][0], "*", "~")) {
							t.Fatalf("%q: %+v says what %+v does", scopes, p, q)
						}
					}
				}
			}
		}
	}
	if asked < 2000 {
		t.Errorf("%d questions are too few", asked)
	}
}

func TestPlacesAreSaidAsPeopleWould(t *testing.T) {
	for _, c := range []struct {
		scopes    [][]string
		must, may []string // names whose cells they are
		want      string
	}{
		{[][]string{{"qa-*"}}, []string{"qa-x"}, nil, "qa-*"},
		{[][]string{{"qa-*"}}, []string{"qa-x", "z"}, nil, "every namespace"},
		{[][]string{{"qa-*"}}, []string{"z"}, nil, "every namespace outside qa-* (e.g. a)"},
		{[][]string{{"*qa*"}, {"*backend*"}}, []string{"qa"}, nil, "*qa* outside *backend* (e.g. qa)"},
		{[][]string{{"*qa*"}, {"*backend*"}}, []string{"qa"}, []string{"qa-backend"}, "*qa*"},
		{[][]string{{"*qa*"}, {"*backend*"}}, []string{"qa-backend"}, nil, "*qa* and *backend* (e.g. backendqa)"},
		{[][]string{{"*qa*"}, {"*backend*"}}, []string{"qa-backend"}, []string{"qa"}, "*qa*"},
		{[][]string{{"*qa*"}, {"*backend*"}}, []string{"qa", "backend"}, []string{"qa-backend"}, "*backend*, *qa*"},
		{[][]string{{"*qa*", "dev"}}, []string{"qa"}, nil, "*qa*, dev"},
		{[][]string{{"a", "a*"}}, []string{"ab"}, nil, "a*"},
		{[][]string{{"a*"}, {"ab*"}}, []string{"abc"}, nil, "ab*"},
		{[][]string{{"a*"}, {"ab*"}}, []string{"a"}, nil, "a* outside ab* (e.g. a)"},
		{[][]string{{"a*"}, {"ab*"}}, []string{"a", "abc"}, nil, "a*"},
		{[][]string{{"x", "y"}, {"y", "z"}}, []string{"x"}, []string{"y", "z"}, "x"},
		{[][]string{{"x", "y"}, {"y", "z"}}, []string{"x", "y", "z"}, nil, "x, y, z"},
		{[][]string{{"*A*"}}, []string{"z"}, nil, "every namespace"},
	} {
		l := landOf(c.scopes)
		set := func(names []string) set {
			s := newSet(len(l.cells))
			for _, n := range names {
				i := slices.IndexFunc(l.cells, func(x cell) bool {
					for j, list := range c.scopes {
						if x.in.has(j) != matchesOne(list, n) {
							return false
						}
					}
					return true
				})
				s.add(i)
			}
			return s
		}
		must := set(c.must)
		may := must.clone()
		may.union(set(c.may))
		if got := (Access{Loose: l.places(must, may)}).Where(); got != c.want {
			t.Errorf("%q, %q within %q: %q, want %q", c.scopes, c.must, c.may, got, c.want)
		}
	}
}

// What would settle a difference is what gives it, or may, there.
func TestWhatSettlesADifferenceIsWhatMayGiveIt(t *testing.T) {
	perhaps := func(name, what string, namespaces ...string) authz.Right {
		return authz.Right{Scope: access.NamespaceScope(namespaces...), Rules: []access.Rule{rule("get", "", what)},
			By: authz.Reason{By: authz.ByPolicy, Policy: name}, Unknown: &authz.Unknown{Part: authz.UnknownPolicies, Settle: "read " + name}}
	}
	settles := func(list []Access) string {
		var out []string
		for _, a := range list {
			var of []string
			for _, u := range a.Unknown {
				of = append(of, strings.TrimPrefix(u.Settle, "read "))
			}
			out = append(out, a.Where()+" by "+strings.Join(of, "+"))
		}
		slices.Sort(out)
		return strings.Join(out, "; ")
	}
	known := role("r", access.NamespaceScope("a"), rule("get", "", "pods"))
	for name, c := range map[string]struct {
		before, after         []authz.Right
		gained, lost, unknown string
	}{
		"it alone":               {nil, []authz.Right{perhaps("One", "pods", "a"), perhaps("Two", "pods", "b"), perhaps("Three", "jobs", "a")}, "a by One; a by Three; b by Two", "", ""},
		"two of them":            {nil, []authz.Right{perhaps("One", "pods", "a"), perhaps("Two", "pods", "a")}, "a by One+Two", "", ""},
		"one of them once":       {nil, []authz.Right{perhaps("One", "pods", "a"), perhaps("One", "pods", "a")}, "a by One", "", ""},
		"one in two places":      {nil, []authz.Right{perhaps("One", "pods", "a", "b"), perhaps("Two", "jobs", "b")}, "a, b by One; b by Two", "", ""},
		"what was there perhaps": {[]authz.Right{perhaps("One", "pods", "a")}, []authz.Right{known}, "a by One", "", ""},
		"and is no more":         {[]authz.Right{perhaps("One", "pods", "a")}, nil, "", "a by One", ""},
		"from sure to perhaps":   {[]authz.Right{known}, []authz.Right{perhaps("One", "pods", "a")}, "", "a by One", ""},
		"one for another":        {[]authz.Right{perhaps("One", "pods", "a")}, []authz.Right{perhaps("Two", "pods", "a")}, "", "", "a by One+Two"},
		"the same":               {[]authz.Right{perhaps("One", "pods", "a")}, []authz.Right{perhaps("One", "pods", "a")}, "", "", ""},
	} {
		d := Compare(c.before, c.after)
		if g, l, u := settles(d.MaybeGained), settles(d.MaybeLost), settles(d.Unknown); g != c.gained || l != c.lost || u != c.unknown || len(d.Gained)+len(d.Lost) > 0 {
			t.Errorf("%s: gained %q, lost %q, unknown %q, and %v", name, g, l, u, d)
		}
	}
	sure := Compare(nil, []authz.Right{known, perhaps("One", "pods", "a")})
	if len(sure.Gained) != 1 || sure.Gained[0].Unknown != nil || len(sure.MaybeGained) != 0 {
		t.Errorf("what is sure waits for nothing: %v", sure)
	}
}

// An Access names the grants in whose words it is said, what it is less than
// they, and whether a wider one of the list says it.
func TestAnAccessNamesItsGrants(t *testing.T) {
	say := func(reasons []authz.Reason) string {
		var out []string
		for _, r := range reasons {
			out = append(out, GrantName(r))
		}
		return strings.Join(out, "+")
	}
	p := func(short string, ns ...string) authz.Right { return policy(t, short, ns...) }
	for name, c := range map[string]struct {
		before, after []authz.Right
		want          string
	}{
		"one":                       {nil, []authz.Right{p("Edit", "a")}, "Edit in a"},
		"one in two scopes":         {nil, []authz.Right{p("Edit", "a"), p("Edit", "b")}, "Edit+Edit in a, b"},
		"less":                      {[]authz.Right{p("View", "a")}, []authz.Right{p("Edit", "a")}, "Edit less View in a"},
		"the widest of what is had": {[]authz.Right{p("View", "a"), role("pods", access.NamespaceScope("a"), rule("get", "", "pods"))}, []authz.Right{p("Edit", "a")}, "Edit less View in a"},
		"less of two":               {[]authz.Right{p("View", "a"), role("del", access.NamespaceScope("a"), rule("delete", "", "pods"))}, []authz.Right{p("Edit", "a")}, "Edit less View+ClusterRole del in a"},
		"implied":                   {nil, []authz.Right{p("Edit", "*qa*"), p("View", "*qa*")}, "Edit in *qa*"},
		"implied in a part":         {nil, []authz.Right{p("Edit", "*qa*"), p("View", "*backend*")}, "Edit in *qa*; View in *backend*"},
	} {
		var out []string
		for _, a := range Compare(c.before, c.after).Gained {
			if a.Implied {
				continue
			}
			s := say(a.By)
			if len(a.Minus) > 0 {
				s += " less " + say(a.Minus)
			}
			out = append(out, s+" in "+a.Where())
		}
		if got := strings.Join(out, "; "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
