package awsauth

import (
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// shows: item S50
func TestLookup(t *testing.T) {
	const role, user = "arn:aws:iam::111122223333:role/dev", "arn:aws:iam::111122223333:user/team/ann"
	dev := Mapping{By: Roles, ARN: role, Username: "dev", Groups: []string{"devs"}}
	tests := map[string]struct {
		m      access.AuthMap
		caller string
		want   *Mapping // nil: mapped to nobody
		faults int
	}{
		"a session of the role": {
			m:      access.AuthMap{MapRoles: "- {rolearn: " + role + ", username: dev, groups: [devs]}"},
			caller: "arn:aws:sts::111122223333:assumed-role/dev/i-0123", want: &dev,
		},
		"the role itself, and its path is none of STS's": {
			m:      access.AuthMap{MapRoles: "- {rolearn: " + role + ", username: dev, groups: [devs]}"},
			caller: "arn:aws:iam::111122223333:role/some/path/dev", want: &dev,
		},
		"a line that has a path matches no session": {
			m:      access.AuthMap{MapRoles: "- {rolearn: arn:aws:iam::111122223333:role/some/path/dev, username: dev}"},
			caller: "arn:aws:sts::111122223333:assumed-role/dev/s",
		},
		"letter case counts for nothing, in keys neither": {
			m:      access.AuthMap{MapRoles: "- {roleARN: " + strings.ToUpper(role) + ", userName: dev}"},
			caller: "arn:aws:sts::111122223333:assumed-role/dev/s",
			want:   &Mapping{By: Roles, ARN: strings.ToUpper(role), Username: "dev"},
		},
		"no wildcards": {
			m:      access.AuthMap{MapRoles: "- {rolearn: 'arn:aws:iam::111122223333:role/*', username: dev}"},
			caller: role,
		},
		"a user keeps its path": {
			m:      access.AuthMap{MapUsers: "- {userarn: " + user + ", username: ann}"},
			caller: user, want: &Mapping{By: Users, ARN: user, Username: "ann"},
		},
		"roles before users, whatever the line says it is": {
			m:      access.AuthMap{MapUsers: "- {userarn: " + role + ", username: u}", MapRoles: "- {rolearn: " + role + ", username: dev, groups: [devs]}"},
			caller: role, want: &dev,
		},
		"users before accounts": {
			m:      access.AuthMap{MapUsers: "- {userarn: " + user + ", username: ann}", MapAccounts: `["111122223333"]`},
			caller: user, want: &Mapping{By: Users, ARN: user, Username: "ann"},
		},
		"an account's caller bears his canonical ARN and no groups": {
			m:      access.AuthMap{MapAccounts: `- "111122223333"`},
			caller: "arn:aws:sts::111122223333:assumed-role/dev/s", want: &Mapping{By: Accounts, ARN: role, Username: role},
		},
		"an account without quotes is taken as it is written": {
			m:      access.AuthMap{MapAccounts: "- 012345678901"},
			caller: "arn:aws:iam::012345678901:user/x", want: &Mapping{By: Accounts, ARN: "arn:aws:iam::012345678901:user/x", Username: "arn:aws:iam::012345678901:user/x"},
		},
		"another account": {
			m:      access.AuthMap{MapAccounts: `- "111122223333"`},
			caller: "arn:aws:iam::999922223333:user/x",
		},
		"of equal roles the last": {
			m:      access.AuthMap{MapRoles: "- {rolearn: " + strings.ToUpper(role) + ", username: first, groups: [system:masters]}\n- {rolearn: " + role + ", username: dev, groups: [devs]}"},
			caller: role, want: &dev,
		},
		"of equal users the last": {
			m:      access.AuthMap{MapUsers: "- {userarn: " + user + ", username: a}\n- {userarn: " + user + ", username: b}"},
			caller: user, want: &Mapping{By: Users, ARN: user, Username: "b"},
		},
		"users that differ in letter case are rivals": {
			m:      access.AuthMap{MapUsers: "- {userarn: " + strings.ToUpper(user) + ", username: a}\n- {userarn: " + user + ", username: b}"},
			caller: user, want: &Mapping{By: Users, ARN: user, Username: "b", Rivals: []Mapping{{By: Users, ARN: strings.ToUpper(user), Username: "a"}}},
		},
		"a line without its ARN is dropped, the others stand": {
			m:      access.AuthMap{MapRoles: "- {username: nobody, groups: [system:masters]}\n- {rolearn: " + role + ", username: dev, groups: [devs]}"},
			caller: role, want: &dev, faults: 1,
		},
		"a line with both forms is dropped": {
			m:      access.AuthMap{MapRoles: "- {rolearn: " + role + ", username: dev, sso: {permissionSetName: x, accountID: '111122223333'}}"},
			caller: role, faults: 1,
		},
		"a key that is not YAML drops itself alone": {
			m:      access.AuthMap{MapUsers: "- {userarn: [", MapRoles: "- {rolearn: " + role + ", username: dev, groups: [devs]}"},
			caller: role, want: &dev, faults: 1,
		},
		"a list that is none leaves its line": {
			m:      access.AuthMap{MapRoles: "- {rolearn: " + role + ", username: dev, groups: system:masters}"},
			caller: role, want: &Mapping{By: Roles, ARN: role, Username: "dev"}, faults: 1,
		},
		"a map instead of a list is nothing": {
			m:      access.AuthMap{MapRoles: "rolearn: " + role},
			caller: role, faults: 1,
		},
		"keys written for nothing are no faults": {
			m:      access.AuthMap{MapUsers: `""`, MapRoles: "``", MapAccounts: " '' "},
			caller: role,
		},
		"a username may be empty": {
			m:      access.AuthMap{MapRoles: "- {rolearn: " + role + "}"},
			caller: role, want: &Mapping{By: Roles, ARN: role},
		},
		"no identity at all": {
			m:      access.AuthMap{MapAccounts: `- "111122223333"`},
			caller: "arn:aws:iam::111122223333:group/devs",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := Parse(tt.m)
			got, ok := m.Lookup(tt.caller)
			if ok != (tt.want != nil) {
				t.Fatalf("Lookup(%s) = %+v, %t", tt.caller, got, ok)
			}
			if tt.want != nil {
				if d := cmp.Diff(*tt.want, got, cmpopts.EquateEmpty()); d != "" {
					t.Errorf("Lookup(%s) (-want +got):\n%s", tt.caller, d)
				}
			}
			if len(m.Faults) != tt.faults {
				t.Errorf("faults %q, want %d", m.Faults, tt.faults)
			}
		})
	}
}

// shows: item S50
func TestRender(t *testing.T) {
	c := Caller{Account: "111122223333", Session: "ann@example.com", AccessKeyID: "ASIAX"}
	node := Caller{Account: "111122223333", Session: "i-0123456789abcdef0", PrivateDNS: "ip-10-0-0-1.ec2.internal"}
	tests := []struct {
		template string
		caller   Caller
		want     string
		fails    bool
	}{
		{"plain", c, "plain", false},
		{"sso:{{SessionName}}", c, "sso:ann-example.com", false},
		{"sso:{{SessionNameRaw}}", c, "sso:ann@example.com", false},
		{"{{AccountID}}:{{AccessKeyID}}:{{SessionName}}", c, "111122223333:ASIAX:ann-example.com", false},
		{"{{Unknown}}", c, "{{Unknown}}", false},
		{"system:node:{{EC2PrivateDNSName}}", node, "system:node:ip-10-0-0-1.ec2.internal", false},
		{"system:node:{{EC2PrivateDNSName}}", c, "", true},
		{"system:node:{{EC2PrivateDNSName}}", Caller{Session: "i-0123456789abcdef0"}, "", true},
	}
	for _, tt := range tests {
		got, err := Render(tt.template, tt.caller)
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("Render(%q, %+v) = %q, %v", tt.template, tt.caller, got, err)
		}
	}
	for template, open := range map[string]bool{"x": false, "{{AccountID}}": false, "a:{{SessionNameRaw}}": true, "system:node:{{EC2PrivateDNSName}}": true} {
		if Open(template) != open {
			t.Errorf("Open(%q) = %t", template, !open)
		}
	}
}

func TestCanonical(t *testing.T) {
	tests := map[string]string{
		"arn:aws:sts::111122223333:assumed-role/dev/s":      "arn:aws:iam::111122223333:role/dev",
		"arn:aws-cn:sts::111122223333:assumed-role/a/b/s":   "arn:aws-cn:iam::111122223333:role/a/b",
		"arn:aws:iam::111122223333:role/path/dev":           "arn:aws:iam::111122223333:role/dev",
		"arn:aws:iam::111122223333:user/path/ann":           "arn:aws:iam::111122223333:user/path/ann",
		"arn:aws:iam::111122223333:root":                    "arn:aws:iam::111122223333:root",
		"arn:aws:sts::111122223333:federated-user/somebody": "arn:aws:sts::111122223333:federated-user/somebody",
		"arn:aws:sts::111122223333:assumed-role/dev":        "",
		"arn:aws:sts::111122223333:user/ann":                "",
		"arn:aws:sts::111122223333:root":                    "",
		"arn:aws:iam::111122223333:federated-user/somebody": "",
		"arn:aws:iam::111122223333:group/devs":              "",
		"arn:aws:s3:::bucket":                               "",
		"ann":                                               "",
	}
	for arn, want := range tests {
		if got, err := Canonical(arn); got != want || (err != nil) != (want == "") {
			t.Errorf("Canonical(%s) = %q, %v; want %q", arn, got, err, want)
		}
	}
}

// What counts is listed for whoever wants to see it whole; faults name lines
// from one.
func TestMappings(t *testing.T) {
	m := Parse(access.AuthMap{
		MapUsers:    "- {userarn: arn:aws:iam::111122223333:user/b, username: b}\n- {username: lost}\n- {userarn: arn:aws:iam::111122223333:user/a, username: a}",
		MapRoles:    "- {rolearn: arn:aws:iam::111122223333:role/r, username: r}\n- {username: lost}",
		MapAccounts: "- '222233334444'\n- ''\n- '111122223333'",
	})
	var got []string
	for _, x := range m.Mappings() {
		got = append(got, x.By+" "+x.Username)
	}
	if d := cmp.Diff([]string{"mapRoles r", "mapUsers a", "mapUsers b"}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"111122223333", "222233334444"}, m.AccountIDs()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"mapUsers: line 2 has no userarn and is dropped", "mapRoles: line 2 has no rolearn, or not it alone, and is dropped", "mapAccounts: item 2 is no account and is dropped"}, m.Faults); d != "" {
		t.Error(d)
	}
}
