package documents

import (
	"regexp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// verbs are those of Kubernetes' own resources and of RBAC, CSRs and their
// signers. (Kubernetes: "Request verbs and authorization", "Using RBAC
// Authorization", "Certificates and Certificate Signing Requests")
var verbs = []string{
	"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
	"impersonate", "bind", "escalate", "approve", "sign", "attest", "use", "*",
}

// urlVerbs are the verbs of what is no resource: HTTP's methods.
var urlVerbs = []string{"get", "head", "post", "put", "patch", "delete", "options", "*"}

// usualVerbs answers words that are no verbs, with the question they mean; R
// is the resource that was written.
var usualVerbs = map[string]string{
	"read": "get R", "view": "get R", "show": "get R", "describe": "get R", "see": "list R",
	"write": "update R", "edit": "update R", "modify": "update R", "change": "update R", "replace": "update R",
	"add": "create R", "make": "create R", "run": "create R", "remove": "delete R", "destroy": "delete R", "apply": "patch R", "restart": "patch R", "label": "patch R",
	"exec": "create pods/exec", "attach": "create pods/attach", "portforward": "create pods/portforward", "evict": "create pods/eviction",
	"log": "get pods/log", "logs": "get pods/log", "scale": "update R/scale",
}

var (
	verbForm     = regexp.MustCompile(`^(\*|[a-z][a-z-]*)$`)
	resourceForm = regexp.MustCompile(`^(\*|[a-z][-a-z0-9]*)(\.(\*|[a-z0-9]([-.a-z0-9]*[a-z0-9])?))?(/(\*|[a-z][-a-z0-9]*))?$`)
	awsAction    = regexp.MustCompile(`^([a-z][-a-z0-9]*):([A-Za-z][A-Za-z0-9*?]*|\*)$`)
)

// OwnVerb reports whether a verb is one of Kubernetes' own. Others are legal
// and can be granted, but are rare.
func OwnVerb(verb string) bool {
	return slices.Contains(verbs, verb) || slices.Contains(urlVerbs, verb)
}

// parseAction reads a question about an action of AWS.
func parseAction(words []string, wrong func(hint, message string) (access.Ask, error)) (access.Ask, error) {
	ask := access.Ask{Verb: words[0]}
	if len(words) > 1 {
		ask.Resource = words[1]
	}
	switch {
	case strings.ContainsAny(ask.Verb, "*?"):
		return wrong(`list the actions that matter, each by its name, as in ["s3:GetObject", "s3:PutObject"]`, "a question is about one action, and this is a pattern")
	case len(words) > 2:
		return wrong("want ACTION or ACTION ARN", "this is no question")
	case ask.Resource != "" && (!strings.HasPrefix(ask.Resource, "arn:") || strings.Count(ask.Resource, ":") < arnColons):
		return wrong("its whole ARN, as arn:aws:s3:::bucket/key; none for an action that takes no resource", "this is no ARN")
	case strings.ContainsAny(ask.Resource, "*?"):
		return wrong("one ARN that the pattern matches: a question is about one", "this is a pattern of ARNs")
	}
	return ask, nil
}

const arnColons = 5 // arn:partition:service:region:account:resource

// ParseAsk reads a question as people write it: VERB RESOURCE, as in "create
// pods", "get pods/log", "list deployments.apps", "get /healthz"; or ACTION
// with or without ARN, as in "s3:GetObject arn:aws:s3:::bucket/key". Whether
// there is such a resource is not judged. The error is a *Wrong.
func ParseAsk(text string) (access.Ask, error) {
	wrong := func(hint, message string) (access.Ask, error) {
		return access.Ask{}, &Wrong{Message: message + ": " + quoted(text), Hint: hint}
	}
	for _, r := range text {
		if r > '~' {
			return wrong("write it with plain letters", "a question has the letter "+Escape(string(r)))
		}
	}
	words := strings.Fields(text)
	switch {
	case len(words) > 0 && awsAction.MatchString(words[0]):
		return parseAction(words, wrong)
	case len(words) == 1 && OwnVerb(words[0]):
		return wrong("want VERB RESOURCE, as in "+quoted(words[0]+" pods"), "this question has no resource")
	case len(words) == 3:
		return wrong("a test is about every name; write "+quoted(words[0]+" "+words[1]), "a question is VERB RESOURCE")
	case len(words) != 2:
		return wrong(`want VERB RESOURCE, as in "create pods"`, "this is no question")
	}
	ask := access.Ask{Verb: words[0], Resource: words[1]}
	if hint := verbHint(ask); hint != "" {
		return wrong(hint, "unknown verb "+quoted(ask.Verb))
	}
	if strings.HasPrefix(ask.Resource, "/") {
		switch {
		case strings.ContainsAny(ask.Resource, "*?%#"):
			return wrong("a question is about one path, as in get /healthz", "this is not one path")
		case !slices.Contains(urlVerbs, ask.Verb):
			return wrong("a path takes "+list(urlVerbs[:len(urlVerbs)-1], "and"), "no path takes the verb "+quoted(ask.Verb))
		}
		return ask, nil
	}
	if !resourceForm.MatchString(ask.Resource) {
		hint := "want a resource such as pods, deployments.apps, pods/log or /healthz"
		if lower := strings.ToLower(ask.Resource); resourceForm.MatchString(lower) {
			hint = "did you mean " + lower + "?"
		}
		return wrong(hint, "this is no resource")
	}
	return ask, nil
}

// VerbHint is what to write instead of a verb that is none of Kubernetes' own, or
// a choice of these.
func VerbHint(ask access.Ask) string {
	if hint := verbHint(ask); hint != "" {
		return hint
	}
	return "want " + list(verbs[:8], "or")
}

// verbHint is what to write instead of a verb that is not meant; empty for a
// verb that can be.
func verbHint(ask access.Ask) string {
	lower := strings.ToLower(ask.Verb)
	if OwnVerb(ask.Verb) {
		return ""
	}
	if instead, ok := usualVerbs[access.Fold(ask.Verb)]; ok {
		return "did you mean " + strings.ReplaceAll(instead, "R", Escape(ask.Resource)) + "?"
	}
	if OwnVerb(ask.Resource) {
		return "did you mean " + ask.Resource + " " + Escape(ask.Verb) + "?"
	}
	if near, ok := access.Nearest(ask.Verb, verbs); ok {
		return "did you mean " + near + "?"
	}
	if verbForm.MatchString(lower) && lower != ask.Verb {
		return "verbs are lower-case"
	}
	if !verbForm.MatchString(ask.Verb) {
		return "want " + list(verbs[:8], "or")
	}
	return ""
}
