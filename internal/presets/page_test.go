package presets

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/presets.md anew")

const page = "../../docs/presets.md"

func TestThePageOfPresetsIsAsTheDataHasIt(t *testing.T) {
	want := writePage(t)
	if *update {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/presets.md is not what the data says: go test ./internal/presets -run Page -update")
	}
}

func writePage(t *testing.T) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# What add-ons need of AWS

<!-- Made from internal/presets/presets.yaml: go test ./internal/presets -run Page -update -->

A preset gives a Workload's role the statements that an add-on needs, and no more than its documents ask for. The facts
are of %s and none of them was run against AWS. A list repeats its entry for each value. What a parameter narrows is on
everything nowhere once the parameter is given.

In the tables the column *basis* says what a statement rests on: **documented**, the add-on's documents or AWS's managed
policy; **tightened**, a documented action whose resource or condition is narrowed here, untested; **aws**, what AWS asks
for in general. A statement is kept where the parameters of *when* are set, and those with ! are not.

| preset | also called | for the ServiceAccount | parameters (**required**) | characters of %d | confidence |
|---|---|---|---|---|---|
`, AsOf(), InlineQuota)
	for _, p := range All() {
		var accounts, parameters []string
		for _, a := range p.ServiceAccounts {
			accounts = append(accounts, a.Namespace+"/"+a.Name)
		}
		for _, q := range p.Parameters {
			name := "`" + q.Name + "`"
			if q.Required {
				name = "**" + name + "**"
			}
			parameters = append(parameters, name)
		}
		size, err := Size(rendered(t, p.Name, full(p)))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s | %d | %s |\n", p.Name, p.Name, strings.Join(p.Aliases, ", "), strings.Join(accounts, ", "), strings.Join(parameters, ", "), size, p.Confidence)
	}
	b.WriteString("\nEvery preset also takes `partition`, `region` and `accountId`. *Characters* are those of all statements with every parameter given.\n")
	for _, p := range All() {
		preset(&b, p)
	}
	return b.Bytes()
}

func preset(b *bytes.Buffer, p Preset) {
	fmt.Fprintf(b, "\n## %s\n\nVersion %s. ", p.Name, p.Version)
	if p.ManagedPolicy != "" {
		fmt.Fprintf(b, "AWS's own policy is `%s` (%s). ", p.ManagedPolicy, p.ManagedPolicyVersion)
	} else {
		b.WriteString("AWS has no policy of its own for it. ")
	}
	fmt.Fprintf(b, "IRSA: %s. Pod Identity: %s%s.\n\n", p.Credentials.IRSA, p.Credentials.PodIdentity, from(p.Credentials.Minimum))
	b.WriteString("| parameter | like | unless given |\n|---|---|---|\n")
	for _, q := range p.Parameters {
		fallback := "unset"
		switch {
		case q.Required:
			fallback = "it is required"
		case q.Default != nil:
			fallback = "`" + strings.Join(texts(q.Default), ", ") + "`"
		case q.Kind == Bool:
			fallback = "`false`"
		}
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", q.Name, q.example(), fallback)
	}
	b.WriteString("\n| statement | for | actions | on | where | when | basis |\n|---|---|---|---|---|---|---|\n")
	for _, n := range p.Needs {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", n.Sid, n.Why, services(n.Actions), codes(n.Resources), conditions(n.Conditions), strings.Join(n.When, ", "), n.Basis)
	}
	fmt.Fprintf(b, "\nWhat cannot be narrowed: %s\n\nFrom:\n\n", p.Limits)
	for _, s := range p.Sources {
		fmt.Fprintf(b, "- %s: %s (%s)\n", s.What, s.Where, s.Version)
	}
}

func from(minimum string) string {
	if minimum == "" {
		return ""
	}
	return ", from " + minimum
}

func codes(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, "`"+strings.ReplaceAll(s, "arn:${partition}:", "")+"`")
	}
	return strings.Join(out, ", ")
}

// services lists actions by their service.
func services(actions []string) string {
	var order []string
	of := map[string][]string{}
	for _, a := range actions {
		service, name, _ := strings.Cut(a, ":")
		if of[service] == nil {
			order = append(order, service)
		}
		of[service] = append(of[service], strings.ReplaceAll(name, "*", `\*`))
	}
	var out []string
	for _, s := range order {
		out = append(out, s+": "+strings.Join(of[s], ", "))
	}
	return strings.Join(out, "; ")
}

func conditions(of map[string]map[string][]string) string {
	var out []string
	for operator, keys := range of {
		for key, values := range keys {
			out = append(out, operator+" `"+key+"` "+codes(values))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}
