package trust

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
)

// Quotas of a trust policy's length in characters, white space not counted.
// (IAM User Guide, IAM and STS quotas)
const (
	Quota       = 2048 // of every account
	RaisedQuota = 4096 // the most that can be asked for
)

// Size counts a document's characters as IAM's quotas do.
func Size(d access.Document) int { return iam.Size(string(d)) }

// document is a trust policy with its statements left as they are.
type document struct {
	rest       map[string]json.RawMessage // all but Statement
	statements []json.RawMessage
	sids       []string
}

func read(d access.Document) (document, error) {
	doc := document{rest: map[string]json.RawMessage{}}
	if d == "" {
		doc.rest["Version"] = json.RawMessage(`"2012-10-17"`)
		return doc, nil
	}
	if _, err := iam.Parse(iam.Trust, string(d)); err != nil {
		return document{}, err
	}
	if err := json.Unmarshal([]byte(d), &doc.rest); err != nil {
		return document{}, err
	}
	statements := doc.rest["Statement"]
	delete(doc.rest, "Statement")
	if err := json.Unmarshal(statements, &doc.statements); err != nil {
		doc.statements = []json.RawMessage{statements} // a single one need not be in a list
	}
	for _, s := range doc.statements {
		var named struct{ Sid string }
		if err := json.Unmarshal(s, &named); err != nil {
			return document{}, err
		}
		doc.sids = append(doc.sids, named.Sid)
	}
	return doc, nil
}

func (d document) write() (access.Document, error) {
	if len(d.statements) == 0 {
		return "", errNobody
	}
	d.rest["Statement"], _ = json.Marshal(d.statements)
	b, err := json.Marshal(d.rest)
	if err != nil {
		return "", err
	}
	return iam.Canonical(iam.Trust, string(b))
}

// Merge gives the trust policy that a role of ours is to have: others'
// statements of the one it has stay as they are, ours are replaced. Ours for a
// cluster of which nothing could be written now stay too. With an empty have
// it is a new policy. Where it would be longer than IAM takes, clusters that
// have the same by Pod Identity share a statement. The result is in canonical
// form. It is an error if have is no trust policy or no statement is left.
func Merge(have access.Document, ours []Statement, unread ...Missing) (access.Document, error) {
	doc, err := read(have)
	if err != nil {
		return "", fmt.Errorf("merge into the trust policy: %w", err)
	}
	kept := document{rest: doc.rest}
	for i, s := range doc.statements {
		base := baseOf(doc.sids[i])
		if base == "" || stays(base, ours, unread) {
			kept.statements = append(kept.statements, s)
		}
	}
	d, err := kept.with(ours)
	if err == nil && Size(d) > Quota {
		d, err = kept.with(shared(ours))
	}
	if err != nil {
		return "", fmt.Errorf("merge into the trust policy: %w", err)
	}
	return d, nil
}

// with writes the document with statements added.
func (d document) with(statements []Statement) (access.Document, error) {
	d.statements = slices.Clone(d.statements)
	for _, s := range slices.SortedFunc(slices.Values(statements), compareStatements) {
		d.statements = append(d.statements, json.RawMessage(s.JSON))
	}
	return d.write()
}

// stays reports whether a statement of ours is for a cluster that was not read
// and gets no new one.
func stays(base string, ours []Statement, unread []Missing) bool {
	return slices.ContainsFunc(unread, func(m Missing) bool { return m.sid == base }) &&
		!slices.ContainsFunc(ours, func(s Statement) bool { return baseOf(s.Sid) == base })
}

// Fit is how long a trust policy is, against IAM's quota.
type Fit struct {
	Size     int // characters
	Others   int // of them, not of any of the clusters
	Clusters int // that statements of ours are for
	// Fit and FitRaised are how many of the clusters fit below the two quotas
	// at most, beside others' statements.
	Fit, FitRaised int
}

// Measure measures a trust policy.
func Measure(d access.Document) (Fit, error) {
	doc, err := read(d)
	if err != nil {
		return Fit{}, fmt.Errorf("measure the trust policy: %w", err)
	}
	f := Fit{Size: Size(d), Others: Size(d)}
	of := map[string]int{} // characters of a cluster's statements, comma included
	var sizes []int
	for i, s := range doc.statements {
		base := baseOf(doc.sids[i])
		switch arns := sharing(s); {
		case base == "":
		case len(arns) > 1: // the statement stands once, a cluster takes its ARN
			for _, a := range arns {
				sizes = append(sizes, len(a)+len(`"",`))
				f.Others -= len(a) + len(`"",`)
			}
		default:
			n := iam.Size(string(s)) + 1
			of[clusterOf(base)] += n
			f.Others -= n
		}
	}
	for _, n := range of {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	f.Clusters, f.Fit, f.FitRaised = len(sizes), fitting(f.Others, sizes, Quota), fitting(f.Others, sizes, RaisedQuota)
	return f, nil
}

// sharing are the clusters that a statement of Pod Identity names.
func sharing(statement json.RawMessage) []string {
	s, err := parseStatement(string(statement))
	if err != nil {
		return nil
	}
	for _, c := range s.Conditions {
		if strings.EqualFold(c.Key, tagCluster) {
			return c.Values
		}
	}
	return nil
}

// clusterOf is the part of a Sid of ours that tells the cluster.
func clusterOf(base string) string { return base[len(base)-12:] }

func fitting(others int, sizes []int, quota int) int {
	for i, n := range sizes {
		if others += n; others > quota {
			return i
		}
	}
	return len(sizes)
}

// Over reports whether IAM refuses the policy with the quota that every
// account has.
func (f Fit) Over() bool { return f.Size > Quota }

// String says how it stands and, where it is too long, what to do.
func (f Fit) String() string {
	s := "the trust policy has " + thousands(f.Size) + " of IAM's " + thousands(Quota) + " characters"
	if !f.Over() {
		return s
	}
	s = fmt.Sprintf("the trust policy would have %s characters and IAM's quota is %s (%s, if the account has it raised): ", thousands(f.Size), thousands(Quota), thousands(RaisedQuota))
	if f.Clusters < 2 {
		return s + "name fewer ServiceAccounts in one role"
	}
	return s + fmt.Sprintf("of %d clusters %d fit, %d with the raised quota; write {cluster} in the role's name for one role a cluster, or split the workload, %d clusters each",
		f.Clusters, f.Fit, f.FitRaised, max(f.Fit, 1))
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	if len(s) > 3 {
		return s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s
}

// ExpectedIssuer gives, for a cluster of which nothing was read, a provider
// whose ARN is as long as the cluster's own, so that a trust policy can be
// measured from documents alone. (EKS User Guide,
// associate-service-account-role: the form of issuers)
func ExpectedIssuer(account string) func(access.ClusterKey) (Issuer, bool) {
	return func(k access.ClusterKey) (Issuer, bool) {
		partition, suffix := access.PartitionOf(k.Region), ".amazonaws.com"
		if partition == "aws-cn" {
			suffix += ".cn"
		}
		i, err := IssuerAt(partition, account, "oidc.eks."+k.Region+suffix+"/id/"+strings.Repeat("0", 32))
		return i, err == nil
	}
}
