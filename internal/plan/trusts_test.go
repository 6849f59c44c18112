package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// Who else may have a role of ours is pointed out each time, also where nothing
// is to do; so is that its pods are refused where the plan does not put that
// right. The twin is the role as it was made.
//
// shows: item S146
func TestWhatTheTrustOfARoleOfOursSaysBesideUsIsPointedOut(t *testing.T) {
	want := workloadWant(t, test)
	whole := made(t, workloadSees(test), Compute(want, workloadSees(test), Options{}))
	if p := Compute(want, whole, Options{}); len(p.Changes) > 0 || len(p.Warnings) > 0 {
		t.Fatalf("as it was made: %v %v", p.Changes, p.Warnings)
	}
	for _, c := range []struct {
		role, trust string // PLUS: added to ours
		want        []string
		changes     int
	}{
		{yaceRole, `PLUS{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["arn:aws:iam::` + home + `:user/dora"]}}`,
			[]string{"role yace may be had by others than its ServiceAccounts: a statement lets user/dora in; that is not ours and stays"}, 0},
		{yaceRole, `PLUS{"Sid":"Door","Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"},"Condition":{"Bool":{"aws:SecureTransport":"true"}}}`,
			[]string{"DANGER: role yace is open: statement Door lets everybody in under conditions, so that anybody with an AWS account may have the role; it is not ours, so no plan takes it away. " +
				"Take it out now: in account " + home + " aws iam get-role --role-name yace --query Role.AssumeRolePolicyDocument > trust.json, delete the statement there, and aws iam update-assume-role-policy --role-name yace --policy-document file://trust.json"}, 0},
		{yaceRole, `PLUS{"Sid":"Door","Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"},"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`,
			[]string{"role yace may be had by others than its ServiceAccounts: statement Door lets everybody in under conditions"}, 0},
		{yaceRole, `PLUS{"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::` + home + `:user/dora"}}`, nil, 0},
		{yaceRole, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}`,
			[]string{"a statement lets ec2.amazonaws.com in"}, 1},
		{yaceRole, `PLUS{"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"Service":"pods.eks.amazonaws.com"}}`,
			[]string{"role yace does not trust ops/yace-sa of cluster test now: their pods are refused until its trust policy is mended"}, 0},
		// What has no room is not put right.
		{yaceRole, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"},"Condition":{"StringEquals":{"aws:PrincipalTag/x":"` + strings.Repeat("x", 1900) + `"}}}]}`,
			[]string{"a statement lets ec2.amazonaws.com in", "role yace does not trust ops/yace-sa of cluster test now"}, 1},
		{lokiRole, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}`,
			[]string{"a statement lets ec2.amazonaws.com in"}, 1},
	} {
		have := *whole
		have.Accounts = slices.Clone(whole.Accounts)
		have.Accounts[0].Details = slices.Clone(whole.Accounts[0].Details)
		for i := range have.Accounts[0].Details {
			r := &have.Accounts[0].Details[i]
			if r.ARN != c.role {
				continue
			}
			text := c.trust
			if more, ok := strings.CutPrefix(text, "PLUS"); ok {
				text = strings.TrimSuffix(string(r.Trust), "]}") + "," + more + "]}"
			}
			d, err := iam.Canonical(iam.Trust, text)
			if err != nil {
				t.Fatal(err, text)
			}
			r.Trust = d
		}
		p := Compute(want, &have, Options{})
		got := warned(p)
		if len(got) != len(c.want) || len(p.Changes) != c.changes {
			t.Errorf("%s: %d changes, warned %q", c.trust, len(p.Changes), got)
			continue
		}
		for _, w := range c.want {
			if !slices.ContainsFunc(got, func(g string) bool { return strings.Contains(g, w) }) {
				t.Errorf("warned %q, want %q", got, w)
			}
		}
	}
}

// A new cluster's ServiceAccounts have nothing yet that could be refused.
func TestARoleThatIsToTrustAnotherClusterIsNoWarning(t *testing.T) {
	one := workloadWant(t, test)
	have := made(t, workloadSees(test, prod), Compute(one, workloadSees(test, prod), Options{}))
	p := Compute(workloadWant(t, test, prod), have, Options{})
	if got := warned(p); len(got) > 0 || len(p.Changes) == 0 {
		t.Errorf("%d changes, warned %q", len(p.Changes), got)
	}
	if trust.Others(access.Document("{"), trust.About{}) != nil {
		t.Error("a policy that cannot be read has statements")
	}
}

// Of pods that nobody is known to have given the role nothing is said: where no
// API server was read, or their annotation names another role.
func TestPodsThatAreNotKnownToHaveARoleAreNotCalledRefused(t *testing.T) {
	want := workloadWant(t, test)
	whole := made(t, workloadSees(test), Compute(want, workloadSees(test), Options{}))
	d, err := iam.Canonical(iam.Trust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"},"Condition":{"StringEquals":{"aws:PrincipalTag/x":"`+strings.Repeat("x", 1900)+`"}}}]}`) // has no room for ours
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		edit    func(*access.HaveCluster)
		refused bool
	}{
		"twin: annotated":   {func(*access.HaveCluster) {}, true},
		"not read":          {func(h *access.HaveCluster) { h.Kubernetes = nil }, false},
		"not annotated":     {func(h *access.HaveCluster) { h.Kubernetes.ServiceAccounts[0].Annotations = nil }, false},
		"another namespace": {func(h *access.HaveCluster) { h.Kubernetes.ServiceAccounts[0].Namespace = "other" }, false},
		"another name":      {func(h *access.HaveCluster) { h.Kubernetes.ServiceAccounts[0].Name = "other" }, false},
	} {
		have := made(t, whole, &Plan{})
		k := *have.Clusters[0].Kubernetes
		k.ServiceAccounts = slices.Clone(k.ServiceAccounts)
		have.Clusters[0].Kubernetes = &k
		c.edit(&have.Clusters[0])
		for i := range have.Accounts[0].Details {
			have.Accounts[0].Details[i].Trust = d
		}
		refused := slices.ContainsFunc(warned(Compute(want, have, Options{})), func(w string) bool {
			return strings.Contains(w, "role loki does not trust logs-*/loki of cluster test now")
		})
		if refused != c.refused {
			t.Errorf("%s: called refused: %v", name, refused)
		}
	}
}
