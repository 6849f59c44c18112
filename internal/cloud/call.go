package cloud

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// How long and how often. A throttle is not counted: it is bounded by time.
const (
	attemptTimeout   = 20 * time.Second // of one request and its answer
	transientLimit   = 4                // attempts that fail otherwise than by a throttle
	transientDelay   = 200 * time.Millisecond
	throttlePatience = 2 * time.Minute // of nothing but throttles
	throttlesAtOnce  = 3               // in a row, before a call waits by itself
)

// Call is one request and how it was answered, for a log. It has no header,
// body, credential or query in it.
type Call struct {
	Service, Operation string
	Account, Region    string
	Status             int    // 0: no answer
	Code               string // AWS's error code, or "" for success
	RequestID          string
	Attempt            int // from 1
	Duration           time.Duration
}

func (c Call) String() string {
	s := fmt.Sprintf("%s %s account=%s region=%s status=%d", c.Service, c.Operation, c.Account, c.Region, c.Status)
	if c.Code != "" {
		s += " code=" + c.Code
	}
	if c.RequestID != "" {
		s += " request=" + c.RequestID
	}
	if c.Attempt > 1 {
		s += fmt.Sprintf(" attempt=%d", c.Attempt)
	}
	return s + " " + c.Duration.Round(time.Millisecond).String()
}

// stack is what every client of one account, region and service has around
// its calls:
//
//	gate     once a call: the account is checked
//	Retry    the SDK's loop, which does what the attempt below it says
//	attempt  each request: limiter, time limit, log, judgement
//	...      the SDK: credentials, endpoint, signature, transport
type stack struct {
	account, region, service string
	gate                     func(context.Context) error // nil: none
	limiter                  *limiter
	log                      func(Call)
}

func (c *Cloud) stackFor(account, region, service string, gate func(context.Context) error) *stack {
	return &stack{account, region, service, gate, c.limiterFor(limiterKey{account, region, service}), c.options.Log}
}

func (s *stack) install(st *middleware.Stack) error {
	if err := st.Initialize.Add(middleware.InitializeMiddlewareFunc("AtlasGate", s.enter), middleware.Before); err != nil {
		return err
	}
	return st.Finalize.Insert(middleware.FinalizeMiddlewareFunc("AtlasAttempt", s.attempt), "Retry", middleware.After)
}

// callKey is where a call's state stands in the SDK's stack values.
type callKey struct{}

// callState is what a call has been through so far.
type callState struct {
	read      bool
	attempts  int
	transient int       // failed otherwise than by a throttle
	throttles int       // in a row
	throttled time.Time // when the row began
	renewed   bool
	session   *session // the attempt's, and its key
	key       string
	secrets   []string // of the attempt's credentials
}

func (s *stack) enter(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	if s.gate != nil {
		if err := s.gate(ctx); err != nil {
			return middleware.InitializeOutput{}, middleware.Metadata{}, err
		}
	}
	ctx = middleware.WithStackValue(ctx, callKey{}, &callState{read: isRead(awsmiddleware.GetOperationName(ctx))})
	return next.HandleInitialize(ctx, in)
}

// isRead tells the operations that change nothing by AWS's naming. AssumeRole
// makes a session that nobody else sees: making another does no harm.
func isRead(operation string) bool {
	for _, p := range [...]string{"Describe", "List", "Get", "AssumeRole", "Simulate"} {
		if strings.HasPrefix(operation, p) {
			return true
		}
	}
	return false
}

func (s *stack) attempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	cs := middleware.GetStackValue(ctx, callKey{}).(*callState)
	leave, err := s.limiter.enter(ctx)
	if err != nil {
		return middleware.FinalizeOutput{}, middleware.Metadata{}, err
	}
	cs.attempts++
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, attemptTimeout)
	out, md, err := next.HandleFinalize(limited, in)
	cancel()
	err = withoutEcho(err, cs.secrets)
	s.report(ctx, cs, md, err, time.Since(start))
	switch {
	case err == nil || (Status(err) != 0 && !IsThrottle(err)):
		leave(answered)
	case IsThrottle(err) && !cs.alone(s.limiter):
		s.limiter.note(cs)
		leave(throttled)
	default:
		leave(lost)
	}
	if err != nil {
		err = s.judge(ctx, cs, err)
	}
	return out, md, err
}

func (s *stack) report(ctx context.Context, cs *callState, md middleware.Metadata, err error, took time.Duration) {
	if s.log == nil {
		return
	}
	c := Call{
		Service: s.service, Operation: awsmiddleware.GetOperationName(ctx), Account: s.account, Region: s.region,
		Status: Status(err), Code: Code(err), RequestID: RequestID(md), Attempt: cs.attempts, Duration: took,
	}
	if raw, ok := awsmiddleware.GetRawResponse(md).(*smithyhttp.Response); ok && raw != nil {
		c.Status = raw.StatusCode
	}
	if err != nil && c.Code == "" {
		c.Code = "failed"
	}
	s.log(c)
}

// alone reports whether a call is throttled again while others get through:
// that is a limit of its own, from which the pace of all learns nothing. Its
// second throttle is enough to tell if no other call was throttled since the
// first.
func (cs *callState) alone(l *limiter) bool {
	if cs.throttles == 0 || !l.lastAnswer().After(cs.throttled) {
		return false
	}
	return cs.throttles >= throttlesAtOnce || !l.lastOther(cs).After(cs.throttled)
}

// judge says what becomes of a failed attempt: it gives the error back with a
// verdict on it that the retryer obeys.
func (s *stack) judge(ctx context.Context, cs *callState, err error) error {
	again := func(delay time.Duration) error { return &verdict{err: err, again: true, delay: delay} }
	if ctx.Err() != nil {
		return &verdict{err: err}
	}
	if IsThrottle(err) {
		return s.judgeThrottle(cs, err)
	}
	cs.throttles = 0
	if isExpired(err) {
		if cs.renewed || cs.session == nil {
			return &verdict{err: err}
		}
		cs.renewed = true
		cs.session.renew(cs.key)
		return again(0)
	}
	if !transient(err) || (!cs.read && Unknown(err)) {
		return &verdict{err: err}
	}
	cs.transient++
	if cs.transient >= transientLimit {
		return &verdict{err: err}
	}
	return again(transientDelay << (2 * (cs.transient - 1)))
}

// judgeThrottle repeats a throttled call, at once at first (the limiter sets
// the pace), then ever later, for some calls are throttled apart from the
// rest. It gives up after throttlePatience in which no call of the limiter's
// was answered, or a multiple of it in which this call was not.
func (s *stack) judgeThrottle(cs *callState, err error) error {
	now := time.Now()
	if cs.throttles == 0 {
		cs.throttled = now
	}
	cs.throttles++
	own := now.Sub(cs.throttled)
	if own >= 5*throttlePatience || (own >= throttlePatience && now.Sub(s.limiter.lastAnswer()) >= throttlePatience) {
		return &verdict{err: &ThrottledOutError{After: own, Err: err}}
	}
	var delay time.Duration
	if n := cs.throttles - throttlesAtOnce; n >= 0 {
		delay = min(250*time.Millisecond<<min(n, 10), 10*time.Second)
	}
	return &verdict{err: err, again: true, delay: delay}
}

// transient reports whether the same request may fare better: AWS failed
// inside, or the network did.
func transient(err error) bool {
	var (
		none   *NoCredentialsError
		assume *AssumeRoleError
		lab    *LabKeyError
	)
	if errors.As(err, &none) || errors.As(err, &assume) || errors.As(err, &lab) {
		return false
	}
	if s := Status(err); s != 0 {
		return s >= 500 || s < 300 // below 300: the answer was cut
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false
	}
	return networkError(err)
}

// networkError reports whether err is the transport's: the request was not
// answered.
func networkError(err error) bool {
	var send *smithyhttp.RequestSendError
	var network net.Error
	return errors.As(err, &send) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded)
}

// sent reports whether a request without an answer may have reached AWS. A
// call that was cancelled while it waited for its turn or between two attempts
// has a bare context error, one cancelled on the wire a CanceledError.
func sent(err error) bool {
	var canceled *smithy.CanceledError
	if errors.As(err, &canceled) {
		return true
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var op *net.OpError
	var dns *net.DNSError
	if errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &dns) || (errors.As(err, &op) && op.Op == "dial") {
		return false
	}
	return networkError(err)
}

// verdict is a failed attempt's error with what shall follow. It reads as the
// error.
type verdict struct {
	err   error
	again bool
	delay time.Duration
}

func (v *verdict) Error() string { return v.err.Error() }
func (v *verdict) Unwrap() error { return v.err }

// retryer makes the SDK's loop do what the verdict says.
type retryer struct{}

func (retryer) IsErrorRetryable(err error) bool {
	var v *verdict
	return errors.As(err, &v) && v.again
}

// MaxAttempts is 0, no number: the verdict bounds them.
func (retryer) MaxAttempts() int { return 0 }

func (retryer) RetryDelay(_ int, err error) (time.Duration, error) {
	var v *verdict
	if errors.As(err, &v) {
		return v.delay, nil
	}
	return 0, nil
}

func (retryer) GetRetryToken(context.Context, error) (func(error) error, error) {
	return func(error) error { return nil }, nil
}

func (retryer) GetInitialToken() func(error) error { return func(error) error { return nil } }

func (retryer) GetAttemptToken(context.Context) (func(error) error, error) {
	return func(error) error { return nil }, nil
}
