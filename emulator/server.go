package emulator

import (
	"cmp"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/eksauth"
	"github.com/atlas-iam/atlas-iam/emulator/kubernetes"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// Options of a Server. The zero value is a lab in a temporary file, as fast
// as it can be, without limits or faults.
type Options struct {
	File    string           // the lab's file; empty: a temporary one without syncs
	NoSync  bool             // do not sync after each write
	Now     func() time.Time // time.Now if nil
	Hosts   []string         // Host headers to accept besides those of loopback
	Journal io.Writer        // gets each write that took effect as a line of JSON

	Latency     time.Duration // before each answer
	Rate        float64       // calls a second of an account, Region and service; 0 is no limit
	Consistency time.Duration // how long lists and describes do not see a change
	Settle      time.Duration // how long a cluster is creating, updating, deleting
	PageLimit   int           // most items on a page, whatever is asked for; 0: as AWS has it
	Kubernetes  bool          // somebody starts an API server for each cluster; see Clusters
	// Refused is told why a login to a cluster is refused, which its bearer is
	// not told; may be nil.
	Refused func(cluster call.ClusterKey, why error)

	Fault     func(*call.Call) *Fault // asked for each call that is authenticated; nil is no fault
	FaultRate float64                 // share of calls that fail at random, 0 to 1
	FaultSeed uint64                  // equal seeds and calls in equal order give equal faults
}

// Parts are the rooms of a Server: Open puts the lab's own together.
type Parts struct {
	IAM         call.IAM
	Credentials []call.Credentials
	Services    []call.Service
	EKS         *eks.Service     // of Services; may be nil, as Kubernetes
	Kubernetes  *kubernetes.Room // what the API servers of EKS's clusters ask
	EKSAuth     *eksauth.Service // of Services, with EKS; what the clusters' agents ask
}

// Server is a running lab. It is an http.Handler for AWS's API requests.
type Server struct {
	o       Options
	db      *store.DB
	parts   Parts
	limits  limits
	journal journal
	changed chan struct{} // see ClustersChanged

	mu     sync.Mutex // guards random
	random *rand.Rand
}

// Assemble opens the lab's store with the rooms given.
func Assemble(o Options, parts Parts) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	db, err := store.Open(o.File, store.Options{NoSync: o.NoSync, History: o.Consistency})
	if err != nil {
		return nil, err
	}
	return &Server{
		o: o, db: db, parts: parts,
		limits:  limits{rate: o.Rate},
		journal: journal{out: o.Journal},
		changed: make(chan struct{}, 1),
		random:  rand.New(rand.NewPCG(o.FaultSeed, 0)),
	}, nil
}

// Close closes the lab's file; a temporary one is removed.
func (s *Server) Close() error { return s.db.Close() }

// Journal lists the writes that took effect since the Server was opened, in
// the order of their commits.
func (s *Server) Journal() []call.Write { return s.journal.all() }

// run does a call that was let through, in one transaction.
func (s *Server) run(c *call.Call, op call.Operation, fault *Fault) (*call.Response, error) {
	do := s.db.Update
	if op.ReadOnly {
		do = s.db.View
	}
	var resp *call.Response
	err := do(func(tx *store.Tx) (err error) {
		c.Tx, c.Now, c.Writes = tx, s.o.Now(), nil
		c.Seen = tx.AsOf(c.Now.Add(-s.o.Consistency))
		tx.SetTime(c.Now)
		if op.Handle == nil {
			return unbuilt(c, op)
		}
		if resp, err = op.Handle(c); err != nil {
			return err
		}
		if len(c.Writes) > 0 {
			tx.OnCommit(func() {
				s.journal.add(c.Writes, fault)
				s.noteClusters(c.Writes)
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// unbuilt refuses an operation that AWS has and the lab has not, but only to
// a caller who might have done it: whoever calls, where no signature is asked.
func unbuilt(c *call.Call, op call.Operation) error {
	if op.Name != "" && !op.Unsigned {
		if err := c.Authorize(cmp.Or(op.Action, c.Service+":"+op.Name), "*", nil); err != nil {
			return err
		}
	}
	return call.NotImplemented(c.Service, op.Name)
}

// apiError gives the error to answer with. One that is not an *call.Error is
// the lab's own failure.
func apiError(err error, p call.Protocol) *call.Error {
	var e *call.Error
	if errors.As(err, &e) {
		return e
	}
	return internal(p, err.Error())
}

func internal(p call.Protocol, message string) *call.Error {
	code := "ServerException"
	if p.XML() {
		code = "ServiceFailure"
	}
	return &call.Error{Code: code, Message: message, Status: http.StatusInternalServerError}
}
