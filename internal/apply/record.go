package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Header is the record's first line.
type Header struct {
	Line        string          `json:"line"` // "start"
	Version     int             `json:"version"`
	Program     string          `json:"program,omitempty"`
	Environment access.Owner    `json:"environment"`
	Plan        string          `json:"plan,omitempty"` // the plan's digest
	Changes     int             `json:"changes"`
	Accounts    []HeaderAccount `json:"accounts,omitempty"`
	Started     time.Time       `json:"started"`
}

// HeaderAccount is an account as it was asked: as whom, where.
type HeaderAccount struct {
	Name     string `json:"name"`
	ID       string `json:"id"`
	Caller   string `json:"caller,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
}

// WriteOutcome is what is known of one attempt to write.
type WriteOutcome string

// An attempt is done when AWS said so, refused when AWS said no, unknown when
// the answer was lost. A line "settled" follows an unknown one as soon as
// reading has told: done or notDone.
const (
	WriteDone    WriteOutcome = "done"
	WriteRefused WriteOutcome = "refused"
	WriteUnknown WriteOutcome = "unknown"
	WriteNotDone WriteOutcome = "notDone"
)

// Write is one attempt to write, as the record holds it.
type Write struct {
	Line      string       `json:"line"` // "write", or "settled" for what reading told of the last one
	Time      time.Time    `json:"time"`
	Change    string       `json:"change"`
	Operation string       `json:"operation"` // CreateAccessEntry, ...
	Account   string       `json:"account"`
	Region    string       `json:"region"`
	Cluster   string       `json:"cluster"`
	Principal string       `json:"principal,omitempty"`
	Namespace string       `json:"namespace,omitempty"` // a binding's
	Name      string       `json:"name,omitempty"`      // a binding's
	Policy    string       `json:"policy,omitempty"`
	Outcome   WriteOutcome `json:"outcome"`
	RequestID string       `json:"requestId,omitempty"` // AWS's, or the Audit-Id of an API server
	Code      string       `json:"code,omitempty"`
	Message   string       `json:"message,omitempty"`
	From      any          `json:"from,omitempty"`
	To        any          `json:"to,omitempty"`
}

// Trailer is the record's last line. A record without one belongs to a run
// that was killed.
type Trailer struct {
	Line    string    `json:"line"` // "end"
	Ended   time.Time `json:"ended"`
	Stopped bool      `json:"stopped,omitempty"`
	Counts
}

func newHeader(p *plan.Plan, digest, program string, started time.Time) Header {
	h := Header{
		Line: "start", Version: 1, Program: program, Environment: p.Owner,
		Plan: digest, Changes: len(p.Changes), Started: started,
	}
	for _, a := range p.Accounts {
		h.Accounts = append(h.Accounts, HeaderAccount{a.Account.Name, a.Account.ID, a.Caller, a.Endpoint})
	}
	return h
}

func newTrailer(res *Result, ended time.Time) Trailer {
	return Trailer{Line: "end", Ended: ended, Stopped: res.Stopped, Counts: res.Counts}
}

// digest is the plan's as plan.Encode gives it, so that a record and the saved
// plan that it came from can be told to belong together.
func digest(p *plan.Plan) string {
	b, err := plan.Encode(p)
	if err != nil {
		return ""
	}
	var saved struct {
		Digest string `json:"digest"`
	}
	if json.Unmarshal(b, &saved) != nil {
		return ""
	}
	return saved.Digest
}

// runToken is different for each run, so that a token sent to AWS is the same
// for the attempts of one run and for no others.
func runToken(digest string, started time.Time) string {
	return digest + started.UTC().Format(time.RFC3339Nano)
}

// requestToken is what AWS gets to know a repeated request by.
func (r *runner) requestToken(change, operation string) string {
	sum := sha256.Sum256([]byte(r.token + "\x00" + change + "\x00" + operation))
	return hex.EncodeToString(sum[:16])
}

// record writes JSON lines, one call of Write a line. It keeps its first error.
type record struct {
	mu    sync.Mutex
	to    io.Writer
	first error
}

func newRecord(to io.Writer) *record { return &record{to: to} }

func (r *record) line(v any) error {
	if r.to == nil {
		return nil
	}
	b, err := json.Marshal(v)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first != nil {
		return nil
	}
	if err == nil {
		_, err = r.to.Write(append(plan.Printable(b), '\n'))
	}
	if err != nil {
		r.first = fmt.Errorf("write the record: %w", err)
	}
	return r.first
}

func (r *record) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first
}
