package cloud

import (
	"math"
	"time"
)

// pace learns how many calls a second a server takes that does not say so and
// answers the surplus with a throttle. It is a pure state: time is given to
// it. The zero value knows nothing and holds nobody.
//
// Premise: such servers count with a token bucket. At a throttle the bucket is
// empty, so that between two throttles the server has answered exactly what it
// lets through in that time: answered / time is its rate, whatever our own
// pace was, unless the bucket ran over meanwhile (then it is a lower bound).
// So a throttle is no accident to shrink from, but a reading; the art is to
// take few of them and to go just under what was read in between.
//
//	no throttle yet       no pace: what the calls in flight allow
//	first throttle        a guess, as if the bucket had held two seconds' worth; doubled every second until the next reading
//	throttle, reading     a little under the reading
//	throttle, no reading  the reading is too short, or our pace had grown far past it: a step down
//	no throttle           the pace holds at first, then rises ever faster, in the first second by nothing to speak of, in twenty by several times
//
// Discarded: additive increase with halving, as TCP has it, loses a quarter of
// the rate and needs minutes to find a rate that is forty times another.
type pace struct {
	rate float64 // calls a second; 0: none learnt
	base float64 // rate at the last throttle
	read bool    // base comes from a reading, not from the first guess

	next  time.Time     // no call before
	taken time.Time     // the last call's
	busy  time.Duration // time since the last throttle in which calls waited for the pace
	calls int           // and how many did

	begun  time.Time // first call; then the throttle a reading counts from
	count  int       // answered since begun
	event  time.Time // last throttle
	rushes int       // throttles since the last reading
}

// What the pace does; times and numbers from tests against bucket servers of 5
// to 200 calls a second, see TestPaceFigures.
const (
	paceMargin     = 0.97                   // of a reading
	paceStep       = 0.8                    // of the rate, if the reading is far below
	paceRush       = 0.7                    // of the rate, if there is no reading
	paceFar        = 0.7                    // a reading below this part of the rate is of another time
	paceFloor      = 0.5                    // calls a second at least
	readingTime    = 500 * time.Millisecond // shorter is no reading
	readingCount   = 10
	guessBurst     = 2 * time.Second // the first guess of a bucket's size
	growthTime     = 4 * time.Second // the rise is 8 % after this long and this many calls
	growthCount    = 60
	growth         = 0.08
	guessDoubling  = time.Second
	pauseMost      = 5 * time.Second
	pauseLeast     = 50 * time.Millisecond
	mostConsidered = 10 * time.Minute // a reading over more is of another time
)

// wait is how long the next call has to wait at a time.
func (p *pace) wait(now time.Time) time.Duration {
	if p.rate == 0 {
		return 0
	}
	return max(0, p.next.Sub(now))
}

// take lets a call go at a time; waited says that it waited for the pace.
// Time in which nobody called is not saved up: after it calls go one by one.
func (p *pace) take(now time.Time, waited bool) {
	if p.begun.IsZero() {
		p.begun = now
	}
	if p.rate == 0 {
		return
	}
	if waited {
		p.busy += now.Sub(p.taken)
		p.calls++
		p.grow()
	}
	p.taken = now
	at := p.next
	if at.Before(now.Add(-p.interval())) {
		at = now.Add(-p.interval())
	}
	p.next = at.Add(p.interval())
}

func (p *pace) interval() time.Duration { return time.Duration(float64(time.Second) / p.rate) }

// grow raises the rate with the time and the calls that passed unthrottled.
func (p *pace) grow() {
	if !p.read {
		p.rate = p.base * math.Exp2(p.busy.Seconds()/guessDoubling.Seconds())
		return
	}
	x := min(p.busy.Seconds()/growthTime.Seconds(), float64(p.calls)/growthCount)
	p.rate = p.base * math.Exp(growth*x*x)
}

// answered counts a call that the server let through.
func (p *pace) answered() { p.count++ }

// throttled takes a throttle at a time, of a call sent at another. Those of
// calls that were under way at the last throttle are the same event.
func (p *pace) throttled(now, sent time.Time) {
	if !sent.After(p.event) && !p.event.IsZero() {
		return
	}
	since := now.Sub(p.begun)
	reading := float64(p.count) / max(since.Seconds(), 1e-3)
	switch {
	case p.rate == 0:
		p.rate = paceMargin * float64(p.count) / (since + guessBurst).Seconds()
		p.restart(now)
	case since < readingTime || p.count < readingCount:
		p.rate *= paceRush
		p.rushes++
		if since > pauseMost {
			p.restart(now)
		}
	case since > mostConsidered || reading < paceFar*p.rate:
		p.rate *= paceStep
		p.read = true
		p.restart(now)
	default:
		p.rate = paceMargin * min(reading, p.rate)
		p.read = true
		p.rushes = 0
		p.restart(now)
	}
	p.rate = max(p.rate, paceFloor)
	p.base, p.busy, p.calls = p.rate, 0, 0
	p.event, p.taken = now, now
	pause := max(p.interval(), pauseLeast<<min(p.rushes, 7))
	p.next = now.Add(min(pause, pauseMost))
}

// restart begins a reading.
func (p *pace) restart(now time.Time) { p.begun, p.count = now, 0 }
