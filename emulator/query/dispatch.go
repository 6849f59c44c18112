package query

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// Request is a call with its input read and checked.
type Request struct {
	*call.Call
	In Object
}

// Handler does one operation.
type Handler struct {
	ReadOnly bool
	JSON     bool // answers JSON to who asks for it, as GetCallerIdentity does
	Do       func(*Request) (Object, error)
}

// Fault is an error with the status that the model gives its code.
func (m *Model) Fault(code, format string, args ...any) *call.Error {
	return &call.Error{Code: code, Message: fmt.Sprintf(format, args...), Status: m.Errors[code]}
}

// ValidationError is the code of AWS's common validation.
const ValidationError = "ValidationError"

// Route finds the handler of a request's Action. One that the model has and
// handlers lack has no Handle: the front refuses it.
func (m *Model) Route(handlers map[string]Handler, r *call.Request) (call.Operation, error) {
	name, version := r.Form.Get("Action"), r.Form.Get("Version")
	if name == "" {
		return call.Operation{}, &call.Error{Code: "MissingAction", Message: "Missing Action"}
	}
	operation, known := m.Operations[name]
	if !known || version != "" && version != m.Version {
		return call.Operation{}, call.Errorf("InvalidAction", "Could not find operation %s for version %s", name, version)
	}
	h, built := handlers[name]
	if !built {
		return call.Operation{Name: name, Unsigned: operation.Unsigned}, nil
	}
	asJSON := h.JSON && strings.Contains(r.Header.Get("Accept"), "application/json")
	return call.Operation{Name: name, ReadOnly: h.ReadOnly, Unsigned: operation.Unsigned, Handle: func(c *call.Call) (*call.Response, error) {
		in, problem := m.Decode(name, r.Form)
		if problem != "" {
			return nil, &call.Error{Code: ValidationError, Message: problem}
		}
		out, err := h.Do(&Request{Call: c, In: in})
		if err != nil {
			return nil, err
		}
		if asJSON {
			return m.encodeJSON(name, out, c.RequestID)
		}
		body, err := m.Encode(name, out, c.RequestID)
		if err != nil {
			return nil, err
		}
		return &call.Response{Status: http.StatusOK, ContentType: "text/xml", Body: body}, nil
	}}, nil
}

func (m *Model) encodeJSON(operation string, out Object, requestID string) (*call.Response, error) {
	body, err := json.Marshal(Object{operation + "Response": Object{
		m.Operations[operation].Wrapper: out,
		"ResponseMetadata":              Object{"RequestId": requestID},
	}})
	if err != nil {
		return nil, fmt.Errorf("encode the answer of %s: %w", operation, err)
	}
	return &call.Response{Status: http.StatusOK, ContentType: "application/json", Body: body}, nil
}
