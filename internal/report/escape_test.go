package report

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestSafeShowsWhatWouldTrickATerminal(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"an escape sequence that clears the screen": {"a\x1b[2Jb", `a\x1b[2Jb`},
		"a carriage return that overwrites a line":  {"delete\rkeep  ", `delete\x0dkeep  `},
		"a line break that makes up a row":          {"x\n  + team/ops", `x\x0a  + team/ops`},
		"C1 controls, ESC's one-byte forms":         {"a\u009b2J", `a\u009b2J`},
		"text direction turned":                     {"user/\u202eksla", `user/\u202eksla`},
		"isolates":                                  {"\u2066x\u2069", `\u2066x\u2069`},
		"characters of no width":                    {"ad\u200bmin\ufeff", `ad\u200bmin\ufeff`},
		"line and paragraph separators":             {"a\u2028b\u2029", `a\u2028b\u2029`},
		"a space that is not one":                   {"a\u00a0b", `a\u00a0b`},
		"bytes that are not UTF-8":                  {"a\xff\xc3", `a\xff\xc3`},
		"tags beyond the basic plane":               {"a\U000e0041", `a\U000e0041`},
		"DEL":                                       {"a\x7f", `a\x7f`},
	} {
		t.Run(name, func(t *testing.T) {
			got := Safe(c.in)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q still has something unprintable", got)
			}
		})
	}
}

func TestSafeLeavesNamesAsPeopleWriteThem(t *testing.T) {
	for _, s := range []string{
		"", "user/oleksii", "role/ci/github-actions", "*backend*, *session-notes*", "Олексій", "東京チーム", "naïve café",
		"arn:aws:iam::492000000148:role/x+y=z,w.@-_", "👍 ok", `back\slash`, "<script>`|", "\ufffd",
	} {
		if got := Safe(s); got != s {
			t.Errorf("Safe(%q) = %q, want it unharmed", s, got)
		}
	}
}

func TestMarkdownTextIsNeverMarkup(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"a script":          {"<script>alert(1)</script>", "&#60;script&#62;alert&#40;1&#41;&#60;/script&#62;"},
		"a cell's end":      {"a|b", "a&#124;b"},
		"code":              {"`x`", "&#96;x&#96;"},
		"patterns' stars":   {"*backend*", "&#42;backend&#42;"},
		"an image":          {"![x](y)", "&#33;&#91;x&#93;&#40;y&#41;"},
		"a mention":         {"@everyone", "&#64;everyone"},
		"a link by itself":  {"https://evil.example", "https&#58;//evil.example"},
		"a link by its www": {"www.evil.example", "www&#46;evil.example"},
		"an entity":         {"&lt;", "&#38;lt;"},
		"a row's end":       {"a\nb", "a&#92;x0ab"},
	} {
		t.Run(name, func(t *testing.T) {
			got := markdown(c.in)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, plain := range []string{"user/oleksii", "Олексій", "teams/backend.yaml:14", "AmazonEKSEditPolicy", "3 clusters"} {
		if got := markdown(plain); got != plain {
			t.Errorf("markdown(%q) = %q, want it unharmed", plain, got)
		}
	}
}
