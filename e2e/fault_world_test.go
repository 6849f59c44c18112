//go:build e2e || soak

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
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

// virtual is an embedded AWS in this process, so that it lives in virtual time, reached through the real SDK.
type virtual struct {
	t      testing.TB
	server *emulator.Server
	lab    *lab.Lab
	hook   atomic.Pointer[func(*call.Call) *emulator.Fault]
}

// newVirtual opens an empty one, or that of o.File; it ends with the test.
func newVirtual(t testing.TB, o emulator.Options) *virtual {
	t.Helper()
	v := &virtual{t: t}
	o.Hosts, o.NoSync, o.Fault = append(o.Hosts, lab.Host), true, v.fault
	server, err := emulator.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	v.server, v.lab = server, lab.In(server)
	t.Cleanup(func() { _ = server.Close() })
	return v
}

func (v *virtual) fault(c *call.Call) *emulator.Fault {
	if f := v.hook.Load(); f != nil {
		return (*f)(c)
	}
	return nil
}

// onCall has f asked for the fault of every call from now on; nil: none fails.
func (v *virtual) onCall(f func(*call.Call) *emulator.Fault) {
	if f == nil {
		v.hook.Store(nil)
		return
	}
	v.hook.Store(&f)
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
func (v *virtual) seed(want *access.State) {
	v.t.Helper()
	if _, err := v.lab.Seed(v.t.Context(), want); err != nil {
		v.t.Fatal(err)
	}
}

// open reaches the world as the lab's caller in each account.
func (v *virtual) open(accounts []access.Account) *cloud.Cloud {
	v.t.Helper()
	c, err := cloud.Open(v.t.Context(), accounts, v.lab.CloudOptions(cloud.Options{}))
	if err != nil {
		v.t.Fatal(err)
	}
	return c
}

// plan observes and computes with every guard.
func (v *virtual) plan(want *access.State, o plan.Options) *plan.Plan {
	v.t.Helper()
	p, err := v.tryPlan(v.t.Context(), want, o)
	if err != nil {
		v.t.Fatal(err)
	}
	return p
}

func (v *virtual) tryPlan(ctx context.Context, want *access.State, o plan.Options) (*plan.Plan, error) {
	have, err := observe.Read(ctx, v.open(want.Accounts), want.Accounts, observe.Options{})
	if err != nil {
		return nil, err
	}
	return plan.Compute(want, have, o, guard.All()...), nil
}

// apply makes a plan; the record is the run's.
func (v *virtual) apply(p *plan.Plan, o apply.Options) (*apply.Result, []byte) {
	v.t.Helper()
	var record bytes.Buffer
	o.Record = &record
	var accounts []access.Account
	for _, a := range p.Accounts {
		accounts = append(accounts, a.Account)
	}
	res, err := apply.Run(v.t.Context(), v.open(accounts), p, o)
	if err != nil {
		v.t.Fatal(err)
	}
	return res, record.Bytes()
}

// converge plans and applies, and asks that a further plan has nothing to do.
func (v *virtual) converge(want *access.State, o plan.Options) {
	v.t.Helper()
	if res, _ := v.apply(v.plan(want, o), apply.Options{ForeignTags: want.ForeignTags}); !res.OK() {
		v.t.Errorf("the run that should converge: %s", outcomes(res))
	}
	if p := v.plan(want, o); len(p.Changes) > 0 {
		v.t.Errorf("the plan after it is not empty: %s", changeIDs(p))
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

// sortedKeys orders a map's keys.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// principals makes users ("user/NAME") and roles ("role/NAME") that are not
// there yet.
func (v *virtual) principals(names ...string) {
	v.t.Helper()
	c := v.open([]access.Account{{Name: "main", ID: faultAccount, Partition: "aws", Regions: []string{"us-east-1"}}}).IAM(faultAccount)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	for _, n := range names {
		kind, name, _ := strings.Cut(n, "/")
		var err error
		if kind == "user" {
			_, err = c.CreateUser(v.t.Context(), &iam.CreateUserInput{UserName: &name})
		} else {
			_, err = c.CreateRole(v.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
		}
		if err != nil && cloud.Code(err) != "EntityAlreadyExists" && cloud.Code(err) != "EntityAlreadyExistsException" {
			v.t.Fatal(err)
		}
	}
}
