package observe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"golang.org/x/sync/errgroup"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

// listPage is the most that EKS gives on a page. (EKS API, ListClusters,
// ListAccessEntries, ListAssociatedAccessPolicies)
const listPage = 100

// How much of a region is worked at; the calls in flight are the cloud's to
// bound, these keep the goroutines few.
const (
	clustersAtOnce = cloud.DefaultMaxInFlight
	entriesAtOnce  = 2 * cloud.DefaultMaxInFlight
)

// region is an account's region being read.
type region struct {
	*reading
	client        *eks.Client
	account, name string
	entries       *errgroup.Group // bounds the entries of all its clusters together
}

func (r *reading) region(ctx context.Context, account, name string) {
	g := &region{reading: r, client: r.cloud.EKS(account, name), account: account, name: name, entries: new(errgroup.Group)}
	g.entries.SetLimit(entriesAtOnce)
	names, err := g.clusterNames(ctx)
	if err != nil {
		r.gap(ctx, access.Gap{What: access.GapClusters, Account: account, Region: name}, err)
		return
	}
	r.count(func(p *Progress) { p.TotalClusters += len(names) })
	var clusters errgroup.Group
	clusters.SetLimit(clustersAtOnce)
	for _, n := range names {
		clusters.Go(func() error {
			g.cluster(ctx, access.ClusterKey{Account: account, Region: name, Name: n})
			r.count(func(p *Progress) { p.Clusters++ })
			return nil
		})
	}
	_ = clusters.Wait() // failures are gaps
}

// clusterNames lists the region's clusters, or names the part's without
// asking: a part's cluster that is not there shows when it is described.
func (g *region) clusterNames(ctx context.Context) ([]string, error) {
	if p := g.options.Part; p != nil && len(p.Clusters) > 0 {
		var names []string
		for _, k := range p.Clusters {
			if k.Account == g.account && k.Region == g.name {
				names = append(names, k.Name)
			}
		}
		return distinct(names), nil
	}
	names, err := pages(func(token *string) ([]string, *string, error) {
		out, err := g.client.ListClusters(ctx, &eks.ListClustersInput{MaxResults: aws.Int32(listPage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return named(out.Clusters, out.NextToken)
	})
	return distinct(names), err
}

// named passes on a page of names that is whole.
func named(names []string, next *string) ([]string, *string, error) {
	if names == nil || slices.Contains(names, "") {
		return nil, nil, errIncomplete
	}
	return names, next, nil
}

// distinct sorts and drops doubles: a list that changes while it is paged may
// name one twice.
func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

func (g *region) cluster(ctx context.Context, key access.ClusterKey) {
	gap := access.Gap{What: access.GapCluster, Account: key.Account, Region: key.Region, Cluster: key.Name}
	have, err := g.describe(ctx, key)
	if cloud.IsNotFound(err) {
		return
	}
	if err != nil {
		g.gap(ctx, gap, err)
		return
	}
	if have.Mode.TakesEntries() {
		gap.What = access.GapEntries
		principals, err := g.principals(ctx, key.Name)
		if cloud.IsNotFound(err) {
			return // the cluster went after it was described
		}
		if err != nil {
			g.gap(ctx, gap, err)
		} else {
			have.EntriesRead = true
			var gone int
			have.Entries, gone = g.readEntries(ctx, key, principals)
			if gone > 0 && g.went(ctx, key) {
				return
			}
		}
	}
	g.kubernetes(ctx, &have)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.snapshot.Clusters = append(g.snapshot.Clusters, have)
}

// describe reads a cluster's state and mode.
func (g *region) describe(ctx context.Context, key access.ClusterKey) (access.HaveCluster, error) {
	out, err := g.client.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &key.Name})
	if err != nil {
		return access.HaveCluster{}, err
	}
	c := out.Cluster
	if c == nil || aws.ToString(c.Name) != key.Name || c.Status == "" || c.AccessConfig == nil {
		return access.HaveCluster{}, errIncomplete
	}
	mode := access.AuthMode(c.AccessConfig.AuthenticationMode)
	if mode.Step() < 0 {
		return access.HaveCluster{}, fmt.Errorf("the cluster's authentication mode %q is not known to this version", mode)
	}
	if !slices.Contains(types.ClusterStatus("").Values(), c.Status) {
		return access.HaveCluster{}, fmt.Errorf("the cluster's status %q is not known to this version", c.Status)
	}
	have := access.HaveCluster{Key: key, Status: string(c.Status), Mode: mode}
	apiServer(&have, c)
	have.Issuer = issuerOf(c)
	if autoMode(c) {
		have.Agent = &access.HaveAgent{BuiltIn: true}
	}
	return have, nil
}

// went reports whether a cluster is gone by now. It is asked only after an
// entry that was listed a moment ago was not there: a 404 does not say
// whether the entry or its cluster went.
func (g *region) went(ctx context.Context, key access.ClusterKey) bool {
	_, err := g.client.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &key.Name})
	return cloud.IsNotFound(err)
}

// principals lists the principals of a cluster's entries that the part has.
func (g *region) principals(ctx context.Context, cluster string) ([]string, error) {
	all, err := pages(func(token *string) ([]string, *string, error) {
		out, err := g.client.ListAccessEntries(ctx, &eks.ListAccessEntriesInput{ClusterName: &cluster, MaxResults: aws.Int32(listPage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return named(out.AccessEntries, out.NextToken)
	})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(arn string) bool { return !g.options.Part.HasPrincipal(arn) })
	return distinct(all), nil
}

// readEntries reads the entries, a few at a time. gone counts those that were
// listed and are not there any more.
func (g *region) readEntries(ctx context.Context, key access.ClusterKey, principals []string) (entries []access.Entry, gone int) {
	g.count(func(p *Progress) { p.TotalEntries += len(principals) })
	var (
		wg   sync.WaitGroup
		read = make([]*access.Entry, len(principals))
		lost atomic.Int64
	)
	for i, principal := range principals {
		wg.Add(1)
		g.entries.Go(func() error {
			defer wg.Done()
			e, err := g.entry(ctx, key.Name, principal)
			switch {
			case cloud.IsNotFound(err):
				lost.Add(1)
			case err != nil:
				g.gap(ctx, access.Gap{What: access.GapEntry, Account: key.Account, Region: key.Region, Cluster: key.Name, Principal: principal}, err)
			default:
				read[i] = e
			}
			g.count(func(p *Progress) { p.Entries++ })
			return nil
		})
	}
	wg.Wait()
	for _, e := range read {
		if e != nil {
			entries = append(entries, *e)
		}
	}
	return entries, int(lost.Load())
}
