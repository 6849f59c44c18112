package guard

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// tokenTrust lets the ServiceAccount loki/loki in by its tokens.
var tokenTrust = `{"Effect":"Allow","Principal":{"Federated":"` + access.ProviderARN("aws", home, lokiHost) + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` +
	lokiHost + `:aud":"sts.amazonaws.com","` + lokiHost + `:sub":"system:serviceaccount:loki:loki"}}}`

// ownSid makes a statement one that atlas-iam wrote, so that it may take it
// away.
func ownSid(sid, statement string) string {
	return strings.Replace(statement, `{"Effect"`, `{"Sid":"Atlas`+sid+`0123456789ab","Effect"`, 1)
}

// associates gives loki/loki the role as read, by Pod Identity.
func associates(namespace string) func(*world) {
	return func(w *world) {
		h := w.cluster(test)
		h.PodIdentities = append(h.PodIdentities, access.PodIdentityAssociation{Namespace: namespace, ServiceAccount: "loki", Role: arn("role/loki"), Tags: us.Tags(), ID: "a-1"})
	}
}

// Pods have their scheme from when they were made. Whose scheme a plan takes
// away while their ServiceAccount keeps the role by the other one, are refused
// when what they hold expires, and that is said with who it is. Where no pod can
// have it nothing is.
//
// shows: item S190
func TestPodsThatRunAreNotCutOffInSilence(t *testing.T) {
	irsa, pods := ownSid("IRSA", tokenTrust), ownSid("PI", podTrust)
	both := func(w *world) {
		r := &w.want.Roles[0]
		for _, c := range []access.Credentials{access.IRSA, access.PodIdentity} {
			if r.Trust[0].Credentials != c {
				other := r.Trust[0]
				other.Credentials = c
				r.Trust = append(r.Trust, other)
				return
			}
		}
	}
	for name, c := range map[string]struct {
		world *world
		kind  plan.Kind
		by    string // empty: nothing is said
	}{
		"from IRSA to Pod Identity":       {hosts().hasRole(t, "role/loki", true, irsa).runs(t, "PodIdentity loki/loki role/loki"), plan.Role, "by IRSA:"},
		"from Pod Identity to IRSA":       {hosts().hasRole(t, "role/loki", true, pods).change(associates("loki")).runs(t, "IRSA loki/loki role/loki"), plan.Role, "by Pod Identity:"},
		"before it was associated":        {hosts().hasRole(t, "role/loki", true, pods).runs(t, "IRSA loki/loki role/loki"), plan.Role, "by Pod Identity:"},
		"another's role that trusts both": {hosts().hasRole(t, "role/loki", false, tokenTrust+","+podTrust).change(associates("loki")).runs(t, "IRSA loki/loki role/loki existing"), plan.PodIdentityAssociation, "by Pod Identity:"},

		"twin: first creation":                  {hosts().runs(t, "PodIdentity loki/loki role/loki"), "", ""},
		"twin: the scheme that it has":          {hosts().hasRole(t, "role/loki", true, irsa).runs(t, "IRSA loki/loki role/loki"), "", ""},
		"twin: the other scheme is added":       {hosts().hasRole(t, "role/loki", true, irsa).runs(t, "PodIdentity loki/loki role/loki").change(both), "", ""},
		"twin: another's statement stays":       {hosts().hasRole(t, "role/loki", true, tokenTrust).runs(t, "PodIdentity loki/loki role/loki"), "", ""},
		"twin: another ServiceAccount's scheme": {hosts().hasRole(t, "role/loki", true, irsa).runs(t, "PodIdentity loki/other role/loki"), "", ""},
		"twin: another namespace's association": {hosts().hasRole(t, "role/loki", false, tokenTrust+","+podTrust).change(associates("else")).runs(t, "IRSA loki/loki role/loki existing"), "", ""},
		"twin: no association goes":             {hosts().hasRole(t, "role/loki", false, tokenTrust+","+podTrust).runs(t, "IRSA loki/loki role/loki existing"), "", ""},
		"twin: the role goes":                   {hosts().hasRole(t, "role/loki", true, irsa), "", ""},
		"twin: no issuer was read":              {hosts().hasRole(t, "role/loki", true, irsa).runs(t, "PodIdentity loki/loki role/loki").change(func(w *world) { w.cluster(test).Issuer = "" }), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.world.plan()
			var said []plan.Warning
			for _, x := range p.Warnings {
				if x.Slug == "restart" {
					said = append(said, x)
				}
			}
			if len(p.Changes) == 0 && name != "twin: no association goes" && name != "twin: the scheme that it has" {
				t.Error("there is no change to warn of")
			}
			if c.by == "" {
				if len(said) > 0 {
					t.Errorf("said is %v", said)
				}
				return
			}
			if len(said) != 1 {
				t.Fatalf("said is %v in %v", said, judged(p))
			}
			mustContain(t, said[0].Text, "pods of loki/loki on test that run already have role loki "+c.by, "until it expires", "restart them after the apply")
			i := slices.IndexFunc(p.Changes, func(x plan.Change) bool { return x.ID == said[0].Change })
			if i < 0 || p.Changes[i].Kind != c.kind {
				t.Errorf("said of change %q", said[0].Change)
			}
		})
	}
}

// Several clusters are one warning of one change.
func TestPodsOfSeveralClustersAreToldTogether(t *testing.T) {
	of := []access.WantTrust{{Cluster: prod, Namespace: "loki", Name: "loki"}, {Cluster: test, Namespace: "pr-*", Name: "app"}}
	if got := accountsOn(of); got != "loki/loki on prod and pr-*/app on test" {
		t.Error(got)
	}
}
