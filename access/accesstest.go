package access

import "strings"

// WantTest is one test of an AccessTest document, with its lists settled. Of
// Can, Cannot and Only at least one is not empty.
type WantTest struct {
	Document string // metadata.name of the AccessTest
	Who      []Who  // whom Can and Cannot are about; all of them
	Clusters []ClusterKey
	// Namespaces the questions are asked in; empty for questions without one.
	Namespaces []string
	Can        []Ask
	Cannot     []Ask
	// Only are exactly those who may what Can asks, by any route: nobody if it
	// is empty, and nil if the test does not say. Then Who and Cannot are empty.
	Only    []Who
	Because *Because // what must be the reason of each allow; nil if the test does not say
	Place   Place
}

// Who is a subject as people write it: a team, an IAM principal, a Kubernetes
// ServiceAccount, a workload.
type Who struct {
	Kind   WhoKind `json:"kind"`
	Name   string  `json:"name"`             // a team's, a workload's; NAMESPACE/NAME of a ServiceAccount; path and name of a user or role
	ARN    string  `json:"arn,omitempty"`    // of an ARN
	Member *Member `json:"member,omitempty"` // of a user, role, permission set, with its account if that was written
	Place  Place   `json:"place,omitzero"`
}

// WhoKind says what a Who is.
type WhoKind string

// The kinds of subjects that can be asked about.
const (
	WhoMe             WhoKind = "me"
	WhoTeam           WhoKind = "team"
	WhoUser           WhoKind = "user"
	WhoRole           WhoKind = "role"
	WhoPermissionSet  WhoKind = "permissionSet"
	WhoARN            WhoKind = "arn"
	WhoServiceAccount WhoKind = "serviceaccount"
	WhoWorkload       WhoKind = "workload"
)

// String is the subject as people write it.
func (w Who) String() string {
	switch w.Kind {
	case WhoMe:
		return "me"
	case WhoARN:
		return w.ARN
	}
	return string(w.Kind) + "/" + w.Name
}

// Ask is a question as people write it: "create pods", "get pods/log",
// "list deployments.apps", "get /healthz"; or an action of AWS on what has no
// ARN or on an ARN: "s3:GetObject arn:aws:s3:::bucket/key".
type Ask struct {
	Verb     string `json:"verb"`
	Resource string `json:"resource,omitempty"` // pods, deployments.apps/scale, /healthz; an ARN
	Place    Place  `json:"place,omitzero"`
}

// OfAWS reports whether it is an action of AWS's; no verb of Kubernetes' has a
// colon.
func (a Ask) OfAWS() bool { return strings.Contains(a.Verb, ":") }

func (a Ask) String() string { return strings.TrimSuffix(a.Verb+" "+a.Resource, " ") }

// Because is what must have allowed: a policy by name or ARN, or a role.
type Because struct {
	Policy string  `json:"policy,omitempty"` // full name
	Role   RoleRef `json:"role,omitzero"`
	Place  Place   `json:"place,omitzero"`
}
