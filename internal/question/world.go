// Package question puts people's questions to the decision engine: kubectl's
// words become requests, words for subjects become principals, and one answer
// is given over several clusters and members. It reads and writes nothing.
package question

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/effect"
)

// World is one reading of clusters that can be asked.
type World struct {
	Directory *effect.Directory
	// Alone says that only the documents were read: nobody else has access
	// there, and RBAC is upstream's default.
	Alone    bool
	Clusters []*Cluster
	// want and roles are what actions of AWS are asked of: the documents, and what
	// was seen of roles, or is left of them by a plan; nil where nobody looked.
	want  *access.State
	roles *access.Snapshot
	// outside are clusters that this run does not look at.
	outside map[access.ClusterKey]bool
}

// Cluster is a cluster that is compiled when it is first asked.
type Cluster struct {
	Facts  authz.Facts
	engine func() (*authz.Cluster, error)
	// resources are what its API server serves; nil is not known.
	resources []access.KubernetesResource
}

// Engine compiles the cluster's facts, once.
func (c *Cluster) Engine() (*authz.Cluster, error) { return c.engine() }

// Documents is the world as the documents alone have it. callers, which may be
// nil, tells who "me" is in each account.
func Documents(want *access.State, callers *access.Snapshot) *World {
	w := &World{Directory: effect.NewDirectory(want, nil).WithCallers(callers), Alone: true, want: want}
	w.add(effect.Wanted(want), nil)
	return w
}

// DocumentsFor is Documents for questions about one subject alone, which it
// answers alike and in a fraction of the time. The error is a
// *effect.NotFoundError.
func DocumentsFor(who access.Who, want *access.State, callers *access.Snapshot) (*World, error) {
	w := &World{Directory: effect.NewDirectory(want, nil).WithCallers(callers), Alone: true, want: want}
	names := map[string]bool{}
	for k := range documented(want) {
		subjects, err := w.Directory.Subjects(who, k)
		if err != nil {
			return nil, err
		}
		for _, s := range subjects {
			names[lastName(s.Principal)] = true
			for _, also := range s.Also {
				names[lastName(also.Principal)] = true
			}
		}
	}
	w.add(effect.WantedOf(want, func(arn string) bool { return names[lastName(arn)] }), nil)
	return w, nil
}

// lastName is an ARN's name without path, by which AWS tells the users and
// roles of an account apart, whatever the case.
func lastName(arn string) string { return strings.ToLower(arn[strings.LastIndexByte(arn, '/')+1:]) }

// Observed is the world as it was seen, of the clusters that documents name.
func Observed(want *access.State, have *access.Snapshot) *World {
	w := &World{Directory: effect.NewDirectory(want, have), want: want, roles: have}
	facts := effect.Seen(have, want)
	for i := range facts {
		if facts[i].DefaultRBAC { // nobody asked its API server
			facts[i].Unknown = append(facts[i].Unknown, unasked(&facts[i])...)
		}
	}
	w.add(facts, documented(want))
	w.serve(have)
	w.leaveOut(want, have.Part)
	return w
}

// KubernetesNeed asks the API server of every cluster that a document names,
// unless it says that nothing is to be read there.
func KubernetesNeed(want *access.State) func(*access.HaveCluster) access.KubernetesNeed {
	need := map[access.ClusterKey]access.KubernetesNeed{}
	for i := range want.Clusters {
		if c := &want.Clusters[i]; c.Via != access.ViaNone {
			need[c.Key] = access.KubernetesNeeded
		}
	}
	return func(h *access.HaveCluster) access.KubernetesNeed { return need[h.Key] }
}

// unasked is what is not known of a cluster whose document says that its
// Kubernetes side is not read.
func unasked(f *authz.Facts) []authz.Unknown {
	var us []authz.Unknown
	for _, part := range []authz.Part{authz.UnknownRBAC, authz.UnknownAuthMap} {
		us = append(us, authz.Unknown{Part: part, Why: "its document has kubernetes.via: None",
			Settle: "let the document of cluster " + f.Name + " say kubernetes.via: Direct"})
	}
	return us
}

// Planned is the world as effect.After has it, with what the documents want
// beyond the plan, see effect.Tomorrow; it is the access tests that ask it.
// roles is have with the roles that the plan leaves.
func Planned(want *access.State, have, roles *access.Snapshot, facts []authz.Facts) *World {
	w := &World{Directory: effect.NewDirectory(want, have).AfterPlan(), want: want, roles: roles}
	var asked []string
	for i := range want.Tests {
		asked = append(asked, want.Tests[i].Namespaces...)
	}
	slices.Sort(asked)
	asked = slices.Compact(asked)
	for i := range facts {
		if c, ok := want.Cluster(facts[i].Cluster); ok {
			effect.Tomorrow(&facts[i], c, asked)
		}
	}
	w.add(facts, documented(want))
	w.serve(have)
	w.leaveOut(want, have.Part)
	return w
}

// serve tells the clusters which resources their API servers serve.
func (w *World) serve(have *access.Snapshot) {
	for _, c := range w.Clusters {
		if h, ok := have.Cluster(c.Facts.Cluster); ok && h.Kubernetes != nil {
			c.resources = h.Kubernetes.Resources
		}
	}
}

// leaveOut keeps in mind the clusters that a reading was narrowed from.
func (w *World) leaveOut(want *access.State, part *access.Part) {
	for k := range documented(want) {
		if !part.HasCluster(k) {
			w.leave(k)
		}
	}
}

func (w *World) leave(k access.ClusterKey) {
	if w.outside == nil {
		w.outside = map[access.ClusterKey]bool{}
	}
	w.outside[k] = true
}

func documented(want *access.State) map[access.ClusterKey]bool {
	keys := make(map[access.ClusterKey]bool, len(want.Clusters))
	for i := range want.Clusters {
		keys[want.Clusters[i].Key] = true
	}
	return keys
}

func (w *World) add(facts []authz.Facts, only map[access.ClusterKey]bool) {
	for _, f := range facts {
		if only != nil && !only[f.Cluster] {
			continue
		}
		w.Clusters = append(w.Clusters, &Cluster{Facts: f, engine: sync.OnceValues(func() (*authz.Cluster, error) { return authz.Compile(f) })})
	}
}

// Cluster finds a cluster.
func (w *World) Cluster(k access.ClusterKey) (*Cluster, bool) {
	i := slices.IndexFunc(w.Clusters, func(c *Cluster) bool { return c.Facts.Cluster == k })
	if i < 0 {
		return nil, false
	}
	return w.Clusters[i], true
}

// Narrow leaves only these clusters; none leaves all.
func (w *World) Narrow(keys []access.ClusterKey) {
	if len(keys) == 0 {
		return
	}
	var left []*Cluster
	for _, c := range w.Clusters {
		if slices.Contains(keys, c.Facts.Cluster) {
			left = append(left, c)
		} else {
			w.leave(c.Facts.Cluster)
		}
	}
	w.Clusters = left
}

// Outside reports whether a cluster is one that this run does not look at.
func (w *World) Outside(k access.ClusterKey) bool { return w.outside[k] }

// Result is what one subject may on one cluster.
type Result struct {
	Cluster *Cluster
	Subject effect.Subject
	authz.Explanation
}

// Answer is a question's answer over clusters and members.
type Answer struct {
	Who   access.Who
	Asked Asked
	// Verdict is Allow if each result is, Deny if one is, else Undetermined.
	Verdict authz.Verdict
	Results []Result // cluster by cluster, member by member
}

// Subjects are those whom a word stands for on a cluster, see
// effect.Directory. Of one that does not seem to exist Missing says who may have
// been meant.
func (w *World) Subjects(who access.Who, k access.ClusterKey) ([]effect.Subject, error) {
	subjects, err := w.Directory.Subjects(who, k)
	for i := range subjects {
		if s := &subjects[i]; s.Missing != "" {
			s.Missing += meant(s.Name, w.Directory.Named())
		}
	}
	return subjects, err
}

// Can answers whether who may do it, on every cluster of the world. The error
// is a *effect.NotFoundError, or facts that cannot be.
func (w *World) Can(who access.Who, asked Asked) (*Answer, error) {
	a := &Answer{Who: who, Asked: w.Noted(asked)}
	w.compile()
	for _, c := range w.Clusters {
		subjects, err := w.Subjects(who, c.Facts.Cluster)
		if err != nil {
			return nil, err
		}
		for _, s := range subjects {
			e, err := c.Explain(s, asked)
			if err != nil {
				return nil, err
			}
			a.Results = append(a.Results, Result{Cluster: c, Subject: s, Explanation: e})
		}
	}
	if len(a.Results) == 0 {
		if gone := w.Gone(); len(gone) > 0 {
			return nil, fmt.Errorf("there is no cluster to ask about: %s does not exist", strings.Join(gone, ", "))
		}
		return nil, errors.New("there is no cluster to ask about")
	}
	verdicts := make([]authz.Verdict, len(a.Results))
	for i := range a.Results {
		verdicts[i] = a.Results[i].Verdict
	}
	a.Verdict = Each(verdicts...)
	a.Asked.Notes = append(slices.Clone(a.Asked.Notes), w.unmade(a.Results)...)
	return a, nil
}

// compile compiles every cluster, several at a time.
func (w *World) compile() {
	var wait sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, c := range w.Clusters {
		turn <- struct{}{}
		wait.Go(func() {
			_, _ = c.engine() // told when it is asked
			<-turn
		})
	}
	wait.Wait()
}

// Each is whether each is allowed: Deny if one is denied.
func Each(verdicts ...authz.Verdict) authz.Verdict {
	switch {
	case slices.Contains(verdicts, authz.Deny):
		return authz.Deny
	case slices.Contains(verdicts, authz.Undetermined):
		return authz.Undetermined
	}
	return authz.Allow
}

// Explain answers for one subject on the cluster, with reasons; of one who acts
// as others too, by those who decide it.
func (c *Cluster) Explain(s effect.Subject, a Asked) (authz.Explanation, error) {
	engine, err := c.compiled()
	if err != nil {
		return authz.Explanation{}, err
	}
	id, by := identity(engine, s)
	e := c.explain(engine, id, a)
	if s.Identity == nil {
		e.MappedBy = by
	}
	for _, also := range s.Also {
		id, by := identity(engine, also)
		x := c.explain(engine, id, a)
		if by == "" && x.Verdict == authz.Deny { // nobody there: it says nothing of the subject
			continue
		}
		if x.MappedBy = "as " + also.Name; by != "" {
			x.MappedBy += " by its " + by
		}
		e = better(e, x)
	}
	return e, nil
}

// better is the answer that counts of two ways to act: what allows, then what
// is not known; of two denials or two unknowns both.
func better(e, x authz.Explanation) authz.Explanation {
	weight := map[authz.Verdict]int{authz.Deny: 0, authz.Undetermined: 1, authz.Allow: 2}
	switch {
	case weight[x.Verdict] > weight[e.Verdict]:
		return x
	case x.Verdict != e.Verdict || e.Verdict == authz.Allow:
		return e
	}
	e.Misses, e.Remedies = slices.Concat(e.Misses, x.Misses), slices.Concat(e.Remedies, x.Remedies)
	for _, u := range x.Unknown {
		if !slices.Contains(e.Unknown, u) {
			e.Unknown = append(e.Unknown, u)
		}
	}
	return e
}

// Decide is Explain's verdict alone.
func (c *Cluster) Decide(s effect.Subject, a Asked) (authz.Verdict, error) {
	engine, err := c.compiled()
	if err != nil {
		return authz.Deny, err
	}
	in, out := c.ways(a)
	best := authz.Deny
	for _, one := range append([]effect.Subject{s}, s.Also...) {
		id, _ := identity(engine, one)
		v := engine.Decide(id, in)
		if out != nil && engine.Decide(id, *out) != v {
			v = authz.Undetermined
		}
		if v == authz.Allow || best == authz.Deny {
			best = v
		}
	}
	return best, nil
}

func identity(engine *authz.Cluster, s effect.Subject) (id authz.Identity, by string) {
	if s.Identity != nil {
		return *s.Identity, ""
	}
	id, by, _ = engine.Identify(s.Principal, s.Session)
	return id, by
}

func (c *Cluster) compiled() (*authz.Cluster, error) {
	engine, err := c.engine()
	if err != nil {
		return nil, fmt.Errorf("compile what is known of cluster %s: %w", c.Facts.Name, err)
	}
	return engine, nil
}
