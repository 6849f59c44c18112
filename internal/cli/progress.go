package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

// told reports whether steps are told as they happen: to a person who waits,
// or with -v.
func (p *Process) told(c *common) bool {
	return !c.quiet && (c.verbose || p.Terminal(p.Stderr))
}

// logCall is a line for each request, with -v. It has no credential in it.
func (p *Process) logCall(c cloud.Call) { p.say("%s", c) }

// applyProgress is a line for each change as it ends.
func (p *Process) applyProgress(c *common) func(apply.Outcome) {
	if !p.told(c) {
		return nil
	}
	return func(o apply.Outcome) { fmt.Fprintln(p.Stderr, report.Outcome(o)) }
}

func (p *Process) waiting(c *common) func(*plan.Change, string) {
	if !p.told(c) {
		return nil
	}
	return func(ch *plan.Change, what string) { p.say("%s: waiting for %s", report.Describe(*ch), what) }
}

// readProgress is one line that counts what was read, on a terminal only; it
// is gone when the reading ends.
func (p *Process) readProgress(c *common) (progress func(observe.Progress), end func()) {
	if c.quiet || !p.Terminal(p.Stderr) || p.Getenv("TERM") == "dumb" {
		return nil, func() {}
	}
	const eraseLine = "\r\x1b[K"
	return func(n observe.Progress) {
		fmt.Fprintf(p.Stderr, eraseLine+"read %d of %d clusters, %d of %d entries", n.Clusters, n.TotalClusters, n.Entries, n.TotalEntries)
	}, func() { fmt.Fprint(p.Stderr, eraseLine) }
}

// interruptible gives a context that the second Ctrl-C cancels, and a channel
// that the first one closes. Call done at the end.
func (p *Process) interruptible(parent context.Context) (ctx context.Context, stop <-chan struct{}, done func()) {
	ctx, cancel := context.WithCancel(parent)
	stopped, ended := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for n := 0; ; n++ {
			select {
			case _, ok := <-p.Interrupts:
				switch {
				case !ok:
					<-ended
					return
				case n == 0:
					p.say("stopping after the calls in flight; once more to cancel them")
					close(stopped)
				default:
					cancel()
				}
			case <-ended:
				return
			}
		}
	})
	return ctx, stopped, func() {
		close(ended)
		wait.Wait()
		cancel()
	}
}

// cancelled gives a context that the first Ctrl-C cancels, for commands that
// only read.
func (p *Process) cancelled(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	ended := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		select {
		case <-p.Interrupts:
			cancel()
		case <-ended:
		}
	})
	return ctx, func() {
		close(ended)
		wait.Wait()
		cancel()
	}
}

// cloudError says why AWS could not be asked, and what to do.
func (p *Process) cloudError(err error) error {
	var f *Failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	var (
		none     *cloud.NoCredentialsError
		insecure *cloud.InsecureEndpointError
		lab      *cloud.LabKeyError
	)
	switch {
	case errors.As(err, &none):
		return unasked(none, "")
	case errors.As(err, &insecure):
		return unasked(insecure, "")
	case errors.As(err, &lab):
		return unasked(lab, "")
	case errors.Is(err, context.Canceled), errors.Is(err, os.ErrDeadlineExceeded):
		return unasked(errors.New("interrupted; nothing was changed"), "")
	}
	return unasked(err, "")
}
