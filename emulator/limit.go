package emulator

import (
	"net/http"
	"sync"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// limits throttles by token buckets, one for each account, Region and
// service, that hold two seconds' worth of calls.
type limits struct {
	rate float64

	mu      sync.Mutex
	buckets map[limitKey]*bucket
}

type limitKey struct{ account, region, service string }

type bucket struct {
	tokens float64
	at     time.Time
}

// allow takes a token, if there is one.
func (l *limits) allow(k limitKey, now time.Time) bool {
	if l.rate <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	burst := max(1, 2*l.rate)
	b := l.buckets[k]
	if b == nil {
		if l.buckets == nil {
			l.buckets = map[limitKey]*bucket{}
		}
		b = &bucket{tokens: burst, at: now}
		l.buckets[k] = b
	}
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(burst, b.tokens+d.Seconds()*l.rate)
		b.at = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// throttled is the answer to a call over the rate. (aws-facts 2.1, 5)
func throttled(p call.Protocol) *call.Error {
	if p.XML() {
		return &call.Error{Code: "Throttling", Message: "Rate exceeded", Status: http.StatusBadRequest}
	}
	return &call.Error{Code: "ThrottlingException", Message: "Rate exceeded", Status: http.StatusTooManyRequests}
}
