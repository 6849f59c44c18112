package desired

import (
	"slices"
	"strings"
)

// meet gives the shortest name that two patterns both match, the first of them
// by the alphabet, and whether there is one. Stars stand for any run of
// characters, also none. Names are DNS labels of at most 63 letters, as those
// of namespaces are, or with dots DNS subdomains of at most 253, as those of
// ServiceAccounts. It is exact: it walks both patterns and the form of names
// at once, letter by letter.
func meet(a, b string, dots bool) (name string, ok bool) {
	longest := 63
	if dots {
		longest = 253
	}
	letters := lettersOf(a+b, dots)
	seen, now := map[walk]bool{}, map[walk]string{} // the first name that leads there
	for _, w := range closure([]walk{{}}, a, b) {
		now[w] = ""
	}
	for n := 0; ; n++ {
		found := ""
		for w, s := range now {
			seen[w] = true
			if w.i == len(a) && w.j == len(b) && w.form == afterLetter && (found == "" || s < found) {
				found = s
			}
		}
		if found != "" || n == longest || len(now) == 0 {
			return found, found != ""
		}
		next := map[walk]string{}
		for at, s := range now {
			for _, c := range letters {
				w, ok := at.take(a, b, c)
				if !ok {
					continue
				}
				for _, to := range closure([]walk{w}, a, b) {
					if first, ok := next[to]; !seen[to] && (!ok || s+string(c) < first) {
						next[to] = s + string(c)
					}
				}
			}
		}
		now = next
	}
}

// walk is how far two patterns and the form of a name have been gone.
type walk struct {
	i, j int
	form int
}

// The form of a name so far: it may begin a label, its last was a letter or
// digit, its last was a dash.
const (
	atStart = iota
	afterLetter
	afterDash
)

// take goes one letter on.
func (w walk) take(a, b string, c byte) (walk, bool) {
	for _, side := range [...]struct {
		pattern string
		at      *int
	}{{a, &w.i}, {b, &w.j}} {
		switch {
		case *side.at == len(side.pattern):
			return w, false
		case side.pattern[*side.at] == '*': // it stays
		case side.pattern[*side.at] == c:
			*side.at++
		default:
			return w, false
		}
	}
	switch {
	case c == '.' && w.form == afterLetter:
		w.form = atStart
	case c == '.':
		return w, false
	case c == '-' && w.form == atStart:
		return w, false
	case c == '-':
		w.form = afterDash
	default:
		w.form = afterLetter
	}
	return w, true
}

// closure adds what is reached by ending stars.
func closure(ws []walk, a, b string) []walk {
	for k := 0; k < len(ws); k++ {
		w := ws[k]
		if w.i < len(a) && a[w.i] == '*' {
			if to := (walk{w.i + 1, w.j, w.form}); !slices.Contains(ws, to) {
				ws = append(ws, to)
			}
		}
		if w.j < len(b) && b[w.j] == '*' {
			if to := (walk{w.i, w.j + 1, w.form}); !slices.Contains(ws, to) {
				ws = append(ws, to)
			}
		}
	}
	return ws
}

// lettersOf are the letters that names need to be told apart by patterns:
// those of the patterns, and one for all others.
func lettersOf(patterns string, dots bool) []byte {
	letters := []byte{'a'}
	for _, c := range []byte(patterns) {
		if c != '*' && (c != '.' || dots) && !slices.Contains(letters, c) {
			letters = append(letters, c)
		}
	}
	slices.Sort(letters)
	return letters
}

// isPattern reports whether a name holds a star.
func isPattern(s string) bool { return strings.Contains(s, "*") }
