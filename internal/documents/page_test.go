package documents

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

const page = "../../docs/documents.md"

// The page's tables stand between these lines; all else is written by hand.
const (
	tablesBegin = "<!-- keys: go test ./internal/documents -run Page -update -->\n"
	tablesEnd   = "<!-- end of keys -->\n"
)

func TestThePageOfDocumentsHasEveryKeyOfTheSchema(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), tablesBegin)
	got, after, ended := strings.Cut(rest, tablesEnd)
	if !ok || !ended {
		t.Fatalf("%s has no place for the tables", page)
	}
	want := keyTables(t)
	if *update {
		if err := os.WriteFile(page, []byte(before+tablesBegin+want+tablesEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s is stale: go test ./internal/documents -run Page -update (-want +page):\n%s", page, diff)
	}
}

// TestTheExamplesOfThePageAreValid loads every yaml block of the page and of
// the README, beneath an Environment and a Cluster where it has none.
func TestTheExamplesOfThePagesAreValid(t *testing.T) {
	blocks := 0
	for _, name := range []string{page, "../../README.md", "../../docs/adopt.md", "../../docs/plan.md"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range strings.Split(string(b), "```yaml\n") {
			block, _, ended := strings.Cut(part, "```")
			if i == 0 || !ended || !strings.Contains(block, "apiVersion: atlas-iam.dev") {
				continue
			}
			blocks++
			files := map[string]string{"block.yaml": block}
			if !strings.Contains(block, "kind: Environment") {
				files["environment.yaml"] = "apiVersion: atlas-iam.dev/v1alpha1\nkind: Environment\nmetadata: {name: ops}\nspec:\n  id: \"k7f3c9a1\"\n  accounts: [{name: main, id: \"492000000148\", regions: [us-east-1]}]\n"
			}
			if !strings.Contains(block, "kind: Cluster\n") {
				files["cluster.yaml"] = "apiVersion: atlas-iam.dev/v1alpha1\nkind: Cluster\nmetadata: {name: test, labels: {stage: test}}\nspec: {}\n"
			}
			dir := t.TempDir()
			for f, text := range files {
				if err := os.WriteFile(dir+"/"+f, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Load([]string{dir}); err != nil {
				t.Errorf("%s: block %d: %v", name, i, err)
			}
		}
	}
	if blocks < 2 {
		t.Errorf("%d blocks found; the check would be empty", blocks)
	}
}

// definition is what the tables need of a schema.
type definition struct {
	Type        string                 `json:"type"`
	Description string                 `json:"description"`
	Properties  map[string]*definition `json:"properties"`
	Required    []string               `json:"required"`
	Items       *definition            `json:"items"`
	Additional  any                    `json:"additionalProperties"`
	Enum        []any                  `json:"enum"`
	AllOf       []*definition          `json:"allOf"`
	AnyOf       []*definition          `json:"anyOf"`
	Ref         string                 `json:"$ref"`
}

// keyTables is a table for each kind.
func keyTables(t *testing.T) string {
	t.Helper()
	raw, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Definitions map[string]*definition `json:"definitions"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	tables := keyPage{definitions: schema.Definitions, at: map[string]string{}}
	for _, kind := range []string{v1alpha1.KindEnvironment, v1alpha1.KindCluster, v1alpha1.KindTeam, v1alpha1.KindWorkload, v1alpha1.KindAccessTest} {
		fmt.Fprintf(&tables.b, "## %s\n\n%s\n\n| key | holds | meaning |\n|---|---|---|\n", kind, schema.Definitions[kind].Description)
		tables.b.WriteString("| **metadata.name** | text | Lower-case letters, digits and dashes; unique among documents of its kind. |\n")
		if kind == v1alpha1.KindCluster {
			tables.b.WriteString("| metadata.labels | map of text | What teams select clusters by. |\n")
		}
		tables.rows(kind, "spec", schema.Definitions[kind+"Spec"])
		tables.b.WriteString("\n")
	}
	return tables.b.String()
}

// keyPage writes a row for each key. A form that stands in several places is
// written out in the first.
type keyPage struct {
	b           strings.Builder
	definitions map[string]*definition
	at          map[string]string // where a form is written out
}

func (k *keyPage) rows(kind, path string, d *definition) {
	for _, key := range ordered(d) {
		p := d.Properties[key]
		here := path + "." + key
		shown := here
		if slices.Contains(d.Required, key) {
			shown = path + ".**" + key + "**"
		}
		holds, form := formOf(p)
		list := strings.HasPrefix(holds, "list")
		first, again := k.at[form]
		if again {
			holds += ", as in " + first
		}
		fmt.Fprintf(&k.b, "| %s | %s | %s |\n", shown, holds, strings.ReplaceAll(upper(strings.TrimPrefix(p.Description, key+" ")), "|", `\|`))
		if form == "" || again {
			continue
		}
		k.at[form] = kind + " " + here
		if list {
			here += "[]"
		}
		k.rows(kind, here, k.definitions[form])
	}
}

// upper makes what follows a key in its description a sentence.
func upper(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "is "), "are ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// ordered is required keys first, else by the alphabet.
func ordered(d *definition) []string {
	var keys []string
	for k := range d.Properties {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		ra, rb := slices.Contains(d.Required, a), slices.Contains(d.Required, b)
		switch {
		case ra != rb && ra:
			return -1
		case ra != rb:
			return 1
		}
		return strings.Compare(a, b)
	})
	return keys
}

// formOf says what a key holds, and which definition it leads to.
func formOf(p *definition) (form, deeper string) {
	for _, a := range p.AllOf {
		if a.Ref != "" {
			p = a
		}
	}
	if len(p.AnyOf) == 2 && p.AnyOf[1].Items != nil {
		one, deeper := formOf(p.AnyOf[0])
		return one + ", or a list", deeper
	}
	if len(p.AnyOf) == 2 && p.AnyOf[1].Ref != "" {
		_, deeper := formOf(p.AnyOf[1])
		return "text or keys", deeper
	}
	switch {
	case p.Ref != "":
		return "keys", strings.TrimPrefix(p.Ref, "#/definitions/")
	case p.Items != nil:
		inner, deeper := formOf(p.Items)
		return "list of " + inner, deeper
	case len(p.Enum) > 0:
		var words []string
		for _, e := range p.Enum {
			words = append(words, fmt.Sprintf("`%v`", e))
		}
		return strings.Join(words, ", "), ""
	case p.Type == "boolean":
		return "`true` or `false`", ""
	case p.Type == "object":
		if values, ok := p.Additional.(map[string]any); ok && values["type"] == "object" {
			return "map of maps of lists of text", ""
		}
		if values, ok := p.Additional.(map[string]any); ok && values["anyOf"] != nil {
			return "map of text, true or false, or lists of text", ""
		}
		return "map of text", ""
	}
	return "text", ""
}
