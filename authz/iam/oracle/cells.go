package oracle

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// cells lists values of an unknown key, one for each way in which the policies'
// conditions on it can come out, and the further ones. Singles are values of
// the unknown keys that stand in variables.
func (q *question) cells(name string, further []string, singles map[string][]string) []string {
	var conditions []condition
	var versions []bool
	for _, s := range q.all() {
		for _, c := range s.conditions {
			if strings.EqualFold(c.key, name) {
				conditions = append(conditions, c)
				versions = append(versions, s.variables)
			}
		}
	}
	known := q.c.Context[name]
	others := slices.DeleteFunc(slices.Clone(conditions), func(c condition) bool { o, _ := readOperator(c.operator); return o.base == "Null" })
	if onlyNull := len(conditions) > 0 && len(others)+len(further) == 0; onlyNull && !known.NotEmpty {
		return []string{"~", ""} // U-16
	} else if onlyNull && known.Type == StringType {
		return []string{"~"}
	}
	if t := known.Type; t != StringType {
		return distinct(typedCells(t, conditions), conditions)
	}
	var patterns [][]token
	w := &world{q: q, c: q.c} // with variables of known keys alone
	for i, c := range conditions {
		o, ok := readOperator(c.operator)
		if o.set != "" || o.base == "Null" {
			patterns = append(patterns, literal("")) // R4.6, U-16: not as others
		}
		if !ok || o.base != "ArnLike" && !strings.HasPrefix(o.base, "String") {
			continue
		}
		if o.base == "ArnLike" {
			patterns = append(patterns, wildcards("*:*:*:*:*:*")) // U-23: is it an ARN?
		}
		for _, v := range c.values {
			for _, form := range substituted(v, singles) {
				if versions[i] && q.unknownIn(form) {
					continue // linked
				}
				if p, how := w.textPattern(o.base, form, versions[i]); how == readable {
					patterns = append(patterns, p)
				}
			}
		}
	}
	for _, v := range further {
		patterns = append(patterns, literal(v))
	}
	return textCells(patterns)
}

// typedCells lists more values than needed of a key that is no text.
func typedCells(t KeyType, conditions []condition) []string {
	var literals []string
	for _, c := range conditions {
		literals = append(literals, c.values...)
	}
	switch t {
	case NumericType:
		return numberCells(literals)
	case DateType:
		return dateCells(literals)
	case BinaryType:
		return binaryCells(literals)
	case AddressType:
		return addressCells(literals)
	}
	return []string{"true", "false"}
}

// distinct keeps one of the values that no condition tells apart.
func distinct(values []string, conditions []condition) []string {
	var out []string
	seen := map[string]bool{}
	for _, v := range values {
		w := &world{}
		cell := ""
		for _, c := range conditions {
			o, _ := readOperator(c.operator)
			for _, value := range c.values {
				if strings.HasPrefix(o.base, "String") || o.base == "ArnLike" {
					cell += v // rarely asked: every value counts
				} else if o.base != "Null" && o.base != "" {
					cell += fmt.Sprint(w.compare(o.base, v, value, false), " ")
				}
			}
		}
		if !seen[cell] {
			seen[cell] = true
			out = append(out, v)
		}
	}
	return out
}

func (q *question) unknownIn(text string) bool {
	for name, k := range q.c.Context {
		if k.Unknown && mentions(text, name) {
			return true
		}
	}
	return false
}

// Above so many states the patterns of one key are not for brute force.
const maxStates = 1 << 14

// textCells walks through all texts at once, shortest first, keeping for each
// pattern the places reached in it, and gives one text for each set of patterns
// that some text matches. The empty text stands for a set only if no other does.
func textCells(patterns [][]token) []string {
	letters := alphabet(patterns)
	type state struct {
		places []places
		text   string
	}
	start := state{}
	for _, p := range patterns {
		start.places = append(start.places, closure(p, places{0: true}))
	}
	found := map[string]string{}
	var order []string
	keep := func(s state) {
		cell := ""
		for i, p := range patterns {
			cell += fmt.Sprint(s.places[i][len(p)], " ")
		}
		if _, ok := found[cell]; !ok {
			order = append(order, cell)
			found[cell] = s.text
		}
	}
	keep(start)
	seen := map[string]bool{key(patterns, start.places): true}
	for queue := []state{start}; len(queue) > 0; queue = queue[1:] {
		for _, r := range letters {
			next := state{text: queue[0].text + string(r)}
			for i, p := range patterns {
				next.places = append(next.places, step(p, queue[0].places[i], r))
			}
			keep(next)
			if k := key(patterns, next.places); !seen[k] {
				seen[k] = true
				queue = append(queue, next)
			}
		}
		if len(seen) > maxStates {
			panic(TooLarge("too many states"))
		}
	}
	var out []string
	for _, cell := range order {
		out = append(out, found[cell])
	}
	return out
}

// places are where in a pattern one may be.
type places map[int]bool

func closure(p []token, at places) places {
	for i := range p {
		if at[i] && p[i].run {
			at[i+1] = true
		}
	}
	return at
}

func step(p []token, from places, r rune) places {
	to := places{}
	for i := range from {
		switch {
		case i == len(p) || !p[i].takes(r):
		case p[i].run:
			to[i] = true
		default:
			to[i+1] = true
		}
	}
	return closure(p, to)
}

func key(patterns [][]token, all []places) string {
	var b strings.Builder
	for i, p := range patterns {
		for j := range len(p) + 1 {
			if all[i][j] {
				fmt.Fprintf(&b, "%d ", j)
			}
		}
		b.WriteByte('|')
	}
	return b.String()
}

// alphabet is every character that the patterns name, in both cases where case
// does not count, a colon, and first one that none of them names.
func alphabet(patterns [][]token) []rune {
	letters := []rune{':'}
	for _, p := range patterns {
		for _, t := range p {
			if t.any || t.run {
				continue
			}
			letters = append(letters, t.r)
			if t.fold {
				letters = append(letters, fold(t.r), []rune(strings.ToUpper(string(t.r)))[0])
			}
		}
	}
	slices.Sort(letters)
	letters = slices.Compact(letters)
	other := '~'
	for slices.Contains(letters, other) {
		other++
	}
	return append([]rune{other}, letters...)
}

// numberCells are the numbers, what lies between and beyond.
func numberCells(literals []string) []string {
	var numbers []*big.Rat
	for _, s := range literals {
		if n, ok := readNumber(s); ok {
			numbers = append(numbers, n)
		}
	}
	out := []string{}
	for _, n := range between(numbers, big.NewRat(1, 1)) {
		digits, _ := n.FloatPrec()
		out = append(out, n.FloatString(digits))
	}
	return out
}

// between lists the numbers, the middles and one on either side.
func between(numbers []*big.Rat, by *big.Rat) []*big.Rat {
	slices.SortFunc(numbers, (*big.Rat).Cmp)
	if len(numbers) == 0 {
		return []*big.Rat{big.NewRat(7, 1)}
	}
	out := []*big.Rat{new(big.Rat).Sub(numbers[0], by)}
	for i, n := range numbers {
		if i > 0 {
			middle := new(big.Rat).Add(n, numbers[i-1])
			out = append(out, middle.Quo(middle, big.NewRat(2, 1)))
		}
		out = append(out, n)
	}
	return append(out, new(big.Rat).Add(numbers[len(numbers)-1], by))
}

func dateCells(literals []string) []string {
	var instants []*big.Rat
	for _, s := range literals {
		if at, ok := readDate(s); ok {
			instants = append(instants, at)
		}
	}
	out := []string{}
	for _, at := range between(instants, big.NewRat(1, 1)) {
		whole := new(big.Int).Div(at.Num(), at.Denom())
		rest := new(big.Rat).Sub(at, new(big.Rat).SetInt(whole))
		digits, _ := rest.FloatPrec()
		text := time.Unix(whole.Int64(), 0).UTC().Format("2006-01-02T15:04:05")
		if digits > 0 {
			text += rest.FloatString(digits)[1:]
		}
		out = append(out, text+"Z")
	}
	return out
}

func binaryCells(literals []string) []string {
	out := []string{base64.StdEncoding.EncodeToString([]byte("none of them"))}
	for _, s := range literals {
		if _, ok := compareBinary(s, s); ok {
			out = append(out, s)
		}
	}
	return out
}

// addressCells are the ends of every network and their neighbours.
func addressCells(literals []string) []string {
	out := []string{"192.0.2.77", "2001:db8:77::77"}
	for _, s := range literals {
		n, ok := readNetwork(s)
		if !ok {
			continue
		}
		first, last := n.Addr(), lastOf(n)
		for _, a := range []netip.Addr{first.Prev(), first, last, last.Next()} {
			if a.IsValid() {
				out = append(out, a.String())
			}
		}
	}
	return out
}

func lastOf(n netip.Prefix) netip.Addr {
	b := n.Addr().AsSlice()
	for i := n.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
