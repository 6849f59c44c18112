package access

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestAStarIsAnyRunOfCharactersAlsoNone(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"qa", "qa", true}, {"qa", "qa1", false}, {"qa1", "qa", false}, {"qa", "", false}, {"", "", true}, {"", "a", false},
		{"*", "", true}, {"*", "anything", true}, {"**", "", true},
		{"*backend*", "backend", true}, {"*backend*", "dev-backend-api", true}, {"*backend*", "dev-frontend", false},
		{"dev-*", "dev-", true}, {"dev-*", "dev", false}, {"*-ns", "a-ns", true}, {"*-ns", "a-ns-", false},
		{"a*b*c", "abc", true}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "acb", false}, {"a*b*c", "abcbc", true},
		{"*ab", "aab", true}, {"*aab", "aaab", true}, {"a.c", "abc", false}, {"a?c", "abc", false}, {"qa*", "QA1", false},
	} {
		if got := MatchPattern(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
}

// The oracle is Go's regular expressions for names; for patterns it is every
// short name over an alphabet with one letter more than the patterns have.
func TestAPatternContainsAnotherIfEveryNameOfItMatches(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, 0))
	draw := func(letters string, most int) string {
		var b strings.Builder
		for range r.IntN(most + 1) {
			b.WriteByte(letters[r.IntN(len(letters))])
		}
		return b.String()
	}
	var names []string
	for _, n := range []int{0, 1, 2, 3, 4, 5, 6} {
		for i := range pow(3, n) {
			name := make([]byte, n)
			for j := range name {
				name[j] = "abz"[i%3]
				i /= 3
			}
			names = append(names, string(name))
		}
	}
	inside, outside := 0, 0
	for range 600 {
		outer, inner := draw("ab*", 4), draw("ab*", 4)
		in, out := expression(inner), expression(outer)
		want := true
		for _, name := range names {
			matches := out.MatchString(name)
			if MatchPattern(outer, name) != matches {
				t.Fatalf("seed %d: %q matches %q: want %v", seed, outer, name, matches)
			}
			want = want && (matches || !in.MatchString(name))
		}
		if got := PatternContains(outer, inner); got != want {
			t.Errorf("seed %d: %q contains %q: %v, want %v", seed, outer, inner, got, want)
		}
		if want {
			inside++
		} else {
			outside++
		}
	}
	if inside < 60 || outside < 60 {
		t.Errorf("seed %d: a poor mix: %d inside, %d outside", seed, inside, outside)
	}
}

func pow(b, n int) int {
	p := 1
	for range n {
		p *= b
	}
	return p
}

func expression(pattern string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(pattern, "*", "[a-z]*") + "$")
}

func TestAScopeIsNormalAndSaysWhatItCovers(t *testing.T) {
	patterns := []string{"qa", "b", "qa", "a*"}
	s := NamespaceScope(patterns...)
	if want := []string{"a*", "b", "qa"}; !slices.Equal(s.Namespaces, want) || s.Cluster {
		t.Errorf("%+v, want %v", s, want)
	}
	if patterns[0] != "qa" || patterns[3] != "a*" {
		t.Errorf("the caller's list is now %v", patterns)
	}
	if s.Type() != "namespace" || s.String() != "a*, b, qa" || ClusterScope().Type() != "cluster" || ClusterScope().String() != "cluster" {
		t.Error(s.Type(), s, ClusterScope().Type(), ClusterScope())
	}
	if !(Scope{}).IsZero() || s.IsZero() || ClusterScope().IsZero() {
		t.Error("only no scope at all is zero")
	}
	for _, other := range []Scope{{}, ClusterScope(), NamespaceScope("a*", "b"), NamespaceScope("a*", "b", "qa*")} {
		if s.Equal(other) || other.Equal(s) {
			t.Errorf("%v equals %v", s, other)
		}
	}
	if !s.Equal(NamespaceScope("b", "a*", "qa")) || !ClusterScope().Equal(ClusterScope()) {
		t.Error("equal scopes are not equal")
	}
}

func TestTheUnionOfScopesIsBothAndTheClusterSwallowsPatterns(t *testing.T) {
	a, b := NamespaceScope("qa", "dev"), NamespaceScope("dev", "api")
	if got := a.Union(b); !got.Equal(NamespaceScope("api", "dev", "qa")) {
		t.Error(got)
	}
	for _, got := range []Scope{a.Union(ClusterScope()), ClusterScope().Union(a)} {
		if !got.Cluster || got.Namespaces != nil {
			t.Errorf("%+v", got)
		}
	}
	if !(Scope{}).Union(a).Equal(a) || !a.Equal(NamespaceScope("qa", "dev")) {
		t.Error("a union with nothing, or of itself, changed", a)
	}
}

// Cluster scope is not the union of all namespaces.
func TestEveryNamespaceIsLessThanTheCluster(t *testing.T) {
	every, cluster := NamespaceScope("*"), ClusterScope()
	if !cluster.Covers(every) || !cluster.Covers(cluster) || every.Covers(cluster) {
		t.Error("want cluster > *")
	}
	if got := every.Minus(cluster); !slices.Equal(got, []string{"*"}) {
		t.Error(got)
	}
	if cluster.Minus(every) != nil || cluster.Minus(cluster) != nil {
		t.Error(cluster.Minus(every))
	}
}

func TestAScopeCoversPatternsOneByOne(t *testing.T) {
	have := NamespaceScope("*backend*", "qa")
	if got := have.Minus(NamespaceScope("dev-backend-*", "qa", "qa*", "ops")); !slices.Equal(got, []string{"ops", "qa*"}) {
		t.Error(got)
	}
	if !have.Covers(NamespaceScope("backend", "qa")) || have.Covers(NamespaceScope("backend", "qa1")) || have.Covers(ClusterScope()) {
		t.Error("covers")
	}
	if !have.Covers(Scope{}) || (Scope{}).Covers(have) {
		t.Error("nothing is covered by anything and covers nothing")
	}
}
