package documents

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
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
	r := &reader{set: &Set{Root: t.show(t.root)}, names: map[string]access.Place{}}
	all, err := t.files(t.root)
	if err != nil {
		return nil, err
	}
	for _, file := range all {
		if !t.wanted(file) {
			r.set.Partial = append(r.set.Partial, t.show(file))
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t.show(file), err)
		}
		r.file(t.show(file), data)
	}
	return r.finish()
}

// tree is an Environment's folder and the part of it that was asked for. All
// its paths are absolute.
type tree struct {
	root  string
	cwd   string // "" if paths are to be shown absolute
	paths []string
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
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", Escape(p), err)
		}
		info, err := os.Stat(abs)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", Escape(p), errors.Unwrap(err))
		}
		folder := abs
		if !info.IsDir() {
			folder = filepath.Dir(abs)
		}
		root, err := environmentAbove(folder)
		if err != nil {
			return nil, err
		}
		if t.root != "" && root != t.root {
			return nil, fmt.Errorf("%s is outside of the Environment's folder %s: it has its own, %s", Escape(p), Escape(t.root), Escape(root))
		}
		t.root, t.paths = root, append(t.paths, abs)
		if filepath.IsAbs(p) {
			t.cwd = ""
		}
	}
	return t, nil
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
	for _, p := range t.paths {
		if file == p || strings.HasPrefix(file, strings.TrimSuffix(p, string(filepath.Separator))+string(filepath.Separator)) {
			return true
		}
	}
	return filepath.Dir(file) == t.root && hasEnvironment(file)
}

// files lists what there is to read beneath a folder, sorted.
func (t *tree) files(folder string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != folder && hidden(e.Name()):
			if e.IsDir() {
				return fs.SkipDir
			}
		case !e.IsDir() && isYAML(e.Name()):
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.show(folder), err)
	}
	slices.Sort(out)
	return out, nil
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
			return "", fmt.Errorf("read %s: %w", Escape(dir), err)
		}
		for _, e := range entries {
			if !e.IsDir() && isYAML(e.Name()) && !hidden(e.Name()) && hasEnvironment(filepath.Join(dir, e.Name())) {
				return dir, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no Environment document in %s or a folder above it: atlas-iam init writes one", Escape(folder))
		}
	}
}

var environmentLine = regexp.MustCompile(`(?m)^\s*["']?kind["']?:\s*["']?Environment["']?\s*(#.*)?$`)

func hasEnvironment(file string) bool {
	data, err := os.ReadFile(file)
	return err == nil && environmentLine.Match(data)
}
