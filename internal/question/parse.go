package question

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// Ask is a question in kubectl's words: kubectl auth can-i VERB RESOURCE.
type Ask struct {
	Verb string
	// Resource is a resource's plural, singular or short name, with its group
	// after a dot and its subresource after a slash; or, beginning with a slash,
	// a URL that is no resource.
	Resource  string
	Namespace string // empty: all namespaces, as kubectl's -A
	Name      string
}

// Asked is a question as the API server would be asked, with what was settled
// on the way.
type Asked struct {
	authz.Request
	Namespaced bool // the resource is in namespaces
	// Unplaced says that the resource is none of Kubernetes' own, so that whether
	// it is in namespaces is the cluster's to say.
	Unplaced bool
	Notes    []string // what the asker should know: an odd verb, a namespace left out
	// NoSubresource is a subresource that Kubernetes' own resource does not have,
	// with the nearest one: nobody may do it, whoever is asked about.
	NoSubresource string
}

// String is the question without its subject: "create pods in dev-api".
func (a Asked) String() string {
	if a.Path != "" {
		return a.Verb + " " + a.Path
	}
	s := a.Verb + " " + a.ResourceWords()
	if a.Name != "" {
		s += " " + a.Name
	}
	switch {
	case a.Namespaced && a.Namespace == "":
		return s + " in all namespaces"
	case a.Namespaced:
		return s + " in " + a.Namespace
	}
	return s
}

// ResourceWords is the resource as kubectl writes it: deployments.apps/scale.
func (a Asked) ResourceWords() string {
	s := a.Resource
	if a.Group != "" && a.Group != "*" {
		s += "." + a.Group
	}
	if a.Subresource != "" {
		s += "/" + a.Subresource
	}
	return s
}

// WordError is a word of a question that stands for nothing.
type WordError struct {
	What, Word string
	Hint       string
}

func (e *WordError) Error() string { return fmt.Sprintf("%s %q is not known", e.What, e.Word) }

// resource is a row of the table.
type resource struct {
	name, group, singular string
	namespaced            bool
	unplaced              bool // whether namespaced is not known
	short, sub            []string
}

//go:embed resources.tsv
var resourcesTSV string

// byWord finds the resources that a word may mean, as kubectl does: plural,
// singular and short names. The core group comes first, so that "events" is
// core's.
var byWord = sync.OnceValue(func() map[string][]resource {
	words := map[string][]resource{}
	add := func(r resource) {
		for _, w := range slices.Compact(append([]string{r.name, r.singular}, r.short...)) {
			if w != "" {
				words[w] = append(words[w], r)
			}
		}
	}
	for line := range strings.Lines(resourcesTSV) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) != 6 {
			continue // the comment
		}
		list := func(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) }
		add(resource{name: f[0], group: f[1], singular: f[2], namespaced: f[3] == "Namespaced", short: list(f[4]), sub: list(f[5])})
	}
	// What is asked about with RBAC and is no resource of discovery. (Kubernetes,
	// "User impersonation" and "Certificates and certificate signing requests";
	// the metrics API is an extension that most clusters have.)
	for _, r := range []resource{
		{name: "users"}, {name: "groups"}, {name: "uids", group: "authentication.k8s.io"}, {name: "userextras", group: "authentication.k8s.io"},
		{name: "signers", group: "certificates.k8s.io"},
		{name: "nodes", group: "metrics.k8s.io"}, {name: "pods", group: "metrics.k8s.io", namespaced: true},
	} {
		add(r)
	}
	return words
})

// verbs are those of Kubernetes' API and its authorizers.
var verbs = []string{
	"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
	"use", "bind", "escalate", "impersonate", "approve", "sign", "attest", "*",
}

// ofNoObject are the verbs of requests whose URL names no object. (k8s.io/apiserver,
// endpoints/request)
var ofNoObject = []string{"create", "list", "watch", "deletecollection"}

// pathVerbs are those of URLs that are no resources.
var pathVerbs = []string{"get", "post", "put", "delete", "patch", "head", "options", "*"}

// awsAction is an action as IAM writes it: s3:GetObject.
var awsAction = regexp.MustCompile(`^[a-z0-9-]+:[A-Za-z0-9*?]+$`)

// IsAWSAction reports whether a word is an action of AWS's rather than a verb
// of Kubernetes'.
func IsAWSAction(s string) bool { return awsAction.MatchString(s) }

// Parse settles a question. The error is a *WordError.
func Parse(q Ask) (Asked, error) {
	if q.Verb == "" || strings.ContainsAny(q.Verb, " \t\n/") {
		return Asked{}, &WordError{What: "verb", Word: q.Verb, Hint: "one of " + strings.Join(verbs, ", ")}
	}
	a := Asked{Request: authz.Request{Verb: strings.ToLower(q.Verb), Name: q.Name}}
	if strings.HasPrefix(q.Resource, "/") {
		a.Path = q.Resource
		a.note(pathVerbs)
		if q.Namespace != "" || q.Name != "" {
			a.Notes = append(a.Notes, "a URL has neither namespace nor name; they are left out")
		}
		a.Name = ""
		return a, nil
	}
	r, sub, err := find(q.Resource)
	if err != nil {
		return Asked{}, err
	}
	a.Group, a.Resource, a.Subresource, a.Namespaced, a.Unplaced = r.group, r.name, sub, r.namespaced, r.unplaced
	a.note(verbs)
	if sub != "" && sub != "*" && r.singular != "" && !slices.Contains(r.sub, sub) {
		a.NoSubresource = fmt.Sprintf("%s has no subresource %s in Kubernetes itself%s", r.name, sub, meant(sub, r.sub))
		a.Notes = append(a.Notes, a.NoSubresource)
	}
	if a.Verb == "create" && sub == "" && a.Name != "" {
		// (k8s.io/apiserver, endpoints/request: the name stands in the body)
		a.Name = ""
		a.Notes = append(a.Notes, "an API server judges create before it knows the name; the name is left out")
	}
	switch {
	case r.namespaced:
		a.Namespace = q.Namespace
	case r.name == "namespaces" && r.group == "" && sub == "" && slices.Contains(ofNoObject, a.Verb):
		// Not of one Namespace, so that nothing that holds in one reaches it.
		if q.Namespace != "" {
			a.Notes = append(a.Notes, "no namespace holds what "+a.Verb+" namespaces asks; the namespace is left out")
		}
	case r.name == "namespaces" && r.group == "":
		// The API server has a Namespace object in itself.
		a.Namespace = q.Name
		if q.Name == "" && q.Namespace != "" {
			a.Name, a.Namespace = q.Namespace, q.Namespace
		}
	case q.Namespace != "":
		a.Notes = append(a.Notes, r.name+" are not in namespaces; the namespace is left out")
	}
	return a, nil
}

// note says that a verb is odd; it may be a custom one.
func (a *Asked) note(known []string) {
	if !slices.Contains(known, a.Verb) {
		a.Notes = append(a.Notes, fmt.Sprintf("%s is none of Kubernetes' verbs%s", a.Verb, meant(a.Verb, known)))
	}
}

// StrangeVerb reports whether the verb is none of Kubernetes' own and the resource
// is: no API server asks about that. A custom resource may have any verb. A verb
// with - or : is no slip but somebody's word for a check of his own, and passes.
func (a Asked) StrangeVerb() bool {
	return a.Path == "" && !a.Unplaced && a.Resource != "*" && !slices.Contains(verbs, a.Verb) && !strings.ContainsAny(a.Verb, "-:")
}

func meant(word string, words []string) string {
	if n, ok := access.Nearest(word, words); ok {
		return "; did you mean " + n + "?"
	}
	return ""
}

var versionWord = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]+)?$`)

// find settles RESOURCE[.VERSION][.GROUP][/SUBRESOURCE]. A resource that is
// not in the table is taken if its group is written; whether it is in namespaces is
// then not known.
func find(word string) (resource, string, error) {
	name, sub, _ := strings.Cut(word, "/")
	if name == "*" {
		return resource{name: "*", group: "*", namespaced: true}, sub, nil
	}
	name, group, grouped := strings.Cut(strings.ToLower(name), ".")
	if version, rest, _ := strings.Cut(group, "."); versionWord.MatchString(version) {
		group = rest
	}
	found := byWord()[name]
	if !grouped {
		if len(found) > 0 {
			return found[0], sub, nil
		}
		return resource{}, "", &WordError{What: "resource", Word: word,
			Hint: strings.TrimPrefix(orElse(meant(name, resourceNames()), "; Kubernetes itself has none of that name: write its group too, as certificates.cert-manager.io"), "; ")}
	}
	for _, r := range found {
		if r.group == group {
			return r, sub, nil
		}
	}
	if name == "" || strings.Contains(group, "*") {
		return resource{}, "", &WordError{What: "resource", Word: word, Hint: "RESOURCE.GROUP, as deployments.apps"}
	}
	if hint, ok := misspelt(name, group, found); ok {
		return resource{}, "", &WordError{What: "resource", Word: word, Hint: hint}
	}
	return resource{name: name, group: group, namespaced: true, unplaced: name != "*"}, sub, nil
}

// misspelt reports whether RESOURCE.GROUP, which is not in the table, is a slip
// rather than a resource of somebody else's: nobody has a resource that is not
// there, and a test of what cannot be done would pass. Groups of others have a
// dot. (Kubernetes, CustomResourceDefinition: spec.group is a DNS subdomain of
// at least two labels)
func misspelt(name, group string, found []resource) (hint string, ok bool) {
	own := ownGroups()
	switch {
	case slices.Contains(own, group):
		near := meant(name, namesIn(group))
		if near == "" && len(found) > 0 {
			near = "; did you mean " + grouped(found[0]) + "?"
		}
		return strings.TrimPrefix(near, "; "), near != ""
	case strings.Contains(group, "."):
		return "", false
	case len(found) > 0:
		return "did you mean " + grouped(found[0]) + "?", true
	}
	return orElse(strings.TrimPrefix(meant(group, own), "; "), "a group of others has a dot, as certificates.cert-manager.io"), true
}

func grouped(r resource) string { return strings.TrimSuffix(r.name+"."+r.group, ".") }

// ownGroups are the groups of the table, most of them often.
func ownGroups() []string {
	var groups []string
	for _, rs := range byWord() {
		for _, r := range rs {
			groups = append(groups, r.group)
		}
	}
	return groups
}

// namesIn are the plurals of a group, some of them twice.
func namesIn(group string) []string {
	var names []string
	for _, rs := range byWord() {
		for _, r := range rs {
			if r.group == group {
				names = append(names, r.name)
			}
		}
	}
	return names
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func resourceNames() []string {
	var names []string
	for w, rs := range byWord() {
		if rs[0].name == w {
			names = append(names, w)
		}
	}
	slices.Sort(names)
	return names
}

var whoKinds = []string{"team", "user", "role", "permissionSet", "workload"}

// IsWho reports whether a word on a command line is a subject rather than a
// path; "./team" is a path.
func IsWho(s string) bool {
	kind, _, ok := strings.Cut(s, "/")
	return s == "me" || strings.HasPrefix(s, "arn:") || ok && (slices.Contains(whoKinds, kind) || kind == string(access.WhoServiceAccount) || kind == "sa")
}

// Verbs are Kubernetes' verbs, for completion.
func Verbs() []string { return slices.Clone(verbs) }

// Resources are the plurals of Kubernetes' own resources, for completion.
func Resources() []string { return resourceNames() }
