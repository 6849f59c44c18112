package iam

import (
	"fmt"
	"slices"
	"testing"
)

const (
	everything = `{"Sid":"all","Effect":"Allow","Action":"*","Resource":"*"}`
	noS3       = `{"Sid":"noS3","Effect":"Deny","Action":"s3:*","Resource":"*"}`
	ifTagged   = `{"Sid":"tagged","Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"k:tag":"a"}}}`
	noS3Tagged = `{"Sid":"noTagged","Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"k:tag":"a"}}}`
)

// told is a decision's reasons in words: GATE SID certain or maybe.
func told(d Decision) (out []string) {
	for _, r := range d.Reasons {
		sure := "maybe"
		if r.Certain {
			sure = "certain"
		}
		out = append(out, fmt.Sprintf("%s %s %d %s %s %s", r.Gate, r.Source, r.Statement, r.Sid, r.Effect, sure))
	}
	return out
}

func TestADecisionNamesTheStatementsThatMadeItAndTheGatesThatDoNotAllow(t *testing.T) {
	open := &Context{}
	open.SetUnknown("k:tag")
	boundary := policy(t, Identity, everything)
	narrow := policy(t, Identity, `{"Sid":"ec2","Effect":"Allow","Action":"ec2:*","Resource":"*"}`)
	for name, tt := range map[string]struct {
		policies []string
		boundary *Source
		context  *Context
		want     string
		reasons  []string
		missing  []Gate
	}{
		"allowed": {[]string{ifTagged, everything}, nil, nil, "allow", []string{"identity-based policy p 1 all Allow certain"}, nil},
		"allowed, with one that may": {[]string{ifTagged, everything}, nil, open, "allow",
			[]string{"identity-based policy p 0 tagged Allow maybe", "identity-based policy p 1 all Allow certain"}, nil},
		"nothing allows":    {[]string{ifTagged}, nil, nil, "deny-i", nil, []Gate{IdentityGate}},
		"explicitly denied": {[]string{everything, noS3}, nil, nil, "deny-e", []string{"identity-based policy p 1 noS3 Deny certain"}, nil},
		"denied by one, perhaps by another": {[]string{noS3Tagged, noS3}, nil, open, "deny-e",
			[]string{"identity-based policy p 1 noS3 Deny certain"}, nil},
		"perhaps allowed": {[]string{ifTagged}, nil, open, "undetermined", []string{"identity-based policy p 0 tagged Allow maybe"}, []Gate{IdentityGate}},
		"perhaps denied": {[]string{everything, noS3Tagged}, nil, open, "undetermined",
			[]string{"identity-based policy p 0 all Allow certain", "identity-based policy p 1 noTagged Deny maybe"}, nil},
		"in a boundary": {[]string{everything}, &boundary, nil, "allow",
			[]string{"identity-based policy p 0 all Allow certain", "permissions boundary p 0 all Allow certain"}, nil},
		"outside of the boundary": {[]string{everything}, &narrow, nil, "deny-i", []string{"identity-based policy p 0 all Allow certain"}, []Gate{BoundaryGate}},
		"outside of both":         {nil, &narrow, nil, "deny-i", nil, []Gate{IdentityGate, BoundaryGate}},
		"an unread boundary": {[]string{everything}, &Source{Name: "b"}, nil, "undetermined",
			[]string{"identity-based policy p 0 all Allow certain", "permissions boundary b -1  Allow maybe", "permissions boundary b -1  Deny maybe"}, []Gate{BoundaryGate}},
	} {
		t.Run(name, func(t *testing.T) {
			var own []Source
			if tt.policies != nil {
				own = []Source{policy(t, Identity, tt.policies...)}
			}
			r := request{Caller: user("ann"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Context: tt.context}
			d := ask(r, Policies{Identity: own, Boundary: tt.boundary})
			if verdict(d) != tt.want || !slices.Equal(told(d), tt.reasons) || !slices.Equal(d.Missing, tt.missing) {
				t.Errorf("%s\nreasons %q\nmissing %q", verdict(d), told(d), d.Missing)
			}
		})
	}
}

func TestAnUnreadPolicyIsEnoughForNoVerdictButADeny(t *testing.T) {
	unread := Source{Name: "u"}
	r := request{Caller: user("ann"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	d := ask(r, Policies{Identity: []Source{unread}})
	if verdict(d) != "undetermined" || !slices.Equal(d.Missing, []Gate{IdentityGate}) {
		t.Errorf("%s, missing %q", verdict(d), d.Missing)
	}
	if d := ask(r, Policies{Identity: []Source{unread, policy(t, Identity, noS3)}}); verdict(d) != "deny-e" {
		t.Error(verdict(d))
	}
}

// IAM User Guide: the root user needs no Allow; a Deny that reaches it stands.
func TestTheRootUserNeedsNoAllowAndHasNoBoundary(t *testing.T) {
	root := Caller{Kind: Root, ARN: "arn:aws:iam::" + account + ":root", Account: account}
	r := request{Caller: root, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	if d := ask(r, Policies{}); verdict(d) != "allow" || len(d.Missing) > 0 {
		t.Errorf("%s, missing %q", verdict(d), d.Missing)
	}
	narrow := policy(t, Identity, `{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`)
	if d := ask(r, Policies{Boundary: &narrow}); verdict(d) != "allow" {
		t.Errorf("with a boundary, which a root cannot have: %s", verdict(d))
	}
	if d := ask(r, Policies{Identity: []Source{policy(t, Identity, noS3)}}); verdict(d) != "deny-e" {
		t.Error(verdict(d))
	}
	trust := policy(t, Trust, `{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`)
	r.Action = "sts:AssumeRole"
	if d := askTrust(r, account, trust, Policies{}); verdict(d) != "deny-i" || !slices.Contains(d.Missing, RuleGate) { // U-26
		t.Errorf("assumes a role: %s, missing %q", verdict(d), d.Missing)
	}
}

// R3.5 and R3.6 of the project's reading of the User Guide.
func TestWhoElseMustAllowDependsOnHowTheTrustPolicyNamesTheCaller(t *testing.T) {
	const elsewhere = "999999999999"
	trusting := func(principal string) string {
		return `{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}`
	}
	may := policy(t, Identity, `{"Effect":"Allow","Action":"sts:*","Resource":"*"}`)
	narrow := policy(t, Identity, `{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`)
	ann, run := user("ann"), session("r", "s")
	foreign := run
	foreign.Account, foreign.ARN, foreign.Role = elsewhere, "arn:aws:sts::"+elsewhere+":assumed-role/r/s", "arn:aws:iam::"+elsewhere+":role/r"
	bearer := Caller{Kind: Federated, ARN: "arn:aws:iam::" + account + ":oidc-provider/x"}
	service := Caller{Kind: Service, ARN: "pods.eks.amazonaws.com"}
	trusted := `{"AWS":"` + ann.ARN + `"}`
	for name, tt := range map[string]struct {
		principal string
		caller    Caller
		own       []Source
		boundary  *Source
		want      string
		missing   []Gate
	}{
		"the user is named: a boundary does not limit":     {trusted, ann, nil, &narrow, "allow", nil},
		"everyone is named: nor here":                      {`"*"`, ann, nil, &narrow, "allow", nil},
		"everyone of AWS":                                  {`{"AWS":"*"}`, ann, nil, nil, "allow", nil},
		"the role is named: a boundary limits its session": {`{"AWS":"` + run.Role + `"}`, run, nil, &narrow, "deny-i", []Gate{IdentityGate, BoundaryGate}},
		"the role is named: no boundary":                   {`{"AWS":"` + run.Role + `"}`, run, nil, nil, "allow", nil},
		"the role by its unique id":                        {`{"AWS":"` + run.ID + `"}`, run, nil, &may, "allow", nil},
		"the role by its unique id, a boundary":            {`{"AWS":"` + run.ID + `"}`, run, nil, &narrow, "deny-i", []Gate{IdentityGate, BoundaryGate}},
		"the session is named: a boundary does not limit":  {`{"AWS":"` + run.ARN + `"}`, run, nil, &narrow, "allow", nil},
		"the account is named: a boundary limits":          {`{"AWS":"` + account + `"}`, ann, []Source{may}, &narrow, "deny-i", []Gate{BoundaryGate}},
		"the account is named: a boundary that allows":     {`{"AWS":"` + account + `"}`, ann, []Source{may}, &may, "allow", nil},
		"another account is named":                         {`{"AWS":"` + elsewhere + `"}`, ann, []Source{may}, nil, "deny-i", []Gate{TrustGate}},
		"a user's ARN is not a session's":                  {trusted, run, []Source{may}, nil, "deny-i", []Gate{TrustGate}},
		"another role":                                     {`{"AWS":"arn:aws:iam::` + account + `:role/q"}`, run, []Source{may}, nil, "deny-i", []Gate{TrustGate}},
		"from another account, named and allowed":          {`{"AWS":"` + foreign.Role + `"}`, foreign, []Source{may}, nil, "allow", nil},
		"from another account, named alone":                {`{"AWS":"` + foreign.ARN + `"}`, foreign, nil, nil, "deny-i", []Gate{IdentityGate}},
		"from another account, everyone is named":          {`"*"`, foreign, nil, nil, "deny-i", []Gate{IdentityGate}},
		"from another account, its boundary":               {`{"AWS":"` + foreign.Role + `"}`, foreign, []Source{may}, &narrow, "deny-i", []Gate{BoundaryGate}},
		"from another account, not named":                  {`{"AWS":"` + account + `"}`, foreign, []Source{may}, nil, "deny-i", []Gate{TrustGate}},
		"a service that is not named":                      {`{"Service":"ec2.amazonaws.com"}`, service, nil, nil, "deny-i", []Gate{TrustGate}},
		"U-7 a service under everyone of AWS":              {`{"AWS":"*"}`, service, nil, nil, "undetermined", []Gate{TrustGate}},
		"a service under everyone":                         {`"*"`, service, nil, nil, "allow", nil},
		"a service under another entry of AWS":             {`{"AWS":"` + account + `"}`, service, nil, nil, "deny-i", []Gate{TrustGate}},
		"the bearer of a token of a named provider":        {`{"Federated":"` + bearer.ARN + `"}`, bearer, nil, nil, "allow", nil},
		"the bearer of another's token":                    {`{"Federated":"cognito-identity.amazonaws.com"}`, bearer, nil, nil, "deny-i", []Gate{TrustGate}},
		"a bearer under everyone of AWS":                   {`{"AWS":"*"}`, bearer, nil, nil, "undetermined", []Gate{TrustGate}},
		"a user under a service of the same name":          {`{"Service":"pods.eks.amazonaws.com"}`, Caller{Kind: User, ARN: "pods.eks.amazonaws.com", Account: account}, nil, nil, "deny-i", []Gate{IdentityGate, TrustGate}},
		"a service under a provider of the same name":      {`{"Federated":"pods.eks.amazonaws.com"}`, service, nil, nil, "deny-i", []Gate{TrustGate}},
		"the second of several principals":                 {`{"Service":"ec2.amazonaws.com","AWS":["` + elsewhere + `","` + ann.ARN + `"]}`, ann, nil, nil, "allow", nil},
		"nobody":                                           {`{}`, ann, []Source{may}, nil, "deny-i", []Gate{TrustGate}},
	} {
		t.Run(name, func(t *testing.T) {
			r := request{Caller: tt.caller, Action: "sts:AssumeRole", Resource: "arn:aws:iam::" + account + ":role/target"}
			d := askTrust(r, account, policy(t, Trust, trusting(tt.principal)), Policies{Identity: tt.own, Boundary: tt.boundary})
			if verdict(d) != tt.want || tt.missing != nil && !slices.Equal(d.Missing, tt.missing) {
				t.Errorf("%s, missing %q; reasons %q", verdict(d), d.Missing, told(d))
			}
		})
	}
}

func TestAUsersIDIsNoSessionsAndTheOtherWayRound(t *testing.T) {
	ann, run := user("ann"), session("r", "s")
	for _, tt := range []struct {
		named string
		who   Caller
	}{{ann.ID, Caller{Kind: Session, ARN: run.ARN, Account: account, ID: run.ID}}, {run.ID, ann}, {run.Role, Caller{Kind: User, ARN: ann.ARN, Account: account, Role: run.Role}}} {
		if got, t2 := covers([]Principal{{"AWS", tt.named}}, tt.who); got != notCovered || t2 != no {
			t.Errorf("%s covers %+v: %d", tt.named, tt.who, got)
		}
	}
}

// R2.9: empty lists are legal and have no effect. R2.3, R2.5: the others.
func TestEmptyAndNegativeListsOfAStatement(t *testing.T) {
	for statement, want := range map[string]string{
		`{"Effect":"Allow","Action":[],"Resource":"*"}`:                                                               "deny-i",
		`{"Effect":"Allow","NotAction":[],"Resource":"*"}`:                                                            "deny-i",
		`{"Effect":"Allow","Action":"*","Resource":[]}`:                                                               "deny-i",
		`{"Effect":"Allow","Action":"*","NotResource":[]}`:                                                            "deny-i",
		`{"Effect":"Allow","NotAction":"ec2:*","Resource":"*"}`:                                                       "allow",
		`{"Effect":"Allow","NotAction":["ec2:*","s3:*"],"Resource":"*"}`:                                              "deny-i",
		`{"Effect":"Allow","Action":["ec2:*","s3:GetObject"],"Resource":"*"}`:                                         "allow",
		`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::other/*"}`:                                        "allow",
		`{"Effect":"Allow","Action":"*","NotResource":["arn:aws:s3:::other/*","arn:aws:s3:::b/*"]}`:                   "deny-i",
		`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::${k:none}/*"}`:                                    "undetermined", // C-5
		`{"Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::other/*","arn:aws:s3:::b/*"]}`:                      "allow",
		`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}`:                                               "allow",
		`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"k:a":"x"},"Bool":{"k:b":true}}}`: "deny-i",
	} {
		r := request{Caller: user("ann"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Context: context("k:a=x")}
		if d := ask(r, Policies{Identity: []Source{policy(t, Identity, statement)}}); verdict(d) != want {
			t.Errorf("%s: %s, want %s", statement, verdict(d), want)
		}
	}
}
