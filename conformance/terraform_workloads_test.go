//go:build conformance

package conformance

import (
	"slices"
	"strings"
	"testing"
)

// workloads are what the articles make for their ServiceAccounts: the first a
// role with an inline policy and an association on each cluster, beside the
// agent that they need; the second a role that a ServiceAccount takes by its
// token; the fourth the same with a managed policy attached.
const workloads = `
variable "clusters" { default = ["` + testCluster + `", "second"] }
variable "reads" { default = ["cloudwatch:ListMetrics", "cloudwatch:GetMetricData", "tag:GetResources"] }
variable "loki" { default = "loki-sa" }

data "aws_caller_identity" "me" {}
data "aws_eks_cluster" "first" { name = var.clusters[0] }

data "aws_iam_policy_document" "pods" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}
resource "aws_eks_addon" "agent" {
  for_each     = toset(var.clusters)
  cluster_name = each.value
  addon_name   = "eks-pod-identity-agent"
}
resource "aws_iam_role" "yace" {
  name               = "metrics-yace"
  path               = "/workloads/"
  assume_role_policy = data.aws_iam_policy_document.pods.json
  inline_policy {
    name = "metrics-yace-read"
    policy = jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = var.reads, Resource = "*" }]
    })
  }
  tags = { team = "monitoring" }
}
resource "aws_eks_pod_identity_association" "yace" {
  for_each        = toset(var.clusters)
  cluster_name    = each.value
  namespace       = "ops-monitoring-ns"
  service_account = "yace-sa"
  role_arn        = aws_iam_role.yace.arn
  depends_on      = [aws_eks_addon.agent]
}

locals { issuer = trimprefix(data.aws_eks_cluster.first.identity[0].oidc[0].issuer, "https://") }

resource "aws_iam_openid_connect_provider" "first" {
  url            = data.aws_eks_cluster.first.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}
data "aws_iam_policy_document" "irsa" {
  for_each = { test = "default:iam-role-test", loki = "ops-monitoring-ns:${var.loki}" }
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.me.account_id}:oidc-provider/${local.issuer}"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["system:serviceaccount:${each.value}"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}
resource "aws_iam_role" "test" {
  name                 = "iam-role-test"
  assume_role_policy   = data.aws_iam_policy_document.irsa["test"].json
  max_session_duration = 7200
  description          = "of a ServiceAccount"
}
resource "aws_iam_policy" "bucket" {
  name   = "loki-bucket"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = "arn:aws:s3:::loki-chunks/*" }]
  })
}
resource "aws_iam_role" "loki" {
  name                 = "loki"
  assume_role_policy   = data.aws_iam_policy_document.irsa["loki"].json
  permissions_boundary = aws_iam_policy.bucket.arn
}
resource "aws_iam_role_policy_attachment" "loki" {
  role       = aws_iam_role.loki.name
  policy_arn = aws_iam_policy.bucket.arn
}
`

// shows: item S85
func TestTerraformManagesTheArticlesWorkloads(t *testing.T) {
	t.Parallel()
	endpoint := lab(t)
	account := newAccount()
	tf := newTerraform(t, endpoint, account)
	aws := newCLI(t, endpoint, account)
	aws.createCluster("API_AND_CONFIG_MAP")
	aws.ok(nil, "eks", "create-cluster", "--name", "second", "--role-arn", aws.role("cluster-service"), "--resources-vpc-config", "subnetIds=subnet-1,subnet-2")
	before := aws.roles()

	tf.write("workloads.tf", workloads)
	tf.run(0, "init")
	tf.run(0, "apply", "-auto-approve")
	tf.run(0, "plan", "-detailed-exitcode") // 2 would be a difference
	if have := aws.roles(); len(have) != len(before)+3 {
		t.Errorf("after apply the roles are %v, were %v", have, before)
	}
	first := aws.association(testCluster)
	if !strings.HasSuffix(first.RoleArn, ":role/workloads/metrics-yace") || first.Tags["created-by"] != "terraform" {
		t.Errorf("the association is %+v", first)
	}
	aws.association("second")

	// Another ServiceAccount is trusted, another action allowed: both in place.
	tf.write("terraform.tfvars", "loki = \"loki\"\nreads = [\"cloudwatch:ListMetrics\"]\n")
	tf.run(2, "plan", "-detailed-exitcode")
	tf.run(0, "apply", "-auto-approve")
	tf.run(0, "plan", "-detailed-exitcode")

	// An association and a provider are forgotten and imported again.
	association := `aws_eks_pod_identity_association.yace["` + testCluster + `"]`
	provider := "aws_iam_openid_connect_provider.first"
	var listed struct {
		OpenIDConnectProviderList []struct{ Arn string }
	}
	aws.ok(&listed, "iam", "list-open-id-connect-providers")
	if len(listed.OpenIDConnectProviderList) != 1 {
		t.Fatalf("the providers are %v", listed)
	}
	tf.run(0, "state", "rm", association, provider)
	tf.run(0, "import", association, testCluster+","+first.AssociationID)
	tf.run(0, "import", provider, listed.OpenIDConnectProviderList[0].Arn)
	tf.run(0, "plan", "-detailed-exitcode")

	tf.run(0, "destroy", "-auto-approve")
	if have := aws.roles(); !slices.Equal(have, before) {
		t.Errorf("after destroy the roles are %v, were %v", have, before)
	}
	for member, args := range map[string][]string{
		"associations":              {"eks", "list-pod-identity-associations", "--cluster-name", testCluster},
		"addons":                    {"eks", "list-addons", "--cluster-name", testCluster},
		"OpenIDConnectProviderList": {"iam", "list-open-id-connect-providers"},
		"Policies":                  {"iam", "list-policies", "--scope", "Local"},
	} {
		var left map[string]any
		aws.ok(&left, args...)
		if list, ok := left[member].([]any); !ok || len(list) > 0 {
			t.Errorf("after destroy there is left %v", left)
		}
	}
}

type association struct {
	AssociationID string `json:"associationId"`
	RoleArn       string
	Tags          map[string]string
}

// association describes the only one that a cluster has.
func (c *cli) association(cluster string) association {
	c.t.Helper()
	var list struct{ Associations []association }
	c.ok(&list, "eks", "list-pod-identity-associations", "--cluster-name", cluster)
	if len(list.Associations) != 1 {
		c.t.Fatalf("%s has associations %v", cluster, list.Associations)
	}
	var one struct{ Association association }
	c.ok(&one, "eks", "describe-pod-identity-association", "--cluster-name", cluster, "--association-id", list.Associations[0].AssociationID)
	return one.Association
}

// roles lists the roles' ARNs.
func (c *cli) roles() []string {
	c.t.Helper()
	var list struct{ Roles []struct{ Arn string } }
	c.ok(&list, "iam", "list-roles")
	var arns []string
	for _, r := range list.Roles {
		arns = append(arns, r.Arn)
	}
	slices.Sort(arns)
	return arns
}
