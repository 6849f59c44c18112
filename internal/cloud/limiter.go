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
// takes: so many in flight, at the pace that was learnt, first come first
// served. It is safe for use by several goroutines.
type limiter struct {
	turn  chan struct{} // held by the one who waits for the next place
	slots chan struct{} // calls in flight

	mu    sync.Mutex
	pace  pace
	last  time.Time  // of an answer
	by    *callState // whose throttle was the last that taught the pace
	at    time.Time  // and when
	other time.Time  // the last such of another call than by
}

func newLimiter(inFlight int) *limiter {
	return &limiter{turn: make(chan struct{}, 1), slots: make(chan struct{}, inFlight), last: time.Now()}
}

// enter waits for leave to send. The caller calls leave once, with how it went.
func (l *limiter) enter(ctx context.Context) (leave func(outcome), err error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	sent, err := l.awaitPace(ctx)
	if err != nil {
		<-l.slots
		return nil, err
	}
	return func(o outcome) {
		<-l.slots
		l.learn(o, sent)
	}, nil
}

// awaitPace sleeps until the pace lets a call go. It looks again after each
// sleep: a throttle may have moved the time meanwhile.
func (l *limiter) awaitPace(ctx context.Context) (sent time.Time, err error) {
	waited := false
	for {
		now := time.Now()
		l.mu.Lock()
		wait := l.pace.wait(now)
		if wait == 0 {
			l.pace.take(now, waited)
			l.mu.Unlock()
			return now, nil
		}
		l.mu.Unlock()
		waited = true
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return time.Time{}, ctx.Err()
		}
	}
}

func (l *limiter) learn(o outcome, sent time.Time) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch o {
	case answered:
		l.last = now
		l.pace.answered()
	case throttled:
		l.pace.throttled(now, sent)
	}
}

// note takes down whose throttle the pace learns from.
func (l *limiter) note(by *callState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by != by {
		l.by, l.other = by, l.at
	}
	l.at = time.Now()
}

// lastOther is when a call other than by was last throttled.
func (l *limiter) lastOther(by *callState) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == by {
		return l.other
	}
	return l.at
}

// lastAnswer is when a call was last answered otherwise than by a throttle.
func (l *limiter) lastAnswer() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}
