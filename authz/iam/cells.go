package iam

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// uses is how the clauses that may match use an unknown key.
type uses struct {
	sets      int  // conditions with a set operator
	plain     bool // conditions without one, other than Null
	languages []language
	numbers   []*big.Rat
	dates     []time.Time
	prefixes  []netip.Prefix
	binaries  []string
	truths    bool
	nulls     bool // Null, which asks whether it is there
	texts     bool // string or ARN operators, hence any text may be its value
	partly    bool // something was not put into cells
}

// uses gathers how a key is used in a context.
func (e *evaluator) uses(key string, ctx *Context, g gates) *uses {
	u := &uses{}
	loose := *ctx
	loose.loose = true
	related := map[string]bool{}
	list := globalKeys[fold(key)].many // then it is no variable, and only whether it is there counts (assumption U-11)
	e.open(g, func(c *clause) {
		vars := ctx
		if !c.policy.variables() {
			vars = nil
		}
		for i := range c.st.Conditions {
			cond := &c.st.Conditions[i]
			switch {
			case fold(cond.Key) == fold(key):
				u.condition(cond, vars)
			case vars != nil && !list && cond.stringly():
				for _, want := range cond.Values {
					if mentions([]string{want}, key) {
						u.asVariable(key, want, cond, &loose)
						related[fold(cond.Key)] = true
					}
				}
			}
		}
		for _, pattern := range slices.Concat(c.st.Resources, c.st.NotResources) {
			if vars != nil && !list && mentions([]string{pattern}, key) {
				u.solve(e.q.Resource, borders(pattern, key), false, func(v string) bool {
					return matchResource(pattern, e.q.Resource, loose.with(key, []string{v})) == yes
				})
			}
		}
	})
	// What a key may be that the variable is compared to, it may be too.
	for k := range related {
		may := ctx.among[k]
		if globalKeys[k].truth {
			may = []string{"true", "false"}
		}
		for _, v := range may {
			u.texts, u.languages = true, append(u.languages, language{literals(v), false})
		}
	}
	e.open(g, func(c *clause) {
		vars := ctx
		if !c.policy.variables() {
			vars = nil
		}
		for i := range c.st.Conditions {
			cond := &c.st.Conditions[i]
			if !related[fold(cond.Key)] || !cond.stringly() {
				continue
			}
			for _, want := range cond.Values {
				if vars == nil || !mentions([]string{want}, key) {
					u.text(cond.positive(), want, vars)
				}
			}
		}
	})
	return u
}

// asVariable notes a text in which the key is a variable: for a known value of
// the text's own key there are few values that fit. Of an unknown one only the
// variable alone is in cells.
func (u *uses) asVariable(key, want string, c *Condition, loose *Context) {
	u.texts = true
	values, known := loose.get(c.Key)
	if !known {
		u.partly = u.partly || strings.IndexByte(want, '}') != len(want)-1 || !strings.HasPrefix(want, "${") || c.positive() != "StringEquals"
		return
	}
	for _, value := range values {
		u.solve(value, borders(want, key), c.positive() == "StringEqualsIgnoreCase", func(v string) bool {
			return compare(c.positive(), value, want, loose.with(key, []string{v})) == yes
		})
	}
}

// border is what stands beside a variable in a text, as far as it is literal.
type border struct {
	before, after string // in lower case
	first, last   bool   // nothing stands further out
}

// borders gives those of the first variable of a key.
func borders(want, key string) border {
	low := fold(want)
	i := strings.Index(low, "${"+fold(key))
	before, after := low[:i], ""
	if _, rest, ok := strings.Cut(low[i:], "}"); ok {
		after = rest
	}
	b := border{before: before[strings.LastIndexAny(before, "*?}")+1:], after: after}
	if j := strings.IndexAny(after, "*?$"); j >= 0 {
		b.after = after[:j]
	}
	b.first, b.last = len(b.before) == len(before), len(b.after) == len(after)
	return b
}

// between reports whether low[i:j] stands within the borders.
func (b border) between(low string, i, j int) bool {
	return strings.HasSuffix(low[:i], b.before) && strings.HasPrefix(low[j:], b.after) &&
		(!b.first || i == len(b.before)) && (!b.last || len(low)-j == len(b.after))
}

// solve adds the parts of a text that fit, each a cell of its own.
func (u *uses) solve(text string, at border, folded bool, fits func(string) bool) {
	u.texts = true
	low := fold(text)
	if len(low) != len(text) { // in a text of other letters the borders are not told
		low, at = text, border{}
	}
	n := 0
	for i := range text {
		for j := len(text); j > i; j-- {
			if j < len(text) && !utf8.RuneStart(text[j]) || !at.between(low, i, j) || !fits(text[i:j]) {
				continue
			}
			if n++; n > solutionsLimit {
				u.partly = true
				return
			}
			l := language{literals(text[i:j]), folded}
			if folded {
				l.pattern = foldTokens(l.pattern)
			}
			u.languages = append(u.languages, l)
		}
	}
}

// solutionsLimit is how many values of a variable are told apart.
const solutionsLimit = 20

// mentions reports whether a variable of the key stands in one of the texts.
func mentions(texts []string, key string) bool {
	return slices.ContainsFunc(texts, func(s string) bool {
		return strings.Contains(fold(s), "${"+fold(key)+"}") || strings.Contains(fold(s), "${"+fold(key)+",")
	})
}

// condition notes one condition on the key itself.
func (u *uses) condition(c *Condition, vars *Context) {
	if c.Operator.Name == "Null" {
		u.nulls = u.nulls || c.Operator.Set == ""
		return
	}
	if c.Operator.Set != "" {
		u.sets++
	} else {
		u.plain = true
	}
	operator := c.positive()
	for _, want := range c.Values {
		switch {
		case strings.HasPrefix(operator, "String"), strings.HasPrefix(operator, "Arn"):
			u.text(operator, want, vars)
		case strings.HasPrefix(operator, "Numeric"):
			if n := parseNumber(want); n != nil {
				u.numbers = append(u.numbers, n)
			}
		case strings.HasPrefix(operator, "Date"):
			if d, ok := parseDate(want); ok {
				u.dates = append(u.dates, d)
			}
		case operator == "IpAddress":
			if p, ok := parsePrefix(want); ok {
				u.prefixes = append(u.prefixes, p)
			}
		case operator == "BinaryEquals":
			if b, ok := parseBinary(want); ok {
				u.binaries = append(u.binaries, b)
			}
		case operator == "Bool":
			u.truths = true
		}
	}
	if len(c.Values) == 0 && c.stringly() {
		u.texts = true
	}
}

// text notes the language of one text of the policy.
func (u *uses) text(operator, want string, vars *Context) {
	u.texts = true
	if strings.HasPrefix(operator, "Arn") {
		u.languages = append(u.languages, anARN) // what is none matches none, whatever the pattern
	}
	p, ok := expand(want, operator != "StringEquals" && operator != "StringEqualsIgnoreCase", vars)
	if ok != yes {
		// A variable that has no value matches nothing; of one of unknown value,
		// as the key's own, the relation is not in cells.
		if ok == maybe && !u.partly {
			_, ok = expand(want, true, &Context{}) // a faulty variable is unknown whatever the keys are
			u.partly = ok != maybe
		}
		return
	}
	switch operator {
	case "StringEqualsIgnoreCase":
		u.languages = append(u.languages, language{foldTokens(p), true})
	case "ArnEquals", "ArnLike":
		u.languages = append(u.languages, language{inSegments(p), false})
	default:
		u.languages = append(u.languages, language{p, false})
	}
}

// anARN is what has six parts, the first of them arn.
var anARN = language{inSegments(glob("arn:*:*:*:*:*")), false}

// inSegments keeps the wildcards of the first five parts of an ARN's pattern
// within them.
func inSegments(pattern []token) []token {
	out, colons := slices.Clone(pattern), 0
	for i, t := range out {
		switch {
		case t == token{literal, ':'}:
			colons++
		case t.kind == run && colons < 5 && len(pattern) > 1:
			out[i].kind = runInSegment
		case t.kind == one && colons < 5:
			out[i].kind = oneInSegment
		}
	}
	return out
}

// values are single values of the key, one at least for each cell. A key that
// is compared as a number, and as nothing else, is a number; so with dates,
// addresses and the others.
func (u *uses) values(facts keyFacts) (out []string, whole bool) {
	if facts.truth {
		return []string{"true", "false"}, true
	}
	whole = !u.partly
	families := 0
	for _, used := range []bool{u.truths, len(u.numbers) > 0, len(u.dates) > 0, len(u.prefixes) > 0, len(u.binaries) > 0, u.texts} {
		if used {
			families++
		}
	}
	if families > 1 {
		whole = false
	}
	if u.truths {
		out = append(out, "true", "false")
	}
	out = append(out, u.typed()...)
	if u.texts {
		found, all := examples(u.languages)
		out, whole = append(append(out, ""), found...), whole && all
	}
	if len(out) == 0 { // only whether it is there counts
		out = append(out, "x")
		if u.nulls && facts.name == "" { // a tag's value may be empty (assumption U-16); no key of the guide's list is
			out = append(out, "")
		}
	}
	slices.Sort(out)
	return slices.Compact(out), whole
}

// typed are values about the bounds that numbers, dates and ranges set.
func (u *uses) typed() (out []string) {
	slices.SortFunc(u.numbers, (*big.Rat).Cmp)
	for i, n := range u.numbers {
		out = append(out, decimal(n))
		if i == 0 {
			out = append(out, decimal(new(big.Rat).Sub(n, big.NewRat(1, 1))))
		}
		next := new(big.Rat).Add(n, big.NewRat(2, 1))
		if i < len(u.numbers)-1 {
			next = u.numbers[i+1]
		}
		middle := new(big.Rat).Add(n, next)
		out = append(out, decimal(middle.Quo(middle, big.NewRat(2, 1))))
	}
	slices.SortFunc(u.dates, time.Time.Compare)
	for i, d := range u.dates {
		out = append(out, w3c(d))
		if i == 0 {
			out = append(out, w3c(d.Add(-time.Second)))
		}
		next := d.Add(2 * time.Second)
		if i < len(u.dates)-1 {
			next = u.dates[i+1]
		}
		out = append(out, w3c(d.Add(next.Sub(d)/2)))
	}
	if len(u.prefixes) > 0 {
		out = append(out, addresses(u.prefixes)...)
	}
	longest := ""
	for _, b := range u.binaries {
		out = append(out, base64.StdEncoding.EncodeToString([]byte(b)))
		longest = max(longest, b)
	}
	if len(u.binaries) > 0 {
		out = append(out, base64.StdEncoding.EncodeToString([]byte(longest+"x")))
	}
	return out
}

// decimal writes a number whose denominator has no factor but 2 and 5.
func decimal(n *big.Rat) string {
	for digits := 0; ; digits++ {
		s := n.FloatString(digits)
		if back, _ := new(big.Rat).SetString(s); back.Cmp(n) == 0 {
			return s
		}
	}
}

func w3c(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999999Z") }

// addresses are the ends of the ranges and their neighbours, among which there
// is one in each part of the nested ranges, and one of each family.
func addresses(prefixes []netip.Prefix) []string {
	all := []netip.Addr{netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("::")}
	for _, p := range prefixes {
		first, last := p.Masked().Addr(), lastOf(p)
		all = append(all, first, last, first.Prev(), last.Next())
	}
	seen := map[string]bool{}
	var out []string
	for _, a := range all {
		if !a.IsValid() {
			continue
		}
		in := fmt.Sprint(a.BitLen())
		for _, p := range prefixes {
			in += fmt.Sprint(" ", p.Contains(a))
		}
		if !seen[in] {
			seen[in] = true
			out = append(out, a.String())
		}
	}
	return out
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
