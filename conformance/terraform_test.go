//go:build conformance || bench

package conformance

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const providerVersion = "5.100.0"

// mirror finds a folder that holds the AWS provider as Terraform's filesystem
// mirrors lay it out: it looks where Terraform looks, then a few folders deep
// from the root.
func mirror(t *testing.T) string {
	t.Helper()
	var candidates []string
	if home, err := os.UserHomeDir(); err == nil {
		candidates = append(candidates, filepath.Join(home, ".terraform.d", "plugins"))
	}
	candidates = append(candidates, os.Getenv("TF_PLUGIN_CACHE_DIR"))
	for _, c := range candidates {
		if c != "" && holdsProvider(c) {
			return c
		}
	}
	found := ""
	root := string(filepath.Separator)
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case found != "":
			return fs.SkipAll
		case err != nil:
			return fs.SkipDir
		case !d.IsDir():
			return nil
		case path == "/proc" || path == "/sys" || path == "/dev" || strings.Count(path, "/") > 4:
			return fs.SkipDir
		case holdsProvider(path):
			found = path
			return fs.SkipAll
		}
		return nil
	})
	if found == "" {
		missing(t, "Terraform's AWS provider in a filesystem mirror")
	}
	return found
}

// holdsProvider looks for HOST/hashicorp/aws beneath a folder.
func holdsProvider(folder string) bool {
	found, err := filepath.Glob(filepath.Join(folder, "*", "hashicorp", "aws"))
	return err == nil && len(found) > 0
}

// terraform is a working folder with the AWS provider, pointed at an account.
type terraform struct {
	t    *testing.T
	path string
	dir  string
	env  []string
}

func newTerraform(t *testing.T, endpoint, account string) *terraform {
	path := program(t, "terraform", "version")
	dir := t.TempDir()
	rc := filepath.Join(dir, "terraformrc")
	write(t, rc, fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror(t)))
	tf := &terraform{t, path, dir, clean(t, append(list(credentials(t, endpoint, account)), "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1")...)}
	write(t, filepath.Join(dir, "provider.tf"), `terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "`+providerVersion+`"
    }
  }
}
provider "aws" {
  default_tags {
    tags = { "created-by" = "terraform" }
  }
}
`)
	return tf
}

func (tf *terraform) write(name, text string) { write(tf.t, filepath.Join(tf.dir, name), text) }

func (tf *terraform) run(want int, args ...string) string {
	tf.t.Helper()
	return run(tf.t, tf.dir, tf.env, want, tf.path, append(args, "-no-color")...)
}

// people are the first article's: each team's users get their policies on the
// cluster.
const people = `
variable "edit" { default = ["*backend*", "*session-notes*"] }
variable "users" { default = { arseny = "devops", oleksii = "backend", test-eks-acess-TO-DEL = "backend", yehor = "qa" } }
variable "grants" {
  default = {
    devops  = { AmazonEKSClusterAdminPolicy = [] }
    backend = { AmazonEKSEditPolicy = null, AmazonEKSViewPolicy = ["*ops*"] }
    qa      = { AmazonEKSEditPolicy = ["*qa*"], AmazonEKSViewPolicy = ["*backend*"] }
  }
}
resource "aws_iam_user" "person" {
  for_each = var.users
  name     = each.key
}
resource "aws_eks_access_entry" "person" {
  for_each          = var.users
  cluster_name      = "` + testCluster + `"
  principal_arn     = aws_iam_user.person[each.key].arn
  kubernetes_groups = ["team-${each.value}"]
  tags              = { team = each.value }
}
locals {
  associations = merge([for user, team in var.users : {
    for policy, namespaces in var.grants[team] : "${user}/${policy}" => { user = user, policy = policy, namespaces = namespaces == null ? var.edit : namespaces }
  }]...)
}
resource "aws_eks_access_policy_association" "person" {
  for_each      = local.associations
  cluster_name  = "` + testCluster + `"
  principal_arn = aws_eks_access_entry.person[each.value.user].principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/${each.value.policy}"
  access_scope {
    type       = length(each.value.namespaces) == 0 ? "cluster" : "namespace"
    namespaces = length(each.value.namespaces) == 0 ? null : each.value.namespaces
  }
}
`

// shows: item S33
func TestTerraformManagesTheFirstArticlesPeople(t *testing.T) {
	t.Parallel()
	endpoint := lab(t)
	account := newAccount()
	tf := newTerraform(t, endpoint, account)
	aws := newCLI(t, endpoint, account)
	aws.createCluster("API_AND_CONFIG_MAP")
	before := aws.entries()

	tf.write("people.tf", people)
	tf.run(0, "init")
	tf.run(0, "apply", "-auto-approve")
	if have := aws.entries(); len(have) != len(before)+4 {
		t.Errorf("after apply the entries are %v", have)
	}
	tf.run(0, "plan", "-detailed-exitcode") // 2 would be a difference
	// The provider's default_tags are on what it makes: foreignTags knows it by them.
	var made struct{ AccessEntry accessEntry }
	aws.ok(&made, "eks", "describe-access-entry", "--cluster-name", testCluster, "--principal-arn", aws.user("oleksii"))
	if want := map[string]string{"team": "backend", "created-by": "terraform"}; !maps.Equal(made.AccessEntry.Tags, want) {
		t.Errorf("Terraform's entry has tags %v, want %v", made.AccessEntry.Tags, want)
	}

	// A scope is narrowed in place, a group is changed.
	tf.write("terraform.tfvars", `edit = ["*backend*"]`)
	tf.run(2, "plan", "-detailed-exitcode")
	tf.run(0, "apply", "-auto-approve")
	tf.run(0, "plan", "-detailed-exitcode")

	// Terraform forgets one entry and its policy and imports both again.
	entry := `aws_eks_access_entry.person["oleksii"]`
	policy := `aws_eks_access_policy_association.person["oleksii/AmazonEKSEditPolicy"]`
	tf.run(0, "state", "rm", entry, policy)
	tf.run(0, "import", entry, testCluster+":"+aws.user("oleksii"))
	tf.run(0, "import", policy, testCluster+"#"+aws.user("oleksii")+"#"+policyARN+"AmazonEKSEditPolicy")
	tf.run(0, "plan", "-detailed-exitcode")

	tf.run(0, "destroy", "-auto-approve")
	if have := aws.entries(); !slices.Equal(have, before) {
		t.Errorf("after destroy the entries are %v, were %v", have, before)
	}
}
