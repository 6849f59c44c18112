//go:build e2e || soak

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/lab"
)

// servedLab is `atlas-iam lab serve` in a process of its own.
type servedLab struct {
	process *exec.Cmd
	lab     *lab.Lab
	eks     *eks.Client
}

func serveLab(t *testing.T, exe, file string) *servedLab {
	t.Helper()
	s := &servedLab{process: exec.Command(exe, "lab", "serve", "--listen", "127.0.0.1:0", "--lab", file, "-o", "json")}
	out, err := s.process.StdoutPipe()
	if err == nil {
		err = s.process.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.process.Process.Kill(); _ = s.process.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the lab did not start: %v", err)
	}
	var where struct{ Endpoint string }
	if err := json.Unmarshal(line, &where); err != nil {
		t.Fatal(err)
	}
	if s.lab, err = lab.Dial(t.Context(), where.Endpoint); err != nil {
		t.Fatal(err)
	}
	accounts := []access.Account{{Name: "main", ID: faultAccount, Partition: "aws", Regions: []string{"us-east-1"}}}
	c, err := cloud.Open(t.Context(), accounts, s.lab.CloudOptions(cloud.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	s.eks = c.EKS(faultAccount, "us-east-1")
	return s
}

func (s *servedLab) kill(t *testing.T) {
	t.Helper()
	if err := s.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.process.Wait() // it says: killed
	_ = s.lab.Close()
}

// deed is how far a writer came with one entry, by what was acknowledged: each
// step is made only after the one before it was.
type deed struct {
	principal string
	arn       string
	tried     int // steps sent
	done      int // steps acknowledged: create, associate, tag, associate wider, update groups
}

const deedSteps = 5

func (d *deed) step(ctx context.Context, c *eks.Client) error {
	policy := aws.String("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")
	cluster := aws.String("test")
	d.tried++
	var err error
	switch d.done {
	case 0:
		var out *eks.CreateAccessEntryOutput
		out, err = c.CreateAccessEntry(ctx, &eks.CreateAccessEntryInput{ClusterName: cluster, PrincipalArn: &d.principal, Tags: map[string]string{"step": "create"}})
		if err == nil {
			d.arn = *out.AccessEntry.AccessEntryArn
		}
	case 1:
		_, err = c.AssociateAccessPolicy(ctx, &eks.AssociateAccessPolicyInput{ClusterName: cluster, PrincipalArn: &d.principal, PolicyArn: policy,
			AccessScope: &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: []string{"dev-*"}}})
	case 2:
		_, err = c.TagResource(ctx, &eks.TagResourceInput{ResourceArn: &d.arn, Tags: map[string]string{"step": "tag"}})
	case 3:
		_, err = c.AssociateAccessPolicy(ctx, &eks.AssociateAccessPolicyInput{ClusterName: cluster, PrincipalArn: &d.principal, PolicyArn: policy,
			AccessScope: &types.AccessScope{Type: types.AccessScopeTypeCluster}})
	case 4:
		_, err = c.UpdateAccessEntry(ctx, &eks.UpdateAccessEntryInput{ClusterName: cluster, PrincipalArn: &d.principal, KubernetesGroups: []string{"debug"}})
	}
	if err == nil {
		d.done++
	}
	return err
}

// reached reads how many steps the lab has, and fails on anything that is not
// exactly the outcome of a number of steps.
func (d *deed) reached(ctx context.Context, c *eks.Client, listed map[string]bool) (int, error) {
	e, err := c.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{ClusterName: aws.String("test"), PrincipalArn: &d.principal})
	if cloud.IsNotFound(err) {
		if listed[d.principal] {
			return 0, errors.New("it is listed and cannot be described")
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if !listed[d.principal] {
		return 0, errors.New("it can be described and is not listed")
	}
	p, err := c.ListAssociatedAccessPolicies(ctx, &eks.ListAssociatedAccessPoliciesInput{ClusterName: aws.String("test"), PrincipalArn: &d.principal})
	if err != nil {
		return 0, err
	}
	tags, err := c.ListTagsForResource(ctx, &eks.ListTagsForResourceInput{ResourceArn: e.AccessEntry.AccessEntryArn})
	if err != nil {
		return 0, err
	}
	if !maps.Equal(tags.Tags, e.AccessEntry.Tags) {
		return 0, fmt.Errorf("its tags are %v by its ARN, %v by its name", tags.Tags, e.AccessEntry.Tags)
	}
	scope := ""
	for _, a := range p.AssociatedAccessPolicies {
		scope = scopeText(string(a.AccessScope.Type), a.AccessScope.Namespaces)
	}
	is := [3]string{scope, e.AccessEntry.Tags["step"], fmt.Sprint(e.AccessEntry.KubernetesGroups)}
	steps := [deedSteps][3]string{{"", "create", "[]"}, {"dev-*", "create", "[]"}, {"dev-*", "tag", "[]"}, {"cluster", "tag", "[]"}, {"cluster", "tag", "[debug]"}}
	n := slices.Index(steps[:], is)
	if n < 0 {
		return 0, fmt.Errorf("it is half done: %v", is)
	}
	return n + 1, nil
}

// The lab is killed again and again while writers write. What was acknowledged
// is there ever after, the one write in flight is there or is not, and nothing
// is there by half.
//
// shows: item S27
func TestTheServedLabKilledWithWritesInFlightLosesNoAcknowledgedWrite(t *testing.T) {
	kills := 15
	if soak {
		kills = 200
	}
	const seed = 20261122
	random := rand.New(rand.NewPCG(seed, 0))
	exe, file := program(t), filepath.Join(t.TempDir(), "lab.db")
	s := serveLab(t, exe, file)
	if _, err := s.lab.Seed(t.Context(), desire(t, oneCluster)); err != nil {
		t.Fatal(err)
	}
	var all []*deed
	inFlight, cameThrough, acknowledged := 0, 0, 0
	for round := range kills {
		deeds := writeUntilKilled(t, s, round, 1+random.IntN(60))
		s = serveLab(t, exe, file)
		listed := listEntries(t, s.eks)
		for _, d := range deeds {
			acknowledged += d.done
			is, err := d.reached(t.Context(), s.eks, listed)
			switch {
			case err != nil:
				t.Fatalf("seed %d, kill %d: %s: %v", seed, round+1, d.principal, err)
			case is < d.done || is > d.tried:
				t.Fatalf("seed %d, kill %d: %s has %d steps; %d were acknowledged, %d sent", seed, round+1, d.principal, is, d.done, d.tried)
			}
			if d.tried > d.done {
				inFlight++
				cameThrough += is - d.done
			}
			d.done, d.tried = is, is // it stays so
		}
		all = append(all, deeds...)
	}
	listed := listEntries(t, s.eks)
	for _, d := range all {
		if is, err := d.reached(t.Context(), s.eks, listed); err != nil || is != d.done {
			t.Fatalf("seed %d, after all kills: %s has %d steps, had %d: %v", seed, d.principal, is, d.done, err)
		}
	}
	t.Logf("%d kills, %d writes acknowledged, %d in flight when killed, of which %d had taken effect", kills, acknowledged, inFlight, cameThrough)
	if inFlight < kills || acknowledged < 10*kills {
		t.Errorf("a poor mix: too few writes in flight or acknowledged (seed %d)", seed)
	}
}

const oneCluster = `
-- all.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "492000000148", regions: [us-east-1]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test}
spec: {}
`

// writeUntilKilled has eight writers write and kills the lab when so many
// writes were acknowledged.
func writeUntilKilled(t *testing.T, s *servedLab, round, acknowledgements int) []*deed {
	t.Helper()
	var (
		mu      sync.Mutex
		deeds   []*deed
		count   atomic.Int64
		killing = make(chan struct{})
		once    sync.Once
		writers sync.WaitGroup
	)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for writer := range 8 {
		writers.Go(func() {
			for n := 0; ; n++ {
				// Of an account that the lab does not have, so that no user must be made.
				d := &deed{principal: fmt.Sprintf("arn:aws:iam::111122223333:user/w%d-%d-%d", round, writer, n)}
				mu.Lock()
				deeds = append(deeds, d)
				mu.Unlock()
				for d.done < deedSteps {
					err := d.step(ctx, s.eks)
					if refused := smithy.APIError(nil); errors.As(err, &refused) {
						t.Errorf("%s, step %d: %v", d.principal, d.tried, err)
					}
					if err != nil {
						return
					}
					if count.Add(1) == int64(acknowledgements) {
						once.Do(func() { close(killing) })
					}
				}
			}
		})
	}
	select {
	case <-killing:
	case <-ctx.Done():
		t.Error("the writers did not come far enough in a minute")
	}
	s.kill(t)
	writers.Wait()
	return deeds
}

func listEntries(t *testing.T, c *eks.Client) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for pages := eks.NewListAccessEntriesPaginator(c, &eks.ListAccessEntriesInput{ClusterName: aws.String("test")}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, arn := range page.AccessEntries {
			all[arn] = true
		}
	}
	return all
}
