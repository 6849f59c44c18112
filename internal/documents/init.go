package documents

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// starter holds what Init writes. Lines that begin with > are comments unless
// an example is wanted.
//
//go:embed starter
var starter embed.FS

// SchemaFile is the name of the schema that Init writes and its documents name.
const SchemaFile = "atlas-iam.schema.json"

// NewID draws an Environment's id from a source of random bytes.
func NewID(random io.Reader) (string, error) {
	const letters, all = "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz0123456789"
	id := make([]byte, 0, 8)
	for b := make([]byte, 1); len(id) < cap(id); {
		if _, err := io.ReadFull(random, b); err != nil {
			return "", fmt.Errorf("draw an id: %w", err)
		}
		from := all
		if len(id) == 0 {
			from = letters
		}
		if n := int(b[0]); n < 256-256%len(from) { // no letter likelier than another
			id = append(id, from[n%len(from)])
		}
	}
	return string(id), nil
}

// Init writes a starter folder: an Environment with the id, a Cluster, two
// Teams and an AccessTest (commented out unless example is set), the schema,
// and a workflow for GitHub at the root of the repository that dir is in. It
// refuses a folder that has, or is beneath, an Environment. A file that exists
// is left as it is. written names the files it made, also with an error.
func Init(dir string, example bool, id string) (written []string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", Escape(dir), err)
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder %s: %s", Escape(dir), reason(err))
	}
	if above, err := environmentAbove(abs); err == nil {
		return nil, fmt.Errorf("begin in %s: there is an Environment in %s already", Escape(dir), Escape(above))
	}
	schema, err := Schema()
	if err != nil {
		return nil, err
	}
	repository := repositoryOf(abs)
	folder, err := filepath.Rel(repository, abs)
	if err != nil {
		return nil, fmt.Errorf("find %s in its repository: %w", Escape(dir), err)
	}
	fill := strings.NewReplacer("ENVIRONMENT", environmentName(abs), "DRAWN", id, "FOLDER", filepath.ToSlash(folder))
	for _, f := range []struct{ from, to string }{
		{"environment.yaml", filepath.Join(abs, "environment.yaml")},
		{"clusters.yaml", filepath.Join(abs, "clusters.yaml")},
		{"teams/example.yaml", filepath.Join(abs, "teams", "example.yaml")},
		{"tests.yaml", filepath.Join(abs, "tests.yaml")},
		{"", filepath.Join(abs, SchemaFile)},
		{"workflow.yaml", filepath.Join(repository, ".github", "workflows", "atlas-iam.yaml")},
	} {
		content := string(schema)
		if f.from != "" {
			raw, err := starter.ReadFile("starter/" + f.from)
			if err != nil {
				return written, fmt.Errorf("read the starter: %w", err)
			}
			content = fill.Replace(uncomment(string(raw), example))
		}
		made, err := create(f.to, content)
		if err != nil {
			return written, err
		}
		if made {
			written = append(written, f.to)
		}
	}
	return written, nil
}

// uncomment writes the lines of an example as they are, or as comments.
func uncomment(s string, example bool) string {
	lines := strings.SplitAfter(s, "\n")
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, ">"); ok {
			if !example {
				rest = "# " + rest
			}
			lines[i] = rest
		}
	}
	return strings.Join(lines, "")
}

// create writes a file that does not exist, and reports whether it did.
func create(path, content string) (bool, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, fmt.Errorf("make the folder of %s: %s", Escape(path), reason(err))
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("write %s: %s", Escape(path), reason(err))
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return false, fmt.Errorf("write %s: %w", Escape(path), err)
	}
	return true, nil
}

// repositoryOf is the nearest folder upwards with .git, or dir itself.
func repositoryOf(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// environmentName is the folder's name, if it can be a document's.
func environmentName(dir string) string {
	if name := strings.ToLower(filepath.Base(dir)); dnsLabel.MatchString(name) && !looksTypedName(name) {
		return name
	}
	return "main"
}
