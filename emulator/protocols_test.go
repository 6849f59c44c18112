package emulator_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/call/calltest"
	"github.com/atlas-iam/atlas-iam/emulator/cloudwatch"
	"github.com/atlas-iam/atlas-iam/emulator/s3"
)

// others opens a lab with the services of which it has one call each.
func others(t *testing.T) (*emulator.Server, *calltest.IAM, func(r *http.Request) (*http.Response, string)) {
	t.Helper()
	iam := &calltest.IAM{}
	s, err := emulator.Assemble(emulator.Options{}, emulator.Parts{IAM: iam, Services: []call.Service{cloudwatch.New(), s3.New()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, iam, func(r *http.Request) (*http.Response, string) {
		t.Helper()
		resp, err := s.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
}

// shows: item S91
func TestCloudWatchSpeaksItsThreeProtocols(t *testing.T) {
	s, iam, send := others(t)
	k := keys(t, s)
	ask := func(protocol, operation string) *http.Request {
		switch protocol {
		case "cbor":
			return sign(t, k, "POST", "http://127.0.0.1/service/GraniteServiceVersion20100801/operation/"+operation, "monitoring", "\xa0",
				map[string]string{"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor", "Accept": "application/cbor"})
		case "json":
			return sign(t, k, "POST", "http://127.0.0.1/", "monitoring", "{}",
				map[string]string{"X-Amz-Target": "GraniteServiceVersion20100801." + operation, "Content-Type": "application/x-amz-json-1.0"})
		}
		return sign(t, k, "POST", "http://127.0.0.1/", "monitoring", "Action="+operation+"&Version=2010-08-01", map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
	}
	// metrics is how many metrics an answer has, -1 for an answer without a list.
	metrics := map[string]func(body string) int{
		"cbor": func(body string) int {
			v, err := cbor.Decode([]byte(body))
			m, ok := v.(cbor.Map)
			list, isList := m["Metrics"].(cbor.List)
			if err != nil || !ok || !isList {
				return -1
			}
			return len(list)
		},
		"json": func(body string) int {
			var out struct{ Metrics []any }
			if json.Unmarshal([]byte(body), &out) != nil || out.Metrics == nil {
				return -1
			}
			return len(out.Metrics)
		},
		"query": func(body string) int {
			var out struct {
				Result struct {
					Metrics *struct{ Member []any } `xml:"Metrics"`
				} `xml:"ListMetricsResult"`
			}
			if xml.Unmarshal([]byte(body), &out) != nil || out.Result.Metrics == nil {
				return -1
			}
			return len(out.Result.Metrics.Member)
		},
	}
	code := map[string]func(*http.Response, string) string{
		"cbor": func(r *http.Response, body string) string {
			v, err := cbor.Decode([]byte(body))
			m, _ := v.(cbor.Map)
			code, _ := m["__type"].(cbor.String)
			if message, _ := m["message"].(cbor.String); err != nil || message == "" || r.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
				t.Errorf("an error without a message, or not marked: %v %v", v, r.Header)
			}
			return string(code) + " " + r.Header.Get("X-Amzn-Query-Error")
		},
		"json": func(r *http.Response, body string) string {
			var e struct {
				Type string `json:"__type"`
			}
			_ = json.Unmarshal([]byte(body), &e)
			return e.Type + " " + r.Header.Get("X-Amzn-Query-Error")
		},
		"query": func(_ *http.Response, body string) string {
			var e struct {
				Error struct{ Code, Message string }
			}
			_ = xml.Unmarshal([]byte(body), &e)
			return e.Error.Code
		},
	}
	for protocol := range metrics {
		if resp, body := send(ask(protocol, "ListMetrics")); resp.StatusCode != 200 || metrics[protocol](body) != 0 {
			t.Errorf("%s: %d %q", protocol, resp.StatusCode, body)
		}
		if resp, body := send(ask(protocol, "PutMetricData")); resp.StatusCode != 501 || !strings.Contains(code[protocol](resp, body), "NotImplementedByLab") {
			t.Errorf("%s: what the lab lacks: %d %q", protocol, resp.StatusCode, body)
		}
	}
	iam.Deny("cloudwatch:ListMetrics")
	iam.Deny("cloudwatch:PutMetricData")
	for protocol, want := range map[string]string{"cbor": "AccessDeniedException AccessDenied;Sender", "json": "AccessDeniedException AccessDenied;Sender", "query": "AccessDenied"} {
		for _, operation := range []string{"ListMetrics", "PutMetricData"} {
			if resp, body := send(ask(protocol, operation)); resp.StatusCode != 403 || code[protocol](resp, body) != want || !strings.Contains(body, "cloudwatch:"+operation) {
				t.Errorf("%s: %s: %d %q", protocol, operation, resp.StatusCode, body)
			}
		}
	}
}

// shows: item S91
func TestS3ListsBucketsAndAuthorisesTheRest(t *testing.T) {
	s, iam, send := others(t)
	k := keys(t, s)
	var listed struct {
		XMLName xml.Name
		Owner   struct{ ID string }
		Buckets *struct{ Bucket []any }
	}
	resp, body := send(sign(t, k, "GET", "http://127.0.0.1/?x-id=ListBuckets", "s3", "", nil))
	if err := xml.Unmarshal([]byte(body), &listed); err != nil || resp.StatusCode != 200 || listed.XMLName.Local != "ListAllMyBucketsResult" || len(listed.Owner.ID) != 64 || listed.Buckets == nil {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	for _, c := range []struct{ method, path, action, resource string }{
		{"GET", "/", "s3:ListAllMyBuckets", "*"},
		{"GET", "/b?list-type=2&prefix=x", "s3:ListBucket", "arn:aws:s3:::b"},
		{"GET", "/b/some/key", "s3:GetObject", "arn:aws:s3:::b/some/key"},
		{"PUT", "/b/k", "s3:PutObject", "arn:aws:s3:::b/k"},
		{"DELETE", "/b/", "s3:DeleteBucket", "arn:aws:s3:::b"},
	} {
		before := len(iam.Asked)
		resp, body := send(sign(t, k, c.method, "http://127.0.0.1"+c.path, "s3", "", nil))
		if want := c.action + " " + c.resource; len(iam.Asked) != before+1 || iam.Asked[before] != want {
			t.Errorf("%s %s asked %v, want %s", c.method, c.path, iam.Asked[before:], want)
		}
		if c.path != "/" && (resp.StatusCode != 501 || !strings.Contains(body, "<Code>NotImplementedByLab</Code>")) {
			t.Errorf("%s %s: %d %s", c.method, c.path, resp.StatusCode, body)
		}
		iam.Deny(c.action)
		resp, body = send(sign(t, k, c.method, "http://127.0.0.1"+c.path, "s3", "", nil))
		if resp.StatusCode != 403 || !strings.Contains(body, "<Code>AccessDenied</Code>") || !strings.HasPrefix(body, "<?xml") {
			t.Errorf("%s %s without the right: %d %s", c.method, c.path, resp.StatusCode, body)
		}
	}
	// Another operation on the same path is not taken for this one.
	before := len(iam.Asked)
	if resp, _ := send(sign(t, k, "GET", "http://127.0.0.1/b?policy=", "s3", "", nil)); resp.StatusCode != 501 || len(iam.Asked) != before {
		t.Errorf("a bucket's policy: %d, asked %v", resp.StatusCode, iam.Asked[before:])
	}
}
