package gain

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

const workloadRole = "arn:aws:iam::492000000148:role/yace"

func canonical(t *testing.T, kind iam.Kind, statements string) access.Document {
	t.Helper()
	d, err := iam.Canonical(kind, `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func allows(t *testing.T, statements ...string) access.Document {
	t.Helper()
	var out []string
	for _, s := range statements {
		effect := "Allow"
		s, deny := strings.CutPrefix(s, "deny ")
		if deny {
			effect = "Deny"
		}
		action, resource, _ := strings.Cut(s, " on ")
		out = append(out, `{"Effect":"`+effect+`","Action":"`+action+`","Resource":"`+resource+`"}`)
	}
	return canonical(t, iam.Identity, strings.Join(out, ","))
}

// shows: item S111
func TestWhatWorkloadsGainAndLoseIsSaidByServiceAccountRoleAndAction(t *testing.T) {
	test := access.ClusterKey{Account: "492000000148", Region: "us-east-1", Name: "test"}
	trusts := canonical(t, iam.Trust, `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::492000000148:oidc-provider/oidc/id/A"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"oidc/id/A:sub":"system:serviceaccount:logs-*:loki"},"StringEquals":{"oidc/id/A:aud":"sts.amazonaws.com"}}}`)
	snapshot := func(policies ...access.RolePolicy) *access.Snapshot {
		return &access.Snapshot{
			Accounts: []access.HaveAccount{{Details: []access.HaveRole{{Principal: access.Principal{ARN: workloadRole}, Inline: policies, Trust: trusts}}}},
			Clusters: []access.HaveCluster{{Key: test, Issuer: "oidc/id/A", PodIdentities: []access.PodIdentityAssociation{{Namespace: "ops", ServiceAccount: "yace-sa", Role: workloadRole}}}},
		}
	}
	p := func(from, to access.Document) plan.Change {
		c := plan.Change{Verb: plan.Update, Kind: plan.RolePolicy, Principal: workloadRole, Name: "p", Workloads: []string{"yace"}}
		c.From, c.To = plan.InlinePolicy{Role: workloadRole, RolePolicy: access.RolePolicy{Name: "p", Document: from}}, plan.InlinePolicy{Role: workloadRole, RolePolicy: access.RolePolicy{Name: "p", Document: to}}
		return c
	}
	read := allows(t, "s3:GetObject on arn:aws:s3:::a/*")
	pod := plan.PodIdentity{PodIdentityAssociation: access.PodIdentityAssociation{Namespace: "ops", ServiceAccount: "yace-sa", Role: workloadRole}}
	for name, c := range map[string]struct {
		have         *access.Snapshot
		change       plan.Change
		gained, lost []string
	}{
		"an action more": {snapshot(access.RolePolicy{Name: "p", Document: read}), p(read, allows(t, "s3:GetObject on arn:aws:s3:::a/*", "s3:PutObject on arn:aws:s3:::a/*")),
			[]string{"logs-*/loki s3:PutObject on arn:aws:s3:::a/*", "ops/yace-sa s3:PutObject on arn:aws:s3:::a/*"}, nil},
		"in other capitals": {snapshot(access.RolePolicy{Name: "p", Document: read}), p(read, allows(t, "S3:GETOBJECT on arn:aws:s3:::a/*")), nil, nil},
		"wider in all": {snapshot(access.RolePolicy{Name: "p", Document: read}), p(read, allows(t, "s3:Get* on arn:aws:s3:::*")),
			[]string{"logs-*/loki s3:Get* on arn:aws:s3:::*", "ops/yace-sa s3:Get* on arn:aws:s3:::*"}, nil},
		"narrower": {snapshot(access.RolePolicy{Name: "p", Document: allows(t, "s3:Get* on *")}), p(allows(t, "s3:Get* on *"), read),
			nil, []string{"logs-*/loki s3:Get* on *", "ops/yace-sa s3:Get* on *"}},
		"a deny takes": {snapshot(access.RolePolicy{Name: "p", Document: read}), p(read, allows(t, "s3:GetObject on arn:aws:s3:::a/*", "deny s3:* on arn:aws:s3:::a/secret")),
			nil, []string{"logs-*/loki s3:* on arn:aws:s3:::a/secret (by a deny)", "ops/yace-sa s3:* on arn:aws:s3:::a/secret (by a deny)"}},
		"the association goes": {snapshot(access.RolePolicy{Name: "p", Document: read}),
			plan.Change{Verb: plan.Delete, Kind: plan.PodIdentityAssociation, Cluster: test, Namespace: "ops", Name: "yace-sa", From: pod},
			nil, []string{"ops/yace-sa s3:GetObject on arn:aws:s3:::a/*"}},
		"the role goes": {snapshot(access.RolePolicy{Name: "p", Document: read}),
			plan.Change{Verb: plan.Delete, Kind: plan.Role, Principal: workloadRole, From: plan.IAMRole{ARN: workloadRole}},
			nil, []string{"logs-*/loki s3:GetObject on arn:aws:s3:::a/*", "ops/yace-sa s3:GetObject on arn:aws:s3:::a/*"}},
		"a managed policy": {snapshot(access.RolePolicy{Name: "p", Document: read}),
			plan.Change{Verb: plan.Create, Kind: plan.RoleAttachment, Principal: workloadRole, Name: "arn:aws:iam::aws:policy/X", To: plan.Attachment{Role: workloadRole, Policy: "arn:aws:iam::aws:policy/X"}},
			[]string{"logs-*/loki managed policy X", "ops/yace-sa managed policy X"}, nil},
		"held": {snapshot(access.RolePolicy{Name: "p", Document: read}),
			plan.Change{Verb: plan.Delete, Kind: plan.Role, Principal: workloadRole, From: plan.IAMRole{ARN: workloadRole}, Held: []plan.Hold{{Guard: "x"}}}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got plan.Access
			Workloads(&plan.Plan{Changes: []plan.Change{c.change}}, c.have, &got)
			say := func(list []plan.Grant) (out []string) {
				for _, g := range list {
					if g.Principal != workloadRole || !strings.HasPrefix(g.Where, g.ServiceAccount+" as role yace") || g.Cluster != test {
						t.Errorf("grant %+v", g)
					}
					out = append(out, g.ServiceAccount+" "+g.What)
				}
				slices.Sort(out)
				return out
			}
			if d := cmp.Diff([2][]string{c.gained, c.lost}, [2][]string{say(got.Gained), say(got.Lost)}); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}
