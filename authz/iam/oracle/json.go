package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := decodeNext(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

func decodeNext(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeNext(d)
			if err != nil {
				return nil, err
			}
			o = append(o, member{name.(string), v})
		}
		_, err := d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeNext(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return t, nil
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
