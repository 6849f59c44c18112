package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/effect"
	"github.com/atlas-iam/atlas-iam/internal/gain"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/lab"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// flow is one run from documents to a plan. Its steps are called in the order
// in which they stand here; close it whatever happened.
type flow struct {
	p     *Process
	c     *common
	root  string // the Environment's folder
	want  *access.State
	have  *access.Snapshot
	saved bool // the plan was read from a file
	// applies says that all that the documents want is made, but for what is held.
	applies bool
	// options are the plan's, as far as the reading rests on them.
	options plan.Options
	// narrow is the part that the run looks at, whatever the flags say.
	narrow *access.Part
	// asks says that questions are asked, which rest on all there is.
	asks bool
	// asked are those whose table is wanted: of a workload's roles all is read.
	asked []access.Who
	// unplaced says that one is of a resource of which only the clusters know
	// whether it is in namespaces.
	unplaced bool
	// cloud is AWS, or the lab.
	cloud *cloud.Cloud
	lab   *lab.Lab
}

// read reads the documents beneath paths.
func (f *flow) read(paths []string) error {
	set, err := documents.Load(paths)
	if err != nil {
		return f.p.documentError(set, err)
	}
	want, err := desired.Compile(set)
	if err != nil {
		return f.p.documentError(set, err)
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

// findRoot finds the Environment's folder for --local without documents: the
// nearest one upwards. A saved plan needs no documents, only its lab.
func (f *flow) findRoot() error {
	if !f.c.local || f.c.lab != "" {
		return nil
	}
	set, err := documents.Load(nil)
	if set == nil {
		return usage("give --lab FILE", "--local keeps its state in the Environment's folder: %w", err)
	}
	f.root = set.Root
	return nil
}

func (f *flow) openLab(ctx context.Context) (*lab.Lab, error) {
	file := f.c.lab
	if file == "" {
		if f.root == "" {
			return nil, usage("give --lab FILE", "--local keeps its state in the Environment's folder, and there is none here")
		}
		file = labFile(f.root)
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
	progress, end := f.p.readProgress(f.c)
	need := plan.KubernetesNeed(f.want, f.options)
	if f.asks {
		need = question.KubernetesNeed(f.want)
	}
	workloads := plan.WorkloadsNeed(f.want, f.options)
	for _, who := range f.asked {
		for _, arn := range f.rolesOf(who) {
			workloads.Roles[arn] = true
		}
	}
	have, err := observe.Read(ctx, f.cloud, f.want.Accounts, observe.Options{Part: part, Now: f.p.Now, Progress: progress, Kubernetes: need, Workloads: workloads})
	end()
	if err != nil {
		return f.p.cloudError(err)
	}
	f.have = have
	if !f.unplaced && !question.AnyUnplaced(f.want.Tests) {
		return nil
	}
	if err := observe.Discover(ctx, f.cloud, have, observe.Options{}); err != nil {
		return f.p.cloudError(err)
	}
	return nil
}

// look is all that only reads: documents, then AWS. Ctrl-C ends it at once.
func (f *flow) look(ctx context.Context, paths []string) error {
	ctx, done := f.p.cancelled(ctx)
	defer done()
	if err := f.read(paths); err != nil {
		return err
	}
	return f.lookAt(ctx)
}

// lookAt is look once the documents are read.
func (f *flow) lookAt(ctx context.Context) error {
	if err := f.open(ctx, f.want.Accounts); err != nil {
		return err
	}
	if err := f.seed(ctx); err != nil {
		return err
	}
	return f.observe(ctx)
}

// plan is what plan, apply and destroy begin with.
func (f *flow) plan(ctx context.Context, paths []string, o plan.Options) (*plan.Plan, error) {
	f.options = o
	if err := f.look(ctx, paths); err != nil {
		return nil, err
	}
	pl := plan.Compute(f.want, f.have, o, planGuards()...)
	trials := pl.Trials()
	if len(trials) == 0 {
		return pl, f.weigh(pl)
	}
	// Only the API servers know what they will refuse: they are asked before
	// the first write.
	ctx, done := f.p.cancelled(ctx)
	defer done()
	if err := observe.Try(ctx, f.cloud, f.have, trials, observe.Options{}); err != nil {
		return nil, f.p.cloudError(err)
	}
	pl = plan.Compute(f.want, f.have, o, planGuards()...)
	return pl, f.weigh(pl)
}

// planOne plans the association of one ServiceAccount, and nothing of
// Kubernetes.
func (f *flow) planOne(ctx context.Context, who *serviceAccountOf, o plan.Options, take bool) (*plan.Plan, error) {
	o.Bind = &plan.Bind{Cluster: who.cluster, Namespace: who.namespace, ServiceAccount: who.name, Workload: who.workload.Name, Take: take}
	f.options = o
	f.narrow = &access.Part{Clusters: []access.ClusterKey{who.cluster}, Only: []string{"serviceaccount/" + who.namespace + "/" + who.name}, Principals: []string{who.role}}
	if t := who.workload.Target; t != "" {
		f.narrow.Principals = append(f.narrow.Principals, t)
		slices.Sort(f.narrow.Principals)
	}
	reading, done := f.p.cancelled(ctx)
	defer done()
	if err := f.lookAt(reading); err != nil {
		return nil, err
	}
	pl := plan.Compute(f.want, f.have, o, planGuards()...)
	pl.Access = &plan.Access{}
	gain.Workloads(pl, f.want, f.have, pl.Access)
	return pl, nil
}

// weigh decides what a plan gives and takes, on the clusters that it changes.
// Where a failing access test holds it, that is what it would without the test.
func (f *flow) weigh(pl *plan.Plan) error {
	p := guard.WithoutTests(pl)
	heldBy := ""
	if p != pl {
		heldBy = guard.TestSlug
	}
	changed := map[access.ClusterKey]bool{}
	for _, c := range p.Changes {
		if len(c.Held) == 0 {
			changed[c.Cluster] = true
		}
	}
	if len(changed) == 0 {
		pl.Access = &plan.Access{HeldBy: heldBy}
		return nil
	}
	compiled := func(facts []authz.Facts) ([]*authz.Cluster, error) {
		var out []*authz.Cluster
		for _, f := range facts {
			if !changed[f.Cluster] {
				continue
			}
			c, err := authz.Compile(f)
			if err != nil {
				return nil, fmt.Errorf("decide what the plan gives: %w", err)
			}
			out = append(out, c)
		}
		return out, nil
	}
	before, err := compiled(effect.Seen(f.have, f.want))
	if err != nil {
		return err
	}
	after, err := compiled(effect.After(f.want, f.have, p))
	if err != nil {
		return err
	}
	pl.Access = gain.Of(p, before, after)
	pl.Access.HeldBy = heldBy
	gain.Workloads(p, f.want, f.have, pl.Access)
	return nil
}

func (f *flow) close() error {
	if f.lab == nil {
		return nil
	}
	return f.lab.Close()
}
