package cli

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// oneNamespace refuses a pattern as the namespace of a question: of those that
// match some may be answered yes and some no.
func (o *askFlags) oneNamespace() error {
	if !strings.ContainsAny(o.namespace, "*?") {
		return nil
	}
	hint := "leave -n out to ask of all namespaces at once"
	if name := exampleOf(o.namespace); name != "" {
		hint = "name one that it matches, as -n " + name + "; atlas-iam access WHO shows the documents' patterns as columns"
	}
	return usage(hint, "-n %s is a pattern, and a question is of one namespace", o.namespace)
}

// exampleOf is the shortest namespace that a pattern plainly matches: dev-a of
// dev-*; none of a pattern that matches all, or that is no glob of the documents'.
func exampleOf(pattern string) string {
	if strings.Trim(pattern, "*") == "" {
		return ""
	}
	for _, run := range []string{"", "a"} {
		name := strings.ReplaceAll(pattern, "*", run)
		if strings.Trim(name, "-") == name && !strings.Contains(name, "?") {
			return name
		}
	}
	return ""
}

// namespaceNotPath refuses a word that stands where paths do, is none, and was
// probably meant as a namespace: who-can get secrets in prod.
func namespaceNotPath(paths []string) error {
	for i, p := range paths {
		if isPath(p) || strings.ContainsAny(p, `/\.`) {
			continue
		}
		name := p
		if slices.Contains([]string{"in", "namespace", "ns"}, p) && i+1 < len(paths) {
			name = paths[i+1]
		}
		return usage("a namespace is asked about with -n "+name, "read %s: there is no such file or folder", p)
	}
	return nil
}

// isPath reports whether there may be something at a path.
func isPath(p string) bool {
	_, err := os.Stat(p)
	return !errors.Is(err, os.ErrNotExist)
}

// parseWho reads a subject on the command line.
func parseWho(word string) (access.Who, error) {
	who, err := documents.ParseWho(word)
	if err != nil && isName(word) {
		return who, usage("write user/"+word+", role/"+word+", permissionSet/"+word+" or team/"+word+"; or serviceaccount/NAMESPACE/"+word+", an ARN, or me", "%s does not say what it is: a user, a role, a team", word)
	}
	return who, wordError(err)
}

// isName reports whether a word is a name without the kind of what it names.
func isName(word string) bool {
	return word != "" && !strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || strings.ContainsRune("/:*?\"'", r) || r > '~' })
}

// workloadsOf are the workloads that a ServiceAccount is on some cluster, by the
// documents, as --as takes them.
func workloadsOf(want *access.State, who access.Who) []string {
	namespace, name, _ := strings.Cut(who.Name, "/")
	var found []string
	for i := range want.Workloads {
		w := &want.Workloads[i]
		if slices.ContainsFunc(w.Accounts, func(a access.WorkloadAccount) bool { return a.Matches(namespace, name) }) {
			found = append(found, string(access.WhoWorkload)+"/"+w.Name)
		}
	}
	return found
}

// askWorkload says how to ask about an action of AWS for somebody who is no
// workload.
func askWorkload(want *access.State, who access.Who) error {
	if who.Kind != access.WhoServiceAccount {
		return usage("as in: --as workload/loki", "actions of AWS are asked of workloads in this version, and %s is none", who)
	}
	found := workloadsOf(want, who)
	if len(found) == 0 {
		return usage("a Workload's spec.serviceAccounts would name it", "%s is in no Workload document, and has no role by them", who)
	}
	return usage("--as "+strings.Join(found, ", or --as "), "actions of AWS are asked of workloads, and %s is of %s", who, strings.Join(found, ", "))
}
