package access

import "cmp"

// ClusterKey identifies an EKS cluster.
type ClusterKey struct {
	Account string `json:"account"` // twelve digits
	Region  string `json:"region"`
	Name    string `json:"name"` // EKS's name, not the document's
}

// Compare orders keys by account, region, name.
func (k ClusterKey) Compare(o ClusterKey) int {
	return cmp.Or(cmp.Compare(k.Account, o.Account), cmp.Compare(k.Region, o.Region), cmp.Compare(k.Name, o.Name))
}

func (k ClusterKey) String() string { return k.Account + "/" + k.Region + "/" + k.Name }

// AuthMode is a cluster's accessConfig.authenticationMode.
type AuthMode string

// The modes, in the only order in which a cluster may go through them, one
// step at a time. (EKS best practices, "Cluster access management")
const (
	ModeConfigMap       AuthMode = "CONFIG_MAP"
	ModeAPIAndConfigMap AuthMode = "API_AND_CONFIG_MAP"
	ModeAPI             AuthMode = "API"
)

// Step is the mode's place in the only order there is, 0 to 2; -1 if unknown.
func (m AuthMode) Step() int {
	switch m {
	case ModeConfigMap:
		return 0
	case ModeAPIAndConfigMap:
		return 1
	case ModeAPI:
		return 2
	}
	return -1
}

// TakesEntries reports whether a cluster in mode m answers calls about access
// entries; in CONFIG_MAP it refuses them all.
func (m AuthMode) TakesEntries() bool { return m == ModeAPI || m == ModeAPIAndConfigMap }
