package sts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/oidc/oidctest"
	"github.com/atlas-iam/atlas-iam/internal/lab/labtest"
)

const audience = "sts.amazonaws.com"

// provider makes an account's OIDC provider of an issuer.
func (w *world) provider(i oidctest.Issuer, clients ...string) string {
	w.T.Helper()
	return *labtest.Must[*iam.CreateOpenIDConnectProviderOutput](w.T)(w.IAM().CreateOpenIDConnectProvider(w.T.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: &i.URL, ClientIDList: clients, ThumbprintList: []string{strings.Repeat("0", 40)}})).OpenIDConnectProviderArn
}

// irsa makes a role for a ServiceAccount of an issuer's cluster.
func (w *world) irsa(name, provider, subject string) string {
	w.T.Helper()
	_, issuer, _ := strings.Cut(provider, ":oidc-provider/")
	return w.Role(name, `{"Federated":"`+provider+`"}`, "sts:AssumeRoleWithWebIdentity",
		`{"StringEquals":{"`+issuer+`:aud":"`+audience+`","`+issuer+`:sub":"`+subject+`","aws:FederatedProvider":"`+provider+`"}}`)
}

func (w *world) exchange(role, token string, change ...func(*sts.AssumeRoleWithWebIdentityInput)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	w.T.Helper()
	in := &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("web"), WebIdentityToken: &token}
	for _, f := range change {
		f(in)
	}
	return sts.NewFromConfig(w.Config(aws.Credentials{})).AssumeRoleWithWebIdentity(w.T.Context(), in)
}

// shows: item S87
func TestAWebIdentityBecomesASession(t *testing.T) {
	w := newWorld(t)
	provider := w.provider(w.Dev, audience)
	role := w.irsa("yace", provider, "system:serviceaccount:ops:yace")
	w.Allow("yace", "iam:ListUsers", "*")
	token := w.Dev.Sign(t, w.Dev.Header(), w.Dev.Claims("ops", "yace", audience, w.Now))
	out := labtest.Must[*sts.AssumeRoleWithWebIdentityOutput](t)(w.exchange(role, token))
	if want := "arn:aws:sts::" + account + ":assumed-role/yace/web"; *out.AssumedRoleUser.Arn != want || *out.Provider != provider ||
		*out.Audience != audience || *out.SubjectFromWebIdentityToken != "system:serviceaccount:ops:yace" || !out.Credentials.Expiration.Equal(w.Now.Add(time.Hour)) {
		t.Errorf("got %s %s %s %s until %v", *out.AssumedRoleUser.Arn, *out.Provider, *out.Audience, *out.SubjectFromWebIdentityToken, out.Credentials.Expiration)
	}
	session := aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}
	who := labtest.Must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(w.Config(session)).GetCallerIdentity(t.Context(), nil))
	if *who.Arn != *out.AssumedRoleUser.Arn {
		t.Errorf("I am %s", *who.Arn)
	}
	as := iam.NewFromConfig(w.Config(session))
	labtest.Must[*iam.ListUsersOutput](t)(as.ListUsers(t.Context(), nil))
	if _, err := as.ListRoles(t.Context(), nil); labtest.Code(err) != "AccessDenied" {
		t.Errorf("what the role may not: %v", err)
	}
}

// What the token said stays a condition key of the session. (iam-evaluation,
// keys: ISSUER:sub, aws:FederatedProvider)
func TestWhatATokenSaysLastsAsLongAsItsSession(t *testing.T) {
	w := newWorld(t)
	provider := w.provider(w.Dev, audience)
	role := w.irsa("yace", provider, "system:serviceaccount:ops:yace")
	_, issuer, _ := strings.Cut(provider, ":oidc-provider/")
	for subject, want := range map[string]string{"system:serviceaccount:ops:yace": "<nil>", "system:serviceaccount:ops:loki": "AccessDenied"} {
		document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"` +
			issuer + `:sub":"` + subject + `","aws:FederatedProvider":"` + provider + `"}}}]}`
		labtest.Must[*iam.PutRolePolicyOutput](t)(w.IAM().PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("yace"), PolicyName: aws.String("p"), PolicyDocument: &document}))
		c := labtest.Must[*sts.AssumeRoleWithWebIdentityOutput](t)(w.exchange(role, w.Dev.Sign(t, w.Dev.Header(), w.Dev.Claims("ops", "yace", audience, w.Now)))).Credentials
		session := aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
		if _, err := iam.NewFromConfig(w.Config(session)).ListUsers(t.Context(), nil); labtest.Code(err) != want {
			t.Errorf("%s: %v, want %s", subject, err, want)
		}
	}
}

// shows: item S90
func TestHostileWebIdentitiesAreRefused(t *testing.T) {
	w := newWorld(t)
	role := w.irsa("yace", w.provider(w.Dev, audience, "https://kubernetes.default.svc.other"), "system:serviceaccount:ops:yace")
	codes := map[oidctest.Why]string{
		oidctest.Malformed: "InvalidIdentityToken", oidctest.NoKey: "InvalidIdentityToken", oidctest.Forged: "InvalidIdentityToken",
		oidctest.TooEarly: "InvalidIdentityToken", oidctest.BadIssuer: "InvalidIdentityToken", oidctest.Audience: "InvalidIdentityToken",
		oidctest.Expired: "ExpiredTokenException", oidctest.Subject: "AccessDenied",
	}
	cases := oidctest.Hostile(t, w.Dev, w.Cluster("other"), "ops", "yace", audience, w.Now)
	if len(cases) < 15 {
		t.Errorf("%d hostile tokens", len(cases))
	}
	for _, c := range cases {
		want := codes[c.Why]
		if c.Name == "huge" {
			want = "ValidationError" // by its length alone
		}
		if _, err := w.exchange(role, c.Token); labtest.Code(err) != want {
			t.Errorf("%s: %v, want %s", c.Name, err, want)
		}
		if _, err := w.exchange(role, c.Twin); err != nil {
			t.Errorf("the twin of %q: %v", c.Name, err)
		}
	}
}

// A key that was rotated away signs nothing new that anybody takes, once its
// tokens are over.
//
// shows: item S90
func TestATokenOfAKeyThatWasRotatedAwayIsRefused(t *testing.T) {
	w := newWorld(t)
	role := w.irsa("yace", w.provider(w.Dev, audience), "system:serviceaccount:ops:yace")
	labtest.Must[string](t)(w.Server.RotateKeys(call.ClusterKey{Account: account, Region: region, Name: "dev"}))
	token := func() string { return w.Dev.Sign(t, w.Dev.Header(), w.Dev.Claims("ops", "yace", audience, w.Now)) }
	w.Now = w.Now.Add(24*time.Hour - time.Second)
	labtest.Must[*sts.AssumeRoleWithWebIdentityOutput](t)(w.exchange(role, token()))
	w.Now = w.Now.Add(time.Second)
	if _, err := w.exchange(role, token()); labtest.Code(err) != "InvalidIdentityToken" || !strings.Contains(err.Error(), "Couldn't retrieve verification key") {
		t.Errorf("got %v", err)
	}
	next := oidctest.Of(t, w.Server, call.ClusterKey{Account: account, Region: region, Name: "dev"})
	labtest.Must[*sts.AssumeRoleWithWebIdentityOutput](t)(w.exchange(role, next.Sign(t, next.Header(), next.Claims("ops", "yace", audience, w.Now))))
}

// shows: item S87
func TestAWebIdentityIsRefusedWhatAWSRefuses(t *testing.T) {
	w := newWorld(t)
	provider := w.provider(w.Dev, audience)
	role := w.irsa("yace", provider, "system:serviceaccount:ops:yace")
	token := w.Dev.Sign(t, w.Dev.Header(), w.Dev.Claims("ops", "yace", audience, w.Now))
	other := w.Cluster("other")
	elsewhere := w.Dev
	elsewhere.URL = "https://token.actions.githubusercontent.com"
	w.provider(elsewhere, audience)
	far := w.Caller("444455556666")
	farRole := *labtest.Must[*iam.CreateRoleOutput](t)(iam.NewFromConfig(w.Config(far)).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("far"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + labtest.Statement(`{"Federated":"`+provider+`"}`, "sts:AssumeRoleWithWebIdentity", "") + `]}`)})).Role.Arn
	for _, c := range []struct {
		what, role, token string
		change            func(*sts.AssumeRoleWithWebIdentityInput)
		code, text        string
	}{
		{"as it should be", role, token, nil, "<nil>", ""},
		{"a cluster without a provider", role, other.Sign(t, other.Header(), other.Claims("ops", "yace", audience, w.Now)), nil,
			"InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + other.URL},
		{"a role of an account without the provider", farRole, token, nil, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + w.Dev.URL},
		{"an issuer that the lab cannot ask", role, elsewhere.Sign(t, elsewhere.Header(), elsewhere.Claims("ops", "yace", audience, w.Now)), nil, "IDPCommunicationError", ""},
		{"another ServiceAccount", role, w.Dev.Sign(t, w.Dev.Header(), w.Dev.Claims("ops", "loki", audience, w.Now)), nil, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{"a role that is not there", role + "x", token, nil, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{"an audience that the provider has not", role, w.Dev.Sign(t, w.Dev.Header(), w.Dev.Claims("ops", "yace", "pods.eks.amazonaws.com", w.Now)), nil, "InvalidIdentityToken", "Incorrect token audience"},
		{"longer than the role lets", role, token, func(in *sts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(3601) }, "ValidationError", "MaxSessionDuration"},
		{"15 minutes", role, token, func(in *sts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(900) }, "<nil>", ""},
		{"a name of a session that cannot be", role, token, func(in *sts.AssumeRoleWithWebIdentityInput) { in.RoleSessionName = aws.String("a/b") }, "ValidationError", ""},
		{"a malformed session policy", role, token, func(in *sts.AssumeRoleWithWebIdentityInput) { in.Policy = aws.String(`{"Version":"2012-10-17"}`) }, "MalformedPolicyDocument", ""},
		{"no token", role, "x.y.z", nil, "InvalidIdentityToken", "not a valid JWT"},
	} {
		var change []func(*sts.AssumeRoleWithWebIdentityInput)
		if c.change != nil {
			change = append(change, c.change)
		}
		if _, err := w.exchange(c.role, c.token, change...); labtest.Code(err) != c.code || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %s %s", c.what, err, c.code, c.text)
		}
	}
}

// A role of another account takes a cluster's tokens if that account has the
// provider too: IRSA across accounts.
func TestAProviderInAnotherAccountServesItsRoles(t *testing.T) {
	w := newWorld(t)
	far := iam.NewFromConfig(w.Config(w.Caller("444455556666")))
	provider := *labtest.Must[*iam.CreateOpenIDConnectProviderOutput](t)(far.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: &w.Dev.URL, ClientIDList: []string{audience}})).OpenIDConnectProviderArn
	role := *labtest.Must[*iam.CreateRoleOutput](t)(far.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("far"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + labtest.Statement(`{"Federated":"`+provider+`"}`, "sts:AssumeRoleWithWebIdentity", "") + `]}`)})).Role.Arn
	out := labtest.Must[*sts.AssumeRoleWithWebIdentityOutput](t)(w.exchange(role, w.Dev.Sign(t, w.Dev.Header(), w.Dev.Claims("ops", "yace", audience, w.Now))))
	if diff := cmp.Diff("arn:aws:sts::444455556666:assumed-role/far/web", *out.AssumedRoleUser.Arn); diff != "" {
		t.Error(diff)
	}
}
