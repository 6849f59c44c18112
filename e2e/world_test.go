//go:build e2e || soak

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/lab"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// world is an embedded AWS in this process, reached through the real SDK.
type world struct {
	t      testing.TB
	server *emulator.Server
	lab    *lab.Lab
	hook   atomic.Pointer[func(*call.Call) *emulator.Fault]
}

// newWorld opens an empty one, or that of o.File; it ends with the test.
func newWorld(t testing.TB, o emulator.Options) *world {
	t.Helper()
	w := &world{t: t}
	o.Hosts, o.NoSync, o.Fault = append(o.Hosts, lab.Host), true, w.fault
	server, err := emulator.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	w.server, w.lab = server, lab.In(server)
	t.Cleanup(func() { _ = server.Close() })
	return w
}

func (w *world) fault(c *call.Call) *emulator.Fault {
	if f := w.hook.Load(); f != nil {
		return (*f)(c)
	}
	return nil
}

// onCall has f asked for the fault of every call from now on; nil: none fails.
func (w *world) onCall(f func(*call.Call) *emulator.Fault) {
	if f == nil {
		w.hook.Store(nil)
		return
	}
	w.hook.Store(&f)
}

// desire compiles documents, written as txtar.
func desire(t testing.TB, text string) *access.State {
	t.Helper()
	files := map[string][]byte{}
	for _, f := range txtar.Parse([]byte(text)).Files {
		files[f.Name] = f.Data
	}
	set, err := documents.Parse(files)
	if err != nil {
		t.Fatal(err)
	}
	want, err := desired.Compile(set)
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// seed makes what documents name: users, roles, clusters.
func (w *world) seed(want *access.State) {
	w.t.Helper()
	if _, err := w.lab.Seed(w.t.Context(), want); err != nil {
		w.t.Fatal(err)
	}
}

// open reaches the world as the lab's caller in each account.
func (w *world) open(accounts []access.Account) *cloud.Cloud {
	w.t.Helper()
	c, err := cloud.Open(w.t.Context(), accounts, w.lab.CloudOptions(cloud.Options{}))
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// plan observes and computes with every guard.
func (w *world) plan(want *access.State, o plan.Options) *plan.Plan {
	w.t.Helper()
	p, err := w.tryPlan(w.t.Context(), want, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) tryPlan(ctx context.Context, want *access.State, o plan.Options) (*plan.Plan, error) {
	have, err := observe.Read(ctx, w.open(want.Accounts), want.Accounts, observe.Options{})
	if err != nil {
		return nil, err
	}
	return plan.Compute(want, have, o, guard.All()...), nil
}

// apply makes a plan; the record is the run's.
func (w *world) apply(p *plan.Plan, o apply.Options) (*apply.Result, []byte) {
	w.t.Helper()
	var record bytes.Buffer
	o.Record = &record
	var accounts []access.Account
	for _, a := range p.Accounts {
		accounts = append(accounts, a.Account)
	}
	res, err := apply.Run(w.t.Context(), w.open(accounts), p, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, record.Bytes()
}

// converge plans and applies, and asks that a further plan has nothing to do.
func (w *world) converge(want *access.State, o plan.Options) {
	w.t.Helper()
	if res, _ := w.apply(w.plan(want, o), apply.Options{ForeignTags: want.ForeignTags}); !res.OK() {
		w.t.Errorf("the run that should converge: %s", outcomes(res))
	}
	if p := w.plan(want, o); len(p.Changes) > 0 {
		w.t.Errorf("the plan after it is not empty: %s", changeIDs(p))
	}
}

// outcomes are a result's failures in words.
func outcomes(res *apply.Result) string {
	var words []string
	for _, o := range res.Outcomes {
		if o.Status != apply.Done && o.Status != apply.Already {
			line := string(o.Status) + " " + string(o.Skip) + " " + o.Change.ID
			if o.Err != nil {
				line += ": " + o.Err.Error()
			}
			for _, h := range o.Change.Held {
				line += " [" + h.Guard + ": " + h.Reason + "]"
			}
			words = append(words, line)
		}
	}
	return strings.Join(words, "\n  ")
}

func changeIDs(p *plan.Plan) string {
	var words []string
	for _, c := range p.Changes {
		line := string(c.Verb) + " " + c.ID
		for _, h := range c.Held {
			line += " [" + h.Guard + ": " + h.Reason + "]"
		}
		words = append(words, line)
	}
	return strings.Join(words, "\n  ")
}

// entries are all access entries there are, as bytes, by cluster and principal:
// what foreign objects are compared by.
func (w *world) entries(accounts []access.Account) map[string]string {
	w.t.Helper()
	have, err := observe.Read(w.t.Context(), w.open(accounts), accounts, observe.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(have.Gaps) > 0 {
		w.t.Fatalf("gaps without a fault: %v", have.Gaps)
	}
	all := map[string]string{}
	for _, c := range have.Clusters {
		for _, e := range c.Entries {
			b, err := json.Marshal(e)
			if err != nil {
				w.t.Fatal(err)
			}
			all[c.Key.Name+" "+e.Principal] = string(b)
		}
	}
	return all
}

// sortedKeys orders a map's keys.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
