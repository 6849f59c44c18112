package iam

import (
	"slices"
	"strings"
)

// ungoverned answers for the calls that no policy governs. GetCallerIdentity
// is always allowed, even against an explicit Deny (R3.11; STS API);
// GetSessionToken needs no permission and none can be taken away, but sessions
// cannot call it (R3.11, R3.12).
func (e *evaluator) ungoverned() (t truth, settled bool) {
	c := e.q.Caller
	switch fold(e.q.Action) {
	case "sts:getcalleridentity":
		return yes, true
	case "sts:getsessiontoken":
		return truthOf((c.Kind == User || c.Kind == Root) && !c.Temporary), true
	}
	return no, false
}

// mfa is what credentials of GetSessionToken need for calls of IAM. (R3.12)
var mfa = Condition{Operator{Name: "Bool"}, "aws:MultiFactorAuthPresent", []string{"true"}}

// rule tells whether AWS lets this kind of caller do the action at all. (R3.8,
// R3.12; IAM User Guide, requesting temporary security credentials)
func (e *evaluator) rule(ctx *Context) truth {
	c, action := e.q.Caller, fold(e.q.Action)
	switch s := service(action); {
	case c.Kind == Root && (action == "sts:assumerole" || e.kind == Trust):
		return no // assumption U-26
	case c.Kind == Session && action == "sts:getfederationtoken":
		return no
	case c.Kind == FederatedUser && (s == "iam" || s == "sts"):
		return no
	case c.Temporary && s == "sts":
		return truthOf(action == "sts:assumerole" || e.kind == Trust)
	case c.Temporary && s == "iam":
		return mfa.holds(ctx, ctx)
	}
	return yes
}

// resourceControlled tells whether resource control policies reach an action:
// AWS lists the services that they do, "and more"; EKS is not among them.
// (R3.13)
func resourceControlled(action string) truth {
	switch service(action) {
	case "s3", "sts", "kms", "sqs", "secretsmanager", "cognito-idp", "cognito-identity", "logs", "dynamodb", "ecr":
		return yes
	case "eks":
		return no
	}
	return maybe
}

// AlsoAsked are the actions that a call of AssumeRole and its like needs
// besides its own, by what it passes: session tags, a source identity, a
// context. Each is decided on the same role with the same keys. (R3.9, R3.10;
// assumption U-20 asks the caller's side for them too)
func AlsoAsked(action string, c *Context) []string {
	if !strings.HasPrefix(fold(action), "sts:assumerole") || c == nil {
		return nil
	}
	passed := func(key string) bool {
		return slices.ContainsFunc(c.values[fold(key)], func(v string) bool { return v != "" })
	}
	var out []string
	if passed("aws:TagKeys") || slices.ContainsFunc(sortedKeys(c.values), func(k string) bool {
		return strings.HasPrefix(k, fold("aws:RequestTag/")) && len(c.values[k]) > 0
	}) {
		out = append(out, "sts:TagSession")
	}
	if passed("sts:SourceIdentity") {
		out = append(out, "sts:SetSourceIdentity")
	}
	if passed("sts:RequestContextProviders") {
		out = append(out, "sts:SetContext")
	}
	return out
}
