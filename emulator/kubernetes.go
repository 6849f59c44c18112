package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// APIServer is a cluster's API server that is ready.
type APIServer struct {
	Endpoint             string          // https, on loopback
	CertificateAuthority string          // base64 of PEM
	Keys                 json.RawMessage // the JWKS of the cluster's ServiceAccount tokens
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
			select {
			case s.changed <- struct{}{}:
			default: // it is told already
			}
		}
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
		s.parts.Kubernetes.PutKeys(tx, c, a.Keys)
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

// front is the Server as the room of the API servers sees it.
type front struct{ s *Server }

func (f front) Now() time.Time            { return f.s.o.Now() }
func (f front) Loopback(host string) bool { return f.s.accepts(host) }

func (f front) Refused(k call.ClusterKey, why error) {
	if f.s.o.Refused != nil {
		f.s.o.Refused(k, why)
	}
}

func (f front) View(do func(store.Reader) error) error {
	return f.s.db.View(func(tx *store.Tx) error { return do(tx.AsOf(f.s.o.Now().Add(-f.s.o.Consistency))) })
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
