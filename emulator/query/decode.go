package query

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Decode reads an operation's input from a form. problem is AWS's text of all
// that is wrong with it, for an error with the code ValidationError. Members
// that the model does not have are ignored, as AWS does.
func (m *Model) Decode(operation string, form url.Values) (in Object, problem string) {
	shape := m.Operations[operation].Input
	if shape == "" {
		return Object{}, ""
	}
	d := decoder{model: m, form: form}
	in = d.structure(m.Shapes[shape], "", "")
	switch {
	case len(d.faults) == 0:
		return in, ""
	case len(d.faults) == 1 && d.worded != "":
		return nil, d.worded
	case len(d.faults) == 1:
		return nil, "1 validation error detected: " + d.faults[0]
	}
	return nil, fmt.Sprintf("%d validation errors detected: %s", len(d.faults), strings.Join(d.faults, "; "))
}

type decoder struct {
	model  *Model
	form   url.Values
	faults []string
	worded string
}

// structure reads the members beneath prefix; at is where AWS's texts say
// they are.
func (d *decoder) structure(s *Shape, prefix, at string) Object {
	out := Object{}
	for _, member := range s.Members {
		name, shape := member[0], d.model.Shapes[member[1]]
		place := at + lowerFirst(name)
		v, given := d.value(shape, prefix+name, place)
		if given {
			out[name] = v
		} else if slices.Contains(s.Required, name) {
			d.fault("null", place, "Member must not be null")
		}
	}
	return out
}

// value reads what stands at key; given is false if nothing does.
func (d *decoder) value(s *Shape, key, at string) (v any, given bool) {
	switch s.Type {
	case "structure":
		return d.structure(s, key+".", at+"."), d.anyBeneath(key)
	case "list":
		return d.list(s, key, at)
	case "map", "blob":
		return nil, d.form.Has(key) || d.anyBeneath(key)
	}
	if !d.form.Has(key) {
		return nil, false
	}
	return d.scalar(s, d.form.Get(key), at), true
}

func (d *decoder) list(s *Shape, key, at string) (any, bool) {
	element := d.model.Shapes[s.Element]
	var texts []string
	var objects []Object
	n := 0
	for ; ; n++ {
		k := key + ".member." + strconv.Itoa(n+1)
		place := at + "." + strconv.Itoa(n+1) + ".member"
		if !d.form.Has(k) && !d.anyBeneath(k) {
			break
		}
		v, _ := d.value(element, k, place)
		switch v := v.(type) {
		case Object:
			objects = append(objects, v)
		case string:
			texts = append(texts, v)
		}
	}
	if n == 0 && !d.form.Has(key) {
		return nil, false
	}
	d.length(s, n, fmt.Sprintf("'[%d members]'", n), at)
	if element.Type == "structure" {
		return objects, true
	}
	return texts, true
}

func (d *decoder) anyBeneath(key string) bool {
	for k := range d.form {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

func (d *decoder) scalar(s *Shape, text, at string) any {
	switch s.Type {
	case "integer", "long":
		n, err := strconv.Atoi(text)
		if err != nil {
			d.fault("'"+text+"'", at, "Member must be an integer")
			return nil
		}
		if s.Min != nil && n < *s.Min {
			d.fault("'"+text+"'", at, fmt.Sprintf("Member must have value greater than or equal to %d", *s.Min))
		}
		if s.Max != nil && n > *s.Max {
			d.fault("'"+text+"'", at, fmt.Sprintf("Member must have value less than or equal to %d", *s.Max))
		}
		return n
	case "boolean":
		if text != "true" && text != "false" {
			d.fault("'"+text+"'", at, "Member must be true or false")
		}
		return text == "true"
	}
	d.length(s, utf8.RuneCountInString(text), "'"+text+"'", at)
	if s.regexp != nil && !s.regexp.MatchString(text) {
		d.fault("'"+text+"'", at, "Member must satisfy regular expression pattern: "+s.Pattern)
		if w := d.model.Wording[s.Pattern]; w != "" {
			d.worded = fmt.Sprintf(w, at)
		}
	}
	if s.Enum != nil && !slices.Contains(s.Enum, text) {
		d.fault("'"+text+"'", at, "Member must satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]")
	}
	return text
}

// length checks the length of a string or list.
func (d *decoder) length(s *Shape, n int, shown, at string) {
	if s.Min != nil && n < *s.Min {
		d.fault(shown, at, fmt.Sprintf("Member must have length greater than or equal to %d", *s.Min))
	}
	if s.Max != nil && n > *s.Max {
		d.fault(shown, at, fmt.Sprintf("Member must have length less than or equal to %d", *s.Max))
	}
}

func (d *decoder) fault(shown, at, constraint string) {
	d.faults = append(d.faults, "Value "+shown+" at '"+at+"' failed to satisfy constraint: "+constraint)
}

func lowerFirst(s string) string {
	for i, r := range s {
		return string(unicode.ToLower(r)) + s[i+utf8.RuneLen(r):]
	}
	return s
}
