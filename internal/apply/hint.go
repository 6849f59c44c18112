package apply

import (
	"cmp"
	"errors"
	"regexp"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// deniedAction finds the action in AWS's words: "User: ARN is not authorized
// to perform: eks:CreateAccessEntry on resource: ...".
var deniedAction = regexp.MustCompile(`not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9]+)`)

// explain fills what a reader needs to act on o's error.
func (o *Outcome) explain(p *plan.Plan, account string) {
	o.Code = codeOf(o.Err)
	var moved *MovedError
	switch {
	case cloud.IsDenied(o.Err):
		o.Hint = caller(p, account) + " lacks " + action(o.Err) + "; run again to finish, nothing is repeated"
	case kube.IsForbidden(o.Err):
		o.Hint = "the API server does not let " + caller(p, account) + " do that: bind, or every right that the role holds, and write on bindings; run again to finish, nothing is repeated"
	case kube.IsUnauthorized(o.Err):
		o.Hint = "the cluster does not know " + caller(p, account) + ": give it an access entry there"
	case errors.As(o.Err, &moved):
		o.Hint = "plan again to see what is to do now"
	case invalidPrincipal(o.Err):
		o.Hint = "IAM has no such principal, or its path is missing"
	case o.Status == Unknown:
		o.Hint = "run again: it reads first and repeats nothing"
	}
}

func action(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		if m := deniedAction.FindStringSubmatch(api.ErrorMessage()); m != nil {
			return m[1]
		}
	}
	var op *smithy.OperationError
	if errors.As(err, &op) {
		return cmp.Or(strings.ToLower(op.ServiceID), "eks") + ":" + op.OperationName
	}
	return "a right"
}

// caller names whom the run acted as in an account.
func caller(p *plan.Plan, account string) string {
	for _, a := range p.Accounts {
		if a.Account.ID != account || a.Caller == "" {
			continue
		}
		if _, role, ok := access.SessionRole(a.Caller); ok {
			return "role/" + role
		}
		if u, err := access.ParseIAMPrincipal(a.Caller); err == nil {
			return u.Kind + u.Path + u.Name
		}
		return a.Caller
	}
	return "the caller"
}
