package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/atlas-iam/atlas-iam/access"
)

// ErrChanged is Decode's error for a saved plan whose bytes are not those that
// Encode wrote.
var ErrChanged = errors.New("the saved plan was changed after it was written, or is cut off: make a new one")

// VersionError is Decode's error for a plan of a later version.
type VersionError struct{ Version int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the saved plan has version %d, this atlas-iam reads up to %d: use the one that made it", e.Version, Version)
}

// Summary counts a plan. Verbs count the changes that may be made; the others
// are in Held.
type Summary struct {
	Create    int `json:"create"`
	Update    int `json:"update"`
	Replace   int `json:"replace"`
	Delete    int `json:"delete"`
	Held      int `json:"held"`
	Adoptable int `json:"adoptable"`
	Foreign   int `json:"foreign"` // adoptable ones included
	Gaps      int `json:"gaps"`
}

// Summary counts p.
func (p *Plan) Summary() Summary {
	s := Summary{Foreign: len(p.Foreign), Gaps: len(p.Gaps)}
	for i := range p.Changes {
		switch c := &p.Changes[i]; {
		case len(c.Held) > 0:
			s.Held++
		case c.Verb == Create:
			s.Create++
		case c.Verb == Update:
			s.Update++
		case c.Verb == Replace:
			s.Replace++
		case c.Verb == Delete:
			s.Delete++
		}
	}
	for _, f := range p.Foreign {
		if f.Adoptable {
			s.Adoptable++
		}
	}
	return s
}

// Empty reports whether there is nothing to make and nothing held.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 }

// document is the plan's JSON. The digest is its last key, over all bytes
// before its value.
type document struct {
	Version     int          `json:"version"`
	Environment access.Owner `json:"environment"`
	// ForeignTags came after Version 1 was first written; older ones lack it.
	ForeignTags  map[string]string   `json:"foreignTags,omitempty"`
	Accounts     []accountJSON       `json:"accounts"`
	Part         *access.Part        `json:"part,omitempty"`
	Allow        []string            `json:"allow,omitempty"`
	MaxDeletes   *int                `json:"maxDeletes,omitempty"`
	Read         Counts              `json:"read"`
	Kubernetes   []access.ClusterKey `json:"kubernetes,omitempty"`
	Undocumented []access.ClusterKey `json:"undocumented,omitempty"`
	Summary      Summary             `json:"summary"`
	Changes      []changeJSON        `json:"changes"`
	Access       accessJSON          `json:"access"`
	Foreign      []Foreign           `json:"foreign"`
	Gaps         []access.Gap        `json:"gaps"`
	Warnings     []Warning           `json:"warnings"`
	Facts        []Fact              `json:"facts"`
	Digest       string              `json:"digest"`
}

// accessJSON is what the changes that may be made give and take. Decided says
// that it is a plan's Access; else it is the sum of its changes'.
type accessJSON struct {
	Gained      []Grant      `json:"gained"`
	Lost        []Grant      `json:"lost"`
	MaybeGained []Grant      `json:"maybeGained"`
	MaybeLost   []Grant      `json:"maybeLost"`
	Unknown     []Grant      `json:"unknown"`
	Sets        []Requests   `json:"sets"`
	NotCounted  []NotCounted `json:"notCounted"`
	HeldBy      string       `json:"heldBy,omitempty"`
	Decided     bool         `json:"decided"`
}

func encodeAccess(p *Plan) accessJSON {
	if a := p.Access; a != nil {
		return accessJSON{list(a.Gained), list(a.Lost), list(a.MaybeGained), list(a.MaybeLost), list(a.Unknown), list(a.Sets), list(a.NotCounted), a.HeldBy, true}
	}
	var a Access
	for i := range p.Changes {
		if c := &p.Changes[i]; len(c.Held) == 0 {
			a.Gained = append(a.Gained, c.Gained...)
			a.Lost = append(a.Lost, c.Lost...)
		}
	}
	return accessJSON{list(a.Gained), list(a.Lost), []Grant{}, []Grant{}, []Grant{}, []Requests{}, []NotCounted{}, "", false}
}

func (a *accessJSON) decode() *Access {
	if !a.Decided {
		return nil
	}
	return &Access{orNil(a.Gained), orNil(a.Lost), orNil(a.MaybeGained), orNil(a.MaybeLost), orNil(a.Unknown), orNil(a.Sets), orNil(a.NotCounted), a.HeldBy}
}

type accountJSON struct {
	Name       string          `json:"name"`
	ID         string          `json:"id"`
	Partition  string          `json:"partition"`
	Regions    []string        `json:"regions"`
	Caller     string          `json:"caller"`
	Behind     string          `json:"assumedBy,omitempty"` // who assumes AssumeRole
	Endpoint   string          `json:"endpoint"`
	UsersRead  bool            `json:"usersRead"`
	RolesRead  bool            `json:"rolesRead"`
	AssumeRole *assumeRoleJSON `json:"assumeRole,omitempty"`
}

type assumeRoleJSON struct {
	ARN         string `json:"arn"`
	ExternalID  string `json:"externalId,omitempty"`
	SessionName string `json:"sessionName,omitempty"`
}

type changeJSON struct {
	ID        string        `json:"id"`
	Verb      Verb          `json:"verb"`
	Kind      Kind          `json:"kind"`
	Account   string        `json:"account"`
	Region    string        `json:"region"`
	Cluster   string        `json:"cluster"`
	Document  string        `json:"document,omitempty"`
	Name      string        `json:"name"` // the principal's ARN; a policy's after it; a cluster's for a mode; else the object's own
	Namespace string        `json:"namespace,omitempty"`
	Principal string        `json:"principal,omitempty"`
	Member    string        `json:"member,omitempty"`
	Teams     []string      `json:"teams,omitempty"`
	Workloads []string      `json:"workloads,omitempty"`
	From      any           `json:"from"`
	To        any           `json:"to"`
	DependsOn []string      `json:"dependsOn"`
	Held      []Hold        `json:"held"`
	Source    *access.Place `json:"source,omitempty"`
	Gained    []Grant       `json:"gained,omitempty"`
	Lost      []Grant       `json:"lost,omitempty"`
}

// Encode writes p as docs/plan.md has it. Equal plans give equal bytes.
func Encode(p *Plan) ([]byte, error) {
	doc := document{Version: Version, Environment: p.Owner, ForeignTags: p.ForeignTags, Part: p.Part, Allow: p.Allow, MaxDeletes: p.MaxDeletes, Read: p.Read, Kubernetes: p.Kubernetes, Undocumented: p.Undocumented, Summary: p.Summary(),
		Access:  encodeAccess(p),
		Foreign: list(p.Foreign), Gaps: list(p.Gaps), Warnings: list(p.Warnings), Facts: list(p.Facts),
		Accounts: []accountJSON{}, Changes: []changeJSON{}}
	for i := range p.Accounts {
		doc.Accounts = append(doc.Accounts, encodeAccount(&p.Accounts[i]))
	}
	for i := range p.Changes {
		doc.Changes = append(doc.Changes, encodeChange(&p.Changes[i]))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("write plan: %w", err)
	}
	head, ok := bytes.CutSuffix(Printable(b.Bytes()), []byte(digestEnd("")))
	if !ok {
		return nil, errors.New("write plan: the digest is not its last key")
	}
	return append(head, digestEnd(digestOf(head))...), nil
}

// digestEnd is how a plan's bytes end.
func digestEnd(digest string) string { return "\n  \"digest\": \"" + digest + "\"\n}\n" }

func digestOf(head []byte) string {
	sum := sha256.Sum256(head)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// list is s, never null in JSON.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func encodeAccount(a *access.HaveAccount) accountJSON {
	out := accountJSON{Name: a.Account.Name, ID: a.Account.ID, Partition: a.Account.Partition, Regions: list(a.Account.Regions),
		Caller: a.Caller, Behind: a.Behind, Endpoint: a.Endpoint, UsersRead: a.UsersRead, RolesRead: a.RolesRead}
	if a.Account.RoleARN != "" {
		out.AssumeRole = &assumeRoleJSON{a.Account.RoleARN, a.Account.ExternalID, a.Account.SessionName}
	}
	return out
}

func encodeChange(c *Change) changeJSON {
	out := changeJSON{ID: c.ID, Verb: c.Verb, Kind: c.Kind, Account: c.Cluster.Account, Region: c.Cluster.Region, Cluster: c.Cluster.Name,
		Document: c.Document, Principal: c.Principal, Member: c.Member, Teams: c.Teams, Workloads: c.Workloads,
		DependsOn: list(c.DependsOn), Held: list(c.Held), Gained: c.Gained, Lost: c.Lost}
	if c.From != nil {
		out.From = c.From
	}
	if c.To != nil {
		out.To = c.To
	}
	if c.Source != (access.Place{}) {
		out.Source = &c.Source
	}
	out.Name = c.Principal
	if out.Name == "" {
		out.Name = c.Member
	}
	switch c.Kind {
	case AuthenticationMode:
		out.Name = c.Cluster.Name
	case PolicyAssociation:
		out.Name += " " + c.policy()
	case RolePolicy, RoleAttachment:
		out.Name += " " + c.Name
	case RoleBinding, ClusterRoleBinding, OIDCProvider, AgentAddon, PodIdentityAssociation, ServiceAccount, ArgoCDSecret:
		out.Name, out.Namespace = c.Name, c.Namespace
	}
	return out
}

// policy is the ARN of the policy that an association is about.
func (c *Change) policy() string {
	if a, ok := c.To.(Association); ok {
		return a.Policy
	}
	if a, ok := c.From.(Association); ok {
		return a.Policy
	}
	return ""
}
