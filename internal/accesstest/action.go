package accesstest

import (
	"fmt"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/effect"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// action runs a case about an action of AWS, on those of the test's clusters on
// which the workload lives. One that lives on none of them fails: what nobody is
// asked always passes.
func (c Case) action(w *question.World) Case {
	asked, err := question.ParseAction(c.Ask.Verb, c.Ask.Resource, nil)
	if err != nil {
		return c.fails(err)
	}
	c.Notes = append(c.Notes, asked.Notes...)
	var keys []access.ClusterKey
	for _, k := range c.Test.Clusters {
		if w.Outside(k) {
			continue
		}
		if _, ok := w.Cluster(k); !ok {
			return c.fails(fmt.Errorf("there is no cluster %s in %s of account %s", k.Name, k.Region, k.Account))
		}
		keys = append(keys, k)
	}
	answer, err := w.Do(c.Who, asked, keys)
	if err != nil {
		return c.fails(err)
	}
	want := authz.Allow
	if c.Kind == Cannot {
		want = authz.Deny
	}
	for i := range answer.Results {
		r := &answer.Results[i]
		c.Subjects++
		if gone := missing(w, c.Who, r.Cluster); gone != nil {
			return c.fails(gone)
		}
		if r.Verdict == want {
			continue
		}
		for source, how := range r.Settle {
			if strings.HasPrefix(how, effect.ByObserving) { // of the documents alone
				r.Settle[source] += ", and so do plan and apply before they run the tests"
			}
		}
		c.Findings = append(c.Findings, Finding{Cluster: r.Document, Key: r.Cluster, Subject: c.Who.String(), Verdict: r.Verdict, Action: r})
	}
	c.Outcome = c.outcome()
	return c
}

// missing says that a workload's role is known not to be there.
func missing(w *question.World, who access.Who, k access.ClusterKey) error {
	cluster, ok := w.Cluster(k)
	if !ok {
		return nil
	}
	_, err := existing(w, who, cluster)
	return err
}
