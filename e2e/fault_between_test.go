//go:build e2e || soak

package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Two runs make one plan at the same time, call by call in an order drawn by
// seed. All that must hold after each write does, no entry is made twice, and
// whatever each run says, another one finds nothing or finishes.
func TestTwoAppliesAtOnceBreakNothingAndTheNextRunConverges(t *testing.T) {
	s := newStage(t, everyChangeBefore, everyChangeAfter, everyOptions())
	seeds := uint64(40)
	if soak {
		seeds = 1000
	}
	var mu sync.Mutex
	counts := map[apply.Status]int{}
	t.Run("seeds", func(t *testing.T) {
		for seed := range seeds {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					for _, status := range s.together(t, seed, 2) {
						mu.Lock()
						counts[status]++
						mu.Unlock()
					}
				})
			})
		}
	})
	t.Logf("%d seeds, outcomes of both runs: %v", seeds, counts)
	if counts[apply.Done] < int(seeds)*10 || counts[apply.Already] < int(seeds) {
		t.Errorf("a poor mix: the runs hardly met: %v", counts)
	}
}

// One run in parallel, with calls that take as long as they like, keeps the
// order that matters: grants first, the caller's own loss last.
func TestAnApplyInParallelKeepsItsOrderHoweverLongCallsTake(t *testing.T) {
	s := newStage(t, everyChangeBefore, everyChangeAfter, everyOptions())
	seeds := uint64(40)
	if soak {
		seeds = 1000
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			for _, status := range s.together(t, 2*seed+1, 1) {
				if status != apply.Done {
					t.Errorf("a change is %s", status)
				}
			}
			if t.Failed() {
				t.Logf("seed %d", 2*seed+1)
			}
		})
	}
}

// together makes runs at once; of an odd seed each in parallel.
func (s *stage) together(t *testing.T, seed uint64, n int) (all []apply.Status) {
	v := s.enter(t)
	check := newChecker(v, s.want)
	check.lossy, check.runs = "ops", n
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 2))
	v.onCall(func(*call.Call) *emulator.Fault {
		mu.Lock()
		defer mu.Unlock()
		return &emulator.Fault{Kind: emulator.FaultSlow, Delay: time.Duration(random.IntN(400)) * time.Millisecond}
	})
	var runs sync.WaitGroup
	results := make([]*apply.Result, n)
	for i := range results {
		runs.Go(func() {
			time.Sleep(time.Duration(i) * time.Duration(seed%7) * 100 * time.Millisecond)
			results[i], _ = v.apply(s.plan, apply.Options{Parallel: 1 + 7*int(seed%2), ForeignTags: s.want.ForeignTags})
		})
	}
	runs.Wait()
	v.onCall(nil)
	check.follow(v.server.Journal())
	seen := len(v.server.Journal())
	for _, res := range results {
		for _, o := range res.Outcomes {
			all = append(all, o.Status)
			if o.Status == apply.Unknown {
				t.Errorf("%s is unknown, and no answer was lost: %v", o.Change.ID, o.Err)
			}
		}
	}
	v.converge(s.want, s.opts)
	check.nextRun()
	check.follow(v.server.Journal()[seen:])
	check.same(v.read(s.want.Accounts))
	for _, f := range check.faults {
		t.Error(f)
	}
	return all
}

// foreignEdit is what somebody else does to a principal's entry between plan and
// apply. It reports whether it could.
type foreignEdit struct {
	name string
	do   func(v *virtual, c *eks.Client, cluster, principal string, e *held) bool
	// undo lets the run converge; nil: it needs no help.
	undo func(v *virtual, c *eks.Client, cluster, principal string)
}

func foreignEdits() []foreignEdit {
	must := func(v *virtual, err error) {
		v.t.Helper()
		if err != nil {
			v.t.Fatal(err)
		}
	}
	associate := func(v *virtual, c *eks.Client, cluster, principal, policy string) {
		arn := "arn:aws:eks::aws:cluster-access-policy/AmazonEKS" + policy + "Policy"
		_, err := c.AssociateAccessPolicy(v.t.Context(), &eks.AssociateAccessPolicyInput{ClusterName: &cluster, PrincipalArn: &principal, PolicyArn: &arn,
			AccessScope: &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: []string{"theirs-*"}}})
		must(v, err)
	}
	remove := func(v *virtual, c *eks.Client, cluster, principal string) {
		_, err := c.DeleteAccessEntry(v.t.Context(), &eks.DeleteAccessEntryInput{ClusterName: &cluster, PrincipalArn: &principal})
		must(v, err)
	}
	return []foreignEdit{
		{name: "entry deleted", do: func(v *virtual, c *eks.Client, cluster, principal string, e *held) bool {
			if e != nil {
				remove(v, c, cluster, principal)
			}
			return e != nil
		}},
		{name: "entry made", do: func(v *virtual, c *eks.Client, cluster, principal string, e *held) bool {
			if e != nil || cluster == "old" {
				return false
			}
			_, err := c.CreateAccessEntry(v.t.Context(), &eks.CreateAccessEntryInput{ClusterName: &cluster, PrincipalArn: &principal, KubernetesGroups: []string{"theirs"}})
			must(v, err)
			return true
		}, undo: remove},
		{name: "entry made again", do: func(v *virtual, c *eks.Client, cluster, principal string, e *held) bool {
			if e == nil || e.Type != "STANDARD" {
				return false
			}
			remove(v, c, cluster, principal)
			_, err := c.CreateAccessEntry(v.t.Context(), &eks.CreateAccessEntryInput{ClusterName: &cluster, PrincipalArn: &principal,
				KubernetesGroups: e.Groups, Username: userOf(e, principal), Tags: e.Tags})
			must(v, err)
			return true
		}},
		{name: "retagged", do: func(v *virtual, c *eks.Client, cluster, principal string, e *held) bool {
			if e == nil || e.Tags[access.TagID] == "" {
				return false
			}
			_, err := c.TagResource(v.t.Context(), &eks.TagResourceInput{ResourceArn: &e.ARN, Tags: map[string]string{"created-by": "terraform"}})
			must(v, err)
			return true
		}, undo: func(v *virtual, c *eks.Client, cluster, principal string) {
			out, err := c.DescribeAccessEntry(v.t.Context(), &eks.DescribeAccessEntryInput{ClusterName: &cluster, PrincipalArn: &principal})
			must(v, err)
			_, err = c.UntagResource(v.t.Context(), &eks.UntagResourceInput{ResourceArn: out.AccessEntry.AccessEntryArn, TagKeys: []string{"created-by"}})
			must(v, err)
		}},
		{name: "group changed", do: func(v *virtual, c *eks.Client, cluster, principal string, e *held) bool {
			if e == nil || e.Type != "STANDARD" {
				return false
			}
			_, err := c.UpdateAccessEntry(v.t.Context(), &eks.UpdateAccessEntryInput{ClusterName: &cluster, PrincipalArn: &principal, KubernetesGroups: []string{"theirs"}})
			must(v, err)
			return true
		}},
		{name: "scope changed", do: func(v *virtual, c *eks.Client, cluster, principal string, e *held) bool {
			if e == nil || len(e.Policies) == 0 {
				return false
			}
			for _, p := range sortedKeys(e.Policies) {
				if p == "ClusterAdmin" {
					return false // that would take the administrator away, and it was not us
				}
				associate(v, c, cluster, principal, p)
			}
			return true
		}},
		{name: "association added", do: func(v *virtual, c *eks.Client, cluster, principal string, e *held) bool {
			if e == nil || e.Type != "STANDARD" {
				return false
			}
			associate(v, c, cluster, principal, "Admin")
			return true
		}},
	}
}

// userOf is the username to make an entry again with; nil for EKS's own.
func userOf(e *held, principal string) *string {
	if e.Username == principal || strings.HasPrefix(e.Username, "arn:") {
		return nil
	}
	return aws.String(e.Username)
}

// Each kind of edit is made to each principal of a plan between plan and
// apply. What it touched is not deleted, the rest is made, and the same run
// then converges.
func TestAForeignChangeBetweenPlanAndApplyDeletesNothingAndTheSameRunConverges(t *testing.T) {
	s := newStage(t, everyChangeBefore, everyChangeAfter, everyOptions())
	var targets []string
	for _, c := range s.plan.Changes {
		if key := c.Cluster.Name + " " + c.Principal; c.Principal != "" && c.Principal != faultCaller && !slices.Contains(targets, key) {
			targets = append(targets, key)
		}
	}
	var mu sync.Mutex
	counts := map[string]int{}
	t.Run("cases", func(t *testing.T) {
		for _, e := range foreignEdits() {
			for _, key := range targets {
				t.Run(e.name+" "+key, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						cluster, principal, _ := strings.Cut(key, " ")
						if s.edited(t, e, cluster, principal) {
							mu.Lock()
							counts[e.name]++
							mu.Unlock()
						}
					})
				})
			}
		}
	})
	t.Logf("%d principals: %v", len(targets), counts)
	for _, e := range foreignEdits() {
		if counts[e.name] < 3 {
			t.Errorf("a poor mix: %q was made %d times", e.name, counts[e.name])
		}
	}
}

func (s *stage) edited(t *testing.T, e foreignEdit, cluster, principal string) bool {
	key := cluster + " " + principal
	v := s.enter(t)
	c := v.open(s.want.Accounts).EKS(faultAccount, "us-east-1")
	if !e.do(v, c, cluster, principal, v.read(s.want.Accounts)[key]) {
		return false
	}
	check := newChecker(v, s.want)
	check.lossy = "ops"
	// An entry to be made again, which went beneath us: the taking half was
	// done for us, and what we make is given in its time.
	check.replaced[key] = check.at0[key] == nil
	theirs := len(v.server.Journal())
	res, record := v.apply(s.plan, apply.Options{ForeignTags: s.want.ForeignTags})
	journal := v.server.Journal()[theirs:]
	s.judge(v, check, res, record, journal)
	for _, w := range journal {
		o := object(w)
		if strings.HasPrefix(o, "DeleteAccessEntry "+cluster+" "+bareName(principal)) ||
			e.name == "scope changed" && strings.HasPrefix(o, "DisassociateAccessPolicy "+cluster+" "+bareName(principal)) {
			t.Errorf("after %s of %s on %s: %s", e.name, principal, cluster, o)
		}
	}
	for _, o := range res.Outcomes {
		touched := o.Change.Cluster.Name == cluster && (o.Change.Principal == principal || cluster == "ops")
		if o.Status != apply.Done && o.Status != apply.Already && !touched {
			t.Errorf("%s did not concern %s, which is %s: %v", e.name, o.Change.ID, o.Status, o.Err)
		}
	}
	if e.undo != nil {
		e.undo(v, c, cluster, principal)
	}
	v.converge(s.want, s.opts)
	return true
}

// A cluster that goes between plan and apply fails its own changes; nothing is
// deleted elsewhere, and the next plan holds what is left.
func TestAClusterGoneBetweenPlanAndApplyFailsOnlyItsOwnChanges(t *testing.T) {
	s := newStage(t, everyChangeBefore, everyChangeAfter, everyOptions())
	for _, gone := range []string{"ops", "test", "old"} {
		synctest.Test(t, func(t *testing.T) {
			v := s.enter(t)
			c := v.open(s.want.Accounts).EKS(faultAccount, "us-east-1")
			if _, err := c.DeleteCluster(t.Context(), &eks.DeleteClusterInput{Name: &gone}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			check := newChecker(v, s.want)
			check.lossy = "ops"
			theirs := len(v.server.Journal())
			res, record := v.apply(s.plan, apply.Options{ForeignTags: s.want.ForeignTags})
			s.judge(v, check, res, record, v.server.Journal()[theirs:])
			for _, o := range res.Outcomes {
				// A delete of what went with the cluster is no failure.
				made := o.Status == apply.Done || o.Status == apply.Already
				if o.Change.Cluster.Name != gone && !made || o.Change.Cluster.Name == gone && o.Status == apply.Done {
					t.Errorf("without cluster %s: %s is %s: %v", gone, o.Change.ID, o.Status, o.Err)
				}
			}
			for _, x := range v.plan(s.want, s.opts).Changes {
				if x.Cluster.Name != gone || !slices.ContainsFunc(x.Held, func(h plan.Hold) bool { return h.Guard == plan.NoCluster }) {
					t.Errorf("without cluster %s is to do: %s, held %v", gone, x.ID, x.Held)
				}
			}
		})
	}
}
