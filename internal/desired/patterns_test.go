package desired

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// shows: item S95
func TestPatternsMeetInTheirShortestName(t *testing.T) {
	long := strings.Repeat("a", 40)
	for _, c := range []struct {
		a, b string
		dots bool
		want string // empty: they do not meet
	}{
		{a: "pr-*", b: "*-db", want: "pr-db"},
		{a: "pr-*", b: "db-*"},
		{a: "a*", b: "*a", want: "a"},
		{a: "ab*", b: "*ba", want: "aba"},
		{a: "*", b: "*", want: "a"},
		{a: "x", b: "x", want: "x"},
		{a: "x", b: "y"},
		{a: "a*b*c", b: "a*c*b*c", want: "acbc"},
		{a: "*a*", b: "*b*", want: "ab"},
		{a: "pr-*", b: "pr*", want: "pr-a"}, // a name does not end in a dash
		{a: long + "*", b: "*" + strings.Repeat("b", 23), want: long + strings.Repeat("b", 23)},
		{a: long + "*", b: "*" + strings.Repeat("b", 24)}, // 64 letters
		{a: long + "*", b: "*" + strings.Repeat("b", 24), dots: true, want: long + strings.Repeat("b", 24)},
		{a: "a.*", b: "*b", dots: true, want: "a.b"},
		{a: "a*", b: "*.b", dots: true, want: "a.b"},
		{a: "a-*", b: "*.b", dots: true, want: "a-a.b"}, // nor a part of one
		{a: "a*b*", b: "a*", dots: false, want: "ab"},
	} {
		got, ok := meet(c.a, c.b, c.dots)
		if ok != (c.want != "") || got != c.want {
			t.Errorf("meet(%q, %q, %v) = %q, %v; want %q", c.a, c.b, c.dots, got, ok, c.want)
		}
		if again, same := meet(c.b, c.a, c.dots); again != got || same != ok {
			t.Errorf("meet(%q, %q) = %q, the other way round %q", c.a, c.b, got, again)
		}
	}
}

// Patterns meet exactly if a name matches both: all names of up to five
// letters, by a regular expression, against the walk.
func TestPatternsMeetIfAndOnlyIfANameMatchesBoth(t *testing.T) {
	const longest = 5
	label := regexp.MustCompile(`^[a-z]([-a-z]*[a-z])?$`)
	var names []string
	for list := []string{""}; len(list) > 0; {
		var next []string
		for _, s := range list {
			if label.MatchString(s) {
				names = append(names, s)
			}
			if len(s) < longest {
				next = append(next, s+"a", s+"b", s+"-")
			}
		}
		list = next
	}
	const seed = 7
	random := rand.New(rand.NewPCG(seed, 0))
	pattern := func() string {
		var b strings.Builder
		for range 1 + random.IntN(4) {
			b.WriteByte("ab-**"[random.IntN(5)])
		}
		return b.String()
	}
	met, apart := 0, 0
	for range 3000 {
		a, b := pattern(), pattern()
		want := ""
		for _, n := range names {
			if access.MatchPattern(a, n) && access.MatchPattern(b, n) && (want == "" || len(n) < len(want)) {
				want = n
			}
		}
		got, ok := meet(a, b, false)
		switch {
		case ok && !(access.MatchPattern(a, got) && access.MatchPattern(b, got) && label.MatchString(got)):
			t.Fatalf("seed %d: meet(%q, %q) = %q, which is no such name", seed, a, b, got)
		case want != "" && (!ok || len(got) != len(want)), ok && want == "" && len(got) <= longest:
			t.Fatalf("seed %d: meet(%q, %q) = %q, %v; by trying %q", seed, a, b, got, ok, want)
		case ok:
			met++
		default:
			apart++
		}
	}
	t.Logf("seed %d: %d met, %d apart", seed, met, apart)
	if met < 600 || apart < 600 {
		t.Errorf("a poor mix: %d met, %d apart", met, apart)
	}
}
