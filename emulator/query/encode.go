package query

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Encode writes an operation's answer as XML. A member that the model does
// not have, one of the wrong type, and a required one that is missing are
// errors of the lab.
func (m *Model) Encode(operation string, out Object, requestID string) ([]byte, error) {
	op := m.Operations[operation]
	e := encoder{model: m}
	fmt.Fprintf(&e.b, "<%sResponse xmlns=%q>\n", operation, m.Namespace)
	if op.Output != "" {
		e.element(op.Wrapper, m.Shapes[op.Output], out)
	} else if len(out) > 0 {
		e.fail("%s answers nothing, got %v", operation, out)
	}
	e.b.WriteString("<ResponseMetadata>")
	e.text("RequestId", requestID)
	fmt.Fprintf(&e.b, "</ResponseMetadata>\n</%sResponse>\n", operation)
	if e.err != nil {
		return nil, fmt.Errorf("encode the answer of %s: %w", operation, e.err)
	}
	return e.b.Bytes(), nil
}

type encoder struct {
	model *Model
	b     bytes.Buffer
	err   error
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

func (e *encoder) text(name, value string) {
	e.b.WriteString("<" + name + ">")
	if err := xml.EscapeText(&e.b, []byte(value)); err != nil {
		e.fail("%s: %w", name, err)
	}
	e.b.WriteString("</" + name + ">")
}

func (e *encoder) element(name string, s *Shape, v any) {
	switch v := v.(type) {
	case Object:
		if s.Type != "structure" {
			e.fail("%s: an object, want %s", name, s.Type)
			return
		}
		e.b.WriteString("<" + name + ">\n")
		e.structure(name, s, v)
		e.b.WriteString("</" + name + ">")
	case []Object:
		list(e, name, s, v)
	case []string:
		list(e, name, s, v)
	case string:
		e.scalar(name, s, v, "string")
	case int:
		e.scalar(name, s, strconv.Itoa(v), "integer", "long")
	case bool:
		e.scalar(name, s, strconv.FormatBool(v), "boolean")
	case time.Time:
		e.scalar(name, s, v.UTC().Format("2006-01-02T15:04:05Z"), "timestamp")
	default:
		e.fail("%s: a %T, want %s", name, v, s.Type)
	}
	e.b.WriteString("\n")
}

func (e *encoder) scalar(name string, s *Shape, text string, types ...string) {
	if !slices.Contains(types, s.Type) {
		e.fail("%s: a %s, want %s", name, strings.Join(types, " or "), s.Type)
	}
	e.text(name, text)
}

func (e *encoder) structure(name string, s *Shape, v Object) {
	written := 0
	for _, member := range s.Members {
		value, given := v[member[0]]
		if given {
			e.element(member[0], e.model.Shapes[member[1]], value)
			written++
		} else if slices.Contains(s.Required, member[0]) {
			e.fail("%s: the required member %s is missing", name, member[0])
		}
	}
	if written != len(v) {
		e.fail("%s: a member in %v that the model does not have", name, v)
	}
}

func list[T any](e *encoder, name string, s *Shape, items []T) {
	if s.Type != "list" {
		e.fail("%s: a list, want %s", name, s.Type)
		return
	}
	e.b.WriteString("<" + name + ">")
	for _, item := range items {
		e.element("member", e.model.Shapes[s.Element], item)
	}
	e.b.WriteString("</" + name + ">")
}
