package apply

import (
	"container/heap"
	"context"
	"slices"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// The order of changes is the plan's, with what takes the caller's own access
// moved to the end. In that order
//
//   - a change waits for what it depends on;
//   - changes of one principal on one cluster go one after the other (a chain);
//   - a change that takes access waits for all earlier ones of its cluster that
//     only give, whatever became of them;
//   - an entry that goes or narrows waits for all earlier bindings of its
//     cluster that go, whatever became of them: a binding is found by the
//     entries that bear its group (plan.KubernetesNeed);
//   - it also waits for all earlier Secrets of Argo CD that go, on any cluster:
//     those too are found by entries (plan.WorkloadsNeed);
//   - what takes the caller's own access waits for all earlier changes;
//   - a cluster's mode is changed while nothing else changes on the cluster.
//
// All else runs in parallel, earlier changes first. Nothing waits for a later
// change, so nothing can hang.

// node is a change with what it waits for.
type node struct {
	index   int // in the order of changes
	change  *plan.Change
	chain   *chain
	pool    *pool
	needs   []*node // what it depends on
	missing string  // ID of a dependency that the plan does not have
	waits   int     // how many things must end before it may start
	then    []*node // what waits for its end
	opens   []ticket
	ended   bool
	outcome Outcome
}

// pool bounds what is in flight in one account's region.
type pool struct {
	ready   queue
	running int
}

// gate lets those that wait through when all that entered before them ended.
type gate struct {
	ended   []bool
	prefix  int // so many ended without a hole
	waiting []*node
	needs   []int // ascending, one for each waiting
}

// ticket is a node's place in a gate.
type ticket struct {
	gate  *gate
	place int
}

func (g *gate) enter(n *node) {
	n.opens = append(n.opens, ticket{g, len(g.ended)})
	g.ended = append(g.ended, false)
}

func (g *gate) waitFor(n *node) {
	if len(g.ended) == 0 {
		return
	}
	n.waits++
	g.waiting = append(g.waiting, n)
	g.needs = append(g.needs, len(g.ended))
}

// end marks a place and gives those who may pass now.
func (g *gate) end(place int) []*node {
	g.ended[place] = true
	for g.prefix < len(g.ended) && g.ended[g.prefix] {
		g.prefix++
	}
	pass := 0
	for pass < len(g.waiting) && g.needs[pass] <= g.prefix {
		pass++
	}
	out := g.waiting[:pass]
	g.waiting, g.needs = g.waiting[pass:], g.needs[pass:]
	return out
}

func (n *node) before(o *node) {
	n.then = append(n.then, o)
	o.waits++
}

type chainKey struct {
	cluster   access.ClusterKey
	principal string
	binding   string // its key, of a change about one, or another object's of the cluster
}

func chainOf(c *plan.Change) chainKey {
	k := chainKey{cluster: c.Cluster, principal: c.Principal}
	if c.Name != "" && c.Principal == "" { // a role's policies are in its chain
		k.binding = c.Namespace + "/" + c.Name
	}
	return k
}

// graph lays the order over the plan's changes. It is linear in the plan.
func (r *runner) graph() []*node {
	p := r.plan
	nodes := make([]*node, len(p.Changes))
	byID := make(map[string]*node, len(nodes))
	pools := map[[2]string]*pool{}
	for i := range p.Changes {
		c := &p.Changes[i]
		where := [2]string{c.Cluster.Account, c.Cluster.Region}
		if pools[where] == nil {
			pools[where] = &pool{}
		}
		nodes[i] = &node{change: c, pool: pools[where]}
		byID[c.ID] = nodes[i]
	}
	for _, n := range nodes {
		for _, id := range n.change.DependsOn {
			if on := byID[id]; on != nil {
				n.needs = append(n.needs, on)
				on.before(n)
			} else {
				n.missing = id
			}
		}
	}
	last := map[chainKey]*node{}
	clusters := map[access.ClusterKey]*clusterOrder{}
	everything, registered := &gate{}, &gate{}
	for i, n := range callerLast(p, nodes) {
		n.index = i
		c := n.change
		key := chainOf(c)
		if prev := last[key]; prev != nil {
			n.chain = prev.chain
			prev.before(n)
		} else {
			n.chain = &chain{}
		}
		last[key] = n
		if clusters[c.Cluster] == nil {
			clusters[c.Cluster] = &clusterOrder{}
		}
		clusters[c.Cluster].add(n)
		switch {
		case c.Kind == plan.ArgoCDSecret && c.To == nil:
			registered.enter(n)
		case c.Kind == plan.AccessEntry && takes(c):
			registered.waitFor(n)
		}
		if takes(c) && isCaller(p, c) {
			everything.waitFor(n)
		} else {
			everything.enter(n)
		}
	}
	return nodes
}

// callerLast moves to the end what takes the caller's own access, what depends
// on that, and what comes after either in its chain.
func callerLast(p *plan.Plan, nodes []*node) []*node {
	var first, last []*node
	moved := map[*node]bool{}
	chains := map[chainKey]bool{}
	for _, n := range nodes {
		key := chainOf(n.change)
		if chains[key] || (takes(n.change) && isCaller(p, n.change)) ||
			slices.ContainsFunc(n.needs, func(on *node) bool { return moved[on] }) {
			moved[n], chains[key] = true, true
			last = append(last, n)
			continue
		}
		first = append(first, n)
	}
	return append(first, last...)
}

// clusterOrder is the order within one cluster.
type clusterOrder struct {
	gives     gate
	unbinds   gate
	mode      *node   // the last change of the mode
	sinceMode []*node // what came after it
}

func (o *clusterOrder) add(n *node) {
	if takes(n.change) {
		o.gives.waitFor(n)
	} else {
		o.gives.enter(n)
	}
	switch n.change.Kind {
	case plan.RoleBinding, plan.ClusterRoleBinding:
		if takes(n.change) {
			o.unbinds.enter(n)
		}
	case plan.AccessEntry:
		if takes(n.change) {
			o.unbinds.waitFor(n)
		}
	}
	if n.change.Kind == plan.AuthenticationMode {
		for _, earlier := range o.sinceMode {
			earlier.before(n)
		}
		o.mode, o.sinceMode = n, nil
		return
	}
	if o.mode != nil {
		o.mode.before(n)
	}
	o.sinceMode = append(o.sinceMode, n)
}

// scheduler runs the nodes. Its lock guards every node's waits and
// ended, and the pools; a chain's state belongs to the one node of it that runs.
type scheduler struct {
	*runner
	mu sync.Mutex
	wg sync.WaitGroup
}

func (r *runner) all(ctx context.Context) *Result {
	nodes := r.graph()
	s := &scheduler{runner: r}
	s.mu.Lock()
	for _, n := range nodes {
		if n.waits == 0 {
			heap.Push(&n.pool.ready, n)
		}
	}
	for _, n := range nodes {
		s.fill(ctx, n.pool)
	}
	s.mu.Unlock()
	s.wg.Wait()

	outcomes := make([]Outcome, len(nodes))
	for i, n := range nodes {
		if !n.ended { // only a plan whose dependencies form a ring comes here
			n.outcome = Outcome{Change: n.change, Status: Failed, Err: errRing}
		}
		outcomes[i] = n.outcome
	}
	return newResult(outcomes, r.stopped(ctx))
}

// fill starts what is ready as far as the pool has room. The lock is held.
func (s *scheduler) fill(ctx context.Context, p *pool) {
	for p.running < s.opts.Parallel {
		n := p.next()
		if n == nil {
			return
		}
		n.chain.forget()
		p.running++
		s.wg.Go(func() { s.work(ctx, n) })
	}
}

// work runs n and goes on with what n made ready, the same chain first: what
// was just read of an entry then serves the next change of it.
func (s *scheduler) work(ctx context.Context, n *node) {
	for n != nil {
		n.outcome = s.outcome(ctx, n)
		if s.opts.Progress != nil {
			s.progress.Lock()
			s.opts.Progress(n.outcome)
			s.progress.Unlock()
		}
		n = s.end(ctx, n)
	}
}

// end releases what waited for n and chooses what its goroutine does next.
func (s *scheduler) end(ctx context.Context, n *node) *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	n.ended = true
	released := n.then
	for _, t := range n.opens {
		released = append(released, t.gate.end(t.place)...)
	}
	var next *node
	touched := map[*pool]bool{}
	for _, w := range released {
		if w.waits--; w.waits > 0 {
			continue
		}
		if w.chain == n.chain && next == nil {
			next = w
			continue
		}
		heap.Push(&w.pool.ready, w)
		touched[w.pool] = true
	}
	if next == nil {
		if next = n.pool.next(); next != nil {
			next.chain.forget()
		}
	}
	if next == nil {
		n.pool.running--
	}
	for p := range touched {
		s.fill(ctx, p)
	}
	return next
}

func (p *pool) next() *node {
	if len(p.ready) == 0 {
		return nil
	}
	return heap.Pop(&p.ready).(*node)
}

// queue is a heap of nodes in the plan's order.
type queue []*node

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].index < q[j].index }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*node)) }
func (q *queue) Pop() any {
	old := *q
	n := old[len(old)-1]
	*q = old[:len(old)-1]
	return n
}
