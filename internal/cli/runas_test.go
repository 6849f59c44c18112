package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube"
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

// A pod has its scheme from when it was made; of one that has another it is said
// that it does not come to what run-as shows.
//
// shows: item S191
func TestAPodThatWasMadeForAnotherSchemeIsToldFromOneThatWasNot(t *testing.T) {
	const irsa, agent, role, other = "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "arn:aws:iam::111122223333:role/app", "arn:aws:iam::111122223333:role/old"
	const at = "http://169.254.170.23/v1/credentials"
	for what, c := range map[string]struct {
		by   access.Credentials
		env  map[string]string
		want string
	}{
		"Pod Identity, made before":   {access.PodIdentity, nil, "made without " + agent},
		"Pod Identity, made for IRSA": {access.PodIdentity, map[string]string{irsa: role}, "made with " + irsa + ", of the other scheme"},
		"Pod Identity beside IRSA":    {access.PodIdentity, map[string]string{agent: at, irsa: role}, "which SDKs take first"},
		"IRSA, made before":           {access.IRSA, map[string]string{"PATH": "/bin"}, "made without " + irsa},
		"IRSA, made for Pod Identity": {access.IRSA, map[string]string{agent: at}, "made with " + agent + ", of the other scheme"},
		"IRSA, another role":          {access.IRSA, map[string]string{irsa: other}, irsa + "=" + other},
		"twin: Pod Identity":          {access.PodIdentity, map[string]string{agent: at}, ""},
		"twin: IRSA":                  {access.IRSA, map[string]string{irsa: role}, ""},
		"twin: IRSA beside":           {access.IRSA, map[string]string{irsa: role, agent: at}, ""},
	} {
		s := &serviceAccountOf{workload: &access.WantWorkload{Credentials: c.by}, role: role}
		got := s.unlike(&kube.Pod{Name: "p", Env: c.env})
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q lacks %q", what, got, c.want)
		}
	}
}
