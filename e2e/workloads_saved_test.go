//go:build e2e

package e2e

import (
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/internal/cli"
)

// What a plan says that a role gains rests on its permissions boundary: where
// that says something else since, the plan is refused whole.
//
// shows: item S164
func TestASavedPlanIsRefusedWhereABoundaryChangedSince(t *testing.T) {
	const boundary = "arn:aws:iam::492000000148:policy/limit"
	says := func(action string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`
	}
	w := workWorld(t)
	made, err := w.iam(workHome).CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("limit"), PolicyDocument: aws.String(says("cloudwatch:*"))})
	if err != nil || aws.ToString(made.Policy.Arn) != boundary {
		t.Fatal(err)
	}
	rewrite := func(arn, document string) {
		t.Helper()
		if _, err := w.iam(workHome).CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: &document, SetAsDefault: true}); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	w.edit("yace.yaml", "    name: yace\n", "    name: yace\n    permissionsBoundary: \""+boundary+"\"\n")
	w.run("plan", "--out", file, ".").ends(t, cli.OK).says(t, "cloudwatch:GetMetricData, cloudwatch:ListMetrics on *")

	rewrite(boundary, says("tag:*"))
	before := w.holds(t)
	refused := func(policy string) {
		t.Helper()
		w.run("apply", "--yes", "--plan", file).ends(t, cli.Usage).says(t, "policy "+policy, "plan again")
		if after := w.holds(t); len(after) != len(before) {
			t.Errorf("made in spite of %s: %v, before %v", policy, after, before)
		}
	}
	refused(boundary)
	w.run("plan", ".").ends(t, cli.OK).says(t, "tag:GetResources on *")

	// So it is of a policy that a role newly gets; the twin is the boundary
	// written in other words.
	const attached = "arn:aws:iam::492000000148:policy/logs"
	rewrite(boundary, `{"Version":"2012-10-17","Statement":{"Action":["CloudWatch:*"],"Resource":["*"],"Effect":"Allow"}}`)
	rewrite(attached, says("logs:Get*"))
	refused(attached)
	rewrite(attached, logsPolicy)
	w.run("apply", "--yes", "--plan", file).ends(t, cli.OK).says(t, "failed 0")
	w.nothingToDo()
}
