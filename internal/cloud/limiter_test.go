package cloud

import (
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bucket is a server that takes rate calls a second and saves up two seconds'
// worth; the rate may change with time.
type bucket struct {
	rate    func(since time.Duration) float64 // 0: no limit
	latency time.Duration

	mu        sync.Mutex
	begun     time.Time
	seen      time.Time
	tokens    float64
	refused   int
	flying    int
	mostAtOne int
}

func newBucket(rate float64) *bucket {
	return changingBucket(func(time.Duration) float64 { return rate })
}

func changingBucket(rate func(time.Duration) float64) *bucket {
	now := time.Now()
	return &bucket{rate: rate, latency: 20 * time.Millisecond, begun: now, seen: now, tokens: 2 * rate(0)}
}

// call answers after the latency; false is a throttle.
func (b *bucket) call() bool {
	b.mu.Lock()
	b.flying++
	b.mostAtOne = max(b.mostAtOne, b.flying)
	b.mu.Unlock()
	time.Sleep(b.latency / 2)
	b.mu.Lock()
	now := time.Now()
	rate := b.rate(now.Sub(b.begun))
	b.tokens = min(2*rate, b.tokens+now.Sub(b.seen).Seconds()*rate)
	b.seen = now
	ok := rate == 0 || b.tokens >= 1
	if ok {
		b.tokens--
	} else {
		b.refused++
	}
	b.mu.Unlock()
	time.Sleep(b.latency / 2)
	b.mu.Lock()
	b.flying--
	b.mu.Unlock()
	return ok
}

// run makes n calls through a limiter, from as many goroutines as it lets, and
// repeats each until it is answered. It gives the time it took.
func run(t *testing.T, l *limiter, b *bucket, n int) time.Duration {
	t.Helper()
	start := time.Now()
	var wg sync.WaitGroup
	work := make(chan struct{})
	for range 64 {
		wg.Go(func() {
			for range work {
				for ok := false; !ok; {
					leave, err := l.enter(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					if ok = b.call(); ok {
						leave(answered)
					} else {
						leave(throttled)
					}
				}
			}
		})
	}
	for range n {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
	return time.Since(start)
}

func TestPaceFigures(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rate  float64
		calls int
	}{
		{"50 calls a second", 50, 2000},
		{"50 calls a second, a long run", 50, 20000},
		{"5 calls a second", 5, 1000},
		{"20 calls a second", 20, 2000},
		{"200 calls a second", 200, 4000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBucket(tc.rate)
				took := run(t, newLimiter(DefaultMaxInFlight), b, tc.calls)
				ideal := (float64(tc.calls) - 2*tc.rate) / tc.rate
				times, part := took.Seconds()/ideal, float64(b.refused)/float64(tc.calls)
				t.Logf("%d calls in %v, %.3f of the ideal time, %.2f %% throttled", tc.calls, took, times, 100*part)
				if times > 1.2 || part >= 0.05 {
					t.Errorf("want at most 1.2 of the ideal time and less than 5 %% throttled")
				}
			})
		})
	}
}

func TestPaceFollowsARateThatChanges(t *testing.T) {
	step := func(at time.Duration, from, to float64) func(time.Duration) float64 {
		return func(since time.Duration) float64 {
			if since < at {
				return from
			}
			return to
		}
	}
	for _, tc := range []struct {
		name  string
		rate  func(time.Duration) float64
		calls int
		ideal float64 // seconds, the bucket's savings counted once
	}{
		{"from 50 down to 10", step(20*time.Second, 50, 10), 2000, 20 + (2000-100-20*50)/10.},
		{"from 200 down to 20", step(10*time.Second, 200, 20), 4000, 10 + (4000-400-10*200)/20.},
		{"from 20 up to 100", step(20*time.Second, 20, 100), 6000, 20 + (6000-40-20*20)/100.},
		{"from 50 up to 200", step(20*time.Second, 50, 200), 10000, 20 + (10000-100-20*50)/200.},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := changingBucket(tc.rate)
				took := run(t, newLimiter(DefaultMaxInFlight), b, tc.calls)
				times, part := took.Seconds()/tc.ideal, float64(b.refused)/float64(tc.calls)
				t.Logf("%d calls in %v, %.3f of the ideal time, %.2f %% throttled", tc.calls, took, times, 100*part)
				if times > 1.3 || part >= 0.05 {
					t.Errorf("want at most 1.3 of the ideal time and less than 5 %% throttled")
				}
			})
		})
	}
}

func TestAServerWithoutALimitIsNotHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(0)
		took := run(t, newLimiter(DefaultMaxInFlight), b, 3200)
		if want := 100 * b.latency; took != want || b.mostAtOne != DefaultMaxInFlight {
			t.Errorf("3200 calls took %v, want %v; %d in flight at most", took, want, b.mostAtOne)
		}
	})
}

func TestNoBurstAfterAnIdleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, b := newLimiter(DefaultMaxInFlight), newBucket(20)
		run(t, l, b, 400)
		learnt := l.pace.rate
		time.Sleep(10 * time.Minute)
		before := b.refused
		took := run(t, l, b, 40)
		if took < time.Duration(38/(1.5*learnt)*float64(time.Second)) {
			t.Errorf("40 calls after an idle time took %v at a learnt rate of %.1f/s", took, learnt)
		}
		if b.refused != before {
			t.Errorf("%d throttles after an idle time", b.refused-before)
		}
	})
}

func TestCallsThrottledTogetherAreOneEvent(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var one, many pace
	for _, p := range []*pace{&one, &many} {
		for i := range 132 {
			p.take(start.Add(time.Duration(i)*time.Millisecond), false)
		}
		for range 100 {
			p.answered()
		}
	}
	sent := start.Add(131 * time.Millisecond)
	one.throttled(start.Add(150*time.Millisecond), sent)
	for range 32 {
		many.throttled(start.Add(150*time.Millisecond), sent)
	}
	if one != many {
		t.Errorf("32 throttles of calls in flight together: %+v, one: %+v", many, one)
	}
	if got := one.rate; math.Abs(got-45) > 5 {
		t.Errorf("the first guess after a burst of 100 is %.1f calls a second, want about 45", got)
	}
	// A throttle of a call sent after it is news.
	one.throttled(start.Add(300*time.Millisecond), start.Add(250*time.Millisecond))
	if one.rate >= many.rate {
		t.Errorf("a later throttle left the rate at %.1f", one.rate)
	}
}
