package trust

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

const (
	podsPrincipal = "pods.eks.amazonaws.com" // (EKS User Guide, pod-id-role)
	stsAudience   = "sts.amazonaws.com"      // (EKS User Guide, associate-service-account-role)

	assumeRole     = "sts:AssumeRole"
	tagSession     = "sts:TagSession"
	assumeWithWeb  = "sts:AssumeRoleWithWebIdentity"
	subjectPrefix  = "system:serviceaccount:"
	tagCluster     = "aws:RequestTag/eks-cluster-arn"
	tagNamespace   = "aws:RequestTag/kubernetes-namespace"
	tagAccount     = "aws:RequestTag/kubernetes-service-account"
	keyExternalID  = "sts:ExternalId"
	providerPrefix = "oidc-provider/"
)

// Issuer is the OIDC provider in IAM through which STS knows the issuer of a
// cluster's tokens.
type Issuer struct {
	Provider string // ARN, arn:PARTITION:iam::ACCOUNT:oidc-provider/HOST/PATH
}

// IssuerAt is the provider of an issuer in an account: of its URL without
// https://, as a cluster's description has it. What is no such URL is an error.
func IssuerAt(partition, account, issuer string) (Issuer, error) {
	if issuer == "" || strings.ContainsAny(issuer, "?#* ") || strings.Contains(issuer, "://") {
		return Issuer{}, fmt.Errorf("%q is not the URL of an OIDC issuer without https://", issuer)
	}
	return Issuer{"arn:" + partition + ":iam::" + account + ":" + providerPrefix + strings.TrimSuffix(issuer, "/")}, nil
}

// IssuersOf tells the providers of clusters that were read, as an account has
// them.
func IssuersOf(have *access.Snapshot, account string) func(access.ClusterKey) (Issuer, bool) {
	return func(k access.ClusterKey) (Issuer, bool) {
		h, ok := have.Cluster(k)
		if !ok || h.Issuer == "" {
			return Issuer{}, false
		}
		return Issuer{Provider: access.ProviderARN(access.PartitionOf(k.Region), account, h.Issuer)}, true
	}
}

// Name is the issuer's URL without https://, as condition keys begin.
func (i Issuer) Name() string {
	_, name, _ := strings.Cut(i.Provider, ":"+providerPrefix)
	return name
}

// Statement is a statement of ours in a trust policy.
type Statement struct {
	Sid     string
	Cluster access.ClusterKey
	Trusts  []access.WantTrust // whom it lets in, and nobody else
	JSON    string             // on one line, keys sorted
}

// Indented is the statement as people paste it.
func (s Statement) Indented() string {
	b, err := json.MarshalIndent(json.RawMessage(s.JSON), "", "  ")
	if err != nil {
		return s.JSON
	}
	return string(b)
}

// Missing are ServiceAccounts of a cluster for which no statement can be
// written now. Statements that stand for them stay, see Merge.
type Missing struct {
	Cluster     access.ClusterKey
	Credentials access.Credentials
	Trusts      []access.WantTrust
	Reason      string
	sid         string
}

// Want gives the statements that let exactly the given ServiceAccounts have a
// role, sorted by cluster and scheme. A cluster's statements depend on that
// cluster alone. issuer tells a cluster's provider in the role's account, and
// false where it is not known.
func Want(of []access.WantTrust, issuer func(access.ClusterKey) (Issuer, bool)) ([]Statement, []Missing) {
	w := writer{principal: map[string]any{"Service": podsPrincipal}}
	for _, group := range grouped(of) {
		t := group[0]
		good := w.legal(group)
		switch {
		case len(good) == 0:
		case t.Credentials == access.PodIdentity:
			w.pods("PI", good)
		default:
			i, ok := issuer(t.Cluster)
			if !ok {
				w.lacks(good, "the issuer of "+t.Cluster.Name+"'s tokens is not known")
				continue
			}
			w.tokens(good, i)
		}
	}
	return w.out, w.missing
}

// WantTarget gives the statements that the trust policy of a role at the end
// of a chain needs: role, the workload's own, may come in for these
// ServiceAccounts. Without session tags it is the external id that EKS sends
// which tells them apart. (EKS User Guide, pod-id-assign-target-role)
func WantTarget(role string, of []access.WantTrust) ([]Statement, []Missing) {
	w := writer{principal: map[string]any{"AWS": role}, chained: true}
	for _, group := range grouped(of) {
		if good := w.legal(group); len(good) > 0 {
			w.pods("Target", good)
		}
	}
	return w.out, w.missing
}

// grouped puts together what one cluster's statements of one scheme are about.
func grouped(of []access.WantTrust) [][]access.WantTrust {
	sorted := slices.Clone(of)
	slices.SortFunc(sorted, access.WantTrust.Compare)
	sorted = slices.CompactFunc(sorted, func(a, b access.WantTrust) bool { return a.Compare(b) == 0 && a.Untagged == b.Untagged })
	var out [][]access.WantTrust
	for _, t := range sorted {
		if n := len(out); n > 0 && out[n-1][0].Cluster == t.Cluster && out[n-1][0].Credentials == t.Credentials {
			out[n-1] = append(out[n-1], t)
			continue
		}
		out = append(out, []access.WantTrust{t})
	}
	return out
}

type writer struct {
	principal map[string]any
	chained   bool // the caller is a role, not EKS
	out       []Statement
	missing   []Missing
}

// names of Kubernetes are of these letters; a star stands in patterns.
var kubernetesName = regexp.MustCompile(`^[a-z0-9.*-]+$`)

// legal are those of a group for which a statement can be written.
func (w *writer) legal(group []access.WantTrust) []access.WantTrust {
	var good, bad []access.WantTrust
	for _, t := range group {
		if !kubernetesName.MatchString(t.Namespace) || !kubernetesName.MatchString(t.Name) {
			bad = append(bad, t)
		} else {
			good = append(good, t)
		}
	}
	if len(bad) > 0 {
		w.lacks(bad, "Kubernetes has no such names")
	}
	return good
}

// condition is what must hold of some keys: those whose values hold a star are
// matched as patterns, the others letter by letter.
func condition(of map[string][]string) map[string]any {
	equals, like := map[string]any{}, map[string]any{}
	for key, values := range of {
		if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "*") }) {
			like[key] = one(values)
		} else {
			equals[key] = one(values)
		}
	}
	out := map[string]any{}
	if len(equals) > 0 {
		out["StringEquals"] = equals
	}
	if len(like) > 0 {
		out["StringLike"] = like
	}
	return out
}

func (w *writer) lacks(of []access.WantTrust, reason string) {
	t := of[0]
	w.missing = append(w.missing, Missing{Cluster: t.Cluster, Credentials: t.Credentials, Trusts: of, Reason: reason, sid: sidOf(t.Cluster, scheme(t.Credentials))})
}

func scheme(c access.Credentials) string {
	if c == access.PodIdentity {
		return "PI"
	}
	return "IRSA"
}

// pods writes the statements of Pod Identity. Values of two keys are a
// product, so what is no product takes more than one statement. EKS refuses a
// role whose trust lacks sts:TagSession, also where no tags are passed.
// (aws-facts 3.1, from terraform-provider-aws#41483) A pattern lets in what
// is bound to it later.
func (w *writer) pods(kind string, of []access.WantTrust) {
	k := of[0].Cluster
	sid, n := sidOf(k, kind), 0
	add := func(trusts []access.WantTrust, keys map[string][]string) {
		s := map[string]any{"Effect": "Allow", "Principal": w.principal, "Action": []string{assumeRole, tagSession}}
		if keys != nil {
			s["Condition"] = condition(keys)
		}
		w.add(numbered(sid, n), trusts, s)
		n++
	}
	var tagged, untagged []access.WantTrust
	for _, t := range of {
		if t.Untagged {
			untagged = append(untagged, t)
		} else {
			tagged = append(tagged, t)
		}
	}
	for _, p := range products(tagged) {
		add(p.trusts, map[string][]string{tagCluster: {clusterARN(k)}, tagNamespace: p.namespaces, tagAccount: p.names})
	}
	switch {
	case len(untagged) == 0:
	case w.chained:
		var ids []string
		for _, t := range untagged {
			ids = append(ids, externalID(t))
		}
		add(untagged, map[string][]string{keyExternalID: ids})
	default:
		add(untagged, nil)
	}
}

// externalID is what EKS sends to the target role where session tags are
// disabled. (EKS User Guide, pod-id-assign-target-role)
func externalID(t access.WantTrust) string {
	return strings.Join([]string{t.Cluster.Region, t.Cluster.Account, t.Cluster.Name, t.Namespace, t.Name}, "/")
}

// tokens writes the statement of IRSA: one, for subjects are whole. A star
// never runs over the colon between namespace and name, for neither holds one.
func (w *writer) tokens(of []access.WantTrust, i Issuer) {
	var subjects []string
	for _, t := range of {
		subjects = append(subjects, subjectPrefix+t.Namespace+":"+t.Name)
	}
	w.add(sidOf(of[0].Cluster, "IRSA"), of, map[string]any{"Effect": "Allow", "Principal": map[string]any{"Federated": i.Provider},
		"Action": assumeWithWeb, "Condition": condition(map[string][]string{i.Name() + ":aud": {stsAudience}, i.Name() + ":sub": subjects})})
}

func (w *writer) add(sid string, of []access.WantTrust, statement map[string]any) {
	statement["Sid"] = sid
	b, err := json.Marshal(statement) // keys are sorted
	if err != nil {
		panic(fmt.Sprintf("write a trust statement: %v", err)) // strings and maps of them
	}
	w.out = append(w.out, Statement{Sid: sid, Cluster: of[0].Cluster, Trusts: of, JSON: string(b)})
}

// shared puts together what clusters have by Pod Identity: those that let in
// the same namespaces and ServiceAccounts share a statement. It lets in the
// same, for the clusters times these are exactly what they were before.
func shared(statements []Statement) []Statement {
	var out []Statement
	at := map[string]int{} // by what is let in
	for _, s := range statements {
		parts := strings.SplitN(s.JSON, `"`+clusterARN(s.Cluster)+`"`, 2)
		if !strings.HasPrefix(s.Sid, "AtlasPI") || len(parts) != 2 {
			out = append(out, s)
			continue
		}
		what := parts[0] + strings.Replace(parts[1], `"`+s.Sid+`"`, "", 1)
		i, ok := at[what]
		if !ok {
			at[what] = len(out)
			out = append(out, s)
			continue
		}
		o := &out[i]
		if len(o.Trusts) == len(s.Trusts) { // the second
			sum := sha256.Sum256([]byte(what))
			sid := "AtlasPI" + hex.EncodeToString(sum[:6])
			o.JSON, o.Sid = strings.Replace(o.JSON, `"`+o.Sid+`"`, `"`+sid+`"`, 1), sid
		}
		o.Trusts = append(slices.Clone(o.Trusts), s.Trusts...)
		if end := `"` + clusterARN(o.Cluster) + `"`; strings.Contains(o.JSON, ":"+end) {
			o.JSON = strings.Replace(o.JSON, ":"+end, ":["+end+`,"`+clusterARN(s.Cluster)+`"]`, 1)
		} else {
			o.JSON = strings.Replace(o.JSON, ":["+end, ":["+end+`,"`+clusterARN(s.Cluster)+`"`, 1)
		}
	}
	return out
}

// one is a single value as a scalar, as the canonical form has it.
func one(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return values
}

func clusterARN(k access.ClusterKey) string {
	return "arn:" + access.PartitionOf(k.Region) + ":eks:" + k.Region + ":" + k.Account + ":cluster/" + k.Name
}

// product is a set of ServiceAccounts that is every name in every namespace.
type product struct {
	namespaces, names []string
	trusts            []access.WantTrust
}

// products cuts ServiceAccounts of a cluster into products, as few as grouping
// by either of the two gives.
func products(of []access.WantTrust) []product {
	byNamespace := cut(of, func(t access.WantTrust) (string, string) { return t.Namespace, t.Name })
	byName := cut(of, func(t access.WantTrust) (string, string) { return t.Name, t.Namespace })
	if len(byName) < len(byNamespace) {
		for i := range byName {
			byName[i].namespaces, byName[i].names = byName[i].names, byName[i].namespaces
		}
		return byName
	}
	return byNamespace
}

// cut groups by one of the two: those of equal others go together.
func cut(of []access.WantTrust, split func(access.WantTrust) (key, other string)) []product {
	others := map[string][]string{}
	for _, t := range of {
		k, o := split(t)
		others[k] = append(others[k], o)
	}
	var out []product
	at := map[string]int{}
	for _, k := range slices.Sorted(maps.Keys(others)) {
		slices.Sort(others[k])
		set := strings.Join(others[k], " ")
		i, ok := at[set]
		if !ok {
			i = len(out)
			at[set], out = i, append(out, product{names: others[k]})
		}
		out[i].namespaces = append(out[i].namespaces, k)
	}
	for i := range out {
		for _, t := range of {
			if k, _ := split(t); slices.Contains(out[i].namespaces, k) {
				out[i].trusts = append(out[i].trusts, t)
			}
		}
	}
	return out
}

// Sids of ours: of what kind, of which cluster, and a number from the second
// statement of it. IAM allows letters and digits.
var ourSid = regexp.MustCompile(`^(Atlas(?:PI|IRSA|Target)[0-9a-f]{12})(?:n[0-9]+)?$`)

func sidOf(k access.ClusterKey, kind string) string {
	sum := sha256.Sum256([]byte(k.String()))
	return "Atlas" + kind + hex.EncodeToString(sum[:6])
}

func numbered(sid string, n int) string {
	if n == 0 {
		return sid
	}
	return fmt.Sprintf("%sn%d", sid, n+1)
}

// baseOf is a Sid of ours without its number; "" for others' Sids.
func baseOf(sid string) string {
	if m := ourSid.FindStringSubmatch(sid); m != nil {
		return m[1]
	}
	return ""
}

// errNobody is the error of a trust policy that would hold no statement.
var errNobody = errors.New("no statement is left in it, and IAM takes no trust policy without one")

// Ours reports whether a Sid has the form of those that Want gives.
func Ours(sid string) bool { return baseOf(sid) != "" }

// Written reports whether a trust policy has a statement with such a Sid: Want
// and Merge made it, of this environment or of another. What cannot be read is
// taken for none.
func Written(d access.Document) bool {
	if !strings.Contains(string(d), "Atlas") {
		return false
	}
	doc, err := read(d)
	return err == nil && slices.ContainsFunc(doc.sids, Ours)
}

// compareStatements orders statements by Sid.
func compareStatements(a, b Statement) int { return cmp.Compare(a.Sid, b.Sid) }
