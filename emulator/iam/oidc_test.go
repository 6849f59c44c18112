package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// Each refusal with the nearest provider that is legal.
//
// shows: item S84
func TestAnOIDCProviderIsRefusedWhatIAMRefuses(t *testing.T) {
	c := lab(t)
	api := c.iam(c.admin)
	ids := func(n int) []string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprint("client-", i))
		}
		return all
	}
	prints := func(n int) []string {
		return strings.Split(strings.TrimSuffix(strings.Repeat(thumbprint+" ", n), " "), " ")
	}
	long := func(n int) string {
		return "https://long.example.com/" + strings.Repeat("x", n-len("https://long.example.com/"))
	}
	for name, tt := range map[string]struct {
		bad, good iam.CreateOpenIDConnectProviderInput
	}{
		"InvalidInput without https":        {iam.CreateOpenIDConnectProviderInput{Url: aws.String("http://a.example.com")}, iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://a.example.com")}},
		"InvalidInput without any scheme":   {iam.CreateOpenIDConnectProviderInput{Url: aws.String("b.example.com/id/1")}, iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://b.example.com/id/1")}},
		"InvalidInput with a port":          {iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://c.example.com:443/id")}, iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://c.example.com/id")}},
		"InvalidInput with a query":         {iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://d.example.com/id?x=1")}, iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://d.example.com/id/x=1")}},
		"InvalidInput with a user":          {iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://me@e.example.com")}, iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://e.example.com/@me")}},
		"InvalidInput without a host":       {iam.CreateOpenIDConnectProviderInput{Url: aws.String("https:///id")}, iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://f.example.com/id")}},
		"InvalidInput of six thumbprints":   {iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://g.example.com"), ThumbprintList: prints(6)}, iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://g.example.com"), ThumbprintList: prints(5)}},
		"InvalidInput of no thumbprint":     {iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://h.example.com"), ThumbprintList: []string{strings.Repeat("z", 40)}}, iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://h.example.com")}},
		"ValidationError of 39 characters":  {iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://i.example.com"), ThumbprintList: []string{thumbprint[1:]}}, iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://i.example.com"), ThumbprintList: []string{strings.ToUpper(thumbprint)}}},
		"LimitExceeded of 101 audiences":    {iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://j.example.com"), ClientIDList: ids(101)}, iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://j.example.com"), ClientIDList: ids(100)}},
		"ValidationError of 256 characters": {iam.CreateOpenIDConnectProviderInput{Url: aws.String(long(256))}, iam.CreateOpenIDConnectProviderInput{Url: aws.String(long(255))}},
	} {
		t.Run(name, func(t *testing.T) {
			want, _, _ := strings.Cut(name, " ")
			refused[*iam.CreateOpenIDConnectProviderOutput](t, want)(api.CreateOpenIDConnectProvider(ctx, &tt.bad))
			must[*iam.CreateOpenIDConnectProviderOutput](t)(api.CreateOpenIDConnectProvider(ctx, &tt.good))
		})
	}
	full := aws.String("arn:aws:iam::123456789012:oidc-provider/j.example.com")
	refused[*iam.AddClientIDToOpenIDConnectProviderOutput](t, "LimitExceeded")(api.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: full, ClientID: aws.String("one-more")}))
	must[*iam.AddClientIDToOpenIDConnectProviderOutput](t)(api.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: full, ClientID: aws.String("client-7")}))
	_, err := api.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://a.example.com")})
	if err == nil || !strings.Contains(err.Error(), "Provider with url https://a.example.com already exists.") {
		t.Errorf("a second of one issuer: %v", err)
	}

	// One that was made without a thumbprint has one.
	got := must[*iam.GetOpenIDConnectProviderOutput](t)(api.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String("arn:aws:iam::123456789012:oidc-provider/a.example.com")}))
	if len(got.ThumbprintList) != 1 || len(got.ThumbprintList[0]) != 40 || len(got.ClientIDList) != 0 {
		t.Errorf("made of a URL alone: %v %v", got.ThumbprintList, got.ClientIDList)
	}
}

func TestAudiencesOfAProviderComeAndGo(t *testing.T) {
	c := lab(t)
	api := c.iam(c.admin)
	arn := must[*iam.CreateOpenIDConnectProviderOutput](t)(api.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://" + issuer)})).OpenIDConnectProviderArn
	add := func(arn *string, id string) (*iam.AddClientIDToOpenIDConnectProviderOutput, error) {
		return api.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: &id})
	}
	for _, id := range []string{"sts.amazonaws.com", "other", "third", "third"} { // one that is there is no fault
		must[*iam.AddClientIDToOpenIDConnectProviderOutput](t)(add(arn, id))
	}
	for range 2 { // nor is the removal of one that is not
		must[*iam.RemoveClientIDFromOpenIDConnectProviderOutput](t)(api.RemoveClientIDFromOpenIDConnectProvider(ctx, &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("other")}))
	}
	got := must[*iam.GetOpenIDConnectProviderOutput](t)(api.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})).ClientIDList
	if d := cmp.Diff([]string{"sts.amazonaws.com", "third"}, got); d != "" {
		t.Error(d)
	}
	refused[*iam.AddClientIDToOpenIDConnectProviderOutput](t, "NoSuchEntity")(add(aws.String(*arn+"x"), "x"))
	for _, w := range c.server.Journal() {
		if strings.Contains(w.Operation, "ClientID") && w.Resource != *arn {
			t.Errorf("journal: %s of %s", w.Operation, w.Resource)
		}
	}
}

func TestQuotasOfProvidersAndRoles(t *testing.T) {
	c := lab(t)
	api := c.iam(c.admin)
	provider := func(i int) error {
		_, err := api.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String(fmt.Sprint("https://example.com/id/", i))})
		return err
	}
	for i := range 100 {
		if err := provider(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := provider(100); err == nil || !strings.Contains(err.Error(), "LimitExceeded: Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100") {
		t.Errorf("the 101st: %v", err)
	}
	other := c.account("111122223333") // which has quotas of its own
	must[*iam.CreateOpenIDConnectProviderOutput](t)(c.iam(other).CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://example.com/id/100")}))

	role := func(i int) error {
		_, err := api.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(fmt.Sprint("role-", i)), AssumeRolePolicyDocument: aws.String(trustRoot)})
		return err
	}
	for i := range 999 { // and the lab's own
		if err := role(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := role(999); err == nil || !strings.Contains(err.Error(), "LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000") {
		t.Errorf("the 1001st: %v", err)
	}
	must[*iam.DeleteRoleOutput](t)(api.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("role-0")}))
	if err := role(999); err != nil {
		t.Error(err)
	}
}

// shows: item S84
func TestTheDetailsOfAnAccountComeInPagesOfEveryKind(t *testing.T) {
	c := lab(t)
	api := c.iam(c.admin)
	for _, n := range []string{"ann", "Bob", "c"} {
		c.user(c.admin, n, allowSTS)
	}
	for _, n := range []string{"r1", "R2", "r3"} {
		c.role(c.admin, n, "123456789012", "")
		must[*iam.CreatePolicyOutput](t)(api.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &n, PolicyDocument: aws.String(allowSTS)}))
	}
	read := func(size int32, filter ...types.EntityType) (names []string, pages int) {
		p := iam.NewGetAccountAuthorizationDetailsPaginator(api, &iam.GetAccountAuthorizationDetailsInput{Filter: filter, MaxItems: &size})
		for ; p.HasMorePages(); pages++ {
			page := must[*iam.GetAccountAuthorizationDetailsOutput](t)(p.NextPage(ctx))
			if n := len(page.UserDetailList) + len(page.RoleDetailList) + len(page.Policies); n > int(size) {
				t.Errorf("a page of %d has %d", size, n)
			}
			for _, u := range page.UserDetailList {
				names = append(names, "user "+*u.UserName)
			}
			for _, r := range page.RoleDetailList {
				names = append(names, "role "+*r.RoleName)
			}
			for _, p := range page.Policies {
				names = append(names, "policy "+*p.PolicyName)
			}
		}
		return names, pages
	}
	all := []string{"user ann", "user Bob", "user c", "role atlas-iam-lab", "role r1", "role R2", "role r3", "policy r1", "policy R2", "policy r3", "policy AdministratorAccess"}
	whole, _ := read(1000)
	if d := cmp.Diff(all, whole, sorted); d != "" {
		t.Error(d)
	}
	for size := int32(1); size <= 12; size++ {
		got, pages := read(size)
		if d := cmp.Diff(whole, got); d != "" || pages != (len(all)+int(size)-1)/int(size) {
			t.Errorf("pages of %d: %d\n%s", size, pages, d)
		}
	}
	for kind, want := range map[types.EntityType][]string{
		types.EntityTypeUser: all[:3], types.EntityTypeRole: all[3:7], types.EntityTypeLocalManagedPolicy: all[7:10], types.EntityTypeAWSManagedPolicy: all[10:], types.EntityTypeGroup: nil,
	} {
		got, _ := read(2, kind)
		if d := cmp.Diff(want, got, sorted); d != "" {
			t.Errorf("%s: %s", kind, d)
		}
	}
	who := c.user(c.admin, "reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:List*","Resource":"*"}]}`)
	refused[*iam.GetAccountAuthorizationDetailsOutput](t, "AccessDenied")(c.iam(who).GetAccountAuthorizationDetails(ctx, nil))
	must[*iam.ListRolesOutput](t)(c.iam(who).ListRoles(ctx, nil))
}

var sorted = cmp.Transformer("sorted", func(l []string) map[string]int {
	m := map[string]int{}
	for _, s := range l {
		m[s]++
	}
	return m
})

func TestWhoHasAPolicyAndAsWhat(t *testing.T) {
	c := lab(t)
	api := c.iam(c.admin)
	c.user(c.admin, "ann", "")
	c.role(c.admin, "r", "123456789012", "")
	must[*iam.CreateRoleOutput](t)(api.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("deep"), Path: aws.String("/deep/"), AssumeRolePolicyDocument: aws.String(trustRoot)}))
	arn := must[*iam.CreatePolicyOutput](t)(api.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(allowSTS)})).Policy.Arn
	must[*iam.AttachUserPolicyOutput](t)(api.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("ann"), PolicyArn: arn}))
	must[*iam.AttachRolePolicyOutput](t)(api.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("deep"), PolicyArn: arn}))
	must[*iam.PutRolePermissionsBoundaryOutput](t)(api.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("r"), PermissionsBoundary: arn}))
	for want, in := range map[string]iam.ListEntitiesForPolicyInput{
		"ann deep r": {},
		"deep r":     {EntityFilter: types.EntityTypeRole},
		"deep":       {PathPrefix: aws.String("/deep/")},
		"ann deep":   {PolicyUsageFilter: types.PolicyUsageTypePermissionsPolicy},
		"r":          {PolicyUsageFilter: types.PolicyUsageTypePermissionsBoundary},
		"":           {EntityFilter: types.EntityTypeGroup},
	} {
		in.PolicyArn, in.MaxItems = arn, aws.Int32(1)
		var names []string
		for p := iam.NewListEntitiesForPolicyPaginator(api, &in); p.HasMorePages(); {
			page := must[*iam.ListEntitiesForPolicyOutput](t)(p.NextPage(ctx))
			for _, u := range page.PolicyUsers {
				names = append(names, *u.UserName)
			}
			for _, r := range page.PolicyRoles {
				names = append(names, *r.RoleName)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	refused[*iam.ListEntitiesForPolicyOutput](t, "NoSuchEntity")(api.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: aws.String(*arn + "x")}))
}
