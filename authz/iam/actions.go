package iam

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed actions.tsv
var actionsTSV string

// actionTable is what AWS's Service Authorization Reference had when the table
// was made: each service's prefix, and of some services the actions.
var actionTable = sync.OnceValue(func() map[string][]string {
	table := map[string][]string{}
	for line := range strings.Lines(actionsTSV) {
		prefix, names, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if prefix == "" || strings.HasPrefix(prefix, "#") {
			continue
		}
		table[prefix] = strings.FieldsFunc(names, func(r rune) bool { return r == ',' })
	}
	return table
})

// UnknownAction says of an action, or of a pattern of actions, that none of that
// name is known, and gives the actions among which the right one may be. It is
// empty for what is known and of services whose actions are not listed. AWS has
// new actions each week, so that none is known is no proof.
func UnknownAction(action string) (what string, candidates []string) {
	service, name, ok := strings.Cut(action, ":")
	if !ok || strings.ContainsAny(service, "*?") {
		return "", nil
	}
	names, known := actionTable()[strings.ToLower(service)]
	if !known {
		for s, names := range actionTable() {
			if listed(names, name) {
				candidates = append(candidates, s+":"+name)
			}
		}
		slices.Sort(candidates)
		return "no service of AWS is known whose actions begin with " + service + ":", candidates
	}
	if len(names) == 0 || listed(names, name) {
		return "", nil
	}
	for _, n := range names {
		candidates = append(candidates, service+":"+n)
	}
	if strings.ContainsAny(name, "*?") {
		return "no action of " + service + " is known that " + name + " matches", nil
	}
	return "no action " + name + " of " + service + " is known", candidates
}

// listed reports whether a name, or a pattern of names, is of one of these.
func listed(names []string, name string) bool {
	if !strings.ContainsAny(name, "*?") {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
	}
	pattern := glob(fold(name))
	return slices.ContainsFunc(names, func(n string) bool { return matches(pattern, fold(n)) })
}
