// Package eks is the lab's Amazon EKS: clusters, access entries, access
// policies, updates and tags. Routes, the names and types of inputs and
// outputs are AWS's own run-time schemas (package schemas of the SDK);
// behaviour and texts are from AWS's documents and observations, and where
// those are silent an Assumption says what the lab does.
package eks

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// bucket holds EKS's state. Keys are (account, Region, kind, cluster, ...).
const bucket = "eks"

// Service is EKS.
type Service struct {
	settle     time.Duration
	operations []operation
	awaits     bool     // a cluster is creating until its API server serves
	servers    sync.Map // call.ClusterKey to APIServer
}

// New makes the service. Clusters take settle to be made, changed, deleted.
func New(settle time.Duration) *Service {
	s := &Service{settle: settle}
	s.operations = s.model()
	return s
}

// Name is the signing name.
func (s *Service) Name() string { return "eks" }

// Protocol is REST with JSON.
func (s *Service) Protocol() call.Protocol { return call.Protocol{} }

func key(c *call.Call, kind string, parts ...string) string {
	return store.Key(append([]string{c.Account, c.Region, kind}, parts...)...)
}

// arn makes an ARN of EKS in the call's account and Region.
func arn(c *call.Call, resource string) string {
	return "arn:" + c.Partition + ":eks:" + c.Region + ":" + c.Account + ":" + resource
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
