package eks

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/document"
	"github.com/aws/smithy-go/traits"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// shape writes the members of an operation's output.
type shape func(smithy.ShapeSerializer)

// member writes one structure as a member of an output.
func member(schema *smithy.Schema, v interface {
	SerializeMembers(smithy.ShapeSerializer)
}) shape {
	return func(s smithy.ShapeSerializer) {
		s.WriteStruct(schema)
		v.SerializeMembers(s)
		s.CloseStruct()
	}
}

func text(schema *smithy.Schema, v string) shape {
	return func(s smithy.ShapeSerializer) { s.WriteString(schema, v) }
}

// texts writes a list of strings, also an empty one.
func texts(schema *smithy.Schema, list []string) shape {
	return func(s smithy.ShapeSerializer) {
		s.WriteList(schema)
		for _, v := range list {
			s.WriteString(schema.ListMember(), v)
		}
		s.CloseList()
	}
}

// tagMap writes tags, also none.
func tagMap(schema *smithy.Schema, tags map[string]string) shape {
	return func(s smithy.ShapeSerializer) {
		s.WriteMap(schema)
		for _, k := range sortedKeys(tags) {
			s.WriteKey(schema.MapKey(), k)
			s.WriteString(schema.MapValue(), tags[k])
		}
		s.CloseMap()
	}
}

// nextToken writes a page's token; the last page has none.
func nextToken(schema *smithy.Schema, token string) shape {
	return func(s smithy.ShapeSerializer) {
		if token != "" {
			s.WriteString(schema, token)
		}
	}
}

func all(shapes ...shape) shape {
	return func(s smithy.ShapeSerializer) {
		for _, f := range shapes {
			f(s)
		}
	}
}

// encode gives the JSON of an output.
func encode(output *smithy.Schema, f shape) []byte {
	e := &encoder{}
	e.WriteStruct(output)
	if f != nil {
		f(e)
	}
	e.CloseStruct()
	return e.Bytes()
}

// encoder writes REST-JSON: members under their names, times as seconds.
type encoder struct {
	b       bytes.Buffer
	open    []bool // of each open container: whether it is an object
	started bool   // the innermost container has a value
	keyed   bool   // a map's key was just written
}

func (e *encoder) Bytes() []byte { return e.b.Bytes() }

// next writes what must stand before a value: comma and member name.
func (e *encoder) next(s *smithy.Schema) {
	if e.keyed {
		e.keyed = false
		return
	}
	if len(e.open) == 0 {
		return
	}
	if e.started {
		e.b.WriteByte(',')
	}
	e.started = true
	if e.open[len(e.open)-1] {
		name := s.MemberName()
		if t, ok := smithy.SchemaTrait[*traits.JSONName](s); ok {
			name = t.Name
		}
		e.quote(name)
		e.b.WriteByte(':')
	}
}

func (e *encoder) begin(s *smithy.Schema, bracket byte) {
	e.next(s)
	e.b.WriteByte(bracket)
	e.open = append(e.open, bracket == '{')
	e.started = false
}

func (e *encoder) end(bracket byte) {
	e.b.WriteByte(bracket)
	e.open = e.open[:len(e.open)-1]
	e.started = true
}

func (e *encoder) quote(v string) {
	b, _ := json.Marshal(v) // of a string: cannot fail
	e.b.Write(b)
}

func (e *encoder) raw(s *smithy.Schema, v string) {
	e.next(s)
	e.b.WriteString(v)
}

func (e *encoder) WriteInt8(s *smithy.Schema, v int8)   { e.WriteInt64(s, int64(v)) }
func (e *encoder) WriteInt16(s *smithy.Schema, v int16) { e.WriteInt64(s, int64(v)) }
func (e *encoder) WriteInt32(s *smithy.Schema, v int32) { e.WriteInt64(s, int64(v)) }
func (e *encoder) WriteInt64(s *smithy.Schema, v int64) { e.raw(s, strconv.FormatInt(v, 10)) }
func (e *encoder) WriteFloat32(s *smithy.Schema, v float32) {
	e.raw(s, strconv.FormatFloat(float64(v), 'g', -1, 32))
}
func (e *encoder) WriteFloat64(s *smithy.Schema, v float64) {
	e.raw(s, strconv.FormatFloat(v, 'g', -1, 64))
}
func (e *encoder) WriteBool(s *smithy.Schema, v bool)           { e.raw(s, strconv.FormatBool(v)) }
func (e *encoder) WriteString(s *smithy.Schema, v string)       { e.next(s); e.quote(v) }
func (e *encoder) WriteBigInt(s *smithy.Schema, v *big.Int)     { e.raw(s, v.String()) }
func (e *encoder) WriteBigFloat(s *smithy.Schema, v *big.Float) { e.raw(s, v.String()) }
func (e *encoder) WriteBlob(s *smithy.Schema, v []byte) {
	e.WriteString(s, base64.StdEncoding.EncodeToString(v))
}

// WriteTime writes seconds with milliseconds, as EKS does.
func (e *encoder) WriteTime(s *smithy.Schema, v time.Time) {
	e.raw(s, strconv.FormatFloat(float64(v.UnixMilli())/1000, 'f', -1, 64))
}

func (e *encoder) WriteUnion(schema, variant *smithy.Schema)        { e.begin(schema, '{') }
func (e *encoder) CloseUnion()                                      { e.end('}') }
func (e *encoder) WriteDocument(s *smithy.Schema, _ document.Value) { e.WriteNil(s) } // EKS has none
func (e *encoder) WriteNil(s *smithy.Schema)                        { e.raw(s, "null") }
func (e *encoder) WriteStruct(s *smithy.Schema)                     { e.begin(s, '{') }
func (e *encoder) CloseStruct()                                     { e.end('}') }
func (e *encoder) WriteList(s *smithy.Schema)                       { e.begin(s, '[') }
func (e *encoder) CloseList()                                       { e.end(']') }
func (e *encoder) WriteMap(s *smithy.Schema)                        { e.begin(s, '{') }
func (e *encoder) CloseMap()                                        { e.end('}') }
func (e *encoder) WriteKey(_ *smithy.Schema, key string) {
	if e.started {
		e.b.WriteByte(',')
	}
	e.started, e.keyed = true, true
	e.quote(key)
	e.b.WriteByte(':')
}

// decode reads an operation's input: labels of the path, the query, and the
// body, each checked against the type that AWS's schema gives it. Members
// that the schema does not have are dropped, as AWS does.
func decode[In any](input *smithy.Schema, labels map[string]string, query url.Values, body []byte) (In, error) {
	var in In
	members := map[string]any{}
	if len(bytes.TrimSpace(body)) > 0 {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&members); err != nil || d.More() {
			return in, call.Errorf("SerializationException", "the body is not one JSON object")
		}
	}
	values := map[string]any{}
	for name, schema := range input.Members() {
		var v any
		if _, ok := smithy.SchemaTrait[*traits.HTTPLabel](schema); ok {
			v = labels[name]
		} else if q, ok := smithy.SchemaTrait[*traits.HTTPQuery](schema); ok {
			if v = fromQuery(schema, query[q.Name]); v == nil {
				continue
			}
		} else if v = members[name]; v == nil {
			continue
		}
		if err := conforms(schema, v, name); err != nil {
			return in, err
		}
		values[name] = v
	}
	b, err := json.Marshal(values)
	if err == nil {
		err = json.Unmarshal(b, &in)
	}
	if err != nil {
		return in, call.Errorf("SerializationException", "%v", err)
	}
	return in, nil
}

func fromQuery(schema *smithy.Schema, values []string) any {
	if len(values) == 0 {
		return nil
	}
	switch schema.Type() {
	case smithy.ShapeTypeList:
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		return list
	case smithy.ShapeTypeInteger:
		return json.Number(values[0])
	case smithy.ShapeTypeBoolean:
		return values[0] == "true"
	}
	return values[0]
}

// conforms checks the JSON type of v, and within it.
func conforms(schema *smithy.Schema, v any, at string) error {
	ok := true
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		ok = schema.Type() == smithy.ShapeTypeString || schema.Type() == smithy.ShapeTypeEnum ||
			schema.Type() == smithy.ShapeTypeBlob || schema.Type() == smithy.ShapeTypeTimestamp
	case bool:
		ok = schema.Type() == smithy.ShapeTypeBoolean
	case json.Number:
		ok = false
		switch schema.Type() {
		case smithy.ShapeTypeInteger, smithy.ShapeTypeLong:
			_, err := strconv.ParseInt(v.String(), 10, 32)
			ok = err == nil
		case smithy.ShapeTypeDouble, smithy.ShapeTypeFloat, smithy.ShapeTypeTimestamp:
			ok = true
		}
	case []any:
		if ok = schema.Type() == smithy.ShapeTypeList; ok {
			for i, item := range v {
				if err := conforms(schema.ListMember(), item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
					return err
				}
			}
		}
	case map[string]any:
		switch schema.Type() {
		case smithy.ShapeTypeMap:
			for k, item := range v {
				if err := conforms(schema.MapValue(), item, at+"."+k); err != nil {
					return err
				}
			}
		case smithy.ShapeTypeStructure:
			for k, item := range v {
				m := schema.Member(k)
				if m == nil {
					delete(v, k)
				} else if err := conforms(m, item, at+"."+k); err != nil {
					return err
				}
			}
		default:
			ok = false
		}
	}
	if !ok {
		return call.Errorf("SerializationException", "%s has the wrong type", at)
	}
	return nil
}
