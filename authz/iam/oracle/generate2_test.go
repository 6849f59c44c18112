package oracle

import (
	"slices"
	"strings"
)

// focusOn puts a condition where the verdict may hang on it: into a statement
// that lets the case pass, or into one that denies it.
func (g generator) focusOn(name, form, presence string) {
	d := g.d
	f := focus{name: name, form: form, presence: presence, effect: "Deny"}
	var places []focus
	for _, in := range []gate{identity, boundary, session, attached} {
		for i, p := range d.gates[in] {
			for j, s := range p.parts {
				places = append(places, focus{in: in, doc: i, part: j, effect: s.effect})
			}
		}
	}
	for i, level := range d.scp {
		places = append(places, focus{in: scp, level: i, effect: level[0].parts[0].effect})
	}
	for i := range d.gates[rcp] {
		places = append(places, focus{in: rcp, doc: i, effect: "Deny"})
	}
	switch {
	case len(places) == 0: // the root user's, with no policies
		d.gates[attached] = []*doc{{version: "2012-10-17", parts: []part{g.part("Deny", attached, true)}}}
		f.in = attached
	default:
		at := places[g.IntN(len(places))]
		f.in, f.level, f.doc, f.part, f.effect = at.in, at.level, at.doc, at.part, at.effect
		if g.IntN(5) < 2 { // a Deny of its own
			d.focus = f
			p := d.focused()
			p.parts = append(p.parts, g.part("Deny", f.in, true))
			f.part, f.effect = len(p.parts)-1, "Deny"
		}
	}
	base := bases[name].base
	switch {
	case form == "IfExists" && base != "Null":
		name += form
	case strings.HasPrefix(form, "For"):
		name = form + ":" + name
		if one(g.Rand, 6) && base != "Null" {
			name += "IfExists"
		}
	}
	d.focus = f
	c := g.condition(name, base, presence, d.focused().version == "2012-10-17")
	s := &d.focused().parts[f.part]
	s.conditions = append([]condition{c}, s.conditions...)
}

// condition writes one, and gives the request the key as it is to be present.
func (g generator) condition(name, base, presence string, variables bool) condition {
	kind := typeOf(base, g.Rand)
	v := vocabularies[kind]
	keys := v.keys
	if presence == "many" || one(g.Rand, 3) {
		keys = v.multi
	}
	c := condition{operator: name, key: pick(g.Rand, keys...)}
	for range 1 + g.IntN(3) {
		c.values = append(c.values, pick(g.Rand, v.values...))
	}
	if base == "Null" {
		c.values = []string{pick(g.Rand, "true", "false")}
	}
	have := []string{pick(g.Rand, v.have...)}
	if base == "String" || kind == "String" || kind == "Arn" { // let them meet
		if plain := pick(g.Rand, c.values...); one(g.Rand, 3) && !strings.ContainsAny(plain, "*?$") && base != "Null" {
			have[0] = plain
		}
	}
	if base == "StringEqualsIgnoreCase" && one(g.Rand, 2) { // let them differ in case alone
		plain := c.values[0]
		have[0] = strings.ToUpper(plain)
		if have[0] == plain {
			have[0] = strings.ToLower(plain)
		}
	}
	switch presence {
	case "absent":
		have = nil
	case "many":
		for range 1 + g.IntN(2) {
			have = append(have, pick(g.Rand, v.have...))
		}
	case "malformed":
		switch {
		case base == "Null":
			c.values[g.IntN(len(c.values))] = "maybe"
		case len(v.brokenInRequest) > 0 && one(g.Rand, 2):
			have = []string{pick(g.Rand, v.brokenInRequest...)}
		default:
			c.values[g.IntN(len(c.values))] = pick(g.Rand, v.brokenInPolicy...)
		}
	}
	if presence == "one" && one(g.Rand, 25) {
		have = pick(g.Rand, []string{}, []string{""}, []string{"", ""}) // R4.6, U-16
	}
	if one(g.Rand, 40) {
		c.values = []string{} // R4.9
	}
	g.put(c.key, have, kind)
	if one(g.Rand, 6) {
		c.key = strings.ToUpper(c.key)
	}
	return c
}

// put gives the request a key.
func (g generator) put(name string, have []string, kind string) {
	for _, v := range vocabularies {
		if slices.Contains(v.multi, name) {
			g.d.Context[name] = ContextKey{Values: have, Multi: true, Type: keyTypes[kind]}
			return
		}
	}
	g.d.Context[name] = ContextKey{Values: have, Type: keyTypes[kind]}
}

// noise is what else stands in the policies.
func (g generator) noise() {
	d := g.d
	for range pick(g.Rand, 0, 0, 1, 1, 2, 3) {
		in := pick(g.Rand, identity, identity, boundary, session, attached, scp)
		effect := pick(g.Rand, "Allow", "Allow", "Deny")
		s := g.part(effect, in, effect == "Allow" && one(g.Rand, 2) || one(g.Rand, 6))
		p := g.someDoc(in)
		if p == nil {
			continue
		}
		if one(g.Rand, 2) {
			s.conditions = append(s.conditions, g.further(p.version == "2012-10-17"))
		}
		s.withoutEffect = one(g.Rand, 60)
		p.parts = append(p.parts, s)
	}
	if one(g.Rand, 6) { // a second condition beside the focus
		s := &d.focused().parts[d.focus.part]
		c := g.further(d.focused().version == "2012-10-17")
		if !slices.ContainsFunc(s.conditions, func(x condition) bool { return strings.EqualFold(x.key, c.key) && x.operator == c.operator }) {
			s.conditions = append(s.conditions, c)
		}
	}
	if one(g.Rand, 8) { // U-19
		for name, k := range d.Context {
			if strings.Contains(name, "Tag/team") {
				d.Context[strings.ToUpper(name)] = ContextKey{Values: []string{pick(g.Rand, "a", "b", "A")}, Type: k.Type}
				break
			}
		}
	}
	if one(g.Rand, 80) {
		s := &d.focused().parts[d.focus.part]
		s.conditions = append(s.conditions, condition{pick(g.Rand, "StringMatches", "stringEquals", "NullIfExists", "ForSomeValues:StringEquals"), "x:y", []string{"a"}})
	}
}

// someDoc is one of a gate's policies, or a second one; nil: the case has none
// there.
func (g generator) someDoc(in gate) *doc {
	d := g.d
	if in == scp {
		if len(d.scp) == 0 {
			return nil
		}
		return d.scp[g.IntN(len(d.scp))][0]
	}
	list := d.gates[in]
	if len(list) == 0 {
		return nil
	}
	if (in == identity || in == session) && one(g.Rand, 3) {
		d.gates[in] = append(list, &doc{version: "2012-10-17"})
	}
	return d.gates[in][len(d.gates[in])-1]
}

// further is a condition that often has the focus's key, its contrary often.
func (g generator) further(variables bool) condition {
	at := g.d.focused().parts[g.d.focus.part].conditions[0]
	if one(g.Rand, 2) {
		c := condition{operator: at.operator, key: at.key, values: slices.Clone(at.values)}
		o, _ := readOperator(at.operator)
		for _, name := range operatorNames {
			other := bases[name]
			if other.base == o.base && other.negated != o.negated || strings.HasPrefix(o.base, name[:4]) && one(g.Rand, 12) {
				c.operator = strings.Replace(at.operator, baseName(at.operator), name, 1)
			}
		}
		if one(g.Rand, 3) {
			v := vocabularies[typeOf(o.base, g.Rand)]
			c.values = append(c.values, pick(g.Rand, v.values...))
		}
		if strings.Contains(c.operator, "NullIfExists") {
			c.operator = "Null"
		}
		return c
	}
	name := pick(g.Rand, operatorNames...)
	return g.fresh(name)
}

// baseName is an operator's name without prefix and suffix.
func baseName(operator string) string {
	if _, after, ok := strings.Cut(operator, ":"); ok {
		operator = after
	}
	return strings.TrimSuffix(operator, "IfExists")
}

// fresh is a condition that leaves a key alone that is there already.
func (g generator) fresh(name string) condition {
	before := g.d.Context
	copied := map[string]ContextKey{}
	for k, v := range before {
		copied[k] = v
	}
	g.d.Context = copied
	c := g.condition(name, bases[name].base, pick(g.Rand, "absent", "one", "one", "one", "many"), true)
	for k, v := range before {
		g.d.Context[k] = v
	}
	return c
}

// always are the keys that every request has (section 6).
var always = []string{"aws:CurrentTime"}

// unknowns hides something.
func (g generator) unknowns() {
	d := g.d
	if one(g.Rand, 6) {
		c := d.focused().parts[d.focus.part].conditions[0]
		for name, k := range d.Context {
			if strings.EqualFold(name, c.key) && (!g.multi(name) || g.valuesOf(name) < 5) {
				k.Multi, k.NotEmpty = g.multi(name), listed(name)

				k.Values, k.Unknown, k.Always = nil, true, slices.Contains(always, name)
				d.Context[name] = k
				d.focus.presence = "unknown"
			}
		}
	}
	if one(g.Rand, 25) {
		g.hideOthers()
	}
	if one(g.Rand, 12) && d.Context["aws:PrincipalTag/t"].Values != nil {
		d.Context["aws:PrincipalTag/t"] = ContextKey{Unknown: true}
	}
	if one(g.Rand, 10) {
		switch in := pick(g.Rand, identity, boundary, session, attached, rcp, scp); {
		case in == scp && len(d.scp) > 0:
			d.scp[0] = append(d.scp[0], nil)
		case in == identity && g.has():
			d.gates[in] = append(d.gates[in], nil)
		case len(d.gates[in]) > 0 && in != d.focus.in:
			d.gates[in] = []*doc{nil}
		}
	}
}

// manyKeys are those of the vocabularies that section 6 says to have several
// values; of what it does not name the set operators tell (R4.7).
var manyKeys = []string{"aws:TagKeys", "sts:TransitiveTagKeys", "sts:RequestContextProviders"}

// listed says whether section 6 has a key by its whole name.
func listed(name string) bool {
	return !isTag(name) && !slices.ContainsFunc([]string{"s3:", "x:", "none:"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

func isTag(name string) bool { return strings.Contains(strings.ToLower(name), "tag/") }

func (g generator) multi(name string) bool {
	if listed(name) || isTag(name) {
		return slices.ContainsFunc(manyKeys, func(k string) bool { return strings.EqualFold(k, name) }) || strings.EqualFold(name, "aws:CalledVia")
	}
	set := false
	eachCondition(func(c *condition) {
		o, _ := readOperator(c.operator)
		set = set || o.set != "" && strings.EqualFold(c.key, name)
	})(g.d)
	return set
}

// valuesOf counts the values that the policies hold a key against.
func (g generator) valuesOf(name string) int {
	var values []string
	for _, p := range g.d.all() {
		for _, s := range p.parts {
			for _, c := range s.conditions {
				if strings.EqualFold(c.key, name) {
					values = append(values, c.values...)
				}
			}
		}
	}
	slices.Sort(values)
	return len(slices.Compact(values))
}

// hideOthers makes every key unknown that the policies name and the request is
// not told to have; of very many unknown keys there are too many completions.
func (g generator) hideOthers() {
	d := g.d
	named := map[string]string{"aws:multifactorauthpresent": "Bool"}
	note := func(text string) {
		for _, p := range pieces(text) {
			if m := variable.FindStringSubmatch(p.text); p.inner && !p.open && m != nil {
				if key := strings.ToLower(m[1]); named[key] == "" {
					named[key] = "String"
				}
			}
		}
	}
	for _, p := range d.all() {
		for _, s := range p.parts {
			for _, text := range s.resources {
				note(text)
			}
			for _, c := range s.conditions {
				o, _ := readOperator(c.operator)
				if kind := kindOf(c.key); kind != "" {
					named[strings.ToLower(c.key)] = kind
				}
				if strings.HasPrefix(o.base, "String") || o.base == "ArnLike" {
					for _, v := range c.values {
						note(v)
					}
				}
			}
		}
	}
	for name := range d.Context {
		delete(named, strings.ToLower(name))
	}
	if len(named) > 4 {
		return
	}
	for key, kind := range named {
		k := ContextKey{Unknown: true, Type: keyTypes[kind], Multi: g.multi(key), NotEmpty: listed(key), Always: slices.ContainsFunc(always, func(a string) bool { return strings.EqualFold(a, key) })}
		if k.Multi && g.valuesOf(key) > 3 {
			return
		}
		d.Context[key] = k
	}
	d.others = true
}

// kindOf is the vocabulary that has a key.
func kindOf(key string) string {
	for kind, v := range vocabularies {
		for _, k := range slices.Concat(v.keys, v.multi) {
			if strings.EqualFold(k, key) {
				return kind
			}
		}
	}
	return ""
}
