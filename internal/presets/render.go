package presets

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/authz/iam"
)

// Statement is a statement of an IAM policy, as a preset came to it.
type Statement struct {
	Sid        string
	Basis      Basis
	Actions    []string
	Resources  []string
	Conditions map[string]map[string][]string // operator, key, values
}

// InlineQuota is what a role's inline policies may have together, in
// characters without white space. (IAM User Guide, IAM and STS quotas)
const InlineQuota = 10240

// Statements are the preset's statements with parameters filled in. Values are
// texts, booleans, or lists of texts. Its error names every fault: parameters
// that are unknown, missing, or of another form. What depends on a parameter
// that was given is never on everything.
func (p Preset) Statements(parameters map[string]any) ([]Statement, error) {
	values, faults := p.values(parameters)
	if len(faults) > 0 {
		return nil, &ParameterError{Preset: p.Name, Faults: faults}
	}
	var out []Statement
	for _, n := range p.Needs {
		if !values.keep(n.When) {
			continue
		}
		s := Statement{Sid: n.Sid, Basis: n.Basis, Actions: slices.Clone(n.Actions), Resources: values.expand(n.Resources)}
		for operator, keys := range n.Conditions {
			if s.Conditions == nil {
				s.Conditions = map[string]map[string][]string{}
			}
			s.Conditions[operator] = map[string][]string{}
			for key, list := range keys {
				s.Conditions[operator][values.expand([]string{key})[0]] = values.expand(list)
			}
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, &ParameterError{Preset: p.Name, Faults: []Fault{{Problem: "gives no statement without one of " + strings.Join(p.switches(), ", ")}}}
	}
	return out, nil
}

// ParameterError says what is wrong with a preset's parameters.
type ParameterError struct {
	Preset string
	Faults []Fault // sorted by parameter
}

// Fault is one fault; Parameter is empty where it is of none.
type Fault struct{ Parameter, Problem string }

func (e *ParameterError) Error() string {
	var all []string
	for _, f := range e.Faults {
		all = append(all, strings.TrimSpace(f.Parameter+" "+f.Problem))
	}
	return "preset " + e.Preset + ": " + strings.Join(all, "; ")
}

// values are what stands for each parameter that is set. A switch that is on
// has the value true.
type values map[string][]string

func (p Preset) values(given map[string]any) (values, []Fault) {
	var faults []Fault
	add := func(name, format string, args ...any) {
		faults = append(faults, Fault{name, fmt.Sprintf(format, args...)})
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := p.Parameter(name); !ok {
			add(name, "is none of its parameters: %s", strings.Join(p.names(), ", "))
		}
	}
	v := values{}
	own := slices.Clone(p.Parameters)
	for _, q := range everywhere() {
		if !slices.ContainsFunc(own, func(o Parameter) bool { return o.Name == q.Name }) {
			own = append(own, q)
		}
	}
	for _, q := range own {
		x, ok := given[q.Name]
		if !ok || x == nil {
			if q.Required {
				add(q.Name, "is required: %s", q.example())
			}
			v.set(q.Name, texts(q.Default))
			continue
		}
		list := texts(x)
		if problem := q.check(x, list); problem != "" {
			add(q.Name, "%s", problem)
			continue
		}
		v.set(q.Name, list)
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return strings.Compare(a.Parameter, b.Parameter) })
	return v, faults
}

func (v values) set(name string, list []string) {
	if len(list) > 0 && !slices.Equal(list, []string{"false"}) {
		v[name] = list
	}
}

// texts are a value's texts; nil for what is none.
func texts(x any) []string {
	switch x := x.(type) {
	case string:
		return []string{x}
	case bool:
		return []string{fmt.Sprint(x)}
	case []string:
		return x
	case []any:
		out := []string{}
		for _, e := range x {
			s, ok := e.(string)
			if !ok {
				return nil
			}
			out = append(out, s)
		}
		return out
	}
	return nil
}

func (q Parameter) example() string {
	if q.List {
		return "[" + q.Kind.Example() + "]"
	}
	return q.Kind.Example()
}

// check says what is wrong with a value, "" if nothing.
func (q Parameter) check(x any, list []string) string {
	_, boolean := x.(bool)
	_, scalar := x.(string)
	switch {
	case q.Kind == Bool && !boolean:
		return "is true or false"
	case q.Kind == Bool:
		return ""
	case boolean, list == nil, q.List == scalar:
		return "is like " + q.example()
	case q.Required && len(list) == 0:
		return "is required: " + q.example()
	}
	for _, s := range list {
		if problem := q.Kind.check(s); problem != "" {
			return problem
		}
	}
	return ""
}

func (p Preset) names() []string {
	var out []string
	for _, q := range p.Parameters {
		out = append(out, q.Name)
	}
	return out
}

// switches are the parameters on which statements depend.
func (p Preset) switches() []string {
	var out []string
	for _, n := range p.Needs {
		for _, w := range n.When {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// keep reports whether all of a statement's parameters are as it needs them.
func (v values) keep(when []string) bool {
	return !slices.ContainsFunc(when, func(w string) bool {
		name, unset := strings.CutPrefix(w, "!")
		return (len(v[name]) > 0) == unset
	})
}

var placeholder = regexp.MustCompile(`\$\{([A-Za-z]+)\}`)

// expand fills in placeholders, once for each value of those that are lists.
func (v values) expand(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, v.one(s)...)
	}
	return out
}

func (v values) one(s string) []string {
	m := placeholder.FindStringSubmatch(s)
	if m == nil {
		return []string{s}
	}
	var out []string
	for _, value := range v[m[1]] {
		out = append(out, v.one(strings.ReplaceAll(s, m[0], value))...)
	}
	return out
}

// Policy is the policy document of statements, in canonical form.
func Policy(statements []Statement) (string, error) {
	type statement struct {
		Sid, Effect      string
		Action, Resource []string
		Condition        map[string]map[string][]string `json:",omitempty"`
	}
	var list []statement
	for _, s := range statements {
		list = append(list, statement{s.Sid, "Allow", s.Actions, s.Resources, s.Conditions})
	}
	b, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": list})
	if err != nil {
		return "", err
	}
	d, err := iam.Canonical(iam.Identity, string(b))
	return string(d), err
}

// Size is how many of InlineQuota's characters the statements take.
func Size(statements []Statement) (int, error) {
	d, err := Policy(statements)
	return iam.Size(d), err
}
