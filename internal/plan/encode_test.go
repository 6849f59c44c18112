package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// everyKind is a plan with every verb and kind, holds, foreign objects, gaps,
// warnings and facts.
func everyKind(t *testing.T) *Plan {
	t.Helper()
	w := wantCluster(test, wantEntry("user/ann", "Edit:a,b View:cluster group:g"), wantEntry("role/nodes", "type:EC2_LINUX"),
		wantEntry("user/bob", "Edit:a username:b"), wantEntry("permissionSet/None", ""), wantEntry("role/ci/deploy", "View:a"))
	w.Mode = access.ModeAPI
	have := sees(haveCluster(test, haveEntry("user/bob", "Edit:b Admin:c group:h"), haveEntry("role/nodes", ""), haveEntry("user/cid", "Edit:<a>"),
		foreignEntry("role/ci/deploy", "View:b"), foreignEntry("role/admin", "ClusterAdmin:cluster")))
	gap(have, access.Gap{What: access.GapClusters, Account: home, Region: "us-east-1", Reason: "403"})
	have.Accounts[0].Endpoint = "http://127.0.0.1:1"
	have.Accounts[0].Account.RoleARN, have.Accounts[0].Account.ExternalID, have.Accounts[0].Account.SessionName = arn("role/atlas"), "ext", "me"
	have.Part = &access.Part{Clusters: []access.ClusterKey{test}}
	p := Compute(wants(w), have, Options{}, Guard{Slug: "w", Check: func(in *Input) Findings {
		return Findings{Warnings: []Warning{{Slug: "w", Text: "look"}}, Facts: []Fact{{"w", "caller", "me"}},
			Holds: []Finding{{in.Plan.Changes[0].ID, "because"}}}
	}})
	seen := map[string]bool{}
	for _, c := range p.Changes {
		seen[string(c.Verb)+" "+string(c.Kind)] = true
	}
	for _, k := range []string{"create AccessEntry", "update AccessEntry", "replace AccessEntry", "delete AccessEntry", "update AuthenticationMode",
		"create PolicyAssociation", "update PolicyAssociation", "delete PolicyAssociation"} {
		if !seen[k] {
			t.Fatalf("the plan has no %s: %v", k, lines(p))
		}
	}
	return p
}

func encode(t *testing.T, p *Plan) []byte {
	t.Helper()
	b, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestASavedPlanIsReadBackEqual(t *testing.T) {
	for name, p := range map[string]*Plan{"every kind": everyKind(t), "empty": Compute(wants(wantCluster(test)), sees(haveCluster(test)), Options{})} {
		t.Run(name, func(t *testing.T) {
			b := encode(t, p)
			got, err := Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p, got); diff != "" {
				t.Errorf("-encoded +decoded\n%s", diff)
			}
			if !bytes.Equal(b, encode(t, got)) {
				t.Error("written again it has other bytes")
			}
		})
	}
}

func TestASavedPlanHasTheDocumentedKeys(t *testing.T) {
	var doc map[string]any
	b := encode(t, everyKind(t))
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	has := func(where string, v any, keys ...string) {
		t.Helper()
		m, ok := v.(map[string]any)
		for _, k := range keys {
			if _, found := m[k]; !ok || !found {
				t.Errorf("%s has no %q", where, k)
			}
		}
	}
	first := func(v any, key string) any { return v.(map[string]any)[key].([]any)[0] }
	has("the plan", doc, "version", "environment", "accounts", "summary", "changes", "foreign", "gaps", "access")
	has("environment", doc["environment"], "name", "id")
	has("an account", first(doc, "accounts"), "name", "id", "partition", "regions", "caller", "endpoint")
	has("summary", doc["summary"], "create", "update", "replace", "delete", "held", "adoptable", "foreign", "gaps")
	has("access", doc["access"], "gained", "lost")
	for _, c := range doc["changes"].([]any) {
		has("a change", c, "id", "verb", "kind", "account", "region", "cluster", "name", "from", "to", "dependsOn", "held")
		if c.(map[string]any)["verb"] != "delete" && !strings.Contains(c.(map[string]any)["id"].(string), "Admin") {
			has("a change that a document asked for", c, "source")
		}
	}
	if !bytes.Contains(b, []byte(`"<a>"`)) {
		t.Error("letters are written as they are")
	}
}

func TestAChangedPlanIsRefused(t *testing.T) {
	b := encode(t, everyKind(t))
	for name, edit := range map[string]func() []byte{
		"a letter in a change": func() []byte { return bytes.Replace(b, []byte("user/ann"), []byte("user/amn"), 1) },
		"a hold taken out":     func() []byte { return bytes.Replace(b, []byte(`"because"`), []byte(`""`), 1) },
		"the digest":           func() []byte { return bytes.Replace(b, []byte("sha256:"), []byte("sha256:0"), 1) },
		"no digest":            func() []byte { return append(b[:bytes.LastIndexByte(b, ','):bytes.LastIndexByte(b, ',')], "\n}\n"...) },
		"cut":                  func() []byte { return b[:len(b)/2] },
		"something after":      func() []byte { return append(bytes.Clone(b), ' ') },
		"nothing":              func() []byte { return nil },
		"another document":     func() []byte { return []byte(`{"version":1}`) },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode(edit()); !errors.Is(err, ErrChanged) {
				t.Errorf("error %v, want ErrChanged", err)
			}
		})
	}
	if _, err := Decode(b); err != nil {
		t.Errorf("the legal twin: %v", err)
	}
}

func TestALaterVersionIsRefusedAsSuch(t *testing.T) {
	b := bytes.Replace(encode(t, everyKind(t)), []byte(`"version": 1`), []byte(`"version": 2`), 1)
	var v *VersionError
	if _, err := Decode(b); !errors.As(err, &v) || v.Version != 2 {
		t.Errorf("error %v", err)
	}
}

func TestTheSummaryCountsWhatIsMadeAndWhatIsHeld(t *testing.T) {
	p := everyKind(t)
	s := p.Summary()
	if made := s.Create + s.Update + s.Replace + s.Delete; made+s.Held != len(p.Changes) || s.Held == 0 || made == 0 {
		t.Errorf("%+v of %d changes", s, len(p.Changes))
	}
	if s.Foreign != 2 || s.Adoptable != 0 || s.Gaps != 1 {
		t.Errorf("%+v", s)
	}
}
