package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// value is a JSON value that remembers the order of an object's keys.
type value struct {
	kind  byte // '{' object, '[' list, '"' string, 's' another scalar
	text  string
	keys  []string
	items []value // of a list, or of the object's keys
}

func (v value) field(key string) (value, bool) {
	for i, k := range v.keys {
		if k == key {
			return v.items[i], true
		}
	}
	return value{}, false
}

// maxDepth is deeper than any policy can be.
const maxDepth = 12

// readJSON reads one JSON value. The same key twice in one object is an error,
// as is anything after the value.
func readJSON(document string) (value, error) {
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return value{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return value{}, errors.New("text after the policy's end")
	}
	return v, nil
}

func readValue(d *json.Decoder, depth int) (value, error) {
	if depth > maxDepth {
		return value{}, errors.New("nested too deeply")
	}
	t, err := d.Token()
	if err != nil {
		return value{}, err
	}
	switch t := t.(type) {
	case string:
		return value{kind: '"', text: t}, nil
	case json.Number:
		return value{kind: 's', text: t.String()}, nil
	case bool:
		return value{kind: 's', text: fmt.Sprint(t)}, nil
	case json.Delim:
		return readMembers(d, byte(t), depth)
	}
	return value{kind: '0', text: "null"}, nil
}

func readMembers(d *json.Decoder, open byte, depth int) (value, error) {
	v := value{kind: open}
	for d.More() {
		if open == '{' {
			k, err := d.Token()
			if err != nil {
				return value{}, err
			}
			key, ok := k.(string)
			if !ok {
				return value{}, errors.New("a key that is no string")
			}
			if _, dup := v.field(key); dup {
				return value{}, fmt.Errorf("the key %q twice in one object", key)
			}
			v.keys = append(v.keys, key)
		}
		item, err := readValue(d, depth+1)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	_, err := d.Token() // the closing bracket
	return v, err
}
