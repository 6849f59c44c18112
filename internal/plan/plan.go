// Package plan says how to turn what AWS has into what the documents want, for
// one owner: as changes in the order in which they may be made, with what each
// depends on, what is held and why, what is foreign and what could not be read.
//
// It reads nothing but its arguments: equal arguments give equal plans, byte
// for byte.
package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Version of the plan's JSON; keys are only ever added.
const Version = 1

// Verb is what a change does to its object.
type Verb string

// Replace is a delete and a create of the same key: the only way to change an
// entry's type or to revive an entry whose principal was made again.
const (
	Create  Verb = "create"
	Update  Verb = "update"
	Replace Verb = "replace"
	Delete  Verb = "delete"
)

// Kind is the kind of object a change is about.
type Kind string

// The kinds of objects. A change is about exactly one.
const (
	AuthenticationMode Kind = "AuthenticationMode" // of a cluster
	AccessEntry        Kind = "AccessEntry"        // type, username, groups, tags
	PolicyAssociation  Kind = "PolicyAssociation"  // one policy on an entry
	ClusterRoleBinding Kind = "ClusterRoleBinding" // Kubernetes'
	RoleBinding        Kind = "RoleBinding"        // Kubernetes', of a namespace
)

// Object is a change's from or to: a closed set, one type for each Kind.
type Object interface{ kind() Kind }

// Mode is a cluster's authentication mode.
type Mode struct {
	AuthenticationMode access.AuthMode `json:"authenticationMode"`
}

// Entry is an access entry. For a delete or a replace, From has the policies
// too, for they go with it; otherwise they are changes of their own.
type Entry struct{ access.Entry }

// Association is one policy on a principal's entry.
type Association struct {
	Principal string `json:"principal"`
	access.Association
}

func (Mode) kind() Kind        { return AuthenticationMode }
func (Entry) kind() Kind       { return AccessEntry }
func (Association) kind() Kind { return PolicyAssociation }

// Hold is a guard's reason to keep a change from being made.
type Hold struct {
	Guard  string `json:"guard"` // slug
	Reason string `json:"reason"`
}

// Change is one step. From is nil for a create, To for a delete.
type Change struct {
	ID        string // stable: kind, cluster and principal or policy
	Verb      Verb
	Kind      Kind
	Cluster   access.ClusterKey
	Document  string // the Cluster document's name, if there is one
	Principal string // ARN; empty for a mode and a binding
	// Namespace and Name are a binding's, an association's, a ServiceAccount's; of
	// a role's policy Name is that policy's, of a provider its issuer. Cluster is
	// an account alone for what no cluster has. The Namespace of one that could not
	// be told is the document's pattern; it is held.
	Namespace, Name string
	Member          string // as the documents name the principal: user/oleksii
	Teams           []string
	Workloads       []string // whose it is, sorted
	From, To        Object
	DependsOn       []string // IDs of changes that must be done first
	Held            []Hold   // not empty: it is not made
	Source          access.Place
	Gained          []Grant // what access the change gives
	Lost            []Grant // and takes
}

// Access is what the changes that may be made give and take, decided from the
// facts before and after them. A request is in at most one of the five.
type Access struct {
	Gained, Lost           []Grant
	MaybeGained, MaybeLost []Grant // that, or nothing, by what is not known
	Unknown                []Grant // either of the two
	// Sets are what grants give, spelt; see Grant.Set.
	Sets       []Requests
	NotCounted []NotCounted
	// HeldBy is the guard that holds the whole plan, where the lists are what the
	// plan would come to without it: a failing access test hides nothing.
	HeldBy string
}

// Requests are a set of them, as disjoint products.
type Requests []access.Requests

// Grant is one unit of access: a principal has a policy or a role somewhere, or
// is in a group, on a cluster; or a group has a role there. Those of a Change are what was asked for
// alone; those of Access are what it comes to.
type Grant struct {
	Cluster   access.ClusterKey `json:"cluster"`
	Document  string            `json:"document,omitempty"`
	Principal string            `json:"principal"`
	Member    string            `json:"member,omitempty"`
	Teams     []string          `json:"teams,omitempty"`
	Policy    string            `json:"policy,omitempty"` // ARN
	Role      access.RoleRef    `json:"role,omitzero"`    // bound to Group or Username; then there is no principal
	Scope     access.Scope      `json:"scope,omitzero"`
	Group     string            `json:"group,omitempty"`
	Username  string            `json:"username,omitempty"`
	// ServiceAccount is "namespace/name", patterns perhaps: who has the IAM role
	// that is the principal.
	ServiceAccount string        `json:"serviceAccount,omitempty"`
	Risks          []access.Risk `json:"risks,omitempty"`
	Source         access.Place  `json:"source,omitzero"`

	// Of Access alone: in words, what and where ("Edit minus View", "*qa*
	// outside *backend*"); where exactly; the number, from 1, of the set of
	// Access.Sets that is exactly what; that it makes an administrator of the
	// whole cluster; that another grant of the list says it too, in wider words;
	// what was not read, of what is not known.
	What    string         `json:"what,omitempty"`
	Where   string         `json:"where,omitempty"`
	Places  []access.Where `json:"places,omitempty"`
	Set     int            `json:"set,omitempty"`
	Admin   bool           `json:"clusterAdmin,omitempty"`
	Implied bool           `json:"implied,omitempty"`
	Unclear []Unclear      `json:"unclear,omitempty"`
	// NotIn are, of what is lost, teams whose documents give it still, and not to
	// the principal, who is in none of them.
	NotIn []string `json:"notIn,omitempty"`
	// Undocumented says of what is lost that no document gives it any more, and
	// that none of the principal's teams is known to have given it.
	Undocumented bool `json:"undocumented,omitempty"`

	// Of a ServiceAccount's alone: What as sets of IAM's patterns, each the union
	// of its sets, with the conditions under which it is so, in words. None where
	// What says all that is known.
	Actions   []access.PatternSet `json:"actions,omitempty"`
	Resources []access.PatternSet `json:"resources,omitempty"`
	When      string              `json:"when,omitempty"`
}

// Unclear is something that was not read, and what would settle it.
type Unclear struct {
	Why    string `json:"why"`
	Settle string `json:"settle"`
}

// NotCounted is a part of a cluster that was not read and that the plan leaves
// as it is. What it gives counts as neither gained nor lost nor kept.
type NotCounted struct {
	Cluster access.ClusterKey `json:"cluster"`
	Part    string            `json:"part"`
	Unclear
}

// Foreign is an object that exists and is not ours.
type Foreign struct {
	Kind      Kind              `json:"kind"`
	Cluster   access.ClusterKey `json:"cluster"`
	Name      string            `json:"name"` // principal ARN
	Owner     string            `json:"owner"`
	Wanted    bool              `json:"wanted"`    // a document asks for this key
	Adoptable bool              `json:"adoptable"` // and it is equal to what is wanted
	// Marks are the keys of the tags by which an entry is another tool's, and
	// Object is then its own ARN; Environment is the one that claims it.
	Marks       []string `json:"marks,omitempty"`
	Object      string   `json:"object,omitempty"`
	Environment string   `json:"environment,omitempty"`
}

// Warning is something pointed out that holds nothing.
type Warning struct {
	Slug   string       `json:"slug"`
	Change string       `json:"change,omitempty"` // ID
	Text   string       `json:"text"`
	Source access.Place `json:"source,omitzero"`
}

// NotShown stands for an external id in a plan that is printed.
const NotShown = "(not shown)"

// Shown is p as it may be printed, into the log of a pipeline: without external
// ids. A plan that is saved keeps them, for it must do without the documents;
// only its owner can read it.
func (p *Plan) Shown() *Plan {
	shown := *p
	shown.Accounts = slices.Clone(p.Accounts)
	for i := range shown.Accounts {
		if a := &shown.Accounts[i].Account; a.ExternalID != "" {
			a.ExternalID = NotShown
		}
	}
	return &shown
}

// Plan is the whole answer. Changes are in the order in which they are made.
type Plan struct {
	Owner access.Owner
	// ForeignTags are the Environment's marks of other tools: whoever makes the
	// plan later still leaves alone what bears one by then.
	ForeignTags map[string]string
	Accounts    []access.HaveAccount // for who was asked, where; principals are not part of a saved plan
	Changes     []Change
	Foreign     []Foreign
	Gaps        []access.Gap
	Warnings    []Warning
	// Access is what all of it comes to; nil where nobody has decided that.
	Access *Access
	// Part is set where only a part was read and planned; see access.Part.
	Part *access.Part
	// Allow and MaxDeletes are what the user let through, as in Options.
	Allow      []string
	MaxDeletes *int
	// Kubernetes are the clusters whose Kubernetes side was read, sorted: the
	// guards looked at it.
	Kubernetes []access.ClusterKey
	// Undocumented are the clusters that were read and that no document names,
	// sorted. What is ours there is planned away; the rest is left alone.
	Undocumented []access.ClusterKey
	// Facts are what the guards relied on; a saved plan whose facts have moved
	// is refused whole.
	Facts []Fact
	// Read counts what the plan was made from, for the line that says so.
	Read Counts
}

// Allowance is what the user let through, as flags.
func (p *Plan) Allowance() []string {
	var flags []string
	for _, slug := range p.Allow {
		flags = append(flags, "--allow", slug)
	}
	if p.MaxDeletes != nil {
		flags = append(flags, "--max-deletes", strconv.Itoa(*p.MaxDeletes))
	}
	return flags
}

// Counts of what was read.
type Counts struct {
	Clusters      int `json:"clusters"`
	Entries       int `json:"entries"`
	Associations  int `json:"associations"`
	Bindings      int `json:"bindings,omitempty"`
	Roles         int `json:"roles,omitempty"`         // whole
	PodIdentities int `json:"podIdentities,omitempty"` // associations
}

// Fact is one thing a guard relied on, in a form that can be compared.
type Fact struct {
	Guard   string `json:"guard"`
	Subject string `json:"subject"` // what it is about: an account, a cluster
	Value   string `json:"value"`
}

// PolicyFact is the document of a managed policy, a boundary perhaps, as it was
// read: of the document a digest, for plans are printed.
func PolicyFact(guard, account, arn string, d access.Document) Fact {
	sum := sha256.Sum256([]byte(d.Folded()))
	return Fact{Guard: guard, Subject: factOfPolicy + arn + inAccount + account, Value: "sha256:" + hex.EncodeToString(sum[:])}
}

const factOfPolicy, inAccount = "policy ", " in account "

// policy is the managed policy that a fact is about, if it is about one.
func (f Fact) policy() (account, arn string, ok bool) {
	of, ok := strings.CutPrefix(f.Subject, factOfPolicy)
	if !ok {
		return "", "", false
	}
	arn, account, ok = strings.Cut(of, inAccount)
	return account, arn, ok
}

// Options are what the user decided for this run.
type Options struct {
	// Allow lists the slugs of guards that the user overrides.
	Allow []string
	// MaxDeletes replaces guard mass-deletion's bounds when it is not nil.
	MaxDeletes *int
	// Destroy wants nothing: everything ours is deleted, whatever the documents
	// say of it. Shared things (modes) are left.
	Destroy bool
	// Bind narrows the run to one Pod Identity association; nil: it is about all.
	Bind *Bind
	// Looking says that the plan is only shown: a caller who may write no
	// bindings, as a role that plans for a review, is pointed out, and what he
	// could not make is not held.
	Looking bool
}

// Guard is one named judgement over a whole plan. Check looks at what Compute
// made of want and have and says which changes must not be made, and why; it
// must not rely on another guard having run. Compute asks all guards again
// until no new hold appears, for holding one change can make another unsafe.
type Guard struct {
	Slug string
	// Fixed guards cannot be overridden by --allow; Instead says what to do.
	Fixed   bool
	Instead string
	// Told guards say the way out in each reason; Instead is for pages alone.
	Told bool
	// About is one line for the generated page of guards.
	About string
	Check func(*Input) Findings
}

// Input is what a guard may look at. It must not change any of it.
type Input struct {
	Want    *access.State
	Have    *access.Snapshot
	Plan    *Plan
	Options Options
}

// Findings are a guard's answer.
type Findings struct {
	Holds    []Finding // keep these changes from being made
	Warnings []Warning // pointed out; nothing is held
	// After adds dependencies: the change may only be made after the others
	// were. last-admin uses it so that an administrator goes only when the
	// next one is in.
	After []Dependency
	Facts []Fact
}

// Finding is a hold on one change.
type Finding struct{ Change, Reason string }

// Dependency makes Change wait for On.
type Dependency struct{ Change, On string }
