package access

import (
	"slices"
	"strings"
)

// The tags by which we know our own.
const (
	TagEnvironment = "atlas-iam.dev/environment"
	TagID          = "atlas-iam.dev/id"
)

// Owner is an environment as it signs what it makes: its name and the id that
// `atlas-iam init` drew. The same name with another id is somebody else.
type Owner struct {
	Environment string `json:"name"`
	ID          string `json:"id"`
}

// Tags are the two that mark an object as o's.
func (o Owner) Tags() map[string]string {
	return map[string]string{TagEnvironment: o.Environment, TagID: o.ID}
}

// Ownership says whose an object is, and by which mark. An object with our
// tags and another tool's mark is foreign: tags can be written by others.
type Ownership struct {
	Ours bool
	// By tells a reader whose it is: "environment ops", "CloudFormation stack
	// x", "tag created-by=terraform", "Amazon EKS", "nobody's mark".
	By string
}

// ToolMarks are the keys of the tags by which an object is another tool's,
// sorted; foreign is as for OwnerOf.
func ToolMarks(tags, foreign map[string]string) []string {
	var keys []string
	for k, v := range tags {
		if toolMark(k, v, foreign) != "" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// toolMark names the tool whose mark a tag is; "" if it is none.
func toolMark(k, v string, foreign map[string]string) string {
	switch {
	case k == "aws:cloudformation:stack-name":
		return "CloudFormation stack " + v
	case strings.HasPrefix(k, "aws:cloudformation:"):
		return "CloudFormation"
	case strings.HasPrefix(k, "alpha.eksctl.io/") || strings.HasPrefix(k, "eksctl.cluster.k8s.io/"):
		return "eksctl, tag " + k
	}
	if want, ok := foreign[k]; ok && (want == v || want == "*") {
		return "tag " + k + "=" + v
	}
	return ""
}

// OwnerOf reads an object's tags. foreign holds the marks of other tools that
// the Environment names; a value of "*" matches any.
func (o Owner) OwnerOf(tags, foreign map[string]string) Ownership {
	keys := make([]string, 0, len(tags))
	for k := range tags {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if tool := toolMark(k, tags[k], foreign); tool != "" {
			return Ownership{By: tool}
		}
	}
	env, hasEnv := tags[TagEnvironment]
	id, hasID := tags[TagID]
	switch {
	case hasEnv && hasID && env == o.Environment && id == o.ID:
		return Ownership{Ours: true, By: "environment " + env}
	case hasEnv && env == o.Environment:
		return Ownership{By: "another environment named " + env + " (id " + id + ")"}
	case hasEnv || hasID:
		return Ownership{By: "environment " + env}
	}
	return Ownership{By: "nobody's mark"}
}
