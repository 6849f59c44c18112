package diff

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// requests says points as few products: resources that have the same verbs
// and names together, groups that have the same resources together.
func (s *space) requests(points set) []access.Requests {
	// What is asked of the pairs of each class; first comes, first served.
	type asked struct {
		verbs, names access.Words
		resources    []set // by group
		paths        []string
	}
	var order []*asked
	byWords := map[string]*asked{}
	for i := 0; i < len(s.points); {
		first, c := i, &s.classes[s.points[i].class]
		for i < len(s.points) && s.points[i].class == s.points[first].class {
			i++
		}
		for _, q := range s.asked(c, points, first, i) {
			k := q.Verbs.Key() + q.Names.Key()
			if c.paths != nil {
				k = "path" + k
			}
			a, ok := byWords[k]
			if !ok {
				a = &asked{verbs: q.Verbs, names: q.Names, resources: make([]set, len(s.groups))}
				byWords[k] = a
				order = append(order, a)
			}
			a.paths = append(a.paths, c.paths...)
			for _, p := range c.pairs {
				if a.resources[p[0]] == nil {
					a.resources[p[0]] = newSet(len(s.resources))
				}
				a.resources[p[0]].add(p[1])
			}
		}
	}
	var out []access.Requests
	for _, a := range order {
		for _, p := range s.pathWords(a.paths) {
			out = append(out, access.Requests{Verbs: a.verbs, Paths: p})
		}
		done := map[string]bool{}
		for _, resources := range a.resources {
			if resources == nil || done[resources.key()] {
				continue
			}
			done[resources.key()] = true
			groups := newSet(len(s.groups))
			for h, same := range a.resources {
				if same != nil && slices.Equal(same, resources) {
					groups.add(h)
				}
			}
			for _, w := range s.resourceWords(resources) {
				out = append(out, access.Requests{Verbs: a.verbs, Names: a.names, Groups: wordsOf(s.groups, groups, true), Resources: w})
			}
		}
	}
	return out
}

// asked are the points from first to end, all of one class, as products of
// verbs and names: names of the same verbs together.
func (s *space) asked(c *class, points set, first, end int) []access.Requests {
	verbs := make([]set, len(c.names))
	for p := first; p < end; p++ {
		if !points.has(p) {
			continue
		}
		n := s.points[p].name
		if verbs[n] == nil {
			verbs[n] = newSet(len(c.verbs))
		}
		verbs[n].add(s.points[p].verb)
	}
	var out []access.Requests
	done := map[string]bool{}
	for _, v := range verbs {
		if v == nil || done[v.key()] {
			continue
		}
		done[v.key()] = true
		names := newSet(len(c.names))
		for n, same := range verbs {
			if same != nil && slices.Equal(same, v) {
				names.add(n)
			}
		}
		q := access.Requests{Verbs: wordsOf(c.verbs, v, c.anyVerb)}
		if c.paths == nil {
			q.Names = wordsOf(c.names, names, c.anyName)
		}
		out = append(out, q)
	}
	return out
}

// wordsOf says which atoms are in a set, the last of which may stand for all
// others.
func wordsOf(atoms []string, in set, hasOther bool) access.Words {
	last := len(atoms) - 1
	w := access.Words{Any: hasOther && in.has(last)}
	for i, a := range atoms {
		switch {
		case hasOther && i == last:
		case in.has(i) && !w.Any:
			w.In = append(w.In, a)
		case !in.has(i) && w.Any:
			w.But = append(w.But, a)
		}
	}
	return w
}

// resourceWords is a set of resources, as two sets of words where what is left
// out by "*/SUBRESOURCE" has exceptions of its own.
func (s *space) resourceWords(in set) []access.Words {
	wide := access.Words{Any: in.has(len(s.resources) - 1)}
	var beneath access.Words
	subOf := map[string]bool{} // "*/scale": whether it is in
	for i, a := range s.resources[:len(s.resources)-1] {
		if strings.HasPrefix(a, "*/") {
			subOf[a] = in.has(i)
		}
	}
	for i, a := range s.resources[:len(s.resources)-1] {
		taken, isSub := wide.Any, strings.HasPrefix(a, "*/")
		_, sub, _ := strings.Cut(a, "/")
		if got, named := subOf["*/"+sub]; named && !isSub {
			taken = got
		}
		switch {
		case taken == in.has(i):
		case !in.has(i):
			wide.But = append(wide.But, a)
		case wide.Any && !isSub:
			beneath.In = append(beneath.In, a)
		default:
			wide.In = append(wide.In, a)
		}
	}
	var out []access.Words
	for _, w := range []access.Words{wide, beneath} {
		if !w.IsZero() {
			out = append(out, w)
		}
	}
	return out
}

// pathWords is a set of the rules' paths and prefixes.
func (s *space) pathWords(in []string) []access.Words {
	var all []string
	for _, c := range s.classes {
		all = append(all, c.paths...)
	}
	slices.Sort(all)
	// over is the longest prefix that has a path.
	over := func(p string) string {
		best := ""
		for _, q := range all {
			if prefix, ok := strings.CutSuffix(q, "*"); ok && q != p && len(q) > len(best) && strings.HasPrefix(strings.TrimSuffix(p, "*"), prefix) {
				best = q
			}
		}
		return best
	}
	var out []access.Words
	plain := access.Words{}
	for _, p := range sorted(in) {
		if slices.Contains(in, over(p)) {
			continue // said by it
		}
		w := access.Words{In: []string{p}}
		for _, q := range all {
			// Left out beneath p: what is not in, and hangs on what is.
			if slices.Contains(in, q) || !slices.Contains(in, over(q)) {
				continue
			}
			root := over(q)
			for root != p && slices.Contains(in, over(root)) {
				root = over(root)
			}
			if root == p {
				w.But = append(w.But, q)
			}
		}
		if w.But == nil {
			plain.In = append(plain.In, p)
			continue
		}
		out = append(out, w)
	}
	if plain.In != nil {
		out = append([]access.Words{plain}, out...)
	}
	return out
}
