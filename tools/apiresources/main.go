// Command apiresources makes the table of Kubernetes' own resources from what
// Kubernetes publishes of its API servers' discovery:
//
//	go run ./apiresources -discovery .../kubernetes@v1.36.3/api/discovery -version v1.36.3 -out ../internal/question/resources.tsv
//
// A resource that no stable version serves is off by default and left out.
// Package question reads the table.
package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("discovery", "", "the folder with api__v1.json and apis__GROUP__VERSION.json")
	version := flag.String("version", "", "Kubernetes' version, for the table's first line")
	out := flag.String("out", "", "the table to write")
	flag.Parse()
	if *dir == "" || *version == "" || *out == "" {
		flag.Usage()
		os.Exit(64)
	}
	if err := generate(*dir, *version, *out); err != nil {
		log.Fatal("apiresources: ", err)
	}
}

// list is an APIResourceList, as far as the table needs it.
type list struct {
	GroupVersion string `json:"groupVersion"`
	Resources    []struct {
		Name         string   `json:"name"`
		SingularName string   `json:"singularName"`
		Namespaced   bool     `json:"namespaced"`
		ShortNames   []string `json:"shortNames"`
	} `json:"resources"`
}

type row struct {
	resource, group, singular string
	namespaced                bool
	short, sub                []string
}

var stable = regexp.MustCompile(`^v[0-9]+$`)

func generate(dir, version, out string) error {
	files, err := filepath.Glob(filepath.Join(dir, "api*__v*.json"))
	if err != nil {
		return err
	}
	rows := map[[2]string]*row{}
	for _, file := range append(files, filepath.Join(dir, "api__v1.json")) {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var l list
		if err := json.Unmarshal(b, &l); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		group, v, ok := strings.Cut(l.GroupVersion, "/")
		if !ok {
			group, v = "", group
		}
		if !stable.MatchString(v) {
			continue
		}
		for _, r := range l.Resources {
			name, sub, _ := strings.Cut(r.Name, "/")
			at := rows[[2]string{group, name}]
			if at == nil {
				at = &row{resource: name, group: group}
				rows[[2]string{group, name}] = at
			}
			if sub != "" {
				at.sub = append(at.sub, sub)
				continue
			}
			at.singular, at.namespaced, at.short = r.SingularName, r.Namespaced, r.ShortNames
		}
	}
	var all []*row
	for _, r := range rows {
		slices.Sort(r.sub)
		r.sub = slices.Compact(r.sub)
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *row) int { return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.resource, b.resource)) })
	var b strings.Builder
	fmt.Fprintf(&b, "# Kubernetes %s: resource, group, singular, scope, short names, subresources. Made by tools/apiresources.\n", version)
	for _, r := range all {
		scope := "Cluster"
		if r.namespaced {
			scope = "Namespaced"
		}
		fmt.Fprintln(&b, strings.Join([]string{r.resource, r.group, r.singular, scope, strings.Join(r.short, ","), strings.Join(r.sub, ",")}, "\t"))
	}
	return os.WriteFile(out, []byte(b.String()), 0o644)
}
