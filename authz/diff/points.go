package diff

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// other stands for all that no rule names.
const other = "*"

// space divides all requests, but for their namespaces, into points: requests
// that the same rules cover. A point is a class of resources, a verb and a
// name, or a class of paths and a verb. Points that no rule covers are left
// out.
type space struct {
	rules     []access.Rule // distinct
	groups    []string      // literals, then other
	resources []string      // literals, subresources of others ("*/scale"), then other
	classes   []class
	points    []point
	paths     set   // the points that are about no resource
	covers    []set // by rule: its points
}

// class are the pairs of API group and resource, or the paths, that the same
// rules name, with the literal verbs and names of those rules.
type class struct {
	pairs [][2]int // indices of groups and resources
	paths []string // of a class of paths: literals, and prefixes with their star
	verbs []string // literals, sorted; with anyVerb one more, for all others
	names []string

	anyVerb, anyName bool
}

type point struct{ class, verb, name int }

func spaceOf(rules []access.Rule) *space {
	s := &space{rules: rules, covers: make([]set, len(rules))}
	s.atoms()
	s.resourceClasses()
	resourcePoints := len(s.points)
	s.pathClasses()
	s.paths = newSet(len(s.points))
	for i := resourcePoints; i < len(s.points); i++ {
		s.paths.add(i)
	}
	for i, c := range s.covers {
		s.covers[i] = append(c, make(set, len(s.paths)-len(c))...)
	}
	return s
}

// atoms collects what rules name.
func (s *space) atoms() {
	var groups, literals, subs []string
	for _, r := range s.rules {
		groups = append(groups, r.APIGroups...)
		for _, name := range r.Resources {
			if sub, ok := strings.CutPrefix(name, "*/"); ok && sub != "" {
				subs = append(subs, name)
			} else if name != "*" {
				literals = append(literals, name)
			}
		}
	}
	groups = slices.DeleteFunc(groups, func(g string) bool { return g == "*" })
	s.groups = append(sorted(groups), other)
	s.resources = slices.Concat(sorted(literals), sorted(subs), []string{other})
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

// namesGroup reports whether a rule names an atom of groups. (Kubernetes,
// rbac/v1 evaluation helpers: APIGroupMatches)
func namesGroup(r *access.Rule, group string) bool {
	return slices.Contains(r.APIGroups, "*") || group != other && slices.Contains(r.APIGroups, group)
}

// namesResource reports whether a rule names an atom of resources: by *, by
// itself, or by */SUBRESOURCE. A star elsewhere means nothing. (ResourceMatches)
func namesResource(r *access.Rule, resource string) bool {
	if slices.Contains(r.Resources, "*") {
		return true
	}
	if resource == other {
		return false
	}
	if slices.Contains(r.Resources, resource) {
		return true
	}
	_, sub, ok := strings.Cut(resource, "/")
	return ok && sub != "" && slices.Contains(r.Resources, "*/"+sub)
}

// namesPath reports whether a rule names a path. (NonResourceURLMatches)
func namesPath(r *access.Rule, path string) bool {
	return slices.ContainsFunc(r.NonResourceURLs, func(u string) bool {
		return u == path || strings.HasSuffix(u, "*") && strings.HasPrefix(path, strings.TrimRight(u, "*"))
	})
}

// resourceClasses puts pairs that the same rules name into one class.
func (s *space) resourceClasses() {
	byGroup, byResource := s.masks(s.groups, namesGroup), s.masks(s.resources, namesResource)
	at := map[string]int{}
	var named []set
	for g := range s.groups {
		for r := range s.resources {
			both := byGroup[g].and(byResource[r])
			if both.empty() {
				continue
			}
			k := both.key()
			i, ok := at[k]
			if !ok {
				i = len(s.classes)
				at[k] = i
				s.classes = append(s.classes, class{})
				named = append(named, both)
			}
			s.classes[i].pairs = append(s.classes[i].pairs, [2]int{g, r})
		}
	}
	for i := range s.classes {
		s.pointsOf(i, named[i], true)
	}
}

// masks says of each atom which rules name it.
func (s *space) masks(atoms []string, names func(*access.Rule, string) bool) []set {
	out := make([]set, len(atoms))
	for i, a := range atoms {
		out[i] = newSet(len(s.rules))
		for j := range s.rules {
			if names(&s.rules[j], a) {
				out[i].add(j)
			}
		}
	}
	return out
}

// pathClasses puts paths that the same rules name into one class. A prefix is
// judged by a path of it that no rule writes out.
func (s *space) pathClasses() {
	var urls []string
	for _, r := range s.rules {
		for _, u := range r.NonResourceURLs {
			if strings.HasSuffix(u, "*") {
				u = strings.TrimRight(u, "*") + "*"
			}
			urls = append(urls, u)
		}
	}
	at := map[string]int{}
	for _, u := range sorted(urls) {
		path := u
		if prefix, ok := strings.CutSuffix(u, "*"); ok {
			path = prefix + "\x00"
		}
		named := newSet(len(s.rules))
		for j := range s.rules {
			if namesPath(&s.rules[j], path) {
				named.add(j)
			}
		}
		i, ok := at[named.key()]
		if !ok {
			i = len(s.classes)
			at[named.key()] = i
			s.classes = append(s.classes, class{})
			s.pointsOf(i, named, false)
		}
		s.classes[i].paths = append(s.classes[i].paths, u)
	}
}

// pointsOf makes the points of a class that these rules name.
func (s *space) pointsOf(i int, named set, resource bool) {
	c := &s.classes[i]
	for j := range named.all() {
		r := &s.rules[j]
		for _, v := range r.Verbs {
			if v == "*" {
				c.anyVerb = true
			} else {
				c.verbs = append(c.verbs, v)
			}
		}
		if len(r.ResourceNames) == 0 || !resource {
			c.anyName = true
		} else {
			c.names = append(c.names, r.ResourceNames...)
		}
	}
	c.verbs, c.names = sorted(c.verbs), sorted(c.names)
	if c.anyVerb {
		c.verbs = append(c.verbs, other)
	}
	if c.anyName {
		c.names = append(c.names, other)
	}
	for v, verb := range c.verbs {
		isOtherVerb := c.anyVerb && v == len(c.verbs)-1
		for n, name := range c.names {
			isOtherName := c.anyName && n == len(c.names)-1
			p := len(s.points)
			for j := range named.all() {
				r := &s.rules[j]
				verbFits := slices.Contains(r.Verbs, "*") || !isOtherVerb && slices.Contains(r.Verbs, verb)
				nameFits := !resource || len(r.ResourceNames) == 0 || !isOtherName && slices.Contains(r.ResourceNames, name)
				if verbFits && nameFits {
					for len(s.covers[j]) <= p/64 {
						s.covers[j] = append(s.covers[j], 0)
					}
					s.covers[j].add(p)
					if p == len(s.points) {
						s.points = append(s.points, point{i, v, n})
					}
				}
			}
		}
	}
}
