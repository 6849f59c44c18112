package guard

import (
	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// modeAPI holds the last step of the authentication mode. From then on
// aws-auth has no effect, and there is no way back. (EKS User Guide, grant
// Kubernetes access: mode table)
func modeAPI() plan.Guard {
	return plan.Guard{
		Slug:    "mode-api",
		About:   "The step to mode API ends aws-auth for good, and aws-auth was not read: whoever only it maps is cut off.",
		Instead: "Read aws-auth by hand (`kubectl -n kube-system get configmap aws-auth -o yaml`) and see that each of its roles, users and accounts has an entry.",
		Check: func(in *plan.Input) plan.Findings {
			return holdEach(in.Plan, func(c *plan.Change) string {
				from, _ := c.From.(plan.Mode)
				to, ok := c.To.(plan.Mode)
				if !ok || to.AuthenticationMode != access.ModeAPI || from.AuthenticationMode == access.ModeAPI {
					return ""
				}
				if from.AuthenticationMode == "" {
					return "" // it was not read: Compute holds the step, and no --allow may seem to help
				}
				return "aws-auth of " + c.Cluster.Name + " was not read, and every role, user and account that only it maps would be cut off for good, " +
					"among them the nodes of self-managed groups: read it by hand first (kubectl -n kube-system get configmap aws-auth -o yaml)"
			})
		},
	}
}
