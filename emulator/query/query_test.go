package query

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const model = `{"version":"1","namespace":"urn:x",
"operations":{"Make":{"input":"In","output":"Out","wrapper":"MakeResult"},"Drop":{"input":"In"}},
"shapes":{
"In":{"type":"structure","members":[["Name","Name"],["Count","Count"],["Tags","Tags"],["Keys","Keys"],["Hard","Bool"],["Kind","Kind"]],"required":["Name"]},
"Out":{"type":"structure","members":[["Name","Name"],["At","Time"],["Tags","Tags"],["Hard","Bool"]],"required":["Name"]},
"Name":{"type":"string","min":1,"max":4,"pattern":"[a-z]+","regexp":"^(?:[a-z]+)$"},
"Count":{"type":"integer","min":1,"max":10},"Bool":{"type":"boolean"},"Time":{"type":"timestamp"},
"Kind":{"type":"string","enum":["A","B"]},"Keys":{"type":"list","element":"Name","max":2},
"Tags":{"type":"list","element":"Tag"},"Tag":{"type":"structure","members":[["Key","Name"],["Value","Any"]],"required":["Key"]},"Any":{"type":"string"}},
"errors":{}}`

func load(t *testing.T) *Model {
	t.Helper()
	m, err := Load([]byte(model))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDecodeReadsAndChecksByTheModel(t *testing.T) {
	tests := map[string]struct {
		form    string
		want    Object
		problem string
	}{
		"all kinds of members": {
			"Name=ab&Count=3&Tags.member.1.Key=k&Tags.member.1.Value=&Tags.member.2.Key=l&Keys.member.1=x&Hard=true&Kind=A&Other=1",
			Object{"Name": "ab", "Count": 3, "Hard": true, "Kind": "A", "Keys": []string{"x"},
				"Tags": []Object{{"Key": "k", "Value": ""}, {"Key": "l"}}}, "",
		},
		"an empty list":           {"Name=a&Tags=", Object{"Name": "a", "Tags": []Object(nil)}, ""},
		"a required member lacks": {"Count=1", nil, "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"},
		"a required member of an element": {"Name=a&Tags.member.1.Value=v", nil,
			"1 validation error detected: Value null at 'tags.1.member.key' failed to satisfy constraint: Member must not be null"},
		"two faults at once": {"Name=A&Count=11", nil,
			"2 validation errors detected: Value 'A' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+; " +
				"Value '11' at 'count' failed to satisfy constraint: Member must have value less than or equal to 10"},
		"a value that is none of the enum": {"Name=a&Kind=C", nil, "1 validation error detected: Value 'C' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [A, B]"},
		"a text for a number":              {"Name=a&Count=x", nil, "1 validation error detected: Value 'x' at 'count' failed to satisfy constraint: Member must be an integer"},
		"a list too long":                  {"Name=a&Keys.member.1=a&Keys.member.2=b&Keys.member.3=c", nil, "1 validation error detected: Value '[3 members]' at 'keys' failed to satisfy constraint: Member must have length less than or equal to 2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			form, err := url.ParseQuery(tt.form)
			if err != nil {
				t.Fatal(err)
			}
			got, problem := load(t).Decode("Make", form)
			if d := cmp.Diff(tt.want, got); d != "" || problem != tt.problem {
				t.Errorf("problem %q, want %q\n%s", problem, tt.problem, d)
			}
		})
	}
}

func TestEncodeWritesInTheModelsOrderAndNothingElse(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 2, 3, 999, time.UTC)
	tests := map[string]struct {
		operation string
		out       Object
		want, err string
	}{
		"members in order, escaped": {"Make", Object{"At": at, "Name": "a<b", "Tags": []Object{{"Key": "k"}}, "Hard": false},
			`<MakeResponse xmlns="urn:x"><MakeResult><Name>a&lt;b</Name><At>2026-11-22T01:02:03Z</At><Tags><member><Key>k</Key></member></Tags><Hard>false</Hard></MakeResult>` +
				`<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></MakeResponse>`, ""},
		"an operation that answers nothing":  {"Drop", nil, `<DropResponse xmlns="urn:x"><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DropResponse>`, ""},
		"a member the model does not have":   {"Make", Object{"Name": "a", "Nmae": "b"}, "", "does not have"},
		"a required member that is missing":  {"Make", Object{"Hard": true}, "", "required member Name"},
		"a member of another type":           {"Make", Object{"Name": 1}, "", "want string"},
		"an answer where there must be none": {"Drop", Object{"Name": "a"}, "", "answers nothing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := load(t).Encode(tt.operation, tt.out, "r")
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if flat := strings.ReplaceAll(string(got), "\n", ""); err != nil || flat != tt.want {
				t.Errorf("error %v\ngot  %s\nwant %s", err, flat, tt.want)
			}
		})
	}
}
