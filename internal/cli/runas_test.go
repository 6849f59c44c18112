package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/access"
)

// shows: item S114
func TestARefusedTokenOfAPodLeadsToWhatIsAtFault(t *testing.T) {
	refused := func(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }
	app := &access.WantWorkload{Name: "app", Accounts: []access.WorkloadAccount{{Namespace: "preview-*", Name: "app"}, {Namespace: "web", Name: "app"}}}
	two := &access.WantWorkload{Name: "two", Accounts: []access.WorkloadAccount{{Namespace: "preview-*", Name: "api"}, {Namespace: "preview-*", Name: "web"}}}
	for what, c := range map[string]struct {
		err  error
		of   serviceAccountOf
		want string
	}{
		"a namespace is not bound": {refused("ResourceNotFoundException", "no association"), serviceAccountOf{workload: app, namespace: "preview-2", name: "app"},
			"atlas-iam bind workload/app -n preview-2 gives it the role"},
		"nor is one of several": {refused("ResourceNotFoundException", "no association"), serviceAccountOf{workload: two, namespace: "preview-2", name: "web"},
			"atlas-iam bind workload/two -n preview-2 --service-account web gives it the role"},
		"a document names it":            {refused("ResourceNotFoundException", "no association"), serviceAccountOf{workload: app, namespace: "web", name: "app"}, "atlas-iam plan shows whether the association is there"},
		"the role does not trust EKS":    {refused("AccessDeniedException", "Unauthorized Exception! EKS does not have permissions to assume the associated role."), serviceAccountOf{workload: app, namespace: "preview-2", name: "app"}, "trust policy"},
		"the caller has not the right":   {refused("AccessDeniedException", "User: x is not authorized to perform: eks-auth:AssumeRoleForPodIdentity on resource: y"), serviceAccountOf{workload: app, namespace: "preview-2", name: "app"}, "your own credentials need eks-auth:"},
		"what says nothing of the cause": {errors.New("no answer"), serviceAccountOf{workload: app, namespace: "preview-2", name: "app"}, ""},
	} {
		got := podIdentityHint(c.err, &c.of)
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q lacks %q", what, got, c.want)
		}
	}
}
