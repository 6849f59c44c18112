package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/lab"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// flow is one run from documents to a plan. Its steps are called in the order
// in which they stand here; close it whatever happened.
type flow struct {
	p    *Process
	c    *common
	root string // the Environment's folder
	want *access.State
	have *access.Snapshot
	// cloud is AWS, or the lab.
	cloud *cloud.Cloud
	lab   *lab.Lab
}

// read reads the documents beneath paths.
func (f *flow) read(paths []string) error {
	set, err := documents.Load(paths)
	if err != nil {
		return f.p.documentError(err)
	}
	want, err := desired.Compile(set)
	if err != nil {
		return f.p.documentError(err)
	}
	f.root, f.want = set.Root, want
	return nil
}

// open makes the way to AWS, or to the lab, where what the documents name is
// made if it lacks.
func (f *flow) open(ctx context.Context, accounts []access.Account) error {
	o := cloud.Options{Now: f.p.Now, Version: version()}
	if f.c.verbose {
		o.Log = f.p.logCall
	}
	if f.c.local {
		l, err := f.openLab(ctx)
		if err != nil {
			return err
		}
		f.lab = l
		o = l.CloudOptions(o)
	}
	c, err := cloud.Open(ctx, accounts, o)
	if err != nil {
		return f.p.cloudError(err)
	}
	f.cloud = c
	return nil
}

func (f *flow) openLab(ctx context.Context) (*lab.Lab, error) {
	file := f.c.lab
	if file == "" {
		if f.root == "" {
			return nil, usage("give --lab FILE", "--local keeps its state in the Environment's folder, and there is none here")
		}
		file = filepath.Join(f.root, lab.DefaultFile)
	}
	l, err := lab.Open(ctx, file, f.p.Now)
	if err != nil {
		return nil, unasked(err, "")
	}
	return l, nil
}

// seed makes in the lab what the documents name and says so.
func (f *flow) seed(ctx context.Context) error {
	if f.lab == nil {
		return nil
	}
	made, err := f.lab.Seed(ctx, f.want)
	if !f.c.quiet {
		for _, line := range made {
			f.p.say("lab: made %s", line)
		}
	}
	if err != nil {
		return unasked(err, "")
	}
	return nil
}

// observe reads AWS.
func (f *flow) observe(ctx context.Context) error {
	part, err := f.part(ctx)
	if err != nil {
		return err
	}
	have, err := observe.Read(ctx, f.cloud, f.want.Accounts, observe.Options{Part: part, Now: f.p.Now, Progress: f.p.readProgress(f.c)})
	if err != nil {
		return f.p.cloudError(err)
	}
	f.have = have
	return nil
}

// compute makes the plan.
func (f *flow) compute(o plan.Options) *plan.Plan {
	return plan.Compute(f.want, f.have, o, guard.All()...)
}

// plan is all steps at once: what plan, apply and destroy begin with.
func (f *flow) plan(ctx context.Context, paths []string, o plan.Options) (*plan.Plan, error) {
	if err := f.read(paths); err != nil {
		return nil, err
	}
	if err := f.open(ctx, f.want.Accounts); err != nil {
		return nil, err
	}
	if err := f.seed(ctx); err != nil {
		return nil, err
	}
	if err := f.observe(ctx); err != nil {
		return nil, err
	}
	return f.compute(o), nil
}

func (f *flow) close() error {
	if f.lab == nil {
		return nil
	}
	return f.lab.Close()
}

// documentError says each fault on its line and counts them.
func (p *Process) documentError(err error) error {
	var faults documents.Faults
	if !errors.As(err, &faults) {
		return usage("atlas-iam init makes a first Environment", "%w", err)
	}
	for _, f := range faults {
		fmt.Fprintln(p.Stderr, faultLine(f))
	}
	return usage("", "%s; nothing was read from AWS", faultCount(faults))
}
