// Package awsauth reads the ConfigMap kube-system/aws-auth as EKS's
// authenticator does: forgivingly. (kubernetes-sigs/aws-iam-authenticator,
// pkg/mapper/configmap and pkg/config)
package awsauth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	yamlnode "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// Map is aws-auth as it counts. The zero value maps nobody.
type Map struct {
	roles    map[string]Mapping   // by lower-case ARN; the last of equal ones
	users    map[string][]Mapping // by lower-case ARN; the last of exactly equal ones
	accounts map[string]bool
	// Faults are what was dropped and why, in the order of reading; the rest
	// counts.
	Faults []string
}

// Mapping is what a caller is mapped to. Username and Groups are templates
// still, see Render.
type Mapping struct {
	By       string // the key that mapped: "mapRoles", "mapUsers", "mapAccounts"
	ARN      string // as it stands in the ConfigMap; the caller's own of mapAccounts
	Username string
	Groups   []string
	// Rivals are other lines for the same user that differ in the letter case
	// of the ARN alone: which of all these is taken is left to chance.
	Rivals []Mapping
}

// The keys of the ConfigMap.
const (
	Roles    = "mapRoles"
	Users    = "mapUsers"
	Accounts = "mapAccounts"
)

// line is one item of mapRoles or mapUsers. Names of keys are read in any
// letter case, as encoding/json does.
type line struct {
	RoleARN  string           `json:"rolearn"`
	UserARN  string           `json:"userarn"`
	SSO      *json.RawMessage `json:"sso"`
	Username string           `json:"username"`
	Groups   []string         `json:"groups"`
}

// Parse reads the ConfigMap. Of equal ARNs the last one counts; a bad line is
// dropped, and a key that is not YAML is dropped whole; the rest counts.
func Parse(m access.AuthMap) Map {
	p := Map{roles: map[string]Mapping{}, users: map[string][]Mapping{}, accounts: map[string]bool{}}
	for i, l := range p.lines(Users, m.MapUsers) {
		if l.UserARN == "" {
			p.fault("%s: line %d has no userarn and is dropped", Users, i+1)
			continue
		}
		key, made := strings.ToLower(l.UserARN), Mapping{By: Users, ARN: l.UserARN, Username: l.Username, Groups: l.Groups}
		same := func(o Mapping) bool { return o.ARN == l.UserARN }
		p.users[key] = append(slices.DeleteFunc(p.users[key], same), made)
	}
	for i, l := range p.lines(Roles, m.MapRoles) {
		// A line by permission set counts only behind a feature gate that is off.
		if l.RoleARN == "" || l.SSO != nil {
			p.fault("%s: line %d has no rolearn, or not it alone, and is dropped", Roles, i+1)
			continue
		}
		p.roles[strings.ToLower(l.RoleARN)] = Mapping{By: Roles, ARN: l.RoleARN, Username: l.Username, Groups: l.Groups}
	}
	p.readAccounts(m.MapAccounts)
	return p
}

func (p *Map) fault(format string, args ...any) {
	p.Faults = append(p.Faults, fmt.Sprintf(format, args...))
}

// lines decodes one key. What has the wrong type leaves its field empty, and
// the rest of its line counts: encoding/json goes on after such an error.
func (p *Map) lines(key, text string) []line {
	if skipped(text) {
		return nil
	}
	b, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		p.fault("%s is not YAML and is dropped: %v", key, err)
		return nil
	}
	var lines []line
	if err := json.Unmarshal(b, &lines); err != nil {
		p.fault("%s: %v", key, err)
	}
	return lines
}

// readAccounts takes each item's text as it stands, so that an account id
// without quotes keeps its leading zero.
func (p *Map) readAccounts(text string) {
	if skipped(text) {
		return
	}
	var items []yamlnode.Node
	if err := yamlnode.Unmarshal([]byte(text), &items); err != nil {
		p.fault("%s is not a YAML list and is dropped: %v", Accounts, err)
		return
	}
	for i, n := range items {
		if n.Kind != yamlnode.ScalarNode || n.Value == "" {
			p.fault("%s: item %d is no account and is dropped", Accounts, i+1)
			continue
		}
		p.accounts[n.Value] = true
	}
}

// skipped reports what is written for nothing.
func skipped(text string) bool {
	return slices.Contains([]string{"", `""`, "''", "``"}, strings.TrimSpace(text))
}

// Canonical is the ARN that aws-auth is asked with: a session's is its role's,
// without path, as STS never tells one; a role's loses its path for the same
// reason; a user's, a root's, a federated user's stays. An error: no identity
// that STS gives.
func Canonical(arn string) (string, error) {
	a, err := access.ParseARN(arn)
	if err != nil {
		return "", err
	}
	kind, rest, _ := strings.Cut(a.Resource, "/")
	switch {
	case a.Service == "sts" && kind == "assumed-role":
		i := strings.LastIndexByte(rest, '/')
		if i <= 0 {
			return "", fmt.Errorf("%q names no session of a role", arn)
		}
		a.Service, a.Resource = "iam", "role/"+rest[:i]
	case a.Service == "iam" && kind == "role":
		a.Resource = "role/" + rest[strings.LastIndexByte(rest, '/')+1:]
	case a.Service == "iam" && (kind == "user" || a.Resource == "root"), a.Service == "sts" && kind == "federated-user":
	default:
		return "", fmt.Errorf("%q is not the ARN of a user, a role or a session", arn)
	}
	return a.String(), nil
}

// Lookup finds whom a caller is mapped to by his ARN, see Canonical: by
// mapRoles, then mapUsers, then mapAccounts; letter case does not count, and
// there are no wildcards.
func (p *Map) Lookup(arn string) (Mapping, bool) {
	canonical, err := Canonical(arn)
	if err != nil {
		return Mapping{}, false
	}
	key := strings.ToLower(canonical)
	if m, ok := p.roles[key]; ok {
		return m, true
	}
	if list := p.users[key]; len(list) > 0 {
		m := list[len(list)-1]
		m.Rivals = slices.Clone(list[:len(list)-1])
		return m, true
	}
	if a, err := access.ParseARN(canonical); err == nil && p.accounts[a.Account] {
		return Mapping{By: Accounts, ARN: canonical, Username: canonical}, true
	}
	return Mapping{}, false
}

// Mappings lists the lines of mapRoles and mapUsers that count, by key and ARN.
func (p *Map) Mappings() []Mapping {
	var all []Mapping
	for _, m := range p.roles {
		all = append(all, m)
	}
	for _, list := range p.users {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b Mapping) int {
		if c := strings.Compare(a.By, b.By); c != 0 {
			return c
		}
		return strings.Compare(a.ARN, b.ARN)
	})
	return all
}

// AccountIDs lists the accounts of mapAccounts, sorted.
func (p *Map) AccountIDs() []string {
	var ids []string
	for id := range p.accounts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
