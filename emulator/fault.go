package emulator

import (
	"context"
	"net/http"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// FaultKind is how a call fails.
type FaultKind string

// The kinds of faults.
const (
	FaultError    FaultKind = "error"    // 500
	FaultCut      FaultKind = "cut"      // the connection ends without an answer
	FaultThrottle FaultKind = "throttle" // as if over the rate; never After
	FaultDeny     FaultKind = "deny"     // 403; never After
	FaultSlow     FaultKind = "slow"     // the true answer, late
)

// Fault is a failure to have instead of an answer. A call that times out
// after its effect is {Kind: FaultCut, After: true, Delay: longer than the
// client waits}.
type Fault struct {
	Kind  FaultKind
	After bool          // the call takes effect first
	Delay time.Duration // before the answer, or the cut
}

// hidesEffect reports whether the caller is told of an effect wrongly.
func (f *Fault) hidesEffect() bool {
	return f != nil && f.After && (f.Kind == FaultError || f.Kind == FaultCut)
}

// before reports whether the fault stands in the call's stead.
func (f *Fault) before() bool {
	return f != nil && f.Kind != FaultSlow && !f.hidesEffect()
}

// fault decides how c fails, if it does: the hook first, then chance.
func (s *Server) fault(c *call.Call) *Fault {
	if s.o.Fault != nil {
		if f := s.o.Fault(c); f != nil {
			return f
		}
	}
	if s.o.FaultRate <= 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random.Float64() >= s.o.FaultRate {
		return nil
	}
	faults := [...]Fault{
		{Kind: FaultError}, {Kind: FaultError, After: true},
		{Kind: FaultCut}, {Kind: FaultCut, After: true},
		{Kind: FaultThrottle}, {Kind: FaultSlow, Delay: 2 * time.Second},
	}
	f := faults[s.random.IntN(len(faults))]
	return &f
}

// suffer waits the fault's delay and gives the error to answer with. Of a cut
// it does not return: the server ends the connection.
func (f *Fault) suffer(ctx context.Context, c *call.Call) *call.Error {
	sleep(ctx, f.Delay)
	switch f.Kind {
	case FaultCut:
		panic(http.ErrAbortHandler)
	case FaultThrottle:
		return throttled(c.Protocol)
	case FaultDeny:
		code := "AccessDeniedException"
		if c.Protocol.XML() {
			code = "AccessDenied"
		}
		return &call.Error{Code: code, Status: http.StatusForbidden,
			Message: "User: " + c.Caller.ARN + " is not authorized to perform: " + c.Service + ":" + c.Operation + " with an explicit deny in a service control policy"}
	}
	return internal(c.Protocol, "a fault of the lab")
}

// sleep waits d, or until the client has gone.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
