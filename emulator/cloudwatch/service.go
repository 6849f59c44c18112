// Package cloudwatch is as much of Amazon CloudWatch as shows that somebody
// may call it: ListMetrics. Nobody can put metrics into the lab, so there are
// none to list. All other operations are authorised and then refused as the
// lab's own lack.
package cloudwatch

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// The names of the service's protocols. (CloudWatch's model: CBOR, JSON 1.0
// and Query)
const (
	namespace = "http://monitoring.amazonaws.com/doc/2010-08-01/"
	target    = "GraniteServiceVersion20100801"
	version   = "2010-08-01"
	formType  = "application/x-www-form-urlencoded"
	jsonType  = "application/x-amz-json-1.0"
)

// Service is CloudWatch. It keeps nothing.
type Service struct{}

// New makes the service.
func New() Service { return Service{} }

// Name is the service's signing name; its actions begin with cloudwatch.
func (Service) Name() string { return "monitoring" }

// Protocol is JSON, the one that needs the least.
func (Service) Protocol() call.Protocol { return call.Protocol{Typed: true, QueryCodes: true} }

// Speaks tells the protocol of a request by its headers.
func (s Service) Speaks(h http.Header) call.Protocol {
	switch {
	case h.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return call.Protocol{CBOR: true, QueryCodes: true}
	case strings.HasPrefix(h.Get("Content-Type"), formType):
		return call.Protocol{Query: true, Namespace: namespace}
	}
	return s.Protocol()
}

var cborPath = regexp.MustCompile(`^/service/` + target + `/operation/([A-Za-z]+)$`)

// Route finds the operation of a request.
func (s Service) Route(r *call.Request) (call.Operation, error) {
	name, answer, err := operation(r)
	if err != nil {
		return call.Operation{}, err
	}
	if name != "ListMetrics" {
		return call.Operation{Name: name, Action: "cloudwatch:" + name}, nil
	}
	return call.Operation{Name: name, Action: "cloudwatch:" + name, ReadOnly: true, Handle: func(c *call.Call) (*call.Response, error) {
		if err := c.Authorize("cloudwatch:ListMetrics", "*", nil); err != nil {
			return nil, err
		}
		return answer(c)
	}}, nil
}

// operation reads which operation is asked for, and gives how its answer,
// which holds no metrics, is written.
func operation(r *call.Request) (name string, answer func(*call.Call) (*call.Response, error), err error) {
	if m := cborPath.FindStringSubmatch(r.Path); m != nil {
		if r.Method != http.MethodPost || len(r.Body) > 0 && !decodes(r.Body) {
			return "", nil, call.Errorf("SerializationException", "the body is no map of CBOR")
		}
		return m[1], func(*call.Call) (*call.Response, error) {
			return &call.Response{ContentType: call.CBORType, Body: cbor.Encode(cbor.Map{"Metrics": cbor.List{}})}, nil
		}, nil
	}
	if name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target+"."); ok {
		var in map[string]json.RawMessage
		if err := json.Unmarshal(r.Body, &in); err != nil {
			return "", nil, call.Errorf("SerializationException", "the body is no object of JSON")
		}
		return name, func(*call.Call) (*call.Response, error) {
			return &call.Response{ContentType: jsonType, Body: []byte(`{"Metrics":[]}`)}, nil
		}, nil
	}
	form := r.Form
	if form == nil {
		form = url.Values{}
	}
	name = form.Get("Action")
	switch {
	case name == "":
		return "", nil, &call.Error{Code: "UnknownOperationException", Message: "the request names no operation of CloudWatch", Status: http.StatusNotFound}
	case form.Get("Version") != version:
		return "", nil, call.Errorf("InvalidAction", "Could not find operation %s for version %s", name, form.Get("Version"))
	}
	return name, func(c *call.Call) (*call.Response, error) {
		return &call.Response{ContentType: "text/xml", Body: []byte(`<ListMetricsResponse xmlns="` + namespace + `"><ListMetricsResult><Metrics/></ListMetricsResult>` +
			`<ResponseMetadata><RequestId>` + c.RequestID + `</RequestId></ResponseMetadata></ListMetricsResponse>` + "\n")}, nil
	}, nil
}

func decodes(body []byte) bool {
	v, err := cbor.Decode(body)
	_, isMap := v.(cbor.Map)
	return err == nil && isMap
}
