//go:build e2e

package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/cli"
)

// workWrite reports whether a call writes what workloads have.
func workWrite(c *call.Call) bool {
	return slices.ContainsFunc([]string{"CreateRole", "DeleteRole", "UpdateRole", "UpdateAssumeRolePolicy", "PutRole", "TagRole", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy",
		"CreateOpenIDConnectProvider", "CreateAddon", "CreatePodIdentityAssociation", "UpdatePodIdentityAssociation", "DeletePodIdentityAssociation", "TagResource"},
		func(p string) bool { return strings.HasPrefix(c.Operation, p) })
}

// holds is what the account has of workloads, in words that leave out ids.
func (w *world) holds(t *testing.T) []string {
	t.Helper()
	var out []string
	client := w.iam(workHome)
	roles, err := client.GetAccountAuthorizationDetails(t.Context(), &iam.GetAccountAuthorizationDetailsInput{Filter: []iamtypes.EntityType{iamtypes.EntityTypeRole}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range roles.RoleDetailList {
		if *r.RoleName == emulator.LabRole {
			continue
		}
		trust, _ := url.PathUnescape(*r.AssumeRolePolicyDocument)
		out = append(out, "role "+*r.Arn+" "+trust)
		for _, p := range r.RolePolicyList {
			text, _ := url.PathUnescape(*p.PolicyDocument)
			out = append(out, "policy "+*r.RoleName+" "+*p.PolicyName+" "+text)
		}
		for _, p := range r.AttachedManagedPolicies {
			out = append(out, "attached "+*r.RoleName+" "+*p.PolicyArn)
		}
		for _, tag := range r.Tags {
			out = append(out, "tag "+*r.RoleName+" "+*tag.Key+"="+*tag.Value)
		}
	}
	providers, err := client.ListOpenIDConnectProviders(t.Context(), &iam.ListOpenIDConnectProvidersInput{})
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, fmt.Sprintf("%d providers", len(providers.OpenIDConnectProviderList)))
	for _, cluster := range []string{"prod", "test"} {
		associations, err := w.eks(workHome, "us-east-1").ListPodIdentityAssociations(t.Context(), &eks.ListPodIdentityAssociationsInput{ClusterName: &cluster})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range associations.Associations {
			out = append(out, "association "+cluster+" "+*a.Namespace+"/"+*a.ServiceAccount)
		}
	}
	slices.Sort(out)
	return out
}

// Each write of an apply that makes workloads, of one that changes them and of
// one that takes them fails once in each way: an error before the effect, an
// error or a cut connection after it. The run, or the next, finishes; nothing is
// doubled, and what AWS then holds is what it holds without the fault.
//
// shows: item S113
func TestWorkloadsConvergeAfterAFaultAtEachWrite(t *testing.T) {
	first := workWorld(t)
	first.run("apply", "--yes", ".").ends(t, cli.OK)
	issuer := func(s []string) []string { // each lab draws its own
		var out []string
		for _, l := range s {
			if i := strings.Index(l, "/id/"); i > 0 {
				l = l[:i]
			}
			out = append(out, l)
		}
		return out
	}
	applied := issuer(first.holds(t))
	first.stop()
	for _, scene := range []struct {
		name string
		file string // the lab before
		edit func(*world)
	}{
		{"made", "", func(*world) {}},
		{"changed", first.file, func(w *world) {
			w.edit("yace.yaml", `"tag:GetResources"`, `"tag:GetTagKeys"`)
			w.edit("yace.yaml", "name: yace-sa", "name: yace-two")
			w.edit("loki.yaml", "{stage: test}", "{stage: prod}")
		}},
		{"taken", first.file, func(w *world) { w.remove("loki.yaml"); w.edit("yace.yaml", "all: true", "names: [test]") }},
	} {
		world := func(t *testing.T) *world {
			w := newWorld(t, "", scene.file, workAccounts()...)
			w.write("environment.yaml", workEnvironment)
			w.write("yace.yaml", workYace)
			w.write("loki.yaml", workLoki)
			if scene.file == "" {
				w.run("plan", ".").ends(t, cli.OK)
				if _, err := w.iam(workHome).CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("logs"),
					PolicyDocument: aws.String(logsPolicy)}); err != nil {
					t.Fatal(err)
				}
			}
			scene.edit(w)
			return w
		}
		// Without a fault: how many writes, and what is held then.
		w := world(t)
		writes := 0
		var mu sync.Mutex
		w.failing(func(c *call.Call) *emulator.Fault {
			mu.Lock()
			defer mu.Unlock()
			if workWrite(c) {
				writes++
			}
			return nil
		})
		w.run("apply", "--yes", "--max-deletes", "20", ".").ends(t, cli.OK)
		want := issuer(w.holds(t))
		if scene.name == "made" {
			if d := cmp.Diff(applied, want); d != "" {
				t.Fatal(d)
			}
		}
		if writes < 4 {
			t.Fatalf("%s: only %d writes", scene.name, writes)
		}
		t.Logf("%s: %d writes", scene.name, writes)
		for _, fault := range []faultOfWork{{"error before", emulator.Fault{Kind: emulator.FaultError}}, {"error after", emulator.Fault{Kind: emulator.FaultError, After: true}}, {"cut after", emulator.Fault{Kind: emulator.FaultCut, After: true}}, {"denied", emulator.Fault{Kind: emulator.FaultDeny}}} {
			for n := 1; n <= writes; n++ {
				t.Run(fmt.Sprintf("%s %s %d", scene.name, fault.name, n), func(t *testing.T) {
					w := world(t)
					seen, operation := 0, ""
					w.failing(func(c *call.Call) *emulator.Fault {
						mu.Lock()
						defer mu.Unlock()
						if !workWrite(c) {
							return nil
						}
						if seen++; seen != n {
							return nil
						}
						operation = c.Operation
						return &fault.fault
					})
					r := w.run("apply", "--yes", "--max-deletes", "20", ".")
					if fault.name == "denied" && r.code != cli.Failed {
						t.Errorf("%s was denied and the run ends with %d", operation, r.code)
					}
					w.failing(nil)
					if r.code != cli.OK {
						w.run("apply", "--yes", "--max-deletes", "20", ".").ends(t, cli.OK)
					}
					if d := cmp.Diff(want, issuer(w.holds(t))); d != "" {
						t.Errorf("after a fault at %s (-want +held):\n%s", operation, d)
					}
					again := w.run("apply", "--yes", ".").ends(t, cli.OK)
					if !strings.HasPrefix(again.out, "No changes.") {
						t.Errorf("after a fault at %s there is still to do:\n%s", operation, again.out)
					}
				})
			}
		}
	}
}

type faultOfWork struct {
	name  string
	fault emulator.Fault
}

// A saved plan of workloads is made, also after it was cut off in the middle,
// and refused as done when it is.
func TestASavedPlanOfWorkloadsIsMadeAndThenDone(t *testing.T) {
	w := workWorld(t)
	w.run("plan", "--out", "./p.plan", ".").ends(t, cli.OK)
	denied := 0
	w.failing(func(c *call.Call) *emulator.Fault {
		if c.Operation == "CreatePodIdentityAssociation" {
			denied++
			return &emulator.Fault{Kind: emulator.FaultDeny}
		}
		return nil
	})
	w.run("apply", "--yes", "--plan", "./p.plan").ends(t, cli.Failed)
	w.failing(nil)
	w.run("apply", "--yes", "--plan", "./p.plan").ends(t, cli.OK)
	w.run("apply", "--yes", "--plan", "./p.plan").ends(t, cli.OK).says(t, "nothing to do")
	w.nothingToDo()
	if denied == 0 {
		t.Error("nothing was denied")
	}
}

// shows: item S108
func TestRolesAndAssociationsOfOthersAreAdoptedOnTheLab(t *testing.T) {
	w := workWorld(t)
	w.run("apply", "--yes", ".").ends(t, cli.OK)
	w.remove("loki.yaml")
	w.run("apply", "--yes", ".").ends(t, cli.OK)
	client, keys := w.iam(workHome), []string{"atlas-iam.dev/environment", "atlas-iam.dev/id"}
	if _, err := client.UntagRole(t.Context(), &iam.UntagRoleInput{RoleName: aws.String("yace"), TagKeys: keys}); err != nil {
		t.Fatal(err)
	}
	api := w.eks(workHome, "us-east-1")
	list, err := api.ListPodIdentityAssociations(t.Context(), &eks.ListPodIdentityAssociationsInput{ClusterName: aws.String("test")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.UntagResource(t.Context(), &eks.UntagResourceInput{ResourceArn: list.Associations[0].AssociationArn, TagKeys: keys}); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(time.Minute)
	w.run("plan", ".").ends(t, cli.OK).says(t, "role/492000000148/yace", "association/test/ops-monitoring-ns/yace-sa")
	w.run("adopt", "--yes", ".", "role/492000000148/yace", "association/test/ops-monitoring-ns/yace-sa").ends(t, cli.OK)
	w.clock.pass(time.Minute)
	w.nothingToDo()
}
