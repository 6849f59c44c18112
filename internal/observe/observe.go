// Package observe reads AWS into an access.Snapshot: accounts, their IAM users
// and roles, clusters, access entries and their policies. It judges nothing
// and writes nothing.
//
// Absent and unread never mix: a 404 is a fact, everything else that kept a
// list from being read whole (a 403, throttling without end, an answer that
// is cut, pages that repeat, an unknown value) is a gap of the snapshot.
//
// What it costs: for each account one call for the caller and a page of 1,000
// of each of its users and roles; for each region a page of 100 clusters; for
// each cluster one call and a page of 100 entries; for each entry two calls.
// Clusters in CONFIG_MAP mode are not asked for entries. Where Kubernetes is
// read, six calls to the cluster's own API server, and one more for each 500
// objects of a list. Workloads are read where Options say so, and cost what
// workloads.go says.
package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/kube"
)

// Options of a reading.
type Options struct {
	// Part narrows the reading to some clusters, to some principals, or both;
	// nil reads all. IAM is always read whole: members are looked up in it.
	Part *access.Part
	// Now is the clock of Snapshot.At; nil for the system's.
	Now func() time.Time
	// Kubernetes says of which clusters the Kubernetes side is read, once their
	// entries are; nil reads none. It may be called from several goroutines.
	Kubernetes func(*access.HaveCluster) access.KubernetesNeed
	// Workloads says what of workloads is read; nil is nothing.
	Workloads *access.WorkloadsNeed
	// Dial reaches API servers; nil is kube.Dial.
	Dial kube.Dialer
	// Progress is told how far the reading is, one call at a time.
	Progress func(Progress)
}

// Progress counts what was read. The totals grow while lists come in.
type Progress struct {
	Accounts, Clusters, Entries                int
	TotalAccounts, TotalClusters, TotalEntries int
}

// CouldNotAskError says that not one account could be asked. Of several
// accounts some may fail; those are gaps.
type CouldNotAskError struct{ Errs []error }

// Error is a line for each account, or one for all if the reason is the same.
func (e *CouldNotAskError) Error() string {
	var lines, reasons []string
	for _, err := range e.Errs {
		lines = append(lines, err.Error())
		reasons = append(reasons, cloud.Reason(err))
	}
	if slices.Sort(reasons); len(lines) > 1 && len(slices.Compact(reasons)) == 1 {
		return "no account could be asked: " + reasons[0]
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the accounts' errors.
func (e *CouldNotAskError) Unwrap() []error { return e.Errs }

// Read reads the accounts. Equal worlds give equal snapshots, whatever the
// size of pages and the order of answers. An error means that AWS could not be
// asked: the context ended, the credentials of an account are another
// account's (cloud.WrongAccountError), or no account at all could be asked
// (CouldNotAskError).
func Read(ctx context.Context, c *cloud.Cloud, accounts []access.Account, o Options) (*access.Snapshot, error) {
	return newReading(c, accounts, o).all(ctx, true)
}

// ReadPrincipals is Read without clusters: callers, users and roles, enough to
// tell members' ARNs before a Part is made of them.
func ReadPrincipals(ctx context.Context, c *cloud.Cloud, accounts []access.Account, o Options) (*access.Snapshot, error) {
	return newReading(c, accounts, o).all(ctx, false)
}

// reading gathers what comes in from many goroutines.
type reading struct {
	cloud    *cloud.Cloud
	accounts []access.Account
	options  Options

	mu       sync.Mutex
	progress Progress
	snapshot access.Snapshot
	notes    map[string]map[string]roleNote // by account and ARN
	failed   []error                        // of accounts that could not be asked, by place in accounts
}

func newReading(c *cloud.Cloud, accounts []access.Account, o Options) *reading {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &reading{cloud: c, accounts: accounts, options: o, notes: map[string]map[string]roleNote{}, failed: make([]error, len(accounts))}
}

func (r *reading) all(ctx context.Context, clusters bool) (*access.Snapshot, error) {
	r.snapshot.At = r.options.Now().UTC()
	r.snapshot.Part = r.options.Part
	r.count(func(p *Progress) { p.TotalAccounts = len(r.accounts) })
	var wg sync.WaitGroup
	for i, a := range r.accounts {
		wg.Go(func() {
			r.failed[i] = r.account(ctx, a, clusters)
			r.count(func(p *Progress) { p.Accounts++ })
		})
	}
	wg.Wait()
	if clusters && ctx.Err() == nil {
		r.workloads(ctx)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read AWS: %w", err)
	}
	if err := r.couldNotAsk(); err != nil {
		return nil, err
	}
	r.normalize()
	return &r.snapshot, nil
}

// couldNotAsk tells whether the failures of accounts leave anything to go on
// with. A wrong account never does: somebody is not where they think they are.
func (r *reading) couldNotAsk() error {
	var failed []error
	for _, err := range r.failed {
		var wrong *cloud.WrongAccountError
		if errors.As(err, &wrong) {
			return err
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 && len(failed) == len(r.accounts) {
		return &CouldNotAskError{Errs: failed}
	}
	return nil
}

func (r *reading) normalize() {
	s := &r.snapshot
	slices.SortFunc(s.Accounts, func(a, b access.HaveAccount) int { return strings.Compare(a.Account.Name, b.Account.Name) })
	slices.SortFunc(s.Clusters, func(a, b access.HaveCluster) int { return a.Key.Compare(b.Key) })
	for i := range s.Clusters {
		slices.SortFunc(s.Clusters[i].Entries, func(a, b access.Entry) int { return strings.Compare(a.Principal, b.Principal) })
	}
	slices.SortFunc(s.Gaps, access.Gap.Compare)
	s.Gaps = slices.Compact(s.Gaps)
}

// gap records a list that was not read. A reading that was stopped records
// none: it gives no snapshot.
func (r *reading) gap(ctx context.Context, g access.Gap, err error) {
	if ctx.Err() != nil {
		return
	}
	g.Reason = kubernetesReason(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snapshot.Gaps = append(r.snapshot.Gaps, g)
}

func (r *reading) count(f func(*Progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.progress)
	if r.options.Progress != nil {
		r.options.Progress(r.progress)
	}
}
