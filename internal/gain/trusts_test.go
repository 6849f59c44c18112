package gain

import (
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// trusting is a trust policy that lets ServiceAccounts in, beside a stranger.
func trusting(t *testing.T, of ...access.WantTrust) access.Document {
	t.Helper()
	statements, missing := trust.Want(of, func(access.ClusterKey) (trust.Issuer, bool) {
		return trust.Issuer{Provider: "arn:aws:iam::492000000148:oidc-provider/oidc/id/A"}, true
	})
	if len(missing) > 0 {
		t.Fatal(missing)
	}
	d, err := trust.Merge(canonical(t, iam.Trust, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::492000000148:root"},"Action":"sts:AssumeRole"}`), statements)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What a trust policy that is put right gives back is gained, as when the role
// was made, and what one takes is lost: by tags, by tokens and at the end of a
// chain. Whom it lets in before and after gains nothing.
//
// shows: item S111
func TestWhatATrustPolicyGivesBackIsGained(t *testing.T) {
	const far = "arn:aws:iam::492000000148:role/other"
	pod := access.WantTrust{Credentials: access.PodIdentity, Cluster: onTest, Namespace: "ops", Name: "yace-sa"}
	other := access.WantTrust{Credentials: access.PodIdentity, Cluster: onTest, Namespace: "ops", Name: "other"}
	token := access.WantTrust{Credentials: access.IRSA, Cluster: onTest, Namespace: "logs", Name: "loki"}
	untagged := pod
	untagged.Untagged = true
	read := access.RolePolicy{Name: "p", Document: allows(t, "s3:GetObject on arn:aws:s3:::a/*")}
	const gets, twin = "s3:GetObject on arn:aws:s3:::a/*", "s3:Get* on arn:aws:s3:::a/*"
	for name, c := range map[string]struct {
		from, to     []access.WantTrust
		target       string
		gained, lost []string
		held         bool
	}{
		"put right":                {to: []access.WantTrust{pod}, gained: []string{"ops/yace-sa " + gets}},
		"put right, held":          {to: []access.WantTrust{pod}, held: true},
		"taken":                    {from: []access.WantTrust{pod}, lost: []string{"ops/yace-sa " + gets}},
		"by a token":               {to: []access.WantTrust{token}, gained: []string{"logs/loki " + gets}},
		"by a token, taken":        {from: []access.WantTrust{token}, lost: []string{"logs/loki " + gets}},
		"at the end of a chain":    {to: []access.WantTrust{pod}, target: far, gained: []string{"ops/yace-sa " + twin}},
		"another's beside it":      {from: []access.WantTrust{pod}, to: []access.WantTrust{pod, other}},
		"another's only":           {from: []access.WantTrust{other}, to: []access.WantTrust{pod, other}, gained: []string{"ops/yace-sa " + gets}},
		"for others only":          {to: []access.WantTrust{other}},
		"without tags":             {from: []access.WantTrust{pod}, to: []access.WantTrust{untagged}},
		"written for tags, has it": {from: []access.WantTrust{untagged}, to: []access.WantTrust{pod}},
	} {
		t.Run(name, func(t *testing.T) {
			have := workloadWorld(t, "", read)
			r := &have.Accounts[0].Details[1]
			r.Trust = trusting(t, c.from...)
			have.Clusters[0].PodIdentities[0].TargetRole = c.target
			if c.target != "" {
				have.Accounts[0].Details[0].Trust = canonical(t, iam.Trust, letsYaceIn)
			}
			change := plan.Change{Verb: plan.Update, Kind: plan.Role, Principal: workloadRole,
				From: plan.IAMRole{ARN: workloadRole, Trust: r.Trust}, To: plan.IAMRole{ARN: workloadRole, Trust: trusting(t, c.to...)}}
			if c.held {
				change.Held = []plan.Hold{{Guard: "x"}}
			}
			w := changeOfRights{have: have, change: change, gained: c.gained, lost: c.lost}
			w.check(t)
		})
	}
}

// Where session tags come or go, policies that speak of them are said not to be
// compared, and of those that do not nothing is said.
//
// shows: item S136
func TestSessionTagsThatComeOrGoAreSaidWherePoliciesRestOnThem(t *testing.T) {
	byTag := func(text string) access.Document {
		return canonical(t, iam.Identity, strings.ReplaceAll(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/TAG/*"}`, "TAG", text))
	}
	tagged, untagged := access.PodIdentityAssociation{Role: workloadRole}, access.PodIdentityAssociation{Role: workloadRole, DisableSessionTags: true}
	const what = "ops/yace-sa what role yace may do by kubernetes-namespace; its sessions have "
	for name, c := range map[string]struct {
		policy   access.Document
		managed  bool
		from, to access.PodIdentityAssociation
		un       []string
	}{
		"go":                     {byTag("${aws:PrincipalTag/kubernetes-namespace}"), false, tagged, untagged, []string{what + "no session tags any more"}},
		"come":                   {byTag("${aws:principaltag/Kubernetes-Namespace}"), false, untagged, tagged, []string{what + "session tags now and had none"}},
		"by a managed policy":    {byTag("${aws:PrincipalTag/kubernetes-namespace}"), true, tagged, untagged, []string{what + "no session tags any more"}},
		"nothing rests on them":  {byTag("x"), false, tagged, untagged, nil},
		"on the role's own tags": {byTag("${aws:PrincipalTag/team}"), false, tagged, untagged, nil},
	} {
		t.Run(name, func(t *testing.T) {
			have := workloadWorld(t, "", access.RolePolicy{Name: "p", Document: c.policy})
			if c.managed {
				have.Accounts[0].Details[1].Inline, have.Accounts[0].Details[1].Managed = nil, []string{managedOne}
				have.Accounts[0].Policies[managedOne] = c.policy
			}
			have.Clusters[0].PodIdentities[0].DisableSessionTags = c.from.DisableSessionTags
			w := changeOfRights{have: have, change: associate(c.from, c.to), un: c.un}
			w.check(t)
		})
	}
}

// letsYaceIn is what a target's trust policy says of the workload's role.
const letsYaceIn = `{"Effect":"Allow","Principal":{"AWS":"` + workloadRole + `"},"Action":["sts:AssumeRole","sts:TagSession"]}`

// What a target role may do is no access that is gained for certain as long as
// its trust policy does not let the workload's role in; what was there before is
// lost all the same. A change of another's rights then gives nothing.
//
// shows: item S193
func TestWhatARefusedChainLeadsToIsNotGainedForCertain(t *testing.T) {
	const first, chained, why = "ops/yace-sa s3:GetObject on arn:aws:s3:::b/*", "ops/yace-sa s3:Get* on arn:aws:s3:::a/*", "; target role other does not let role yace in"
	own, chain := access.PodIdentityAssociation{Role: workloadRole}, access.PodIdentityAssociation{Role: workloadRole, TargetRole: otherRole}
	for name, c := range map[string]struct {
		lets                bool
		from, to            access.PodIdentityAssociation
		gained, lost, maybe []string
	}{
		"a chain that is refused":       {from: own, to: chain, lost: []string{first}, maybe: []string{chained + why}},
		"one that is refused goes":      {from: chain, to: own, gained: []string{first}},
		"refused before and after":      {from: chain, to: chain},
		"twin: it lets the role in":     {lets: true, from: own, to: chain, gained: []string{chained}, lost: []string{first}},
		"twin: one that lets in goes":   {lets: true, from: chain, to: own, gained: []string{first}, lost: []string{chained}},
		"twin: let in before and after": {lets: true, from: chain, to: chain},
	} {
		t.Run(name, func(t *testing.T) {
			have := workloadWorld(t, "", access.RolePolicy{Name: "p", Document: allows(t, "s3:GetObject on arn:aws:s3:::b/*")})
			have.Clusters[0].PodIdentities[0].TargetRole = c.from.TargetRole
			if c.lets {
				have.Accounts[0].Details[0].Trust = canonical(t, iam.Trust, letsYaceIn)
			}
			w := changeOfRights{have: have, change: associate(c.from, c.to), gained: c.gained, lost: c.lost, maybeGained: c.maybe}
			w.check(t)
		})
	}
}
