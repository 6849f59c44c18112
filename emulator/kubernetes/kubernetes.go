// Package kubernetes is what the lab's API servers ask of EKS: who the bearer
// of a token is, what access policies give him, and, of anybody, the keys of
// the clusters' ServiceAccount tokens. The API servers themselves are
// programs beside the lab; each is known by a random token.
package kubernetes

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/awsauth"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// Prefix begins the routes of the API servers:
//
//	GET  .../ACCOUNT/REGION/CLUSTER/cluster        what the cluster is to be
//	PUT  .../ACCOUNT/REGION/CLUSTER/aws-auth       what stands in its aws-auth now; null: no such ConfigMap
//	POST .../ACCOUNT/REGION/CLUSTER/token-review   Kubernetes' webhook token authentication
//	POST .../ACCOUNT/REGION/CLUSTER/access-review  Kubernetes' webhook authorization
//	POST .../ACCOUNT/REGION/CLUSTER/pod-mutation   Kubernetes' mutating admission webhook, with a ServiceAccount's annotations
const Prefix = "/_lab/kubernetes/"

// largestBody bounds what an API server sends: an aws-auth of 1 MiB, in JSON.
const largestBody = 4 << 20

// Lab is what the room asks of the lab around it.
type Lab interface {
	// View runs f on what is there, as eventual consistency lets it be seen.
	View(f func(r store.Reader) error) error
	Update(f func(tx *store.Tx) error) error
	Now() time.Time
	// Loopback reports whether a Host is a name of the lab itself.
	Loopback(host string) bool
	// AgentPath is the path at which the lab answers as the Pod Identity agent.
	AgentPath() string
	// STS answers a request as though it had been sent to the lab's STS.
	STS(r *http.Request) (status int, body []byte)
	// Refused is told why a login is refused, which its bearer is not told.
	Refused(k call.ClusterKey, why error)
}

// Room answers the API servers of the lab's clusters.
type Room struct {
	clusters *eks.Service

	mu      sync.Mutex
	servers map[call.ClusterKey]*server
}

// server is an API server that was given a token.
type server struct {
	token   string
	authMap awsauth.Map // the zero value maps nobody
}

// New makes the room of the clusters of EKS.
func New(clusters *eks.Service) *Room {
	return &Room{clusters: clusters, servers: map[call.ClusterKey]*server{}}
}

// Token makes the token by which a cluster's API server is known from now on.
// The one before it, and what its bearer told of aws-auth, is forgotten.
func (r *Room) Token(k call.ClusterKey) string {
	token := rand.Text()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.servers[k] = &server{token: token}
	return token
}

// Forget takes the token of a cluster's API server away.
func (r *Room) Forget(k call.ClusterKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.servers, k)
}

// admitted finds the server that a request's token is that of.
func (r *Room) admitted(k call.ClusterKey, req *http.Request) (*server, bool) {
	token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	r.mu.Lock()
	defer r.mu.Unlock()
	s, known := r.servers[k]
	if !ok || !known || subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 {
		return nil, false
	}
	return s, true
}

// Serve answers a request for a route beneath Prefix.
func (r *Room) Serve(w http.ResponseWriter, req *http.Request, lab Lab) {
	part := strings.Split(strings.TrimPrefix(req.URL.Path, Prefix), "/")
	if len(part) != 4 {
		http.Error(w, fmt.Sprintf("the lab has no route %s", req.URL.Path), http.StatusNotFound)
		return
	}
	k := call.ClusterKey{Account: part[0], Region: part[1], Name: part[2]}
	s, ok := r.admitted(k, req)
	if !ok {
		http.Error(w, "only the API server of cluster "+k.String()+" may ask this", http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, largestBody))
	if err != nil {
		http.Error(w, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	switch req.Method + " " + part[3] {
	case "GET cluster":
		r.describe(w, lab, k)
	case "PUT aws-auth":
		r.putAuthMap(w, s, body)
	case "POST token-review":
		r.reviewToken(w, lab, k, s, body)
	case "POST access-review":
		r.reviewAccess(w, lab, k, body)
	case "POST pod-mutation":
		r.mutatePod(w, lab, k, body, "http://"+req.Host+lab.AgentPath())
	default:
		http.Error(w, fmt.Sprintf("the lab has no route %s %s", req.Method, req.URL.Path), http.StatusNotFound)
	}
}

func (r *Room) describe(w http.ResponseWriter, lab Lab, k call.ClusterKey) {
	c, err := r.find(lab, k)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	signs, verifies, err := r.signing(lab, c)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"issuer": c.Issuer, "signingKey": signs, "verificationKeys": verifies})
}

// find gives a cluster that is there.
func (r *Room) find(lab Lab, k call.ClusterKey) (c eks.Cluster, err error) {
	err = lab.View(func(tx store.Reader) error {
		var ok bool
		if c, ok = r.clusters.Cluster(tx, k, lab.Now()); !ok {
			return fmt.Errorf("there is no cluster %s", k)
		}
		return nil
	})
	return c, err
}

// putAuthMap takes what a cluster's own side, which watches the ConfigMap,
// tells of it.
func (r *Room) putAuthMap(w http.ResponseWriter, s *server, body []byte) {
	var data map[string]string
	if err := json.Unmarshal(body, &data); err != nil {
		http.Error(w, "the ConfigMap's data is no map of strings", http.StatusBadRequest)
		return
	}
	m := awsauth.Parse(access.AuthMap{MapRoles: data[awsauth.Roles], MapUsers: data[awsauth.Users], MapAccounts: data[awsauth.Accounts]})
	r.mu.Lock()
	s.authMap = m
	r.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"faults": m.Faults})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
