package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A member is one name and value of an object. Objects keep their order, and
// all members of one name, so that a doubled one is seen.
type member struct {
	name  string
	value any
}

type object []member

// decode reads JSON as object, []any, string, json.Number, bool and nil.
func decode(text string) (any, error) {
	if !json.Valid([]byte(text)) {
		return nil, errors.New("no JSON")
	}
	r := reader{text}
	return r.value(), nil
}

// A reader reads what is known to be JSON.
type reader struct{ rest string }

func (r *reader) next() byte {
	r.rest = strings.TrimLeft(r.rest, " \t\r\n,:")
	return r.rest[0]
}

func (r *reader) value() any {
	switch r.next() {
	case '{':
		o := object{}
		for r.rest = r.rest[1:]; r.next() != '}'; {
			o = append(o, member{r.text(), r.value()})
		}
		r.rest = r.rest[1:]
		return o
	case '[':
		list := []any{}
		for r.rest = r.rest[1:]; r.next() != ']'; {
			list = append(list, r.value())
		}
		r.rest = r.rest[1:]
		return list
	case '"':
		return r.text()
	}
	end := strings.IndexAny(r.rest, " \t\r\n,:]}")
	if end < 0 {
		end = len(r.rest)
	}
	word := r.rest[:end]
	r.rest = r.rest[end:]
	switch word {
	case "true", "false":
		return word == "true"
	case "null":
		return nil
	}
	return json.Number(word)
}

func (r *reader) text() string {
	r.next()
	end := 1
	for r.rest[end] != '"' {
		if r.rest[end] == '\\' {
			end++
		}
		end++
	}
	s := r.rest[1:end]
	if strings.Contains(s, "\\") {
		if err := json.Unmarshal([]byte(r.rest[:end+1]), &s); err != nil {
			panic(err) // it was valid
		}
	}
	r.rest = r.rest[end+1:]
	return s
}

// get is the value of a name that stands in o once; R1.1: twice is an error.
func (o object) get(name string) (value any, ok bool, err error) {
	for _, m := range o {
		if m.name != name {
			continue
		}
		if ok {
			return nil, false, fmt.Errorf("%s stands twice", name)
		}
		value, ok = m.value, true
	}
	return value, ok, nil
}

// texts reads one string or a list of strings (R1.2). With scalars, numbers and
// booleans are taken as they are written (R1.3).
func texts(v any, scalars bool) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := []string{}
	for _, item := range list {
		switch item := item.(type) {
		case string:
			out = append(out, item)
		case json.Number:
			if !scalars {
				return nil, false
			}
			out = append(out, item.String())
		case bool:
			if !scalars {
				return nil, false
			}
			out = append(out, fmt.Sprint(item))
		default:
			return nil, false
		}
	}
	return out, true
}
