package access

import "testing"

func TestAnARNHasSixParts(t *testing.T) {
	for s, want := range map[string]ARN{
		"arn:aws:eks:eu-west-1:111122223333:cluster/a":   {"aws", "eks", "eu-west-1", "111122223333", "cluster/a"},
		"arn:aws-cn:iam::111122223333:role/a/b":          {"aws-cn", "iam", "", "111122223333", "role/a/b"},
		"arn:aws:logs:us-east-1:111122223333:log:a:b::c": {"aws", "logs", "us-east-1", "111122223333", "log:a:b::c"},
		"arn:aws:s3:::bucket":                            {"aws", "s3", "", "", "bucket"},
	} {
		got, err := ParseARN(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("%s: %+v, %q, %v", s, got, got, err)
		}
	}
	for _, s := range []string{"", "arn", "arn:aws:iam::1", "urn:aws:iam::1:role/a", "arn::iam::1:role/a", "arn:aws:::1:role/a", "arn:aws:iam::1:"} {
		if a, err := ParseARN(s); err == nil || a != (ARN{}) {
			t.Errorf("%q is read as %+v", s, a)
		}
	}
}

// The Regions' names are those of the AWS SDKs' partition metadata.
func TestARegionTellsItsPartition(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "aws", "eu-central-2": "aws", "mx-central-1": "aws",
		"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc",
		"us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f",
	} {
		if got := PartitionOf(region); got != want {
			t.Errorf("%s is of %s, want %s", region, got, want)
		}
	}
}

func TestAPrincipalIsReadFromItsARNAndGivesItBack(t *testing.T) {
	for s, want := range map[string]IAMPrincipal{
		"arn:aws:iam::111122223333:user/oleksii":           {"aws", "111122223333", "user", "/", "oleksii"},
		"arn:aws:iam::111122223333:role/ci/github/deploy":  {"aws", "111122223333", "role", "/ci/github/", "deploy"},
		"arn:aws-us-gov:iam::111122223333:role/a":          {"aws-us-gov", "111122223333", "role", "/", "a"},
		"arn:aws:iam::111122223333:user/division/team/ann": {"aws", "111122223333", "user", "/division/team/", "ann"},
	} {
		got, err := ParseIAMPrincipal(s)
		if err != nil || got != want || got.ARN() != s {
			t.Errorf("%s: %+v, %s, %v", s, got, got.ARN(), err)
		}
	}
}

func TestWhatIsNoUserAndNoRoleIsRefusedAsPrincipal(t *testing.T) {
	for why, s := range map[string]string{
		"no ARN":                           "oleksii",
		"a session":                        "arn:aws:sts::111122223333:assumed-role/a/s",
		"a role of another service":        "arn:aws:sts::111122223333:role/a",
		"a root":                           "arn:aws:iam::111122223333:root",
		"a group":                          "arn:aws:iam::111122223333:group/a",
		"a policy":                         "arn:aws:iam::111122223333:policy/a",
		"a Region, which IAM's never have": "arn:aws:iam:eu-west-1:111122223333:role/a",
		"a kind without a name":            "arn:aws:iam::111122223333:role/",
		"a kind without a slash":           "arn:aws:iam::111122223333:role",
		"a path without a name":            "arn:aws:iam::111122223333:role/ci/",
	} {
		if p, err := ParseIAMPrincipal(s); err == nil || p != (IAMPrincipal{}) {
			t.Errorf("%s, %q: read as %+v", why, s, p)
		}
	}
}

func TestServiceLinkedRolesAreToldByTheirPath(t *testing.T) {
	for s, want := range map[string]bool{
		"arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS": true,
		"arn:aws:iam::111122223333:role/AWSServiceRoleForAmazonEKS":                                    false,
		"arn:aws:iam::111122223333:role/ci/aws-service-role/a":                                         false,
		"arn:aws:iam::111122223333:user/aws-service-role/a/b":                                          false,
	} {
		p, err := ParseIAMPrincipal(s)
		if err != nil || p.ServiceLinked() != want {
			t.Errorf("%s: service-linked %v, %v", s, p.ServiceLinked(), err)
		}
	}
}

func TestARoleOfIdentityCenterTellsItsPermissionSet(t *testing.T) {
	const sso = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/"
	for s, want := range map[string]string{
		sso + "AWSReservedSSO_Backend_0123456789abcdef":                                                   "Backend",
		sso + "eu-west-1/AWSReservedSSO_Read_Only_fedcba9876543210":                                       "Read_Only",
		sso + "AWSReservedSSO_B_0123456789abcdef":                                                         "B",
		sso + "AWSReservedSSO_Backend_0123456789ABCDEF":                                                   "",
		sso + "AWSReservedSSO_Backend_0123456789abcde":                                                    "",
		sso + "AWSReservedSSO_Backend_0123456789abcdef0":                                                  "",
		sso + "AWSReservedSSO_Backend":                                                                    "",
		sso + "AWSReservedSSO__0123456789abcdef":                                                          "",
		sso + "Backend_0123456789abcdef":                                                                  "",
		"arn:aws:iam::111122223333:role/AWSReservedSSO_Backend_0123456789abcdef":                          "",
		"arn:aws:iam::111122223333:role/x/aws-reserved/sso.amazonaws.com/AWSReservedSSO_B_0123456789ab":   "",
		"arn:aws:iam::111122223333:user/aws-reserved/sso.amazonaws.com/AWSReservedSSO_B_0123456789abcdef": "",
	} {
		p, err := ParseIAMPrincipal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := p.PermissionSet(); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", s, got, ok, want)
		}
	}
}

// EKS User Guide, creating access entries: the username of a user is its ARN,
// of a role its session's, which has no path.
func TestAnEntryWithoutUsernameGetsTheOneEKSGives(t *testing.T) {
	for s, want := range map[string]string{
		"arn:aws:iam::111122223333:user/a/ann":       "arn:aws:iam::111122223333:user/a/ann",
		"arn:aws-cn:iam::111122223333:role/ci/x/dep": "arn:aws-cn:sts::111122223333:assumed-role/dep/{{SessionName}}",
	} {
		p, err := ParseIAMPrincipal(s)
		if got := p.DefaultUsername(); err != nil || got != want {
			t.Errorf("%s: %s, want %s (%v)", s, got, want, err)
		}
	}
}

func TestASessionTellsItsAccountAndRole(t *testing.T) {
	account, name, ok := SessionRole("arn:aws:sts::111122223333:assumed-role/deploy/run-7")
	if account != "111122223333" || name != "deploy" || !ok {
		t.Errorf("%q %q %v", account, name, ok)
	}
	for _, s := range []string{
		"", "deploy", "arn:aws:iam::111122223333:role/deploy", "arn:aws:iam::111122223333:assumed-role/deploy/run-7",
		"arn:aws:sts::111122223333:assumed-role/deploy", "arn:aws:sts::111122223333:assumed-role/a/deploy/run-7",
		"arn:aws:sts::111122223333:federated-user/deploy/x", "arn:aws:sts::111122223333:federated-user/ann",
	} {
		if account, name, ok := SessionRole(s); account != "" || name != "" || ok {
			t.Errorf("%s: %q %q %v", s, account, name, ok)
		}
	}
}
