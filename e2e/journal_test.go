//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// again are the hexadecimal digits that the scenes give to the role of a
// permission set that is made again.
const again = "00000000000000aa"

// params are what the journal shows of the writes that a plan can lead to.
type params struct {
	Name             string            `json:"name"`
	ClusterName      string            `json:"clusterName"`
	PrincipalArn     string            `json:"principalArn"`
	Type             string            `json:"type"`
	Username         *string           `json:"username"`
	KubernetesGroups []string          `json:"kubernetesGroups"`
	PolicyArn        string            `json:"policyArn"`
	ResourceArn      string            `json:"resourceArn"`
	Tags             map[string]string `json:"tags"`
	AccessScope      *struct {
		Type       string   `json:"type"`
		Namespaces []string `json:"namespaces"`
	} `json:"accessScope"`
	AccessConfig *struct {
		AuthenticationMode string `json:"authenticationMode"`
	} `json:"accessConfig"`
}

// line is a write of the journal as a person would note it down:
//
//	CreateAccessEntry CLUSTER WHO [as USERNAME] [in GROUPS] [TYPE]
//	UpdateAccessEntry CLUSTER WHO [as USERNAME] [in GROUPS, or none]
//	DeleteAccessEntry CLUSTER WHO
//	AssociateAccessPolicy CLUSTER WHO POLICY SCOPE
//	DisassociateAccessPolicy CLUSTER WHO POLICY
//	TagResource CLUSTER WHO KEY=VALUE,...
//	UpdateClusterConfig CLUSTER MODE
//
// The cluster is EKS's name. WHO is ACCOUNT:user/PATH/NAME, where a permission
// set's role is permissionSet/NAME, or permissionSet/NAME@again. A username is
// told only where it is not the one that EKS would give.
func line(t *testing.T, w call.Write) string {
	t.Helper()
	var p params
	if err := json.Unmarshal(w.Params, &p); err != nil {
		t.Fatalf("the journal's line of %s: %v", w.Operation, err)
	}
	words := []string{w.Operation}
	switch w.Operation {
	case "UpdateClusterConfig":
		return strings.Join(append(words, p.Name, p.AccessConfig.AuthenticationMode), " ")
	case "TagResource", "UntagResource":
		cluster, who := entryOfARN(t, p.ResourceArn)
		var tags []string
		for _, k := range slices.Sorted(maps.Keys(p.Tags)) {
			tags = append(tags, k+"="+p.Tags[k])
		}
		return strings.Join(append(words, cluster, who, strings.Join(tags, ",")), " ")
	}
	words = append(words, p.ClusterName, who(t, p.PrincipalArn))
	iam, err := access.ParseIAMPrincipal(p.PrincipalArn)
	if err != nil {
		t.Fatal(err)
	}
	if p.Username != nil && *p.Username != iam.DefaultUsername() {
		words = append(words, "as", *p.Username)
	}
	if len(p.KubernetesGroups) > 0 {
		words = append(words, "in", strings.Join(p.KubernetesGroups, ","))
	}
	if w.Operation == "UpdateAccessEntry" && p.KubernetesGroups != nil && len(p.KubernetesGroups) == 0 {
		words = append(words, "in", "none")
	}
	if p.Type != "" && p.Type != "STANDARD" {
		words = append(words, p.Type)
	}
	if p.PolicyArn != "" {
		words = append(words, access.ShortPolicy(p.PolicyArn))
	}
	if p.AccessScope != nil {
		scope := p.AccessScope.Type
		if scope == "namespace" {
			slices.Sort(p.AccessScope.Namespaces)
			scope = strings.Join(p.AccessScope.Namespaces, ",")
		}
		words = append(words, scope)
	}
	return strings.Join(words, " ")
}

// who is a principal in a few words.
func who(t *testing.T, arn string) string {
	t.Helper()
	p, err := access.ParseIAMPrincipal(arn)
	if err != nil {
		t.Fatal(err)
	}
	account := accountName(p.Account)
	if set, ok := p.PermissionSet(); ok {
		if strings.HasSuffix(p.Name, "_"+again) {
			set += "@again"
		}
		return account + ":permissionSet/" + set
	}
	return account + ":" + p.Kind + p.Path + p.Name
}

// accountName is an account of examples/large as its documents call it.
func accountName(id string) string {
	switch id {
	case "210000000001":
		return "staging"
	case "210000000002":
		return "production"
	case "310000000003":
		return "government"
	}
	return id
}

// entryOfARN reads an entry's ARN: access-entry/CLUSTER/KIND/ACCOUNT/NAME/ID. It
// has no path. (Assumption entry-arn)
func entryOfARN(t *testing.T, arn string) (cluster, who string) {
	t.Helper()
	parts := strings.Split(arn, "/")
	if len(parts) != 6 {
		t.Fatalf("%s is no entry's ARN", arn)
	}
	return parts[1], accountName(parts[3]) + ":" + parts[2] + "/" + parts[4]
}

// sameWrites holds what was written against a list written by hand, a line a
// write. All of it must be there and nothing else. The order counts where it
// matters: the writes of one principal on one cluster stand as in the list, and
// on each cluster what stands before a line of "---" comes before what stands
// after it (grants before revokes). (a|b) stands for a line with a and one with
// b. An empty list wants no write.
func sameWrites(t *testing.T, got []string, list string) {
	t.Helper()
	var want []string
	part, parts := 0, map[string]int{}
	for l := range strings.Lines(list) {
		switch l = strings.TrimSpace(l); l {
		case "":
		case "---":
			part++
		default:
			for _, l := range expand(l) {
				want = append(want, l)
				parts[l] = part
			}
		}
	}
	missing, extra := slices.Clone(want), []string(nil)
	for _, g := range got {
		if i := slices.Index(missing, g); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
		} else {
			extra = append(extra, g)
		}
	}
	if len(missing)+len(extra) > 0 {
		t.Fatalf("writes differ from the list\nnot written:\n  %s\nnot in the list:\n  %s", strings.Join(missing, "\n  "), strings.Join(extra, "\n  "))
	}
	for i, a := range got {
		for _, b := range got[i+1:] {
			fa, fb := strings.Fields(a), strings.Fields(b)
			switch {
			case fa[1] != fb[1]:
			case parts[a] > parts[b]:
				t.Errorf("%q was written before %q", a, b)
			case fa[2] == fb[2] && slices.Index(want, a) > slices.Index(want, b):
				t.Errorf("%q was written before %q", a, b)
			}
		}
	}
}

// expand writes the lines out that (a|b) stands for.
func expand(line string) []string {
	before, rest, ok := strings.Cut(line, "(")
	inner, after, closed := strings.Cut(rest, ")")
	if !ok || !closed {
		return []string{line}
	}
	var lines []string
	for word := range strings.SplitSeq(inner, "|") {
		for _, tail := range expand(after) {
			lines = append(lines, before+word+tail)
		}
	}
	return lines
}
