package oracle

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// A question is a case with its policies read and, for each unknown key, the
// values that stand for all it may have.
type question struct {
	c        *Case
	policies struct {
		identity, boundary, session, attached, rcp []statement
		scp                                        [][]statement
	}
	keys    []string // of the context, in order
	options map[string][][]string
}

func newQuestion(c *Case) *question {
	q := &question{c: c, keys: slices.Sorted(maps.Keys(c.Context))}
	read := func(texts []Text, in gate, name string) (all []statement) {
		for i, t := range texts {
			all = append(all, statements(t, in, fmt.Sprintf("%s %d", name, i))...)
		}
		return all
	}
	q.policies.identity = read(c.Identity, identity, "identity")
	q.policies.boundary = read(c.Boundary, boundary, "boundary")
	q.policies.session = read(c.Session, session, "session")
	own := attached
	if c.Kind == Role {
		own = trust
	}
	q.policies.attached = read(c.Attached, own, "attached")
	q.policies.rcp = slices.DeleteFunc(read(c.RCP, rcp, "rcp"), func(s statement) bool { return s.effect == "Allow" }) // R3.2
	for i, level := range c.SCP {
		q.policies.scp = append(q.policies.scp, read(level, scp, fmt.Sprintf("scp level %d", i)))
	}
	q.options = q.completions()
	return q
}

// all lists every statement of the case.
func (q *question) all() []statement {
	p := q.policies
	return slices.Concat(append(slices.Clone(p.scp), p.identity, p.boundary, p.session, p.attached, p.rcp)...)
}

// A world is one completion. What is unknown is asked for by name, and the first
// answer holds for the whole world (R3.20).
type world struct {
	q     *question
	c     *Case
	taken map[string]int
	asked []choice
	given []int // the answers to the first questions
}

type choice struct{ option, of int }

// choose is the option, of n, that the unknown id has in this world.
func (w *world) choose(id string, n int) int {
	if option, ok := w.taken[id]; ok {
		return option
	}
	option := 0
	if len(w.asked) < len(w.given) {
		option = w.given[len(w.asked)]
	}
	w.asked = append(w.asked, choice{option, n})
	if w.taken == nil {
		w.taken = map[string]int{}
	}
	w.taken[id] = option
	return option
}

// either is an unknown that is true or false.
func (w *world) either(id string) bool { return w.choose(id, 2) == 1 }

// maybe is what AWS documents nowhere, such as how a number compares with what
// is none. It is true or false each time by itself: not even that an operator
// and its negated twin differ is certain.
func (w *world) maybe() bool { return w.either(fmt.Sprint("maybe ", len(w.asked))) }

// Above so many completions a case is not one for brute force.
const maxWorlds = 1 << 20

// worlds gives every completion, as far as the unknowns are asked for: an
// evaluation in a world tells which questions come up, and the last of them that
// has another answer gives the next world.
func (q *question) worlds() iter.Seq[*world] {
	return func(yield func(*world) bool) {
		var given []int
		for range maxWorlds {
			w := &world{q: q, c: q.c, given: given}
			if !yield(w) {
				return
			}
			last := len(w.asked) - 1
			for last >= 0 && w.asked[last].option+1 == w.asked[last].of {
				last--
			}
			if last < 0 {
				return
			}
			given = nil
			for _, c := range w.asked[:last] {
				given = append(given, c.option)
			}
			given = append(given, w.asked[last].option+1)
		}
		panic(TooLarge("too many completions"))
	}
}

// key is the values of a context key; none: it is absent. Names are told apart
// regardless of case (R4.1); of several that differ in case alone one counts,
// and which is unknown (U-19).
func (w *world) key(name string) (values []string, multi bool) {
	var found []string
	for _, k := range w.q.keys {
		if known := w.c.Context[k]; strings.EqualFold(k, name) && (known.Unknown || len(known.Values) > 0) {
			found = append(found, k)
		}
	}
	if len(found) == 0 {
		return nil, false
	}
	of := found[0]
	if len(found) > 1 {
		of = found[w.choose("which of "+strings.ToLower(name), len(found))]
	}
	k := w.c.Context[of]
	if !k.Unknown {
		return k.Values, k.Multi
	}
	options := w.q.options[of]
	return options[w.choose("key "+of, len(options))], k.Multi
}

// completions gives each unknown key the values that stand for all: absent
// unless it is always there, and one for each cell that the policies tell apart.
func (q *question) completions() map[string][][]string {
	options := map[string][][]string{}
	singles := map[string][]string{}
	for _, name := range q.keys {
		if q.c.Context[name].Unknown {
			singles[name] = q.cells(name, nil, nil)
		}
	}
	if len(singles) == 0 {
		return nil
	}
	for name := range singles {
		if linked := q.linked(name, singles); linked != nil {
			singles[name] = q.cells(name, linked, singles)
		}
	}
	for name, values := range singles {
		k := q.c.Context[name]
		sets := [][]string{}
		if !k.Always {
			sets = append(sets, nil)
		}
		for _, v := range values {
			sets = append(sets, []string{v})
		}
		if k.Multi {
			sets = append(sets, several(values)...)
		}
		options[name] = sets
	}
	return options
}

// several lists the sets of two values and more; two of one cell are two.
func several(values []string) [][]string {
	if len(values) > 10 {
		panic(TooLarge("too many values of a key"))
	}
	var sets [][]string
	for _, v := range values {
		sets = append(sets, []string{v, v})
	}
	for bits := range 1 << len(values) {
		var set []string
		for i, v := range values {
			if bits&(1<<i) != 0 {
				set = append(set, v)
			}
		}
		if len(set) > 1 {
			sets = append(sets, set)
		}
	}
	return sets
}

// linked lists further values that matter to a key for its use as a variable or
// beside one: parts of what a pattern with the variable is held against, and the
// values of the other key where both are unknown.
func (q *question) linked(name string, singles map[string][]string) []string {
	var out []string
	against := func(text, target string) {
		if !mentions(text, name) {
			return
		}
		r := []rune(target)
		for i := range r {
			for j := i + 1; j <= len(r); j++ {
				if q.possible(text, name, string(r[i:j]), target) {
					out = append(out, string(r[i:j]))
				}
			}
		}
		if q.possible(text, name, "", target) {
			out = append(out, "")
		}
	}
	for _, s := range q.all() {
		for _, text := range slices.Concat(s.resource, s.notResource) {
			against(text, q.c.Resource)
		}
		for _, c := range s.conditions {
			for _, text := range c.values {
				for other, k := range q.c.Context {
					if !strings.EqualFold(other, c.key) {
						continue
					}
					for _, target := range append(slices.Clone(k.Values), singles[other]...) {
						against(text, target)
					}
				}
				for other, values := range singles { // a value with an unknown variable
					if strings.EqualFold(name, c.key) && mentions(text, other) {
						out = append(out, values...)
					}
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// substituted are a text's forms with the unknown keys' values in the places of
// their variables.
func substituted(text string, singles map[string][]string) []string {
	forms := []string{""}
	for _, p := range pieces(text) {
		written := []string{p.text}
		if p.inner {
			written = []string{"${" + p.text + "}"}
			if p.open {
				written = []string{"${" + p.text}
			}
			for name, values := range singles {
				if mentions("${"+p.text+"}", name) {
					for _, v := range values {
						written = append(written, literally.Replace(v))
					}
				}
			}
		}
		var longer []string
		for _, f := range forms {
			for _, w := range written {
				longer = append(longer, f+w)
			}
		}
		forms = longer
	}
	return forms
}

var literally = strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}") // R5.4

// mentions says whether a text has the key as a variable.
func mentions(text, key string) bool {
	for _, p := range pieces(text) {
		name, _, _ := strings.Cut(p.text, ",")
		if p.inner && strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// possible says whether a text, with the variable's value in its place, can be
// part of a match with the target; other variables may be anything.
func (q *question) possible(text, key, value, target string) bool {
	var p []token
	for _, part := range pieces(text) {
		name, _, _ := strings.Cut(part.text, ",")
		switch {
		case !part.inner:
			p = append(p, wildcards(part.text)...)
		case strings.EqualFold(name, key):
			p = append(p, literal(value)...)
		case part.text == "*" || part.text == "?" || part.text == "$":
			p = append(p, literal(part.text)...)
		default:
			p = append(p, token{run: true, colon: true})
		}
	}
	return match(ignoringCase(p), []rune(target))
}
