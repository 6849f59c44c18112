package documents

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write described.json from the types' doc comments")

func TestTheDescriptionsAreThoseOfTheTypes(t *testing.T) {
	want, err := json.MarshalIndent(describe(t, filepath.Join("..", "..", "api", "v1alpha1")), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("described.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(described)); diff != "" {
		t.Errorf("described.json is stale, run go generate ./internal/documents (-source +file):\n%s", diff)
	}
}

// describe reads the doc comments of a package's structs and their fields.
func describe(t *testing.T, dir string) map[string]description {
	t.Helper()
	out := map[string]description{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source in %s: %v", dir, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			typ := gen.Specs[0].(*ast.TypeSpec)
			structure, ok := typ.Type.(*ast.StructType)
			if !ok {
				continue
			}
			out[typ.Name.Name] = docComment(gen.Doc, "", "")
			for _, f := range structure.Fields.List {
				if len(f.Names) == 0 || f.Doc == nil {
					continue
				}
				key, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
				if key == "-" {
					continue
				}
				out[typ.Name.Name+"."+key] = docComment(f.Doc, f.Names[0].Name, key)
			}
		}
	}
	return out
}

// docComment parts a doc comment into text and markers. The text calls a field by
// its key in documents.
func docComment(doc *ast.CommentGroup, name, key string) description {
	d := description{}
	var words []string
	for _, c := range doc.List {
		line := strings.TrimSpace(strings.TrimPrefix(c.Text, "//"))
		marker, ok := strings.CutPrefix(line, "+kubebuilder:")
		if !ok {
			words = append(words, line)
			continue
		}
		k, v, _ := strings.Cut(strings.TrimPrefix(marker, "validation:"), "=")
		if d.Markers == nil {
			d.Markers = map[string]string{}
		}
		d.Markers[k] = v
	}
	d.Text = strings.Join(words, " ")
	if rest, ok := strings.CutPrefix(d.Text, name+" "); ok && name != "" {
		d.Text = key + " " + rest
	}
	return d
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	raw, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validates holds every document of a file against the schema.
func validates(s *jsonschema.Schema, data []byte) error {
	for decode := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var v any
		if err := decode.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.Validate(v); err != nil {
			return err
		}
	}
}

// shows: item S4
func TestTheExamplesAndEveryLegalTwinSatisfyTheSchema(t *testing.T) {
	s := compiled(t)
	for _, name := range exampleFiles(t) {
		if err := validates(s, readFile(t, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range faultCases() {
		if twin := legal(c.doc, c.good); strings.TrimSpace(twin) != "" {
			if err := validates(s, []byte(twin)); err != nil {
				t.Errorf("twin of %q:\n%s\n%v", c.name, twin, err)
			}
		}
	}
}

// beyondSchema are the faults that a JSON Schema does not see, for it is shown
// values, not YAML, and one at a time.
var beyondSchema = []string{
	"no as text is quoted",
	"on as text is quoted",
	"what counts in base 60 is quoted",
	"row 11: a merge key is a fault",
	"row 11: an unknown tag is a fault",
	"row 12: an anchor is a fault",
	"row 13: a bidi letter is refused even in a comment",
	"row 13: a look-alike letter is shown in an ARN",
	"an account's name is not digits",
	"two accounts have two names",
	"an account stands once",
	"a region stands once",
	"an account is in one partition",
	"an assumed role is the account's",
	"an assumed role is of the partition",
	"aws: tags are AWS's",
	"our own tags are ours",
	"a tag's key has its letters",
	"a tag's value has its letters",
	"tags are no foreign marks",
	"tags are no foreign marks of any value",
	"more foreign marks than anybody has",
	"our own marks are not foreign",
	"a role path is not AWS's",
	"a boundary is a policy",
	"a ServiceAccount's name with a dash before a dot",
	"a ServiceAccount's name that is too long",
	"a ServiceAccount stands once",
	"nothing is written of a pattern of Pod Identity",
	"nothing is written of a pattern",
	"Pod Identity has no annotation",
	"an existing role is not changed",
	"an existing role is one",
	"row 43: a service-linked role",
	"a role is not named as a permission set's",
	"a role's path is not AWS's",
	"a policy's name needs a policy",
	"a role's tags are not AWS's",
	"a managed policy stands once",
	"a session lasts an hour at least",
	"a session lasts twelve hours at most",
	"a description has IAM's letters",
	"a preset stands once",
	"an action stands once",
	"a resource has six parts",
	"a variable that does not end",
	"a sid stands once",
	"a condition's key has a service",
	"a condition has a key",
	"a condition has values",
	"Bool is true or false",
	"row 37: a star in StringEquals",
	"row 37: a star in StringNotEqualsIfExists",
	"an ARN operator wants ARNs",
	"a variable in a condition that does not end",
	"a target role is another",
	"row 33: a session policy with session tags",
	"row 32: a condition on tags that are disabled",
	"row 32: a resource with a tag that is disabled",
	"row 32: a condition's value with a tag that is disabled",
	"Argo CD's hub is another cluster",
	"a cluster's account is a name or twelve digits",
	"a cluster's account by name",
	"a label has its letters",
	"a label's key has its letters",
	"more labels than anybody has",
	"a workload's role says its account",
	"row 6: root is no user",
	"row 6: a star in an ARN",
	"row 6: a service-linked role by ARN",
	"row 6: a service-linked role by name",
	"row 7: an SSO role without its path",
	"row 7: an SSO role by name without its path",
	"row 7: an SSO role without its digits",
	"an ARN's name has its letters",
	"an ARN says its account",
	"a user is not an ARN",
	"a member's account",
	"row 2: a username system:",
	"row 2: a username eks:",
	"row 2: a username iam: in capitals",
	"row 4: a session without a colon",
	"row 5: an unknown template",
	"an IAM user has no session",
	"row 13: a look-alike letter in a username",
	"row 1: system:masters",
	"row 1: another system: group",
	"row 5: a template in a group",
	"row 13: a look-alike letter in a group",
	"an ARN that names no policy",
	"a pattern that is too long matches nothing",
	"a pattern stands once",
	"a cluster is not selected by pattern",
	"a cluster's name is a name",
	"a cluster is selected once",
	"a label's value to match",
	"a second document of a name",
	"an access policy is no clusterRole",
	"a role's name is no dots",
	"row 1: our own groups",
	"a team's name is one",
	"row 6: a star in a subject",
	"row 7: a permission set's role as subject",
	"a subject stands once",
	"row 13: a look-alike letter in a subject",
	"because of a Role needs a namespace",
	"a namespace is asked once",
	"a path is in no namespace",
	"people are not asked about AWS", "one who is no workload is among them", "an action is in no namespace", "who only is not asked about AWS", "an action has no reason",
	"a misspelt verb",
	"another word for a verb",
	"exec is a subresource",
	"a question the other way round",
	"a resource has its letters",
	"a path takes HTTP's verbs",
	"a path is one",
	"row 13: a look-alike letter in a question",
}

func TestTheSchemaRefusesWhatIsWrongInForm(t *testing.T) {
	s := compiled(t)
	var taken []string
	for _, c := range faultCases() {
		if err := validates(s, []byte(unmark(c.doc))); err == nil {
			taken = append(taken, c.name)
		}
	}
	if diff := cmp.Diff(beyondSchema, taken); diff != "" {
		t.Errorf("faults the schema does not see (-want +got):\n%s", diff)
	}
}

func TestTheSchemaNamesWhatTheReaderTakes(t *testing.T) {
	raw, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Definitions map[string]struct {
			Properties map[string]struct{ Enum []any }
		}
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typ, key string
		want     []string
	}{
		{"ClusterSpec", "authenticationMode", authenticationModes()},
		{"NodeRole", "type", nodeTypes()},
		{"Kubernetes", "via", ways()},
		{"WorkloadSpec", "credentials", credentials()},
		{"ServiceAccount", "manage", manages()},
	} {
		var got []string
		for _, v := range s.Definitions[c.typ].Properties[c.key].Enum {
			got = append(got, v.(string))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s.%s (-reader +schema):\n%s", c.typ, c.key, diff)
		}
	}
}
