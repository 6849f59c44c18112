package assume

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/assumptions.md anew")

const page = "../../docs/assumptions.md"

// mark is how a comment names an assumption: "Assumption entry-arn",
// "assumption U-12".
var mark = regexp.MustCompile(`\b[Aa]ssumption (U-[0-9]+|[a-z]+(?:-[a-z]+)+)`)

// marked gives the ids that comments name, each with the files that do.
func marked(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, top := range []string{"access", "api", "authz", "cmd", "emulator", "internal"} {
		root := filepath.Join("..", "..", top)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, filepath.Join(root, "assume")+string(filepath.Separator)) {
				return err
			}
			b, err := os.ReadFile(path)
			text := strings.Join(strings.Fields(strings.ReplaceAll(string(b), "//", " ")), " ")
			for _, m := range mark.FindAllStringSubmatch(text, -1) {
				found[m[1]] = append(found[m[1]], filepath.ToSlash(path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestEveryAssumptionOfTheCodeIsListedAndTheOtherWayRound(t *testing.T) {
	found := marked(t)
	listed := map[string]bool{}
	for _, a := range All() {
		if listed[a.ID] {
			t.Errorf("%s is listed twice", a.ID)
		}
		listed[a.ID] = true
		if a.Text == "" || !strings.HasSuffix(a.Text, ".") {
			t.Errorf("%s has no sentence: %q", a.ID, a.Text)
		}
		if len(found[a.ID]) == 0 {
			t.Errorf("%s is listed, and no comment names it", a.ID)
		}
	}
	for id, files := range found {
		if !listed[id] {
			t.Errorf("%v: assumption %s is not listed: give it a line in internal/assume or emulator/assumptions.go", files, id)
		}
	}
}

func TestTheMarkIsSeenInEveryFormThatCommentsHave(t *testing.T) {
	for text, want := range map[string]string{
		"// Assumption entry-arn: a path":  "entry-arn",
		"x // assumption U-12":             "U-12",
		"(Assumption last-used) and so on": "last-used",
		"an assumption about AWS":          "",
		"Assumption is a belief":           "",
	} {
		got := ""
		if m := mark.FindStringSubmatch(text); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%q names %q, want %q", text, got, want)
		}
	}
}

func TestThePageOfAssumptionsIsAsTheListHasIt(t *testing.T) {
	want := writePage()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/assumptions.md is not what the list says: go test ./internal/assume -update")
	}
}

func TestAssumptionsStandInOrder(t *testing.T) {
	all := All()
	for i := 1; i < len(all); i++ {
		if all[i].Part == all[i-1].Part && Compare(all[i-1].ID, all[i].ID) >= 0 {
			t.Errorf("%s stands after %s", all[i].ID, all[i-1].ID)
		}
	}
}

func writePage() string {
	var b strings.Builder
	b.WriteString(`# What we assume about AWS

<!-- Made from internal/assume and emulator/assumptions.go: go test ./internal/assume -update -->

AWS does not document everything. Where it is silent and the program has to decide, it decides as this page says; code
that rests on an assumption names its id. None of this is a fact about AWS. If one turns out wrong for you, please say so.
`)
	part := Part("")
	for _, a := range All() {
		if a.Part != part {
			part = a.Part
			fmt.Fprintf(&b, "\n## %s%s\n\n| id | assumed |\n|---|---|\n", strings.ToUpper(string(part[:1])), string(part[1:]))
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", a.ID, strings.ReplaceAll(a.Text, "|", `\|`))
	}
	return b.String()
}
