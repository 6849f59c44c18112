package access

import (
	"slices"
	"testing"
)

func TestAPolicyIsFoundByEveryNameItHas(t *testing.T) {
	for _, s := range []string{"Edit", "AmazonEKSEditPolicy", "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy", "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"} {
		if p, ok := PolicyNamed(s); !ok || p.Name != "AmazonEKSEditPolicy" {
			t.Errorf("%s: %+v %v", s, p, ok)
		}
	}
	for _, s := range []string{"", "edit", "EKSEdit", "AmazonEKSEdit", "EditPolicy", "arn:aws:iam::aws:policy/AmazonEKSEditPolicy"} {
		if p, ok := PolicyNamed(s); ok || p.Name != "" {
			t.Errorf("%q is %+v", s, p)
		}
	}
}

func TestPoliciesAreShortenedForPeopleAndTheOddOnesKeptWhole(t *testing.T) {
	for s, want := range map[string]string{
		"AmazonEKSClusterAdminPolicy":                                       "ClusterAdmin",
		"arn:aws-us-gov:eks::aws:cluster-access-policy/AmazonEKSViewPolicy": "View",
		"AmazonEKSPolicy":           "AmazonEKSPolicy",
		"AmazonEKSEdit":             "AmazonEKSEdit",
		"AIDevOpsAgentAccessPolicy": "AIDevOpsAgentAccessPolicy",
		"arn:aws:eks::aws:cluster-access-policy/AmazonEMRJobPolicy": "AmazonEMRJobPolicy",
	} {
		if got := ShortPolicy(s); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
	p, _ := PolicyNamed("View")
	if p.Short() != "View" || p.ARN("aws-cn") != "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy" {
		t.Error(p.Short(), p.ARN("aws-cn"))
	}
}

// The EKS User Guide's "Review access policy permissions": what only reads,
// and what AWS prints the rules of.
func TestWhatIsKnownOfThePolicies(t *testing.T) {
	published := []string{
		"AmazonARCRegionSwitchScalingPolicy", "AmazonEKSAdminPolicy", "AmazonEKSAdminViewPolicy", "AmazonEKSClusterAdminPolicy", "AmazonEKSEditPolicy",
		"AmazonEKSHybridPolicy", "AmazonEKSSecretAdminPolicy", "AmazonEKSSecretReaderPolicy", "AmazonEKSViewPolicy",
	}
	onlyRead := []string{"AmazonEKSAdminViewPolicy", "AmazonEKSHybridPolicy", "AmazonEKSSecretReaderPolicy", "AmazonEKSViewPolicy"}
	all := Policies()
	if !slices.IsSortedFunc(all, func(a, b Policy) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) }) {
		t.Error("not sorted by name")
	}
	seen := map[string]bool{}
	for _, p := range all {
		if seen[p.Name] {
			t.Errorf("%s twice", p.Name)
		}
		seen[p.Name] = true
		if p.Published != slices.Contains(published, p.Name) {
			t.Errorf("%s: published %v", p.Name, p.Published)
		}
		if p.Writes != (p.Published && !slices.Contains(onlyRead, p.Name)) {
			t.Errorf("%s: writes %v", p.Name, p.Writes)
		}
		if !p.Published && len(p.Risks) > 0 {
			t.Errorf("%s: risks %v of rules nobody has read", p.Name, p.Risks)
		}
	}
	all[0].Name = "changed"
	if Policies()[0].Name == "changed" {
		t.Error("a caller can change the list")
	}
}
