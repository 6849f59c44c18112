package documents

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faultCase is a document with one fault and its legal twin: «bad» stands
// where good would be legal. The fault's place is that of «, or of ¦ where
// that stands elsewhere.
type faultCase struct {
	name string
	doc  string
	good string
	want string // message: hint
}

const soundEnvironment = `apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts:
    - {name: main, id: "492000000148", regions: [us-east-1]}
`

func environmentWith(s string) string {
	return "apiVersion: atlas-iam.dev/v1alpha1\nkind: Environment\nmetadata: {name: ops}\nspec:\n" +
		"  id: \"k7f3c9a1\"\n  accounts:\n    - {name: main, id: \"492000000148\", regions: [us-east-1]}\n" + s + "\n"
}

func accountWith(s string) string {
	return "apiVersion: atlas-iam.dev/v1alpha1\nkind: Environment\nmetadata: {name: ops}\nspec:\n" +
		"  id: \"k7f3c9a1\"\n  accounts:\n    - " + s + "\n"
}

func clusterWith(s string) string {
	return "apiVersion: atlas-iam.dev/v1alpha1\nkind: Cluster\nmetadata: {name: test}\nspec:\n  " + s + "\n"
}

func teamWith(s string) string {
	return "apiVersion: atlas-iam.dev/v1alpha1\nkind: Team\nmetadata: {name: backend}\nspec:\n" + s + "\n"
}

func memberWith(s string) string {
	return teamWith("  members:\n    - " + s + "\n  clusters: {all: true}\n  grants: []")
}

func grantWith(s string) string {
	return teamWith("  members: [{user: oleksii}]\n  clusters: {all: true}\n  grants:\n    - " + s)
}

func selectorWith(s string) string {
	return teamWith("  members: [{user: oleksii}]\n  grants: []\n  clusters: " + s)
}

// shows: item {S2,S3,S55,S56}
func TestEachFaultIsNamedAtItsPlaceAndItsTwinPasses(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range faultCases() {
		t.Run(c.name, func(t *testing.T) {
			if seen[c.name] {
				t.Fatal("two cases of this name")
			}
			seen[c.name] = true
			bad, line, column := faulty(t, c.doc)
			_, err := Parse(withEnvironment(bad))
			faults, _ := err.(Faults)
			want := Fault{Place: placeOf("case.yaml", nil), Message: c.want}
			want.Place.Line, want.Place.Column = line, column
			var got []Fault
			for _, f := range faults {
				message := f.Message
				if f.Hint != "" {
					message += ": " + f.Hint
				}
				got = append(got, Fault{Place: f.Place, Message: message})
			}
			if diff := cmp.Diff([]Fault{want}, got); diff != "" {
				t.Errorf("of\n%s\nfaults (-want +got):\n%s", bad, diff)
			}
			twin := legal(c.doc, c.good)
			if _, err := Parse(withEnvironment(twin)); err != nil {
				t.Errorf("the legal twin\n%s\nhas faults:\n%v", twin, err)
			}
		})
	}
}

func withEnvironment(doc string) map[string][]byte {
	files := map[string][]byte{"case.yaml": []byte(doc)}
	if !strings.Contains(doc, "kind: Environment") {
		files["environment.yaml"] = []byte(soundEnvironment)
	}
	return files
}

// faulty takes the marks out of a case's document and gives the place.
func faulty(t *testing.T, doc string) (text string, line, column int) {
	t.Helper()
	mark := "«"
	if strings.Contains(doc, "¦") {
		mark = "¦"
	}
	if strings.Count(doc, "«") != 1 || strings.Count(doc, "»") != 1 {
		t.Fatalf("a case has one «bad», this has not:\n%s", doc)
	}
	before, _, _ := strings.Cut(doc, mark)
	before = unmark(before)
	last := before[strings.LastIndexByte(before, '\n')+1:]
	return unmark(doc), strings.Count(before, "\n") + 1, len([]rune(last)) + 1
}

func unmark(s string) string { return strings.NewReplacer("«", "", "»", "", "¦", "").Replace(s) }

func legal(doc, good string) string {
	before, rest, _ := strings.Cut(doc, "«")
	_, after, _ := strings.Cut(rest, "»")
	return unmark(before + good + after)
}

// shows: item S2
func TestAllFaultsOfAllFilesComeAtOnceInOrder(t *testing.T) {
	_, err := Parse(map[string][]byte{
		"environment.yaml": []byte(soundEnvironment),
		"b.yaml":           []byte("kind: [\n"),
		"a.yaml":           []byte(grantWith(`{policy: Edti, namespaces: ["*backend*"]}`) + "---\n" + memberWith("{user: a, role: b}")),
		"sound.yaml":       []byte(grantWith(`{policy: Edit, namespaces: ["*backend*"]}`)),
	})
	want := `a.yaml:8:16: unknown access policy "Edti": did you mean Edit? (AmazonEKSEditPolicy)
a.yaml:12:18: Team "backend" stands twice, first at a.yaml:3:18
a.yaml:15:17: spec.members[0] has user and role together: write one of them
b.yaml:1:7: not YAML: a list that begins with [ does not end: close it with ], and put commas between its items
sound.yaml:3:18: Team "backend" stands twice, first at a.yaml:3:18
5 errors in 3 of 4 files`
	faults, _ := err.(Faults)
	if faults == nil {
		t.Fatal("no faults")
	}
	got := strings.TrimSuffix(faults.Error(), faults.Summary(0)) + faults.Summary(4)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// What of a condition could not be read hides no other fault of it: operators,
// keys and the values beside it are judged, and what was not read is not.
//
// shows: item S97
func TestAConditionsFaultsComeAtOnce(t *testing.T) {
	for conditions, want := range map[string][]string{
		`{Booll: {"aws:SecureTransport": [true]}}`:                               {"is no condition operator", "is true or false to YAML"},
		`{Bool: {"aws:SecureTransport": "true", prefix: ["true"]}}`:              {"not a list", "is no condition key"},
		`{Bool: {"aws:SecureTransport": [true, "yes"]}}`:                         {"is true or false to YAML", "Bool compares with true or false"},
		`{StringEquals: {"s3:prefix": [1, "a*"]}, Null: {"aws:TagKeys": [yes]}}`: {"is a number to YAML", "a star in StringEquals", "Null is nothing to YAML", "is true or false to YAML"},
		`{Bool: {"aws:SecureTransport": ["true"]}}`:                              nil, // the twin
	} {
		_, err := Parse(withEnvironment(conditionWith(conditions)))
		faults, _ := err.(Faults)
		if len(faults) != len(want) {
			t.Errorf("%s: %d faults, want %d:\n%v", conditions, len(faults), len(want), err)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: no fault says %q:\n%v", conditions, w, err)
			}
		}
	}
}

func TestFaultsSpeakToGitHubAndEscapeWhatWouldEndALine(t *testing.T) {
	var b strings.Builder
	f := Faults{{Place: placeOf("a,b:c.yaml", nil), Message: "100%\nno", Hint: "yes"}}
	if err := f.WriteGitHub(&b); err != nil {
		t.Fatal(err)
	}
	if want := "::error file=a%2Cb%3Ac.yaml,line=1,col=1::100%25%0Ano: yes\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestTextFromDocumentsCannotReachTheTerminalRaw(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b[2Jx": "\\x1b[2Jx",
		"a\u202eb": "a\\u202eb",
		"a\u200bb": "a\\u200bb",
		"аdmin":    "\\u0430dmin",
		"plain-*":  "plain-*",
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEscapeCutsLongTextBetweenLetters(t *testing.T) {
	whole := strings.Repeat("a", longest-1) + "ж"
	if got, want := Escape(whole), strings.Repeat("a", longest-1)+`\u0436`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := Escape(whole+"b"), strings.Repeat("a", longest-1)+`\u0436...`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
