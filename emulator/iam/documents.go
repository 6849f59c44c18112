package iam

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	authz "github.com/atlas-iam/atlas-iam/authz/iam"
)

// encodeDocument encodes a policy as RFC 3986 has it: IAM's answers hold
// policies percent-encoded.
func encodeDocument(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// checkDocument reads a policy strictly. The texts are IAM's, as they are
// publicly known.
func (s *Service) checkDocument(kind authz.Kind, document string) (*authz.Policy, error) {
	p, err := authz.Parse(kind, document)
	var pe *authz.ParseError
	if !errors.As(err, &pe) {
		return p, err
	}
	return nil, s.model.Fault("MalformedPolicyDocument", "%s", wording(kind, pe))
}

// checkIdentity reads an identity policy strictly, and refuses resources of
// another partition than its account's; a pattern may stand for it. (IAM's text:
// terraform-aws-modules/terraform-aws-iam#39, #224)
func (s *Service) checkIdentity(partition, document string) error {
	p, err := s.checkDocument(authz.Identity, document)
	if err != nil {
		return err
	}
	for _, st := range p.Statements {
		for _, r := range slices.Concat(st.Resources, st.NotResources) {
			after, isARN := strings.CutPrefix(r, "arn:")
			theirs, _, _ := strings.Cut(after, ":")
			if isARN && theirs != partition && !strings.ContainsAny(theirs, "*?") {
				return s.model.Fault("MalformedPolicyDocument", "Partition %q is not valid for resource %q.", theirs, r)
			}
		}
	}
	return nil
}

func wording(kind authz.Kind, e *authz.ParseError) string {
	switch e.Fault {
	case authz.BadJSON:
		if kind == authz.Trust {
			return "This policy contains invalid Json"
		}
	case authz.NoAction:
		return "Policy statement must contain actions."
	case authz.NoResource:
		return "Policy statement must contain resources."
	case authz.NoPrincipal:
		return "Missing required field Principal"
	case authz.Prohibited:
		if kind == authz.Trust {
			return "Has prohibited field " + e.Value
		}
		return "Policy document should not specify a principal."
	case authz.BadVendor:
		return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	case authz.BadResource:
		return "Resource " + e.Value + ` must be in ARN format or "*".`
	case authz.BadPrincipal:
		return `Invalid principal in policy: "AWS":"` + e.Value + `"`
	case authz.DuplicateSid:
		return "Statement IDs (SID) in a single policy must be unique."
	case authz.BadTrustAction:
		return "AssumeRole policy may only specify STS AssumeRole actions."
	}
	return "Syntax errors in policy."
}
