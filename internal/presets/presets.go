// Package presets knows what add-ons of EKS need of AWS: statements of IAM
// policies as data, each with where it is from, how sure it is and what cannot
// be narrowed. It reads nothing but its own data file.
package presets

import (
	_ "embed"
	"fmt"
	"slices"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"sigs.k8s.io/yaml"
)

// Preset is what one add-on needs.
type Preset struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
	// Version is the data's own; it goes up with the statements.
	Version    string     `json:"version"`
	Confidence Confidence `json:"confidence"`
	// ServiceAccounts are what the add-on's installation calls them.
	ServiceAccounts []ServiceAccount `json:"serviceAccounts"`
	// ManagedPolicy is the path and name of AWS's own policy for the add-on, and
	// ManagedPolicyVersion the one that was read; empty: there is none.
	ManagedPolicy        string      `json:"managedPolicy,omitempty"`
	ManagedPolicyVersion string      `json:"managedPolicyVersion,omitempty"`
	Credentials          Credentials `json:"credentials"`
	Parameters           []Parameter `json:"parameters"`
	Needs                []Need      `json:"statements"`
	Limits               string      `json:"limits"` // what cannot be narrowed, and why
	Sources              []Source    `json:"sources"`
}

// Confidence is how sure the statements are.
type Confidence string

// The confidences. High: the policy was read in a recent document of the
// add-on's or of AWS's; medium: in an older one.
const (
	High   Confidence = "high"
	Medium Confidence = "medium"
)

// ServiceAccount is a namespace and a name.
type ServiceAccount struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Credentials says of each way whether the add-on's documents say that it
// works: yes or unverified. Minimum is the first version with Pod Identity,
// where one is stated.
type Credentials struct {
	IRSA        string `json:"IRSA"`
	PodIdentity string `json:"PodIdentity"`
	Minimum     string `json:"minimum,omitempty"`
}

// Basis is what a statement rests on.
type Basis string

// The bases. Documented is the default.
const (
	Documented Basis = "documented" // as the add-on's documents or AWS's managed policy have it
	Tightened  Basis = "tightened"  // a documented action, its resource or condition narrowed here; untested
	General    Basis = "aws"        // general behaviour of AWS, not in the add-on's documents
)

// Need is a statement with placeholders.
type Need struct {
	Sid        string                         `json:"sid"`
	Why        string                         `json:"why"`
	Basis      Basis                          `json:"basis,omitempty"`
	When       []string                       `json:"when,omitempty"` // parameters that must be set, or with ! unset
	Actions    []string                       `json:"actions"`
	Resources  []string                       `json:"resources"`
	Conditions map[string]map[string][]string `json:"conditions,omitempty"` // operator, key, values
}

// Source is where facts are from.
type Source struct {
	What    string `json:"what"`
	Where   string `json:"where"`
	Version string `json:"version"`
}

type file struct {
	AsOf string `json:"asOf"`
	// Permissions are actions that no call of AWS's is named after, with their
	// source.
	Permissions map[string]string `json:"permissions"`
	Presets     []Preset          `json:"presets"`
}

//go:embed presets.yaml
var document []byte

// parsed reads the embedded document once; the tests read it too, so that a
// fault in it cannot reach a release.
var parsed = sync.OnceValue(func() file {
	var f file
	if err := yaml.UnmarshalStrict(document, &f); err != nil {
		panic(fmt.Sprintf("read the embedded presets: %v", err))
	}
	for i := range f.Presets {
		for j := range f.Presets[i].Needs {
			if n := &f.Presets[i].Needs[j]; n.Basis == "" {
				n.Basis = Documented
			}
		}
	}
	return f
})

// AsOf is the day of the facts.
func AsOf() string { return parsed().AsOf }

// All are the presets in the order of the file.
func All() []Preset { return slices.Clone(parsed().Presets) }

// Find finds a preset by its name or another name that it goes by.
func Find(name string) (Preset, bool) {
	for _, p := range parsed().Presets {
		if p.Name == name || slices.Contains(p.Aliases, name) {
			return p, true
		}
	}
	return Preset{}, false
}

// Parameter finds a parameter by name; those that every preset takes too.
func (p Preset) Parameter(name string) (Parameter, bool) {
	for _, list := range [][]Parameter{p.Parameters, everywhere()} {
		if i := slices.IndexFunc(list, func(q Parameter) bool { return q.Name == name }); i >= 0 {
			return list[i], true
		}
	}
	return Parameter{}, false
}

// Weak says what is not sure of a preset as it is used: by these credentials
// and of the statements that it came to. None: nothing is weak.
func (p Preset) Weak(by access.Credentials, used []Statement) []string {
	var out []string
	if p.Confidence != High {
		out = append(out, "the add-on's document that was read is an older one")
	}
	if by == access.PodIdentity && p.Credentials.PodIdentity != "yes" {
		out = append(out, "its documents do not say that it takes credentials by Pod Identity")
	}
	if by == access.IRSA && p.Credentials.IRSA != "yes" {
		out = append(out, "its documents do not say that it takes credentials by IRSA")
	}
	for _, s := range used {
		switch s.Basis {
		case Tightened:
			out = append(out, s.Sid+" is narrower than its documents have it, and untested")
		case General:
			out = append(out, s.Sid+" is what AWS asks for in general; its documents do not say it")
		}
	}
	return out
}
