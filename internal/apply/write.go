package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/kube"
)

// write is one call that changes something, and how to tell by reading whether
// it took effect.
type write struct {
	operation string // as EKS names it
	policy    string // ARN
	words     string // what is attempted, for errors: "create access entry"
	from, to  any    // for the record
	send      func(context.Context) (middleware.Metadata, error)
	// took reads whether the write has taken effect. A *MovedError says that
	// something else stands there.
	took func(context.Context) (bool, error)
	// standing are refusals of what may be done already, nil for none; took
	// then tells.
	standing func(error) bool
	// delayed are refusals that AWS's own delays explain.
	delayed func(error) bool
	until   time.Time // how long to try; zero: the run's patience
}

// lostAttempts bounds how often a write is sent whose answers get lost.
const lostAttempts = 4

// do makes one write: tried again as far as that is safe, and not left in
// doubt where reading can tell. The error is nil when AWS has what the write
// says; then j.made tells whether it was this run that brought it.
func (j *job) do(ctx context.Context, w *write) error {
	until := w.until
	if until.IsZero() {
		until = j.opts.Now().Add(j.opts.Patience)
	}
	lost := 0
	for wait := firstWait; ; wait = nextWait(wait) {
		if ctx.Err() != nil {
			return j.failed(w, ctx.Err())
		}
		err := j.attempt(ctx, w)
		if err == nil {
			j.made = true
			return nil
		}
		again := w.delayed != nil && w.delayed(err) || cloud.IsThrottle(err) || kube.IsBusy(err)
		switch {
		case isLost(err):
			lost++
			took, rerr := j.settle(ctx, w)
			switch {
			case rerr != nil && !isMoved(rerr):
				return &LostError{Write: j.failed(w, err), Read: rerr}
			case rerr != nil:
				return rerr
			case took:
				j.made, j.out.Settled = true, true
				return nil
			}
			again = lost < lostAttempts
		case w.standing != nil && w.standing(err):
			took, rerr := w.took(ctx)
			if rerr != nil {
				return rerr
			}
			if took {
				j.made = j.made || lost > 0
				return nil
			}
			again = true // what AWS refuses it for cannot be seen yet, or any more
		}
		if !again || !j.pause(ctx, wait, until) {
			return j.failed(w, err)
		}
	}
}

const firstWait = 250 * time.Millisecond

func nextWait(d time.Duration) time.Duration { return min(2*d, 5*time.Second) }

// pause waits; what was read before is stale then. It is false, at once, when
// that would end after the time given, or when the run is stopped.
func (j *job) pause(ctx context.Context, d time.Duration, until time.Time) bool {
	j.chain.forget()
	if j.opts.Now().Add(d).After(until) || j.stopped(ctx) {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-j.stop:
	case <-ctx.Done():
	}
	return false
}

// attempt sends a write once and puts it into the record.
func (j *job) attempt(ctx context.Context, w *write) error {
	md, err := w.send(ctx)
	line := j.line(w)
	line.Outcome, line.RequestID = WriteDone, cloud.RequestID(md)
	if err != nil {
		line.Outcome, line.Code, line.Message = WriteRefused, codeOf(err), reasonOf(err)
		if isLost(err) {
			line.Outcome = WriteUnknown
		}
		if id := requestOf(err); id != "" {
			line.RequestID = id
		}
	}
	j.out.Writes = append(j.out.Writes, line)
	j.keep(line)
	return err
}

// settle reads what came of a write whose answer was lost. A run that was
// cancelled gets a short time for it.
func (j *job) settle(ctx context.Context, w *write) (took bool, err error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), settleWait)
		defer cancel()
	}
	took, err = w.took(ctx)
	line := j.line(w)
	line.Line = "settled"
	switch {
	case err != nil && !isMoved(err):
		line.Outcome, line.Code, line.Message = WriteUnknown, codeOf(err), reasonOf(err)
	case took:
		line.Outcome = WriteDone
	default:
		line.Outcome = WriteNotDone
	}
	j.keep(line)
	return took, err
}

const settleWait = 5 * time.Second

func (j *job) line(w *write) Write {
	return Write{
		Line: "write", Time: j.opts.Now(), Change: j.change.ID, Operation: w.operation,
		Account: j.key.Account, Region: j.key.Region, Cluster: j.key.Name,
		Namespace: j.change.Namespace, Name: j.change.Name, Principal: j.change.Principal, Policy: w.policy, From: w.from, To: w.to,
	}
}

// keep writes a line of the record. A run that cannot keep its record begins
// nothing more.
func (j *job) keep(line Write) {
	if j.record.line(line) != nil {
		j.halt()
	}
}

// isLost reports whether a write that ended with err may have taken effect.
func isLost(err error) bool {
	var server *kube.Error
	if errors.As(err, &server) {
		return kube.Unknown(err)
	}
	return cloud.Unknown(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func isMoved(err error) bool {
	var moved *MovedError
	return errors.As(err, &moved)
}

// callError says what was attempted on which object, and AWS's short answer.
type callError struct {
	words, object string
	err           error
}

func (e *callError) Error() string {
	return fmt.Sprintf("%s of %s: %s", e.words, e.object, reasonOf(e.err))
}

func (e *callError) Unwrap() error { return e.err }

func (j *job) failed(w *write, err error) error {
	if id := requestOf(err); id != "" {
		j.out.RequestID = id
	}
	return &callError{w.words, j.object(), err}
}

// object names what the change is about.
func (j *job) object() string {
	if j.change.Kind.Workload() {
		return j.workloadObject()
	}
	if j.change.Name != "" {
		return j.named().Key() + " on cluster " + j.key.String()
	}
	if j.change.Principal == "" {
		return "cluster " + j.key.String()
	}
	return j.change.Principal + " on cluster " + j.key.String()
}

// inUse is how EKS refuses what exists, and what another update locks.
func inUse(err error) bool { return cloud.Code(err) == "ResourceInUseException" }

// invalidPrincipal is how EKS refuses a principal that IAM does not have, or
// does not show yet. (terraform-aws-eks#2969; that a new role looks so for a while is
// reported in terraform-provider-aws#34711)
func invalidPrincipal(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "InvalidParameterException" &&
		strings.Contains(api.ErrorMessage(), "invalid principal")
}
