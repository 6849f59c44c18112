package eks

import (
	"encoding/json"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// APIServer is where a cluster's API server serves.
type APIServer struct {
	Endpoint             string
	CertificateAuthority string // base64 of PEM
}

// WithAPIServers makes s a service whose clusters have real API servers: one
// that is made is creating until Serve is told of its API server. Call it
// before the first call is answered.
func (s *Service) WithAPIServers() *Service {
	s.awaits = true
	return s
}

// Serve notes where a cluster's API server serves, from now on until Stop, and
// ends the cluster's being made. The cluster may be gone.
func (s *Service) Serve(tx *store.Tx, c Cluster, a APIServer) {
	tx.OnCommit(func() { s.servers.Store(c.ClusterKey, a) })
	s.settled(tx, c, "")
}

// Stop notes that a cluster's API server serves no more. One that never
// served leaves a failed cluster behind, for why.
func (s *Service) Stop(tx *store.Tx, c Cluster, why string) {
	tx.OnCommit(func() { s.servers.Delete(c.ClusterKey) })
	s.settled(tx, c, why)
}

func (s *Service) settled(tx *store.Tx, of Cluster, failure string) {
	k, ok := store.Get[cluster](tx, bucket, place(of.ClusterKey, "cluster"))
	if !ok || !k.Awaits || *k.Cluster.Identity.Oidc.Issuer != of.Issuer {
		return // one that was made later by the same name is another cluster
	}
	k.Awaits, k.Failure = false, failure
	tx.Put(bucket, place(of.ClusterKey, "cluster"), k)
}

// Unawait lets every cluster be that waits for an API server, for none will
// come: the lab runs without.
func (s *Service) Unawait(tx *store.Tx) {
	for _, c := range s.Clusters(tx, time.Time{}) {
		s.settled(tx, c, "")
	}
}

// shown is a cluster as a describe shows it: while its API server serves, with
// that one's endpoint and authority.
func (s *Service) shown(c *call.Call, k *cluster) *types.Cluster {
	out := k.at(c.Now)
	served, ok := s.servers.Load(call.ClusterKey{Account: c.Account, Region: c.Region, Name: *k.Cluster.Name})
	if a, is := served.(APIServer); ok && is && out.Endpoint != nil {
		out.Endpoint, out.CertificateAuthority = &a.Endpoint, &types.Certificate{Data: &a.CertificateAuthority}
	}
	return out
}

// Cluster is what a cluster's control plane knows of it.
type Cluster struct {
	call.ClusterKey
	Partition string
	Issuer    string // of its ServiceAccount tokens
	ID        string // of the issuer: no two clusters have the same, also none that was deleted
	// Entries and ConfigMap tell where principals are looked up. (aws-facts 2.7)
	Entries, ConfigMap bool
	Awaits             bool // being made until its API server serves
	// Administrator is the unique id of the creator where he is one past all
	// entries: in mode CONFIG_MAP; else empty. (aws-facts 2.8)
	Administrator string
}

func view(k call.ClusterKey, c *cluster, now time.Time) Cluster {
	issuer := *c.Cluster.Identity.Oidc.Issuer
	mode := c.mode(now)
	v := Cluster{
		ClusterKey: k, Partition: access.PartitionOf(k.Region), Issuer: issuer, ID: issuer[strings.LastIndexByte(issuer, '/')+1:],
		Awaits: c.Awaits, Entries: mode != types.AuthenticationModeConfigMap, ConfigMap: mode != types.AuthenticationModeApi,
	}
	if b := c.Cluster.AccessConfig.BootstrapClusterCreatorAdminPermissions; !v.Entries && b != nil && *b {
		v.Administrator = c.CreatorID
	}
	return v
}

// Cluster finds a cluster that is there at a time.
func (s *Service) Cluster(r store.Reader, k call.ClusterKey, now time.Time) (Cluster, bool) {
	c, ok := store.Get[cluster](r, bucket, place(k, "cluster"))
	if !ok || c.gone(now) {
		return Cluster{}, false
	}
	return view(k, &c, now), true
}

// Clusters gives the clusters that are there at a time, in the order of their
// keys.
func (s *Service) Clusters(r store.Reader, now time.Time) []Cluster {
	var all []Cluster
	for k, c := range s.all(r, now) {
		all = append(all, view(k, &c, now))
	}
	return all
}

// IssuedBy finds the cluster whose ServiceAccount tokens an issuer's are, by
// the issuer's URL.
func (s *Service) IssuedBy(r store.Reader, issuer string, now time.Time) (Cluster, bool) {
	for _, c := range s.Clusters(r, now) {
		if c.Issuer == issuer {
			return c, true
		}
	}
	return Cluster{}, false
}

// HasAgent reports whether a cluster's pods find a Pod Identity agent: by its
// add-on, or with Auto Mode, which has it built in. (EKS User Guide,
// pod-id-agent-setup)
func (s *Service) HasAgent(r store.Reader, k call.ClusterKey, now time.Time) bool {
	c, ok := store.Get[cluster](r, bucket, place(k, "cluster"))
	if mode := c.Cluster.ComputeConfig; ok && mode != nil && mode.Enabled != nil && *mode.Enabled {
		return true
	}
	a, ok := store.Get[addon](r, bucket, store.Key(place(k, "addon"), access.AgentAddon))
	return ok && !a.gone(now) && !now.Before(a.ReadyAt)
}

func (s *Service) all(r store.Reader, now time.Time) iter.Seq2[call.ClusterKey, cluster] {
	return func(yield func(call.ClusterKey, cluster) bool) {
		for _, a := range call.Accounts(r) {
			for _, region := range regions(r, a.ID) {
				for key, c := range store.List[cluster](r, bucket, store.Key(a.ID, region, "cluster"), "") {
					k := call.ClusterKey{Account: a.ID, Region: region, Name: store.Split(key)[3]}
					if !c.gone(now) && !yield(k, c) {
						return
					}
				}
			}
		}
	}
}

// regions lists the Regions in which an account has anything of EKS's.
func regions(r store.Reader, account string) []string {
	var all []string
	for after, more := "", true; more; {
		more = false
		for key := range store.List[json.RawMessage](r, bucket, account, after) {
			region := store.Split(key)[1]
			all = append(all, region)
			after, more = store.Key(account, region)+"\x01", true // past all of the Region's keys
			break
		}
	}
	return all
}

// place is the key of a cluster, or the prefix of what it has of a kind.
func place(k call.ClusterKey, kind string) string {
	return store.Key(k.Account, k.Region, kind, k.Name)
}

// Entry finds the access entry that is bound to a principal's unique id.
func (s *Service) Entry(r store.Reader, k call.ClusterKey, uniqueID string, now time.Time) (access.Entry, bool) {
	for _, e := range store.List[entry](r, bucket, place(k, "entry"), "") {
		if e.PrincipalID == uniqueID && !now.Before(e.From) {
			return e.access(), true
		}
	}
	return access.Entry{}, false
}

func (e *entry) access() access.Entry {
	out := access.Entry{Principal: e.Principal, Type: access.EntryType(e.Type), Username: e.Username, Groups: e.Groups}
	for _, a := range e.Policies {
		out.Associations = append(out.Associations, access.Association{
			Policy: a.Policy, Scope: access.Scope{Cluster: a.Scope.Type == "cluster", Namespaces: a.Scope.Namespaces},
		})
	}
	return out
}
