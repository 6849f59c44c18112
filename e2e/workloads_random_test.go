//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/internal/cli"
)

var (
	workSeeds = flag.Int("work-seeds", 6, "how many random histories of workloads are played")
	workSeed  = flag.Uint64("work-seed", 1, "the first of their seeds")
)

// drawn is a Workload document at random. Workloads of different numbers never
// want one ServiceAccount or one role.
type drawn struct {
	mix  map[string]int
	text string
}

func drawWorkload(r *rand.Rand, i int) drawn {
	d := drawn{mix: map[string]int{}}
	some := func(what string, in int) bool {
		if r.IntN(in) > 0 {
			return false
		}
		d.mix[what]++
		return true
	}
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	several := func(from ...string) string {
		r.Shuffle(len(from), func(a, b int) { from[a], from[b] = from[b], from[a] })
		return strings.Join(from[:1+r.IntN(len(from))], ", ")
	}
	credentials := pick("PodIdentity", "IRSA")
	d.mix[credentials]++
	accounts := several(fmt.Sprintf("{namespace: n%d, name: one}", i), fmt.Sprintf("{namespace: n%d, name: two}", i), fmt.Sprintf("{namespace: n%d, name: default}", i))
	if some("pattern", 3) {
		accounts += fmt.Sprintf(`, {namespace: "p%d-*", name: "x*"}`, i)
	}
	role := fmt.Sprintf("name: %s", pick(fmt.Sprintf("r%d", i), fmt.Sprintf("r%d", i), fmt.Sprintf("R%d", i), fmt.Sprintf(`"r%d-{cluster}"`, i)))
	if strings.Contains(role, "{cluster}") {
		d.mix["a role a cluster"]++
	}
	if some("path", 4) {
		role += ", path: /other/"
	}
	if some("boundary", 4) {
		role += `, permissionsBoundary: "arn:aws:iam::aws:policy/PowerUserAccess"`
	}
	if some("description", 4) {
		role += ", description: " + pick("short", "Größe & <ß>", `"a: \"b\""`)
	}
	if some("duration", 4) {
		role += ", maxSessionDuration: " + pick("2h", "12h")
	}
	if some("tags", 3) {
		role += ", tags: {" + several("a: b", `"A/b": "c d"`, `team: ""`) + "}"
	}
	if some("managed", 3) {
		role += ", managedPolicies: [" + several(`"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"`, `"arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"`) + "]"
	}
	if r.IntN(5) > 0 {
		if some("policy's name", 4) {
			role += ", policyName: other"
		}
		role += ", statements: [" + several(
			`{actions: ["s3:GetObject", "S3:GetObject"], resources: ["arn:aws:s3:::b/*", "arn:aws:s3:::a/${aws:PrincipalTag/team}"]}`,
			`{sid: Deny, effect: Deny, notActions: ["s3:Get*"], resources: ["arn:aws:s3:::b/*"], conditions: {Bool: {"aws:SecureTransport": ["false"]}}}`,
			`{actions: ["cloudwatch:ListMetrics"], resources: ["*"], conditions: {StringLike: {"aws:PrincipalTag/x": ["${*}", "b*"]}, "ForAnyValue:StringEquals": {"aws:TagKeys": [b, a]}}}`) + "]"
	}
	more := ""
	if credentials == "PodIdentity" && some("target role", 5) {
		more += "\n  targetRole: {arn: \"arn:aws:iam::111122223333:role/far\"}"
	}
	if credentials == "PodIdentity" && some("no session tags", 5) {
		more += "\n  disableSessionTags: true"
		if some("session policy", 2) {
			more += "\n  sessionPolicy: {statements: [{actions: [\"s3:*\"], resources: [\"*\"]}]}"
		}
	}
	d.text = fmt.Sprintf("apiVersion: atlas-iam.dev/v1alpha1\nkind: Workload\nmetadata: {name: w%d}\nspec:\n  clusters: %s\n  serviceAccounts: [%s]\n  credentials: %s\n  role: {%s}%s\n",
		i, pick("{all: true}", "{names: [test]}", "{names: [prod]}", "{matchLabels: {stage: prod}}"), accounts, credentials, role, more)
	return d
}

// staysUnsaid begins what stays on a role when no document says it any more: a
// tag, a description, a boundary, which only takes rights.
var staysUnsaid = regexp.MustCompile(`^(tag \S+ [^=]*=|(description|boundary) \S+ )`)

var issuerID = regexp.MustCompile(`/id/[0-9A-F]{32}`)

// everything is what AWS has of workloads, in words that leave out ids and what
// is shared and stays.
func (w *world) everything(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, line := range w.holds(t) {
		if !strings.HasSuffix(line, " providers") && !strings.HasPrefix(line, "association ") {
			out = append(out, issuerID.ReplaceAllString(line, "/id/ID"))
		}
	}
	client := w.iam(workHome)
	roles, err := client.ListRoles(t.Context(), &iam.ListRolesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range roles.Roles {
		if *r.RoleName == emulator.LabRole {
			continue
		}
		one, err := client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: r.RoleName})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("session %s %d", *r.RoleName, aws.ToInt32(one.Role.MaxSessionDuration)))
		if d := aws.ToString(one.Role.Description); d != "" {
			out = append(out, "description "+*r.RoleName+" "+d)
		}
		if b := one.Role.PermissionsBoundary; b != nil {
			out = append(out, "boundary "+*r.RoleName+" "+*b.PermissionsBoundaryArn)
		}
	}
	for _, cluster := range []string{"prod", "test"} {
		api := w.eks(workHome, "us-east-1")
		list, err := api.ListPodIdentityAssociations(t.Context(), &eks.ListPodIdentityAssociationsInput{ClusterName: &cluster})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list.Associations {
			d, err := api.DescribePodIdentityAssociation(t.Context(), &eks.DescribePodIdentityAssociationInput{ClusterName: &cluster, AssociationId: s.AssociationId})
			if err != nil {
				t.Fatal(err)
			}
			a := d.Association
			out = append(out, fmt.Sprintf("association %s %s/%s %s to %s, untagged %t, within %q, tags %v", cluster, *a.Namespace, *a.ServiceAccount, *a.RoleArn,
				aws.ToString(a.TargetRoleArn), aws.ToBool(a.DisableSessionTags), aws.ToString(a.Policy), a.Tags))
		}
	}
	slices.Sort(out)
	return out
}

// What AWS holds of workloads in the end does not depend on what it held
// before: documents that change at random, apply by apply, leave what the last
// ones alone make of an empty account, and after each apply there is nothing to
// do.
//
// shows: item S180
func TestWhatIsAppliedDoesNotDependOnWhatWasThere(t *testing.T) {
	mix := map[string]int{}
	for seed := *workSeed; seed < *workSeed+uint64(*workSeeds); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			w := randomWorld(t)
			const workloads, steps = 4, 6
			last := map[string]string{}
			for range steps {
				for i := range workloads {
					name := fmt.Sprintf("w%d.yaml", i)
					switch _, there := last[name]; {
					case there && r.IntN(5) == 0:
						w.remove(name)
						delete(last, name)
						mix["gone"]++
					case !there || r.IntN(2) == 0:
						d := drawWorkload(r, i)
						w.write(name, d.text)
						last[name] = d.text
						for what, n := range d.mix {
							mix[what] += n
						}
					}
				}
				w.converges(last)
			}
			alone := randomWorld(t)
			for name, text := range last {
				alone.write(name, text)
			}
			alone.converges(last)
			for _, line := range w.everything(t) {
				word, _, _ := strings.Cut(line, " ")
				mix[word]++
			}
			want, got := alone.everything(t), w.everything(t)
			got = slices.DeleteFunc(got, func(line string) bool {
				if !staysUnsaid.MatchString(line) || slices.Contains(want, line) {
					return false
				}
				what := staysUnsaid.FindString(line)
				return !slices.ContainsFunc(want, func(l string) bool { return strings.HasPrefix(l, what) })
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-alone +after others):\n%s\n%v", diff, last)
			}
		})
	}
	t.Logf("seeds %d to %d: %v", *workSeed, *workSeed+uint64(*workSeeds)-1, mix)
	for _, what := range []string{"PodIdentity", "IRSA", "pattern", "a role a cluster", "path", "boundary", "description", "duration", "tags", "policy's name", "managed",
		"target role", "no session tags", "session policy", "gone", "role", "policy", "attached", "tag", "session", "description", "boundary", "association"} {
		if mix[what] == 0 {
			t.Errorf("of %q there was none", what)
		}
	}
}

// randomWorld has two clusters, an administrator of each and no workload.
func randomWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "", "", workAccounts()...)
	w.write("environment.yaml", workEnvironment)
	return w
}

// converges applies the documents, and then there is nothing to do.
func (w *world) converges(documents map[string]string) {
	w.t.Helper()
	apply := []string{"apply", "--yes", "--max-deletes", "1000", "--allow", "privilege", "--allow", "delete-all", "."}
	first := w.run(apply...)
	if first.code != cli.OK {
		w.t.Fatalf("apply ends with %d:\n%s%s\n%v", first.code, first.out, first.err, documents)
	}
	var second ran
	if wrote := w.workWrites(func() { second = w.run(append(apply, "--max-deletes", "0")...) }); len(wrote) > 0 || second.code != cli.OK || !strings.Contains(second.out, "No changes.") {
		w.t.Fatalf("a second apply ends with %d and writes %v:\n%s%s\n%v", second.code, wrote, second.out, second.err, documents)
	}
}
