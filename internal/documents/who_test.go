package documents

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// What a document refuses (me, a workload) a command line may take: the words
// are read in one place.
func TestSubjectsAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]access.Who{
		"me":                                 {Kind: access.WhoMe},
		"team/backend":                       {Kind: access.WhoTeam, Name: "backend"},
		"workload/yace":                      {Kind: access.WhoWorkload, Name: "yace"},
		"user/people/oleksii":                {Kind: access.WhoUser, Name: "people/oleksii", Member: &access.Member{Kind: access.UserMember, Name: "people/oleksii"}},
		"role/ci":                            {Kind: access.WhoRole, Name: "ci", Member: &access.Member{Kind: access.RoleMember, Name: "ci"}},
		"permissionSet/Backend":              {Kind: access.WhoPermissionSet, Name: "Backend", Member: &access.Member{Kind: access.PermissionSetMember, Name: "Backend"}},
		"serviceaccount/ci/runner":           {Kind: access.WhoServiceAccount, Name: "ci/runner"},
		"arn:aws:iam::111222333444:role/a/b": {Kind: access.WhoARN, ARN: "arn:aws:iam::111222333444:role/a/b"},
	} {
		got, err := ParseWho(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if got.String() != text {
			t.Errorf("%s is written %s", text, got)
		}
	}
	for text, want := range map[string]string{
		"backend":         `the subject is no subject: "backend": write team/backend, user/backend or role/backend`,
		"team/":           `the subject is no subject: "team/": want team/NAME, user/NAME, role/NAME, permissionSet/NAME, serviceaccount/NAMESPACE/NAME or an ARN`,
		"user/*":          `the subject is not one principal: "*": write each principal, or a permission set`,
		"arn:aws:s3:::b":  `this is not an ARN of IAM: "arn:aws:s3:::b": want arn:aws:iam::ACCOUNT:user/NAME or :role/NAME`,
		"permissionset/B": `the subject is no subject: "permissionset/B": did you mean permissionSet/B?`,
	} {
		who, err := ParseWho(text)
		var wrong *Wrong
		if !errors.As(err, &wrong) || err.Error() != want || who != (access.Who{}) {
			t.Errorf("%s: %v and error %v, want %s", text, who, err, want)
		}
	}
}

func TestQuestionsAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]access.Ask{
		"create pods":                   {Verb: "create", Resource: "pods"},
		" get  pods/log ":               {Verb: "get", Resource: "pods/log"},
		"update deployments.apps/scale": {Verb: "update", Resource: "deployments.apps/scale"},
		"get /healthz":                  {Verb: "get", Resource: "/healthz"},
		"* *":                           {Verb: "*", Resource: "*"},
		"list *.apps":                   {Verb: "list", Resource: "*.apps"},
		"impersonate serviceaccounts":   {Verb: "impersonate", Resource: "serviceaccounts"},
		"reconcile widgets.example.com": {Verb: "reconcile", Resource: "widgets.example.com"},
		"approve certificatesigningrequests/approval": {Verb: "approve", Resource: "certificatesigningrequests/approval"},
	} {
		got, err := ParseAsk(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	if _, err := ParseAsk(""); err == nil {
		t.Error("nothing is a question")
	}
}
