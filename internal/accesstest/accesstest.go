// Package accesstest runs the tests of AccessTest documents over what is known
// of the clusters, and keeps what decided each, so that a failure can explain
// itself. It reads and writes nothing.
package accesstest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/effect"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// Outcome is how a case ended.
type Outcome string

// The outcomes. Undetermined is neither: something that was not read could
// decide it.
const (
	Passed       Outcome = "passed"
	Failed       Outcome = "failed"
	Undetermined Outcome = "undetermined"
)

// Kind is what a case asks.
type Kind string

// The kinds of cases.
const (
	Can    Kind = "can"    // each of the subjects may
	Cannot Kind = "cannot" // none of them may, by any route
	Only   Kind = "only"   // these may, and nobody else
)

// Case is one combination of a test's lists, over all of its clusters.
type Case struct {
	Test    *access.WantTest
	Kind    Kind
	Who     access.Who   // of Can and Cannot
	Only    []access.Who // of Only
	Ask     access.Ask
	Asked   question.Asked // Ask in the namespace, settled
	Outcome Outcome
	// Why says in words what no finding says: a subject, cluster or namespace
	// that does not exist, a word that is not known.
	Why string
	// Notes are what a reader should know, whatever the outcome: a namespace of
	// which the documents say nothing.
	Notes []string
	// Findings are those who decided it otherwise than wanted.
	Findings []Finding
	Subjects int // how many were asked, over all clusters
}

// Place is where the question stands in its document.
func (c *Case) Place() access.Place {
	if c.Ask.Place.Line > 0 {
		return c.Ask.Place
	}
	return c.Test.Place
}

// Finding is one subject on one cluster that does not answer as wanted.
type Finding struct {
	Cluster     string // as the documents name it
	Key         access.ClusterKey
	Subject     string // as people write it
	Verdict     authz.Verdict
	Explanation *authz.Explanation
	Action      *question.ActionResult // of an action of AWS, in place of Explanation
	TooMany     bool                   // of Only: one that the test does not name
	NotBecause  bool                   // allowed, and not by what the test wants
}

// Report is the outcome of all tests.
type Report struct {
	Cases                        []Case
	Passed, Failed, Undetermined int
}

// OK reports whether every case passed.
func (r *Report) OK() bool { return r.Failed == 0 && r.Undetermined == 0 }

// Run runs tests over a world. A test's cluster that the world was narrowed from
// is left out, and a case of which nothing is left is not a case; a cluster that
// does not exist fails.
func Run(tests []access.WantTest, w *question.World) *Report {
	r := &Report{}
	for i := range tests {
		t := &tests[i]
		if len(t.Clusters) > 0 && !slices.ContainsFunc(t.Clusters, func(k access.ClusterKey) bool { return !w.Outside(k) }) {
			continue
		}
		namespaces := t.Namespaces
		if len(namespaces) == 0 {
			namespaces = []string{""}
		}
		for _, ns := range namespaces {
			for _, ask := range t.Can {
				if t.Only != nil {
					r.add(run(w, Case{Test: t, Kind: Only, Only: t.Only, Ask: ask}, ns))
				}
				for _, who := range t.Who {
					r.add(run(w, Case{Test: t, Kind: Can, Who: who, Ask: ask}, ns))
				}
			}
			for _, ask := range t.Cannot {
				for _, who := range t.Who {
					r.add(run(w, Case{Test: t, Kind: Cannot, Who: who, Ask: ask}, ns))
				}
			}
		}
	}
	return r
}

func (r *Report) add(c Case) {
	r.Cases = append(r.Cases, c)
	switch c.Outcome {
	case Passed:
		r.Passed++
	case Failed:
		r.Failed++
	default:
		r.Undetermined++
	}
}

// run runs one case.
func run(w *question.World, c Case, namespace string) Case {
	if c.Ask.OfAWS() {
		return c.action(w)
	}
	asked, err := question.Parse(question.Ask{Verb: c.Ask.Verb, Resource: c.Ask.Resource, Namespace: namespace})
	c.Asked = asked
	if err == nil && asked.NoSubresource != "" { // nobody can, and every Cannot would pass
		err = errors.New(asked.NoSubresource)
	}
	if err != nil {
		return c.fails(err)
	}
	spoken := c.namespaces(namespace)
	for _, k := range c.Test.Clusters {
		if w.Outside(k) {
			continue
		}
		cluster, ok := w.Cluster(k)
		if !ok {
			return c.fails(fmt.Errorf("there is no cluster %s in %s of account %s", k.Name, k.Region, k.Account))
		}
		if err := namespaceExists(w, cluster, namespace); err != nil {
			return c.fails(err)
		}
		spoken = slices.DeleteFunc(spoken, func(ns string) bool { return heardOf(w, cluster, ns) })
		if c.Kind == Only {
			err = c.only(w, cluster)
		} else {
			err = c.each(w, cluster)
		}
		if err != nil {
			return c.fails(err)
		}
	}
	for _, ns := range spoken {
		c.unheardOf(w, ns)
	}
	c.Outcome = c.outcome()
	return c
}

func (c Case) fails(err error) Case {
	c.Outcome, c.Why = Failed, err.Error()
	var word *question.WordError
	if errors.As(err, &word) && word.Hint != "" {
		c.Why += ": " + word.Hint
	}
	return c
}

// outcome is that of the findings: one that is certain fails the case.
func (c *Case) outcome() Outcome {
	out := Passed
	for _, f := range c.Findings {
		if f.Verdict != authz.Undetermined {
			return Failed
		}
		out = Undetermined
	}
	return out
}

// namespaceExists refuses a namespace that the cluster is known not to have,
// unless a pattern of the documents waits for it: a test of what nobody can
// have there would always pass.
func namespaceExists(w *question.World, c *question.Cluster, namespace string) error {
	if namespace == "" || c.Facts.Namespaces == nil || slices.Contains(c.Facts.Namespaces, namespace) || w.Directory.Awaits(c.Facts.Cluster, namespace) {
		return nil
	}
	return fmt.Errorf("cluster %s has no namespace %s, and no pattern of the documents matches it", c.Facts.Name, namespace)
}

// everyClusters are the namespaces that each cluster has from the beginning.
// (Kubernetes, Namespaces: initial namespaces)
var everyClusters = []string{"default", "kube-node-lease", "kube-public", "kube-system"}

// namespaces are those that a case speaks of: the question's, and those of its
// ServiceAccounts.
func (c *Case) namespaces(asked string) []string {
	spoken := []string{asked}
	for _, who := range append(slices.Clone(c.Only), c.Who) {
		if ns, _, ok := strings.Cut(who.Name, "/"); ok && who.Kind == access.WhoServiceAccount && !slices.Contains(spoken, ns) {
			spoken = append(spoken, ns)
		}
	}
	return spoken
}

// heardOf reports whether a namespace is known of on a cluster by more than a
// test of it: there are those that were read, or a grant or a workload of the
// documents takes it in.
func heardOf(w *question.World, c *question.Cluster, namespace string) bool {
	return namespace == "" || c.Facts.Namespaces != nil || slices.Contains(everyClusters, namespace) || w.Directory.Awaits(c.Facts.Cluster, namespace)
}

// unheardOf notes a namespace that on no cluster is known of: misspelt, what
// nobody may do in it passes.
func (c *Case) unheardOf(w *question.World, namespace string) {
	note := "no grant of the documents reaches namespace " + namespace + ", and in a misspelt one nobody may do anything"
	var names []string
	for _, k := range c.Test.Clusters {
		for _, p := range w.Directory.Patterns(k) {
			if !strings.Contains(p, "*") {
				names = append(names, p)
			}
		}
	}
	if near, ok := access.Nearest(namespace, names); ok {
		note += "; did you mean " + near + "?"
	} else {
		note += "; --observed tells whether it is there"
	}
	c.Notes = append(c.Notes, note)
}

// each asks a Can or a Cannot on one cluster.
func (c *Case) each(w *question.World, cluster *question.Cluster) error {
	subjects, err := existing(w, c.Who, cluster)
	if err != nil {
		return err
	}
	want := authz.Allow
	if c.Kind == Cannot {
		want = authz.Deny
	}
	for _, s := range subjects {
		c.Subjects++
		got, err := cluster.Decide(s, c.Asked)
		if err != nil {
			return err
		}
		if got == want && (c.Kind == Cannot || c.Test.Because == nil) {
			continue
		}
		e, err := cluster.Explain(s, c.Asked)
		if err != nil {
			return err
		}
		f := Finding{Cluster: cluster.Facts.Name, Key: cluster.Facts.Cluster, Subject: s.Name, Verdict: e.Verdict, Explanation: &e}
		if e.Verdict == want {
			if because(c.Test.Because, e.Reasons) {
				continue
			}
			f.NotBecause = true
		}
		c.Findings = append(c.Findings, f)
	}
	return nil
}

// existing are the subjects of a word; all must exist, for a stranger can do
// nothing and would pass every Cannot.
func existing(w *question.World, who access.Who, c *question.Cluster) ([]effect.Subject, error) {
	subjects, err := w.Subjects(who, c.Facts.Cluster)
	if err != nil {
		return nil, err
	}
	for _, s := range subjects {
		if s.Missing != "" {
			return nil, errors.New(s.Missing)
		}
		if ns := s.Namespace(); ns != "" {
			if err := namespaceExists(w, c, ns); err != nil {
				return nil, err
			}
		}
	}
	return subjects, nil
}

// because reports whether one of the reasons is the one that must have allowed.
func because(b *access.Because, reasons []authz.Reason) bool {
	return slices.ContainsFunc(reasons, func(r authz.Reason) bool {
		if b.Policy != "" {
			return r.By == authz.ByPolicy && access.ShortPolicy(r.Policy) == access.ShortPolicy(b.Policy)
		}
		return r.By == authz.ByBinding && r.Binding != nil && r.Binding.Role == b.Role
	})
}
