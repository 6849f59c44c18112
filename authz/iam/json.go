package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// value is a JSON value that remembers the order of an object's keys, and
// where it stands.
type value struct {
	kind  byte // '{' object, '[' list, '"' string, 's' another scalar, '0' null
	text  string
	at    int // byte offset of its first character
	keys  []string
	keyAt []int   // byte offsets of the keys
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

// jsonReader reads one document.
type jsonReader struct {
	*json.Decoder
	text string
	last int // where the last token began
}

// readJSON reads one JSON value. The same key twice in one object is an error,
// as is anything after the value; at is where the faulty token begins.
func readJSON(document string) (v value, at int, err error) {
	r := &jsonReader{Decoder: json.NewDecoder(strings.NewReader(document)), text: document}
	r.UseNumber()
	v, err = r.value(0)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return value{}, len(document), errors.New("the text ends too early")
		}
		return value{}, r.last, err
	}
	if _, err := r.token(); !errors.Is(err, io.EOF) {
		return value{}, r.last, errors.New("text after the policy's end")
	}
	return v, 0, nil
}

// token reads the next token and notes where it begins.
func (r *jsonReader) token() (json.Token, error) {
	before := int(r.InputOffset())
	r.last = before + len(r.text[before:]) - len(strings.TrimLeft(r.text[before:], " \t\r\n,:"))
	return r.Token()
}

func (r *jsonReader) value(depth int) (value, error) {
	t, err := r.token()
	if err != nil {
		return value{}, err
	}
	at := r.last
	if depth > maxDepth {
		return value{}, errors.New("nested too deeply")
	}
	switch t := t.(type) {
	case string:
		return value{kind: '"', text: t, at: at}, nil
	case json.Number:
		return value{kind: 's', text: t.String(), at: at}, nil
	case bool:
		return value{kind: 's', text: fmt.Sprint(t), at: at}, nil
	case json.Delim:
		return r.members(byte(t), at, depth)
	}
	return value{kind: '0', text: "null", at: at}, nil
}

func (r *jsonReader) members(open byte, at, depth int) (value, error) {
	v := value{kind: open, at: at}
	for r.More() {
		if open == '{' {
			k, err := r.token()
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
			v.keys, v.keyAt = append(v.keys, key), append(v.keyAt, r.last)
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	_, err := r.token() // the closing bracket
	return v, err
}

// quote appends s as a JSON string: only what must be escaped is, and what is
// outside IAM's character set, so that the result is a policy's text again.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20 || r > 0xff && r <= 0xffff:
			b = fmt.Appendf(b, `\u%04x`, r)
		case r > 0xffff:
			r -= 0x10000
			b = fmt.Appendf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}
