// Brief prints what the program promises and has: each promised item, command,
// flag, exit code and document key, and beside it the test that shows its
// effect on a user. Tests say so themselves: a line
//
//	# shows: flag plan --out; exit 4; key Team.spec.grants.policy
//
// in a script, or the same after // above a Go test. A cell without a test is
// marked EMPTY and makes brief end with 1; so does a line that names what the
// program has not, or a script that claims what it does not run.
//
// It knows the program from outside only: by --help, by the schema that it
// prints, and by the lists of promises in the design notes.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// cell is one thing that has to be shown, such as "flag plan --out".
type cell struct {
	name  string
	about string // in words, where the name says little
}

func main() {
	bin := flag.String("bin", ".build/atlas-iam", "the built `program`")
	root := flag.String("root", ".", "the repository's `folder`")
	promises := flag.String("promises", "docs/design", "the `folder` of the pages with lists of promised items, in the repository")
	flag.Parse()
	ok, err := run(os.Stdout, *bin, *root, *promises)
	if err != nil {
		fmt.Fprintln(os.Stderr, "brief:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(w io.Writer, bin, root, promises string) (ok bool, err error) {
	items, err := readItems(root, promises)
	if err != nil {
		return false, err
	}
	built, err := readProgram(bin)
	if err != nil {
		return false, err
	}
	keys, err := readKeys(bin)
	if err != nil {
		return false, err
	}
	claims, err := readClaims(root)
	if err != nil {
		return false, err
	}
	cells := slices.Concat(items, built, keys)
	if len(items) < 10 || len(built) < 30 || len(keys) < 20 {
		return false, fmt.Errorf("only %d items, %d commands and flags, %d keys were found: something is not read", len(items), len(built), len(keys))
	}
	return write(w, cells, claims), nil
}

// write prints every cell with its tests, then what is wrong.
func write(w io.Writer, cells []cell, claims []claim) bool {
	shown := map[string][]string{}
	var wrong []string
	for _, c := range claims {
		known := slices.ContainsFunc(cells, func(x cell) bool { return x.name == c.what })
		switch {
		case !known:
			wrong = append(wrong, fmt.Sprintf("%s shows %q, which there is not", c.test, c.what))
		case c.idle != "":
			wrong = append(wrong, fmt.Sprintf("%s claims to show %q, and %s", c.test, c.what, c.idle))
		default:
			shown[c.what] = append(shown[c.what], c.test)
		}
	}
	width := 0
	for _, c := range cells {
		width = max(width, len(c.name))
	}
	empty := 0
	for _, c := range cells {
		tests := shown[c.name]
		by := "EMPTY"
		switch len(tests) {
		case 0:
			empty++
		case 1:
			by = tests[0]
		default:
			by = fmt.Sprintf("%s and %d more", tests[0], len(tests)-1)
		}
		line := fmt.Sprintf("%-*s  %s", width, c.name, by)
		if c.about != "" {
			line += "   (" + c.about + ")"
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	for _, line := range wrong {
		fmt.Fprintln(w, "WRONG: "+line)
	}
	fmt.Fprintf(w, "%d to show, %d EMPTY, %d wrong\n", len(cells), empty, len(wrong))
	return empty == 0 && len(wrong) == 0
}
