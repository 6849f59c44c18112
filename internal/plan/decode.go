package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Decode reads what Encode wrote; the plan is equal to the one encoded. A plan
// of a later version is a *VersionError; bytes that were changed are
// ErrChanged.
func Decode(b []byte) (*Plan, error) {
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(b, &version); err != nil {
		return nil, fmt.Errorf("read plan: %w: %w", ErrChanged, err)
	}
	if version.Version > Version {
		return nil, &VersionError{version.Version}
	}
	cut := len(b) - len(digestEnd(digestOf(nil)))
	if cut < 0 || !bytes.Equal(b[cut:], []byte(digestEnd(digestOf(b[:cut])))) {
		return nil, ErrChanged
	}
	var doc struct {
		document
		Changes []rawChange `json:"changes"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	p := &Plan{Owner: doc.Environment, ForeignTags: doc.ForeignTags, Access: doc.Access.decode(), Part: doc.Part, Allow: doc.Allow, MaxDeletes: doc.MaxDeletes, Read: doc.Read, Kubernetes: orNil(doc.Kubernetes), Undocumented: doc.Undocumented,
		Foreign: orNil(doc.Foreign), Gaps: orNil(doc.Gaps), Warnings: orNil(doc.Warnings), Facts: orNil(doc.Facts)}
	for _, a := range doc.Accounts {
		p.Accounts = append(p.Accounts, a.decode())
	}
	for i := range doc.Changes {
		c, err := doc.Changes[i].decode()
		if err != nil {
			return nil, fmt.Errorf("read plan: change %s: %w", doc.Changes[i].ID, err)
		}
		p.Changes = append(p.Changes, c)
	}
	return p, nil
}

// rawChange is a change whose from and to wait for its kind to be known.
type rawChange struct {
	changeJSON
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
}

func (r *rawChange) decode() (Change, error) {
	c := Change{ID: r.ID, Verb: r.Verb, Kind: r.Kind, Cluster: access.ClusterKey{Account: r.Account, Region: r.Region, Name: r.Cluster},
		Document: r.Document, Principal: r.Principal, Member: r.Member, Teams: orNil(r.Teams), Workloads: orNil(r.Workloads),
		DependsOn: orNil(r.DependsOn), Held: orNil(r.Held), Gained: orNil(r.Gained), Lost: orNil(r.Lost)}
	if r.Source != nil {
		c.Source = *r.Source
	}
	switch c.Verb {
	case Create, Update, Replace, Delete:
	default:
		return c, fmt.Errorf("unknown verb %q", c.Verb)
	}
	switch c.Kind {
	case RoleBinding, ClusterRoleBinding, OIDCProvider, AgentAddon, PodIdentityAssociation, ServiceAccount, ArgoCDSecret:
		c.Namespace, c.Name = r.Namespace, r.Name
	case RolePolicy, RoleAttachment:
		c.Name = strings.TrimPrefix(r.Name, r.Principal+" ")
	}
	var err error
	if c.From, err = decodeObject(c.Kind, r.From); err != nil {
		return c, fmt.Errorf("from: %w", err)
	}
	if c.To, err = decodeObject(c.Kind, r.To); err != nil {
		return c, fmt.Errorf("to: %w", err)
	}
	return c, nil
}

// decodeObject reads the object that a change of a kind is about; null is nil.
func decodeObject(k Kind, raw json.RawMessage) (Object, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	switch k {
	case AuthenticationMode:
		var m Mode
		err := json.Unmarshal(raw, &m)
		return m, err
	case AccessEntry:
		var e Entry
		err := json.Unmarshal(raw, &e)
		return e, err
	case PolicyAssociation:
		var a Association
		err := json.Unmarshal(raw, &a)
		return a, err
	case RoleBinding, ClusterRoleBinding:
		var b Binding
		err := json.Unmarshal(raw, &b)
		return b, err
	}
	return decodeWorkload(k, raw)
}

// decodeWorkload is decodeObject for the kinds of workloads.
func decodeWorkload(k Kind, raw json.RawMessage) (Object, error) {
	switch k {
	case Role:
		return decoded[IAMRole](raw)
	case RolePolicy:
		return decoded[InlinePolicy](raw)
	case RoleAttachment:
		return decoded[Attachment](raw)
	case OIDCProvider:
		return decoded[Provider](raw)
	case AgentAddon:
		return decoded[Addon](raw)
	case PodIdentityAssociation:
		return decoded[PodIdentity](raw)
	case ServiceAccount:
		return decoded[KubernetesAccount](raw)
	case ArgoCDSecret:
		return decoded[ArgoSecret](raw)
	}
	return nil, fmt.Errorf("unknown kind %q", k)
}

func decoded[T Object](raw json.RawMessage) (Object, error) {
	var o T
	err := json.Unmarshal(raw, &o)
	return o, err
}

func (a *accountJSON) decode() access.HaveAccount {
	out := access.HaveAccount{Caller: a.Caller, Behind: a.Behind, Endpoint: a.Endpoint, UsersRead: a.UsersRead, RolesRead: a.RolesRead,
		Account: access.Account{Name: a.Name, ID: a.ID, Partition: a.Partition, Regions: orNil(a.Regions)}}
	if r := a.AssumeRole; r != nil {
		out.Account.RoleARN, out.Account.ExternalID, out.Account.SessionName = r.ARN, r.ExternalID, r.SessionName
	}
	return out
}

// orNil undoes list.
func orNil[T any](s []T) []T {
	if len(s) == 0 {
		return nil
	}
	return s
}
