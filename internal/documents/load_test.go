package documents

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// folder makes a tree of files in a new folder and goes into it.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	t.Chdir(dir)
	return dir
}

func team(name string) string {
	return "apiVersion: atlas-iam.dev/v1alpha1\nkind: Team\nmetadata: {name: " + name + "}\nspec: {members: [], clusters: {all: true}, grants: []}\n"
}

func sampleTree() map[string]string {
	return map[string]string{
		"access/environment.yaml":  soundEnvironment,
		"access/teams/a.yaml":      team("a"),
		"access/teams/b.yml":       team("b"),
		"access/teams/notes.txt":   "not read",
		"access/.drafts/c.yaml":    "not: [yaml",
		"access/.hidden.yaml":      "not: [yaml",
		"access/teams/empty.yaml":  "# nothing yet\n---\n",
		"elsewhere/teams/far.yaml": team("far"),
	}
}

func TestPathsDecideWhatIsRead(t *testing.T) {
	for _, c := range []struct {
		name    string
		cwd     string
		paths   []string
		root    string
		teams   []string
		files   int
		partial []string
	}{
		{"without a path, the nearest folder upwards", "access/teams", nil, "..", []string{"a", "b"}, 4, nil},
		{"a folder", ".", []string{"access"}, "access", []string{"a", "b"}, 4, nil},
		{"the folder itself", "access", []string{"."}, ".", []string{"a", "b"}, 4, nil},
		{"a folder beneath is a part", ".", []string{"access/teams"}, "access", []string{"a", "b"}, 4, nil},
		{"a file is a part", ".", []string{"access/teams/a.yaml"}, "access", []string{"a"}, 2, []string{"access/teams/b.yml", "access/teams/empty.yaml"}},
		{"a file twice is read once", ".", []string{"access/teams/a.yaml", "access/teams/../teams/a.yaml"}, "access", []string{"a"}, 2, []string{"access/teams/b.yml", "access/teams/empty.yaml"}},
		{"all files are the whole", "access", []string{"environment.yaml", "teams"}, ".", []string{"a", "b"}, 4, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, sampleTree())
			t.Chdir(filepath.Join(dir, c.cwd))
			set, err := Load(c.paths)
			if err != nil {
				t.Fatal(err)
			}
			var teams []string
			for _, d := range set.Teams {
				teams = append(teams, d.Value.Name)
			}
			got := []any{set.Root, teams, set.Files, set.Partial}
			if diff := cmp.Diff([]any{c.root, c.teams, c.files, c.partial}, got); diff != "" {
				t.Errorf("root, teams, files, partial (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPathsThatCannotBeReadAreSaid(t *testing.T) {
	for _, c := range []struct {
		name  string
		more  map[string]string
		paths []string
		want  string
	}{
		{"no Environment above", nil, []string{"elsewhere"}, "no Environment document in "},
		{"an Environment beneath is pointed at", nil, []string{"."}, "there is one in access, name that folder"},
		{"nothing there", nil, []string{"nowhere"}, "read nowhere: no such file or directory"},
		{"not YAML by name", nil, []string{"access/teams/notes.txt"}, "documents are in files named *.yaml or *.yml"},
		{"hidden", nil, []string{"access/.drafts"}, "access/.drafts is hidden"},
		{"a file outside of the Environment's folder", nil, []string{"access", "elsewhere/teams/far.yaml"}, "elsewhere/teams/far.yaml is outside of the Environment's folder access"},
		{"two Environments apart", map[string]string{"elsewhere/environment.yaml": soundEnvironment}, []string{"access", "elsewhere/teams/far.yaml"}, "elsewhere/teams/far.yaml is outside of the Environment's folder access: it belongs to the one in elsewhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := sampleTree()
			for name, content := range c.more {
				files[name] = content
			}
			folder(t, files)
			_, err := Load(c.paths)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestTwoEnvironmentsInATreeAreNamedBoth(t *testing.T) {
	files := sampleTree()
	files["access/teams/environment.yaml"] = soundEnvironment
	folder(t, files)
	_, err := Load([]string{"access"})
	want := "access/teams/environment.yaml:1:1: a second Environment, the first is at access/environment.yaml:1:1: " +
		"a folder tree has one Environment; give the other a folder of its own\n1 error in 1 file"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestAFileThatIsNoYAMLEndsOnlyItself(t *testing.T) {
	files := sampleTree()
	files["access/teams/a.yaml"] = "kind: {\n"
	files["access/teams/b.yml"] = strings.Replace(team("b"), "all: true", "al: true", 1)
	folder(t, files)
	set, err := Load([]string{"access"})
	faults, _ := err.(Faults)
	if len(faults) != 2 || faults[0].Place.File != "access/teams/a.yaml" || faults[1].Place.String() != "access/teams/b.yml:4:32" {
		t.Errorf("faults:\n%v", err)
	}
	if set == nil || set.Files != 4 || faults.Summary(set.Files) != "2 errors in 2 of 4 files" {
		t.Errorf("summary %q", faults.Summary(4))
	}
}

func TestAnEnvironmentThatIsNoYAMLIsStillFound(t *testing.T) {
	files := sampleTree()
	files["access/environment.yaml"] = soundEnvironment + "  tags: {a\n"
	folder(t, files)
	_, err := Load([]string{"access/teams"})
	if faults, _ := err.(Faults); len(faults) != 1 || faults[0].Place.File != "access/environment.yaml" {
		t.Errorf("got %v", err)
	}
}

// Row 12 of the refusals: each within a second and 256 MB.
func TestRow12HugeAndHostileInputIsRefusedFast(t *testing.T) {
	bomb := "a: &a [x]\n"
	for i := range 30 {
		bomb += fmt.Sprintf("b%d: &b%d [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n", i, i)
	}
	for _, c := range []struct {
		name, content, want string
	}{
		{"alias bomb", "apiVersion: atlas-iam.dev/v1alpha1\nkind: Team\nmetadata: {name: a}\nspec:\n  " + strings.ReplaceAll(bomb, "\n", "\n  "), `unknown key "b29"`},
		{"10,000 deep in brackets", "a: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), "nest"},
		{"10,000 deep in dashes", strings.Repeat("- ", 10_000) + "a", "nest"},
		{"500,000 brackets", strings.Repeat("[", 500_000), "over the limit"},
		{"a million commas", "a: [" + strings.Repeat("a,", 500_000) + "]", "over the limit"},
		{"24,000 keys", "apiVersion: atlas-iam.dev/v1alpha1\n" + strings.Repeat("k: v\n", 24_000), "no kind"},
		{"a long line", "a: " + strings.Repeat("x", maxFileBytes-10), "no apiVersion"},
		{"only comments", strings.Repeat("#\n", 45_000), ""},
		{"one long comment", "#" + strings.Repeat("- ", 40_000), ""},
		{"many documents", strings.Repeat("---\n", 45_000), ""},
		{"45,000 namespaces", grantWith("{policy: Edit, namespaces: [" + distinct("n%d", ", ", 45_000) + "]}"), ""},
		{"15,000 members", teamWith("  clusters: {all: true}\n  grants: []\n  members: [" + distinct("{user: u%d}", ", ", 15_000) + "]"), ""},
		{"15,000 members wrongly", teamWith("  clusters: {all: true}\n  grants: []\n  members: [" + distinct("{usr%d: u}", ", ", 15_000) + "]"), "unknown key"},
		{"22,000 unknown keys", teamWith(distinct("  key%d: a", "\n", 22_000)), "unknown key"},
		{"22,000 tags", environmentWith("  tags: {" + distinct("k%d: v", ", ", 22_000) + "}"), "over 48"},
		{"22,000 wrong tags", environmentWith("  tags: {" + distinct("k*%d: v", ", ", 22_000) + "}"), "over 48"},
		{"22,000 wrong marks", environmentWith("  foreignTags: {" + distinct("k*%d: v", ", ", 22_000) + "}"), "over 64"},
		{"22,000 wrong labels", selectorWith("{matchLabels: {" + distinct("k*%d: v", ", ", 22_000) + "}}"), "over 64"},
		{"many stars", "a: [" + strings.Repeat("*x, ", 40_000) + "]", "alias"},
		{"an open quote", "a: \"" + strings.Repeat("x\n", 45_000), "quoted text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			within1s256MB(t, func() {
				_, err := Parse(withEnvironment(c.content))
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("got %.300v, want %q in it", err, c.want)
				}
			})
		})
	}
}

func TestRow12HostileFilesAreRefusedFast(t *testing.T) {
	files := sampleTree()
	folder(t, files)
	sparse, err := os.Create("access/huge.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := sparse.Truncate(1 << 30); err != nil {
		t.Fatal(err)
	}
	if err := sparse.Close(); err != nil {
		t.Fatal(err)
	}
	links := map[string]string{"access/loop.yaml": "loop.yaml", "access/loop": ".", "access/out": "../elsewhere", "access/gone.yaml": "nothing", "access/good.yaml": "../elsewhere/teams/far.yaml"}
	for at, to := range links {
		if err := os.Symlink(to, at); err != nil {
			t.Skip("SKIPPED: this system has no symbolic links")
		}
	}
	if err := syscall.Mkfifo("access/pipe.yaml", 0o600); err != nil {
		t.Fatal(err)
	}
	within1s256MB(t, func() {
		set, err := Load([]string{"access"})
		faults, _ := err.(Faults)
		var got []string
		for _, f := range faults {
			got = append(got, f.Place.File+" "+f.Message)
		}
		want := []string{
			"access/gone.yaml this file cannot be read",
			"access/huge.yaml this file has 1073741824 bytes, over the limit of 1048576",
			"access/loop links to folders are not followed",
			"access/loop.yaml this file cannot be read",
			"access/out links to folders are not followed",
			"access/pipe.yaml this is not a regular file",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
		if !slices.ContainsFunc(set.Teams, func(d Doc[v1alpha1.Team]) bool { return d.Value.Name == "far" }) {
			t.Error("a link to a file was not read")
		}
	})
}

// distinct repeats a form with running numbers.
func distinct(form, between string, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(between)
		}
		fmt.Fprintf(&b, form, i)
	}
	return b.String()
}

// processorTime is what this process has used: unlike the clock it does not
// count what others do to the machine.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// within1s256MB fails if f takes over a second or the heap passes 256 MB.
func within1s256MB(t *testing.T, f func()) {
	t.Helper()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processorTime(t)
	f()
	took := processorTime(t) - start
	runtime.ReadMemStats(&after)
	if took > time.Second {
		t.Errorf("took %s", took)
	}
	// What was allocated in all bounds what was held at once.
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 256 {
		t.Errorf("allocated %d MB", mb)
	}
}

func TestABOMAndCarriageReturnsAreRead(t *testing.T) {
	sound := "\ufeff" + strings.ReplaceAll(soundEnvironment, "\n", "\r\n")
	if _, err := Parse(map[string][]byte{"a.yaml": []byte(sound)}); err != nil {
		t.Error(err)
	}
	_, err := Parse(map[string][]byte{"a.yaml": append([]byte{0xff, 0xfe}, sound...)})
	if err == nil || !strings.Contains(err.Error(), "a.yaml:1:1: this file is UTF-16: save it as UTF-8") {
		t.Errorf("UTF-16: %v", err)
	}
}
