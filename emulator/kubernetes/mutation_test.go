package kubernetes_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// mutation asks the webhook about a new pod of a ServiceAccount with
// annotations, null for one that is not there, and gives the patch.
func (w *world) mutation(namespace, account, annotations string) string {
	w.t.Helper()
	status, out := w.send("POST", w.path("pod-mutation"), w.token, []byte(`{"annotations":`+annotations+`,"review":{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",`+
		`"request":{"uid":"7","namespace":"`+namespace+`","object":{"metadata":{},"spec":{"serviceAccountName":"`+account+`","containers":[{"name":"a"}]}}}}}`))
	response, _ := out["response"].(map[string]any)
	if status != 200 || response["allowed"] != true || response["uid"] != "7" {
		w.t.Fatalf("%d %v", status, out)
	}
	text, _ := response["patch"].(string)
	patch, err := base64.StdEncoding.DecodeString(text)
	if err != nil || text != "" && !json.Valid(patch) {
		w.t.Fatalf("%s %v", text, err)
	}
	return string(patch)
}

// shows: item S89
func TestTheWebhookKnowsAssociationsAndAnnotations(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`
	role := *must[*iam.CreateRoleOutput](t)(w.iam().CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("yace"), AssumeRolePolicyDocument: &trust})).Role.Arn
	const annotated = `{"eks.amazonaws.com/role-arn":"arn:aws:iam::111122223333:role/irsa"}`
	if patch := w.mutation("ops", "yace", `{}`); patch != "" {
		t.Errorf("no role: %s", patch)
	}
	if patch := w.mutation("ops", "yace", annotated); !strings.Contains(patch, `"value":"arn:aws:iam::111122223333:role/irsa"`) || !strings.Contains(patch, `"AWS_REGION","value":"us-east-1"`) {
		t.Errorf("an annotation: %s", patch)
	}
	must[*eks.CreatePodIdentityAssociationOutput](t)(w.eks().CreatePodIdentityAssociation(t.Context(), &eks.CreatePodIdentityAssociationInput{
		ClusterName: aws.String(cluster), Namespace: aws.String("ops"), ServiceAccount: aws.String("yace"), RoleArn: &role}))
	if patch := w.mutation("ops", "yace", annotated); !strings.Contains(patch, `"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://127.0.0.1/v1/credentials"`) || strings.Contains(patch, "AWS_ROLE_ARN") {
		t.Errorf("an association and an annotation: %s", patch)
	}
	for account, annotations := range map[string]string{"yace": "null", "loki": "{}"} {
		if patch := w.mutation("ops", account, annotations); patch != "" {
			t.Errorf("%s %s: %s", account, annotations, patch)
		}
	}
	if patch := w.mutation("dev", "yace", "{}"); patch != "" {
		t.Errorf("another namespace: %s", patch)
	}
	for _, wrong := range []string{`{`, `{"annotations":{},"review":{}}`} {
		if status, _ := w.send("POST", w.path("pod-mutation"), w.token, []byte(wrong)); status != 400 {
			t.Errorf("%s: %d", wrong, status)
		}
	}
	if status, _ := w.send("POST", w.path("pod-mutation"), "another", []byte(`{}`)); status != 401 {
		t.Errorf("somebody else: %d", status)
	}
}
