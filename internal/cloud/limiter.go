package cloud

import (
	"context"
	"sync"
	"time"
)

// outcome is how a request ended, as the limiter cares.
type outcome int

const (
	answered  outcome = iota // AWS did something, if only refuse
	throttled                // AWS refused for the number of calls
	lost                     // no answer
)

// limiter keeps the calls of one account, region and service to what AWS
// takes. It is safe for use by several goroutines.
type limiter struct {
	slots chan struct{}

	mu   sync.Mutex
	last time.Time
}

func newLimiter(inFlight int) *limiter {
	return &limiter{slots: make(chan struct{}, inFlight), last: time.Now()}
}

// enter waits for leave to send. The caller calls leave once, with how it went.
func (l *limiter) enter(ctx context.Context) (leave func(outcome), err error) {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return func(o outcome) {
		<-l.slots
		if o == answered {
			l.mu.Lock()
			l.last = time.Now()
			l.mu.Unlock()
		}
	}, nil
}

// lastAnswer is when a call was last answered otherwise than by a throttle.
func (l *limiter) lastAnswer() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}
