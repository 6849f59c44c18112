package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// APIServer is a cluster's API server that is ready.
type APIServer struct {
	Endpoint             string // https, on loopback
	CertificateAuthority string // base64 of PEM
}

// Clusters lists the clusters that are there, in the order of account, Region
// and name.
func (s *Server) Clusters() (all []eks.Cluster, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		all = s.parts.EKS.Clusters(tx, s.o.Now())
		return nil
	})
	return all, err
}

// ClustersChanged gets a value, at some time after, when a cluster may have
// come or gone. It is for one reader.
func (s *Server) ClustersChanged() <-chan struct{} { return s.changed }

// noteClusters tells ClustersChanged's reader of what was written.
func (s *Server) noteClusters(writes []call.Write) {
	for _, w := range writes {
		if w.Operation == "CreateCluster" || w.Operation == "DeleteCluster" {
			s.noteChange()
		}
	}
}

func (s *Server) noteChange() {
	select {
	case s.changed <- struct{}{}:
	default: // it is told already
	}
}

// APIServerToken makes the token by which the lab knows a cluster's API server
// from now on.
func (s *Server) APIServerToken(k call.ClusterKey) string { return s.parts.Kubernetes.Token(k) }

// APIServerReady says that a cluster's API server serves: DescribeCluster
// shows it until APIServerEnded, and a cluster that was being made is active.
func (s *Server) APIServerReady(c eks.Cluster, a APIServer) error {
	return s.db.Update(func(tx *store.Tx) error {
		tx.SetTime(s.o.Now())
		s.parts.EKS.Serve(tx, c, eks.APIServer{Endpoint: a.Endpoint, CertificateAuthority: a.CertificateAuthority})
		return nil
	})
}

// APIServerEnded says that it serves no more, and takes its token away. A
// cluster that was being made has failed, for why.
func (s *Server) APIServerEnded(c eks.Cluster, why string) error {
	s.parts.Kubernetes.Forget(c.ClusterKey)
	return s.db.Update(func(tx *store.Tx) error {
		tx.SetTime(s.o.Now())
		s.parts.EKS.Stop(tx, c, why)
		return nil
	})
}

// SigningKey is the id of the key with which a cluster's ServiceAccount tokens
// are signed. An API server that was started with another one signs with that.
func (s *Server) SigningKey(c eks.Cluster) (string, error) {
	keys, err := s.parts.Kubernetes.Keys(front{s}, c)
	if err != nil || len(keys) == 0 {
		return "", err
	}
	return keys[0].ID, nil
}

// RotateKeys lets a new key sign a cluster's ServiceAccount tokens and gives
// its id. Whoever reads ClustersChanged starts the cluster's API server anew.
func (s *Server) RotateKeys(k call.ClusterKey) (string, error) {
	c, err := s.cluster(k)
	if err != nil {
		return "", err
	}
	id, err := s.parts.Kubernetes.RotateKeys(front{s}, c)
	if err == nil {
		s.noteChange()
	}
	return id, err
}

// cluster finds a cluster that is there.
func (s *Server) cluster(k call.ClusterKey) (c eks.Cluster, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		var ok bool
		if c, ok = s.parts.EKS.Cluster(tx, k, s.o.Now()); !ok {
			return fmt.Errorf("the lab has no cluster %s", k)
		}
		return nil
	})
	return c, err
}

// front is the Server as the room of the API servers sees it.
type front struct{ s *Server }

func (f front) Now() time.Time            { return f.s.o.Now() }
func (f front) Loopback(host string) bool { return f.s.accepts(host) }
func (f front) AgentPath() string         { return AgentPath }

func (f front) Refused(k call.ClusterKey, why error) {
	if f.s.o.Refused != nil {
		f.s.o.Refused(k, why)
	}
}

func (f front) View(do func(store.Reader) error) error {
	return f.s.db.View(func(tx *store.Tx) error { return do(tx.AsOf(f.s.o.Now().Add(-f.s.o.Consistency))) })
}

func (f front) Update(do func(*store.Tx) error) error {
	return f.s.db.Update(func(tx *store.Tx) error {
		tx.SetTime(f.s.o.Now())
		return do(tx)
	})
}

// STS answers as the lab's STS does, signature, session and limits checked,
// but at once and without faults: those are for the lab's own callers.
func (f front) STS(r *http.Request) (int, []byte) {
	id := newRequestID()
	a := &answer{header: http.Header{}}
	c, op, err := f.s.admit(r, nil, id)
	var resp *call.Response
	if err == nil {
		resp, err = f.s.run(c, op, nil)
	}
	if err != nil {
		writeError(a, c.Protocol, id, apiError(err, c.Protocol))
	} else {
		writeResponse(a, id, resp)
	}
	return a.status, a.body.Bytes()
}

// unawait lets clusters be that wait for an API server, in a lab that starts
// none.
func (s *Server) unawait() error {
	clusters, err := s.Clusters()
	if err != nil || !slices.ContainsFunc(clusters, func(c eks.Cluster) bool { return c.Awaits }) {
		return err
	}
	return s.db.Update(func(tx *store.Tx) error {
		tx.SetTime(s.o.Now())
		s.parts.EKS.Unawait(tx)
		return nil
	})
}
