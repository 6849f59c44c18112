package documents

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// Load reads the documents at paths, files or folders. Without paths it reads
// the nearest folder upwards that has an Environment document.
//
// The Environment is found upwards from each path and must be the same for
// all. Beneath a folder *.yaml and *.yml are read, except in what is hidden.
// If documents are at fault the error is Faults, with every fault of every
// file, and the Set holds what could be read; any other error is about the
// paths. Both are the user's to mend.
func Load(paths []string) (*Set, error) {
	t, err := locate(paths)
	if err != nil {
		return nil, err
	}
	return t.load()
}

// load reads what was asked for.
func (t *tree) load() (*Set, error) {
	r := &reader{set: &Set{Root: t.show(t.root)}, names: map[string]access.Place{}, fields: map[reflect.Type][]field{}}
	t.walk(r, t.root)
	if t.extra != "" {
		t.files = append(t.files, t.extra)
		slices.Sort(t.files)
	}
	var files []string
	for _, file := range t.files {
		if t.wanted(file) {
			files = append(files, file)
		} else {
			r.set.Partial = append(r.set.Partial, t.show(file))
		}
	}
	for f := range t.ahead(files) {
		if f.problem != "" {
			r.set.Files++
			r.fault(access.Place{File: f.name, Line: 1, Column: 1}, f.hint, "%s", f.problem)
			continue
		}
		r.file(f.name, f.source)
		if r.full() {
			break
		}
	}
	return r.finish()
}

// opened is a file, or why it cannot be read.
type opened struct {
	name, problem, hint string
	source
}

// ahead reads and parses files, some at once and a few in advance, and gives
// them in their order.
func (t *tree) ahead(files []string) iter.Seq[opened] {
	type job struct {
		file string
		done chan opened
	}
	return func(yield func(opened) bool) {
		workers := runtime.GOMAXPROCS(0)
		jobs, order := make(chan job), make(chan chan opened, 4*workers)
		done := make(chan struct{})
		defer close(done)
		for range workers {
			// The same few all the time: their stacks have grown once.
			go func() {
				for j := range jobs {
					f := opened{name: t.show(j.file)}
					var data []byte
					if data = t.content; j.file != t.extra {
						data, f.problem, f.hint = fileBytes(j.file)
					}
					if f.problem == "" {
						f.source = parse(f.name, data)
					}
					j.done <- f
				}
			}()
		}
		go func() {
			defer close(order)
			defer close(jobs)
			for _, file := range files {
				j := job{file, make(chan opened, 1)}
				select {
				case order <- j.done:
				case <-done:
					return
				}
				select {
				case jobs <- j:
				case <-done:
					return
				}
			}
		}()
		for one := range order {
			if !yield(<-one) {
				return
			}
		}
	}
}

// tree is an Environment's folder and the part of it that was asked for. All
// its paths are absolute.
type tree struct {
	root  string
	cwd   string   // "" if paths are to be shown absolute
	paths []string // what was asked for
	files []string // what there is to read, sorted

	extra   string // a file that is not there, read as if it held content; "": none
	content []byte
}

// locate finds the Environment's folder of all paths.
func locate(paths []string) (*tree, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the working directory: %w", err)
	}
	t := &tree{cwd: cwd}
	if len(paths) == 0 {
		if t.root, err = environmentAbove(cwd); err != nil {
			return nil, err
		}
		t.paths = []string{t.root}
		return t, nil
	}
	for _, p := range paths {
		abs, err := t.path(p)
		if err != nil {
			return nil, err
		}
		folder := abs
		if !isFolder(abs) {
			folder = filepath.Dir(abs)
		}
		root, err := environmentAbove(folder)
		switch {
		case err != nil && t.root != "":
			return nil, fmt.Errorf("%s is outside of the Environment's folder %s", Escape(p), Escape(t.show(t.root)))
		case err != nil:
			return nil, err
		case t.root != "" && root != t.root:
			return nil, fmt.Errorf("%s is outside of the Environment's folder %s: it belongs to the one in %s, and one run has one Environment", Escape(p), Escape(t.show(t.root)), Escape(t.show(root)))
		}
		t.root, t.paths = root, append(t.paths, abs)
		if rel, err := filepath.Rel(root, abs); err == nil && hiddenWithin(rel) {
			return nil, fmt.Errorf("%s is hidden: what begins with a dot is not read", Escape(p))
		}
	}
	return t, nil
}

// path makes a PATH absolute and checks that it is something to read.
func (t *tree) path(p string) (string, error) {
	abs, err := filepath.Abs(p)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", Escape(p), err)
	}
	info, err := os.Stat(abs)
	switch {
	case err != nil:
		return "", fmt.Errorf("read %s: %s", Escape(p), reason(err))
	case !info.IsDir() && !isYAML(abs):
		return "", fmt.Errorf("read %s: documents are in files named *.yaml or *.yml", Escape(p))
	}
	if filepath.IsAbs(p) {
		t.cwd = ""
	}
	return abs, nil
}

// hiddenWithin reports whether a step of a relative path is hidden.
func hiddenWithin(rel string) bool {
	return slices.ContainsFunc(strings.Split(rel, string(filepath.Separator)), func(step string) bool {
		return step != "." && hidden(step)
	})
}

// show is a path as the user would write it, with slashes.
func (t *tree) show(path string) string {
	if t.cwd != "" {
		if rel, err := filepath.Rel(t.cwd, path); err == nil {
			path = rel
		}
	}
	return filepath.ToSlash(path)
}

// wanted reports whether a file is to be read: the Environment's always is.
func (t *tree) wanted(file string) bool {
	return t.asked(file) || filepath.Dir(file) == t.root && hasEnvironment(file)
}

// asked reports whether a path is, or is beneath, one that was asked for.
func (t *tree) asked(path string) bool {
	return slices.ContainsFunc(t.paths, func(p string) bool { return within(p, path) })
}

// within reports whether path is folder, or beneath it.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// walk collects what there is to read beneath a folder, in order. It follows
// no link to a folder: such a link may leave the tree or go in circles. What
// it cannot look into is a fault where it was asked for, and else unread.
func (t *tree) walk(r *reader, folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.unread(r, folder, reason(err), "this folder cannot be read")
		return
	}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		switch link := e.Type()&fs.ModeSymlink != 0; {
		case hidden(e.Name()):
		case e.IsDir():
			t.walk(r, path)
		case link && isFolder(path):
			t.unread(r, path, "move the folder here, or hide the link with a dot", "links to folders are not followed")
		case isYAML(e.Name()):
			t.files = append(t.files, path)
		}
	}
}

func (t *tree) unread(r *reader, path, hint, message string) {
	if t.asked(path) {
		r.fault(access.Place{File: t.show(path)}, hint, "%s", message)
		return
	}
	r.set.Partial = append(r.set.Partial, t.show(path))
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// environmentAbove finds the nearest folder upwards with an Environment.
func environmentAbove(folder string) (string, error) {
	for dir := folder; ; dir = filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		if err != nil && dir == folder {
			return "", fmt.Errorf("read %s: %s", Escape(dir), reason(err))
		}
		for _, e := range entries {
			if !e.IsDir() && isYAML(e.Name()) && !hidden(e.Name()) && hasEnvironment(filepath.Join(dir, e.Name())) {
				return dir, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no Environment document in %s or a folder above it%s", Escape(folder), beneath(folder))
		}
	}
}

// beneath says what to do without an Environment: name the folder beneath
// that has one, or write one.
func beneath(folder string) string {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if !e.IsDir() || hidden(e.Name()) {
			continue
		}
		files, _ := os.ReadDir(filepath.Join(folder, e.Name()))
		for _, f := range files {
			if !f.IsDir() && isYAML(f.Name()) && hasEnvironment(filepath.Join(folder, e.Name(), f.Name())) {
				return ": there is one in " + Escape(e.Name()) + ", name that folder"
			}
		}
	}
	return ": atlas-iam init writes one"
}

var (
	environmentLine = regexp.MustCompile(`(?m)^["']?kind["']?[ \t]*:[ \t]*["']?Environment["']?[ \t]*(#.*)?\r?$`)
	ourVersion      = regexp.MustCompile(`(?m)^["']?apiVersion["']?[ \t]*:[ \t]*["']?atlas-iam\.dev/`)
)

// hasEnvironment reports whether a file has an Environment document. A file
// that is no YAML at the moment is judged by its lines: it must not hide the
// folder it stands in.
func hasEnvironment(file string) bool {
	data, problem, _ := fileBytes(file)
	if problem != "" || marks(data) > maxMarks || !bytes.Contains(data, []byte(v1alpha1.KindEnvironment)) {
		return false
	}
	for decode := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var n yaml.Node
		err := decode.Decode(&n)
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			return environmentLine.Match(data) && ourVersion.Match(data)
		}
		if len(n.Content) != 1 {
			continue
		}
		version, kind := child(n.Content[0], "apiVersion"), child(n.Content[0], "kind")
		if kind != nil && kind.Value == v1alpha1.KindEnvironment && (version == nil || strings.HasPrefix(version.Value, "atlas-iam")) {
			return true
		}
	}
}
