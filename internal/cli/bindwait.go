package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

// lookEvery is how long bind --wait lies still between two looks.
const lookEvery = time.Second

// awaitRole ends when pods of a ServiceAccount can have their role, as far as
// that can be asked.
func (f *flow) awaitRole(ctx context.Context, who *serviceAccountOf, timeout time.Duration) error {
	ctx, done := f.p.cancelled(ctx)
	defer done()
	have, ok := f.have.Cluster(who.cluster)
	if !ok {
		return nil // it is held, for there is none
	}
	of := observe.Binding{Cluster: have, Namespace: who.namespace, ServiceAccount: who.name, Role: who.role, Final: who.role}
	if t := who.workload.Target; t != "" {
		of.Final = t
	}
	if c, _ := f.want.Cluster(who.cluster); c.Via == access.ViaNone {
		of.NoKubernetes = "the cluster's document has kubernetes: {via: None}"
	}
	var last *observe.Bound
	for until := f.p.Now().Add(timeout); ; {
		b, err := observe.LookBound(ctx, f.cloud, of, nil)
		if err != nil {
			return f.p.cloudError(err)
		}
		if last = b; b.Done() {
			f.sayBound(who, b)
			return nil
		}
		if !f.p.Now().Before(until) {
			break
		}
		select {
		case <-ctx.Done():
			return unasked(fmt.Errorf("stopped while waiting; the association is made: %w", ctx.Err()), "")
		case <-time.After(lookEvery):
		}
	}
	why := ""
	for _, s := range []observe.Seeing{last.Listed, last.Pods, last.Given} {
		if s.Sight == observe.NotSeen {
			why += "; " + s.Why
		}
	}
	return &Failure{Code: Failed, Hint: "run it again to wait on; the association is made, and " + report.ShellLine(who.again("unbind")) + " takes it back",
		Err: fmt.Errorf("after %s pods of %s/%s on %s cannot have role %s%s", timeout, who.namespace, who.name, f.documentOf(who.cluster), access.RoleName(of.Final), why)}
}

// sayBound says what was seen, and what could not be asked.
func (f *flow) sayBound(who *serviceAccountOf, b *observe.Bound) {
	if f.c.quiet {
		return
	}
	out := f.p.Stdout
	if f.c.output != "text" {
		out = f.p.Stderr
	}
	line := func(seen string, s observe.Seeing) {
		if s.Sight != observe.Seen {
			seen = "not asked whether " + seen + ": " + s.Why
		}
		fmt.Fprintln(out, report.Safe("  "+seen))
	}
	fmt.Fprintln(out, report.Safe(fmt.Sprintf("Role %s of %s/%s on %s:", access.RoleName(who.role), who.namespace, who.name, f.documentOf(who.cluster))))
	line("EKS shows the association", b.Listed)
	if b.Pods.Sight == observe.Unasked && b.Pods == b.Given {
		line("pods get it", b.Pods)
		return
	}
	line("a pod that is made now finds credentials", b.Pods)
	line("EKS Auth gives the role to "+podWord(b.Pod), b.Given)
}

func podWord(name string) string {
	if name == "" {
		return "a pod"
	}
	return "pod " + name
}
