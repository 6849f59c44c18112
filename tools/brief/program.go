package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	subcommand = regexp.MustCompile(`^  ([a-z][a-z-]*) +\S`)
	flagName   = regexp.MustCompile(`^ +(?:-\w, )?--([a-z][a-z-]*)`)
	exitCode   = regexp.MustCompile(`^  ([0-9]+) +\S`)
	item       = regexp.MustCompile(`^- \*\*(S[0-9]+)\*\* (.+)$`)
)

// readItems reads the promised items of a folder's pages: lines "- **S1** words".
func readItems(root, folder string) ([]cell, error) {
	pages, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*.md"))
	if err != nil {
		return nil, fmt.Errorf("find the promises: %w", err)
	}
	var cells []cell
	at := map[string]string{}
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			return nil, fmt.Errorf("read the promises: %w", err)
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			m := item.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			name := "item " + m[1]
			if first, ok := at[name]; ok {
				return nil, fmt.Errorf("read the promises: %s stands twice, in %s and %s", name, first, filepath.Base(page))
			}
			at[name] = filepath.Base(page)
			cells = append(cells, cell{name, m[2]})
		}
	}
	return cells, nil
}

// readProgram asks for help, and for that of each command it names.
func readProgram(bin string) ([]cell, error) {
	var cells []cell
	codes := map[int]bool{}
	var ask func(path []string) error
	ask = func(path []string) error {
		out, err := exec.Command(bin, append(slices.Clone(path), "--help")...).Output()
		if err != nil {
			return fmt.Errorf("ask for the help of %q: %w", path, err)
		}
		name := strings.Join(path, " ")
		if len(path) > 0 {
			cells = append(cells, cell{name: "command " + name})
		}
		_, usage, _ := strings.Cut("\n"+string(out), "\nUsage: ")
		section := ""
		for line := range strings.SplitSeq(usage, "\n") {
			if title, ok := strings.CutSuffix(line, ":"); ok && !strings.HasPrefix(line, " ") {
				section = title
				continue
			}
			switch section {
			case "", "Examples", "Usage":
			case "Flags":
				if m := flagName.FindStringSubmatch(line); m != nil && m[1] != "help" {
					cells = append(cells, cell{name: "flag " + name + " --" + m[1]})
				}
			case "Exit codes":
				if m := exitCode.FindStringSubmatch(line); m != nil {
					n, err := strconv.Atoi(m[1])
					if err != nil {
						return err
					}
					codes[n] = true
				}
			default:
				if m := subcommand.FindStringSubmatch(line); m != nil {
					if err := ask(append(slices.Clone(path), m[1])); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	if err := ask(nil); err != nil {
		return nil, err
	}
	for _, n := range slices.Sorted(maps.Keys(codes)) {
		cells = append(cells, cell{name: fmt.Sprintf("exit %d", n)})
	}
	return cells, nil
}

// form is what the keys need of a JSON Schema.
type form struct {
	Properties  map[string]form `json:"properties"`
	Items       *form           `json:"items"`
	AllOf       []form          `json:"allOf"`
	AnyOf       []form          `json:"anyOf"`
	Ref         string          `json:"$ref"`
	Const       string          `json:"const"`
	Definitions map[string]form `json:"definitions"`
}

// readKeys walks the schema that the program prints.
func readKeys(bin string) ([]cell, error) {
	out, err := exec.Command(bin, "schema").Output()
	if err != nil {
		return nil, fmt.Errorf("ask for the schema: %w", err)
	}
	var schema form
	if err := json.Unmarshal(out, &schema); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	var cells []cell
	var walk func(path string, f form)
	walk = func(path string, f form) {
		f = structure(f, schema.Definitions)
		for _, key := range slices.Sorted(maps.Keys(f.Properties)) {
			here := path + "." + key
			if key != "spec" && key != "metadata" {
				cells = append(cells, cell{name: "key " + here})
			}
			walk(here, f.Properties[key])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Definitions)) {
		if d := schema.Definitions[name]; d.Properties["kind"].Const == name {
			walk(name, d)
		}
	}
	return cells, nil
}

// structure is the form with keys that a form leads to: by a reference, in a
// list, or as one of the ways to write it.
func structure(f form, definitions map[string]form) form {
	if f.Ref != "" {
		return definitions[strings.TrimPrefix(f.Ref, "#/definitions/")]
	}
	if f.Items != nil {
		return structure(*f.Items, definitions)
	}
	if len(f.Properties) > 0 {
		return f
	}
	for _, way := range slices.Concat(f.AllOf, f.AnyOf) {
		if found := structure(way, definitions); len(found.Properties) > 0 {
			return found
		}
	}
	return f
}
