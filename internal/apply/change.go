package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

var (
	errRing     = errors.New("the plan's dependencies form a ring, so the change could not be begun")
	errNotWhole = errors.New("the plan's change is not whole: its verb does not fit its from and to")
	errAdopt    = errors.New("adopt adds our tags and changes nothing else; this change would do more")
)

// runner is one run.
type runner struct {
	clients
	servers *apiServers
	roles   roles
	plan    *plan.Plan
	opts    Options
	record  *record
	token   string
	stop    <-chan struct{} // closed: begin nothing more
	halt    func()          // closes it

	progress sync.Mutex // Progress and Waiting are told one thing at a time
}

// stopSignal is closed when from is, or when halt is called.
func stopSignal(from <-chan struct{}) (stop <-chan struct{}, halt func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if from != nil {
		go func() {
			select {
			case <-from:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx.Done(), cancel
}

func (r *runner) stopped(ctx context.Context) bool {
	select {
	case <-r.stop:
		return true
	default:
		return ctx.Err() != nil
	}
}

// outcome makes one change, unless something stands against it.
func (r *runner) outcome(ctx context.Context, n *node) Outcome {
	out := Outcome{Change: n.change}
	skip := func(why Skip, needs string) Outcome {
		out.Status, out.Skip, out.Needs = Skipped, why, needs
		return out
	}
	if len(n.change.Held) > 0 {
		return skip(SkipHeld, "")
	}
	if n.missing != "" {
		return skip(SkipNeeds, n.missing)
	}
	for _, on := range n.needs {
		if on.outcome.Status != Done && on.outcome.Status != Already {
			return skip(SkipNeeds, on.change.ID)
		}
	}
	if r.stopped(ctx) {
		return skip(SkipStopped, "")
	}
	j := &job{runner: r, change: n.change, key: n.change.Cluster, chain: n.chain, out: &out}
	j.eks = r.clients.eks(j.key.Account, j.key.Region)
	j.close(j.make(ctx))
	return out
}

// job is one change while it is made.
type job struct {
	*runner
	change *plan.Change
	key    access.ClusterKey
	chain  *chain
	eks    EKS
	out    *Outcome
	made   bool // at least one write took effect
}

func (j *job) make(ctx context.Context) error {
	if j.change.Kind.Workload() {
		return j.makeWorkload(ctx)
	}
	if j.eks == nil {
		return fmt.Errorf("no access to account %s in %s is configured", j.key.Account, j.key.Region)
	}
	c := j.change
	if !whole(c) {
		return fmt.Errorf("%s: %w", c.ID, errNotWhole)
	}
	if j.opts.adopt && (c.Kind == plan.AuthenticationMode || c.Kind == plan.PolicyAssociation || c.Verb != plan.Update) {
		return errAdopt
	}
	switch c.Kind {
	case plan.AuthenticationMode:
		return j.changeMode(ctx, c.From.(plan.Mode).AuthenticationMode, c.To.(plan.Mode).AuthenticationMode)
	case plan.AccessEntry:
		return j.changeEntry(ctx)
	case plan.PolicyAssociation:
		return j.changeAssociation(ctx)
	case plan.RoleBinding, plan.ClusterRoleBinding:
		return j.changeBinding(ctx)
	}
	return fmt.Errorf("this version does not know how to change a %s", c.Kind)
}

// close settles the outcome from what came of the writes.
func (j *job) close(err error) {
	o := j.out
	for _, w := range o.Writes {
		if w.RequestID != "" {
			o.RequestID = w.RequestID
		}
	}
	var lost *LostError
	if err != nil {
		j.chain.forget()
	}
	switch {
	case errors.Is(err, context.Canceled) && len(o.Writes) == 0:
		o.Status, o.Skip = Skipped, SkipStopped
		return
	case err == nil && j.made:
		o.Status = Done
	case err == nil:
		o.Status = Already
	case errors.As(err, &lost):
		o.Status, o.Err = Unknown, err
	default:
		o.Status, o.Err = Failed, err
	}
	if err != nil {
		o.explain(j.plan, j.key.Account)
	}
}

func bindingKind(namespace string) plan.Kind {
	if namespace == "" {
		return plan.ClusterRoleBinding
	}
	return plan.RoleBinding
}

// whole reports whether a change's from and to are there as its verb says,
// and of its kind: a plan may come from a file.
func whole(c *plan.Change) bool {
	if (c.From == nil) != (c.Verb == plan.Create) || (c.To == nil) != (c.Verb == plan.Delete) {
		return false
	}
	fits := func(o plan.Object) bool {
		switch o := o.(type) {
		case nil:
			return true
		case plan.Mode:
			return c.Kind == plan.AuthenticationMode && c.Verb == plan.Update
		case plan.Entry:
			return c.Kind == plan.AccessEntry && o.Principal == c.Principal && c.Principal != ""
		case plan.Association:
			return c.Kind == plan.PolicyAssociation && c.Verb != plan.Replace &&
				o.Principal == c.Principal && c.Principal != "" && o.Policy != ""
		case plan.Binding:
			return c.Kind == bindingKind(c.Namespace) && o.Namespace == c.Namespace && o.Name == c.Name && c.Name != "" && o.Role.Name != "" && c.Principal == ""
		}
		return false
	}
	if c.Kind.Workload() {
		return wholeWorkload(c)
	}
	return fits(c.From) && fits(c.To)
}
