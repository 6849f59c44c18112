package eks

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/traits"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// operation is an operation of AWS's model.
type operation struct {
	schema   *smithy.Schema
	method   string
	path     []string // of the route's URI; {label} parts name labels
	readOnly bool
	// bind reads the input and gives what does the call; nil if the lab does
	// not have the operation.
	bind func(labels map[string]string, r *call.Request) func(*call.Call) (*call.Response, error)
}

// route makes an operation of its schema, which has the route.
func route(schema *smithy.Schema) operation {
	h, _ := smithy.SchemaTrait[*traits.HTTP](schema)
	uri, _, _ := strings.Cut(h.URI, "?")
	return operation{schema: schema, method: h.Method, path: strings.Split(uri, "/")}
}

// write makes an operation that changes something; f gets its input.
func write[In any](schema, input, output *smithy.Schema, f func(*call.Call, In) (shape, error)) operation {
	o := route(schema)
	o.bind = func(labels map[string]string, r *call.Request) func(*call.Call) (*call.Response, error) {
		return func(c *call.Call) (*call.Response, error) {
			in, err := decode[In](input, labels, r.Query, r.Body)
			if err != nil {
				return nil, err
			}
			out, err := f(c, in)
			if err != nil {
				return nil, err
			}
			return &call.Response{Body: encode(output, out)}, nil
		}
	}
	return o
}

// read makes an operation that only looks.
func read[In any](schema, input, output *smithy.Schema, f func(*call.Call, In) (shape, error)) operation {
	o := write(schema, input, output, f)
	o.readOnly = true
	return o
}

// Route finds the operation by method and path. A path is split as it was
// sent, for a label may be an ARN, whose slashes come percent-encoded.
func (s *Service) Route(r *call.Request) (call.Operation, error) {
	parts := strings.Split(strings.TrimSuffix(r.Path, "/"), "/")
	for _, o := range s.operations {
		if o.method != r.Method {
			continue
		}
		labels, ok := match(o.path, parts)
		if !ok {
			continue
		}
		found := call.Operation{Name: o.schema.ID().Name, ReadOnly: o.readOnly}
		if o.bind == nil {
			found.ReadOnly = true
		} else {
			found.Handle = o.bind(labels, r)
		}
		return found, nil
	}
	return call.Operation{}, &call.Error{Code: "UnknownOperationException", Message: "no operation of EKS has this method and path", Status: http.StatusNotFound}
}

func match(pattern, parts []string) (map[string]string, bool) {
	if len(pattern) != len(parts) {
		return nil, false
	}
	labels := map[string]string{}
	for i, p := range pattern {
		if !strings.HasPrefix(p, "{") {
			if p != parts[i] {
				return nil, false
			}
			continue
		}
		v, err := url.PathUnescape(parts[i])
		if err != nil || v == "" {
			return nil, false
		}
		labels[strings.Trim(p, "{}")] = v
	}
	return labels, true
}
