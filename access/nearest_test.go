package access

import "testing"

func TestTheNearestWordIsTheOneThatWasMeant(t *testing.T) {
	for _, c := range []struct {
		word  string
		words []string
		want  string
	}{
		{"pod", []string{"nodes", "pods"}, "pods"},
		{"podz", []string{"pods", "nodes"}, "pods"},
		{"sod", []string{"pods"}, ""},      // one of three letters may be wrong, not two
		{"sods", []string{"pods"}, "pods"}, //
		{"gezz", []string{"gets"}, ""},     // nor of four
		{"jsno", []string{"json"}, "json"}, // two that are swapped are one
		{"Cluster_Admin", []string{"cluster-admin"}, "cluster-admin"},
		{"permissonset", []string{"permissionSet"}, "permissionSet"},
		{"deploy", []string{"deployments", "pods"}, "deployments"}, // what it begins is meant
		{"de", []string{"deployments"}, ""},                        // two letters begin too much
		{"dep", []string{"deployments"}, "deployments"},            // three do not
		{"depl", []string{"deplo", "deployments"}, "deplo"},        // a slip is nearer than a beginning
		{"jobs", []string{"jobz", "jobs"}, "jobs"},                 // the nearer
		{"jobs", []string{"jobx", "joba"}, "joba"},                 // the first in the alphabet of equals
		{"deployments", []string{"deployxents"}, "deployxents"},    //
		{"deplxxxents", []string{"deployments"}, "deployments"},    // of eleven letters three may be wrong
		{"deplxxxxnts", []string{"deployments"}, ""},               // four may not
		{"deployxents", []string{"deploy", "deployments"}, "deployments"},
		{"", []string{"a"}, ""},
		{"a", []string{"b"}, ""}, // and one of one may not
		{"A", []string{"a"}, "a"},
		{"x", nil, ""},
	} {
		if got, _ := Nearest(c.word, c.words); got != c.want {
			t.Errorf("%q of %q: %q, want %q", c.word, c.words, got, c.want)
		}
	}
}

func TestDistanceCountsLetters(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"ab", "abc", 1}, {"abc", "", 3}, {"", "abc", 3}, {"abc", "bc", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
