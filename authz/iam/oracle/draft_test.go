package oracle

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// A draft is a case with its policies still in parts, so that a test can change
// them before they are written.
type draft struct {
	Case
	gates map[gate][]*doc // nil in the list: not read
	scp   [][]*doc
	forms uint64 // seeds how the JSON is written
	focus focus
	// others: nothing is known of the keys that are not told.
	others bool
}

// A doc is a policy in parts.
type doc struct {
	version string
	parts   []part
}

// A part is a statement.
type part struct {
	effect        string
	principals    []principal
	notPrincipal  bool
	actions       []string
	notAction     bool
	resources     []string // nil: none is written
	notResource   bool
	conditions    []condition
	withoutEffect bool // written as IAM would not take it
	nobody        bool // the Principal is empty
}

// The focus is the condition that the case was made for.
type focus struct {
	in       gate
	level    int // of SCPs
	doc      int
	part     int
	name     string // of the operator, without prefix and suffix
	form     string
	presence string
	effect   string
}

// all lists every policy that was read.
func (d *draft) all() []*doc {
	var out []*doc
	for _, g := range []gate{identity, boundary, session, attached, rcp} {
		out = append(out, d.gates[g]...)
	}
	for _, level := range d.scp {
		out = append(out, level...)
	}
	return slices.DeleteFunc(out, func(p *doc) bool { return p == nil })
}

// clone is a copy that can be changed.
func (d *draft) clone() *draft {
	copied := func(list []*doc) []*doc {
		var out []*doc
		for _, p := range list {
			if p == nil {
				out = append(out, nil)
				continue
			}
			c := *p
			c.parts = nil
			for _, s := range p.parts {
				s.principals, s.actions, s.conditions = slices.Clone(s.principals), slices.Clone(s.actions), slices.Clone(s.conditions)
				s.resources = slices.Clone(s.resources)
				for i := range s.conditions {
					s.conditions[i].values = slices.Clone(s.conditions[i].values)
				}
				c.parts = append(c.parts, s)
			}
			out = append(out, &c)
		}
		return out
	}
	c := *d
	c.gates = map[gate][]*doc{}
	for g, list := range d.gates {
		c.gates[g] = copied(list)
	}
	c.scp = nil
	for _, level := range d.scp {
		c.scp = append(c.scp, copied(level))
	}
	c.Context = map[string]ContextKey{}
	for name, k := range d.Context {
		k.Values = slices.Clone(k.Values)
		c.Context[name] = k
	}
	return &c
}

// focused is the policy that the focus is in.
func (d *draft) focused() *doc {
	if d.focus.in == scp {
		return d.scp[d.focus.level][d.focus.doc]
	}
	return d.gates[d.focus.in][d.focus.doc]
}

// forced is the case as if the focus always held, or never.
func (d *draft) forced(holds bool) Case {
	c := d.clone()
	p := c.focused()
	if holds {
		p.parts[d.focus.part].conditions = p.parts[d.focus.part].conditions[1:]
	} else {
		p.parts = slices.Delete(p.parts, d.focus.part, d.focus.part+1)
	}
	return c.written()
}

// written is the case with its policies as JSON, in one of the many forms that
// say the same.
func (d *draft) written() Case {
	r := rand.New(rand.NewPCG(d.forms, 1))
	c := d.Case
	write := func(list []*doc) []Text {
		var out []Text
		for _, p := range list {
			if p == nil {
				out = append(out, nil)
				continue
			}
			text := p.write(r)
			out = append(out, &text)
		}
		return out
	}
	c.Identity, c.Boundary, c.Session = write(d.gates[identity]), write(d.gates[boundary]), write(d.gates[session])
	c.Attached, c.RCP = write(d.gates[attached]), write(d.gates[rcp])
	c.SCP = nil
	for _, level := range d.scp {
		c.SCP = append(c.SCP, write(level))
	}
	return c
}

func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

// words writes a string or a list.
func words(r *rand.Rand, list []string, write func(string) string) string {
	if len(list) == 1 && r.IntN(2) == 0 {
		return write(list[0])
	}
	var out []string
	for _, s := range list {
		out = append(out, write(s))
	}
	if len(list) > 1 && r.IntN(8) == 0 {
		out = append(out, out[0])
	}
	return "[" + strings.Join(out, ", ") + "]"
}

var bare = regexp.MustCompile(`^(true|false|0|[1-9][0-9]*)$`)

func shuffled(r *rand.Rand, members []string) string {
	r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return "{" + strings.Join(members, ", ") + "}"
}

func (p *doc) write(r *rand.Rand) string {
	var parts []string
	for _, s := range p.parts {
		parts = append(parts, s.write(r))
	}
	body := "[" + strings.Join(parts, ", ") + "]"
	if len(parts) == 1 && r.IntN(2) == 0 {
		body = parts[0]
	}
	members := []string{`"Statement": ` + body}
	if p.version != "" {
		members = append(members, `"Version": `+quote(p.version))
	}
	return shuffled(r, members)
}

func (s *part) write(r *rand.Rand) string {
	named := func(name string, not bool) string {
		if not {
			return `"Not` + name + `": `
		}
		return `"` + name + `": `
	}
	effect := "Effect"
	if s.withoutEffect {
		effect = "effect"
	}
	members := []string{quote(effect) + ": " + quote(s.effect), named("Action", s.notAction) + words(r, s.actions, quote)}
	if s.resources != nil {
		members = append(members, named("Resource", s.notResource)+words(r, s.resources, quote))
	}
	if s.nobody {
		members = append(members, `"Principal": `+pick(r, `{}`, `{"AWS": []}`))
	} else if len(s.principals) > 0 {
		members = append(members, named("Principal", s.notPrincipal)+writePrincipals(r, s.principals))
	}
	if len(s.conditions) > 0 {
		members = append(members, `"Condition": `+writeConditions(r, s.conditions))
	} else if one(r, 20) { // U-17
		members = append(members, `"Condition": `+pick(r, `{}`, `{"StringEquals": {}}`))
	}
	return shuffled(r, members)
}

func writePrincipals(r *rand.Rand, all []principal) string {
	if all[0].kind == "*" {
		return `"*"`
	}
	var kinds, out []string
	for _, p := range all {
		if slices.Contains(kinds, p.kind) {
			continue
		}
		kinds = append(kinds, p.kind)
		var names []string
		for _, q := range all {
			if q.kind == p.kind {
				names = append(names, q.name)
			}
		}
		out = append(out, quote(p.kind)+": "+words(r, names, quote))
	}
	return shuffled(r, out)
}

func writeConditions(r *rand.Rand, all []condition) string {
	var operators, out []string
	for _, c := range all {
		if slices.Contains(operators, c.operator) {
			continue
		}
		operators = append(operators, c.operator)
		var keys []string
		for _, k := range all {
			if k.operator == c.operator {
				keys = append(keys, quote(k.key)+": "+words(r, k.values, func(v string) string {
					if bare.MatchString(v) && r.IntN(2) == 0 {
						return v // R1.3
					}
					return quote(v)
				}))
			}
		}
		out = append(out, quote(c.operator)+": "+shuffled(r, keys))
	}
	return shuffled(r, out)
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// one in n.
func one(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

func (d *draft) String() string { return describe(d.written()) }
