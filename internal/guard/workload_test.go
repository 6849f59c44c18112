package guard

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

const lokiHost = "oidc.eks.eu-west-1.amazonaws.com/id/TEST"

// doc is a policy of one statement, or of those given.
func doc(t *testing.T, kind iam.Kind, statements ...string) access.Document {
	t.Helper()
	d, err := iam.Canonical(kind, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// allows is a statement "ACTION... on RESOURCE".
func allows(what string) string {
	actions, resource, _ := strings.Cut(what, " on ")
	return `{"Effect":"Allow","Action":["` + strings.Join(strings.Fields(actions), `","`) + `"],"Resource":"` + resource + `"}`
}

// hosts makes an account and a cluster whose workloads were read, with an
// administrator that nobody touches.
func hosts() *world {
	w := manned().kubernetes(test, []string{"loki", "pr-1"}, nil)
	h, a := w.cluster(test), &w.have.Accounts[0]
	h.Issuer, h.PodIdentitiesRead, h.Agent, h.Kubernetes.ServiceAccountsRead = lokiHost, true, &access.HaveAgent{Addon: true, Status: "ACTIVE"}, true
	a.DetailsRead, a.ProvidersRead = true, true
	a.Providers = []access.HaveProvider{{ARN: access.ProviderARN("aws", home, lokiHost), Issuer: lokiHost, ClientIDs: []string{"sts.amazonaws.com"}}}
	w.want.RolePath = "/"
	return w
}

// runs wants a workload on cluster test: "PodIdentity ns/name role/x" or
// "IRSA ns/name role/x", with its inline policy's statements. Further words:
// existing, untagged, target=ROLE.
func (w *world) runs(t *testing.T, what string, statements ...string) *world {
	t.Helper()
	f := strings.Fields(what)
	ns, name, _ := strings.Cut(f[1], "/")
	place := access.Place{File: "loki.yaml", Line: 3}
	role := arn(f[2])
	wt := access.WantTrust{Credentials: access.Credentials(f[0]), Cluster: test, Namespace: ns, Name: name, Untagged: slices.Contains(f, "untagged"), Place: place}
	a := access.PodIdentityAssociation{Namespace: ns, ServiceAccount: name, Role: role, DisableSessionTags: wt.Untagged}
	for _, word := range f[3:] {
		if target, ok := strings.CutPrefix(word, "target="); ok {
			a.TargetRole = target
		}
	}
	d := w.document(test)
	if wt.Credentials == access.PodIdentity && strings.Contains(ns+name, "*") {
		d.PodIdentityPatterns = append(d.PodIdentityPatterns, access.WantPodIdentity{PodIdentityAssociation: a, Workload: "loki", Place: place})
	} else if wt.Credentials == access.PodIdentity {
		d.PodIdentities = append(d.PodIdentities, access.WantPodIdentity{PodIdentityAssociation: a, Workload: "loki", Place: place})
	} else if !strings.Contains(ns, "*") {
		d.Via = access.ViaDirect
		d.ServiceAccounts = append(d.ServiceAccounts, access.WantServiceAccount{Namespace: ns, Name: name, Manage: access.ManageCreate, Role: role, Workload: "loki", Place: place})
	}
	r := access.WantRole{Account: home, ARN: role, Existing: slices.Contains(f, "existing"), Trust: []access.WantTrust{wt}, Workloads: []string{"loki"}, Place: place}
	if len(statements) > 0 {
		r.Inline = []access.RolePolicy{{Name: "p", Document: doc(t, iam.Identity, statements...)}}
	}
	w.want.Roles = append(w.want.Roles, r)
	w.want.Workloads = append(w.want.Workloads, access.WantWorkload{Name: "loki", Credentials: wt.Credentials, Clusters: []access.ClusterKey{test}})
	return w
}

// hasRole puts a role into the account, ours if it is said to be.
func (w *world) hasRole(t *testing.T, who string, mine bool, trusts string, statements ...string) *world {
	t.Helper()
	w.principals(monday, who)
	p, err := access.ParseIAMPrincipal(arn(who))
	if err != nil {
		t.Fatal(err)
	}
	r := access.HaveRole{Principal: access.Principal{ARN: arn(who), CreatedAt: monday}, Path: p.Path, Name: p.Name, MaxSession: 3600, Trust: doc(t, iam.Trust, trusts)}
	if mine {
		r.Tags = us.Tags()
	}
	if len(statements) > 0 {
		r.Inline = []access.RolePolicy{{Name: "p", Document: doc(t, iam.Identity, statements...)}}
	}
	a := &w.have.Accounts[0]
	a.Details = append(a.Details, r)
	slices.SortFunc(a.Details, func(a, b access.HaveRole) int { return strings.Compare(a.ARN, b.ARN) })
	return w
}

const (
	podTrust = `{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{
		"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:eu-west-1:` + home + `:cluster/test","aws:RequestTag/kubernetes-namespace":"loki","aws:RequestTag/kubernetes-service-account":"loki"}}}`
	openTrust = `{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}`
	anyTrust  = `{"Sid":"X","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`
)

// workloadsJudged are the lines of judged that are about a workload's objects.
func workloadsJudged(p *plan.Plan) []string {
	var out []string
	for _, l := range judged(p) {
		l = strings.NewReplacer(home+"/", "", "/"+home, "").Replace(l)
		if f := strings.Fields(l); strings.HasPrefix(f[1], "role") || strings.HasPrefix(f[1], "podidentity") || strings.HasPrefix(f[1], "serviceaccount") || strings.HasPrefix(f[1], "argocd") || strings.Contains(l, "binding") || strings.Contains(l, "association") {
			out = append(out, l)
		}
	}
	slices.Sort(out)
	return out
}

func runWorkloads(t *testing.T, cases map[string]judgedCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := c.world.plan()
			got := workloadsJudged(p)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s\n%s\n%s", diff, reasons(p, "privilege"), reasons(p, "half-read"))
			}
		})
	}
}

// refusals.md row 31, of roles of ours.
func TestRow31ARoleOfOursTellsPodsApart(t *testing.T) {
	runWorkloads(t, map[string]judgedCase{
		"without session tags, as the document says": {hosts().runs(t, "PodIdentity loki/loki role/loki untagged", allows("s3:GetObject on arn:aws:s3:::b/*")),
			[]string{"create role/loki ?trust", "create rolepolicy/loki/p", "create podidentity/test/loki/loki"}},
		"a role of another's is pointed out": {hosts().hasRole(t, "role/loki", false, openTrust).runs(t, "PodIdentity loki/loki role/loki existing"),
			[]string{"create podidentity/test/loki/loki ?trust"}},
		"twin: with session tags": {hosts().runs(t, "PodIdentity loki/loki role/loki"),
			[]string{"create role/loki", "create podidentity/test/loki/loki"}},
		"twin: a role of another's that tells them apart": {hosts().hasRole(t, "role/loki", false, podTrust).runs(t, "PodIdentity loki/loki role/loki existing"),
			[]string{"create podidentity/test/loki/loki"}},
	})
}

// refusals.md rows 34 to 41, of what a plan gives; each row by itself stands in
// internal/trust.
func TestRows34To41ATrustThatLetsOthersInIsHeld(t *testing.T) {
	any := func(sub string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"` + access.ProviderARN("aws", home, lokiHost) + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + lokiHost + `:aud":"sts.amazonaws.com"}` + sub + `}}`
	}
	runWorkloads(t, map[string]judgedCase{
		"35 a pattern that is any namespace": {hosts().runs(t, "IRSA */loki role/loki"),
			[]string{"create role/loki !privilege"}},
		"34 another's role without a subject": {hosts().hasRole(t, "role/loki", false, any("")).runs(t, "IRSA loki/loki role/loki existing"),
			[]string{"create serviceaccount/test/loki/loki !privilege"}},
		"41 another's role for everybody": {hosts().hasRole(t, "role/loki", false, podTrust+","+anyTrust).runs(t, "PodIdentity loki/loki role/loki existing"),
			[]string{"create podidentity/test/loki/loki !privilege"}},
		"41 ours that somebody opened is pointed out": {hosts().hasRole(t, "role/loki", true, podTrust+","+anyTrust).runs(t, "PodIdentity loki/loki role/loki"),
			[]string{"create podidentity/test/loki/loki", "update role/loki ?trust"}},
		"twin: a pattern": {hosts().runs(t, "IRSA pr-*/loki role/loki"),
			[]string{"create role/loki"}},
		"twin: another's role with the subject": {hosts().hasRole(t, "role/loki", false, any(`,"StringLike":{"`+lokiHost+`:sub":"system:serviceaccount:loki:*"}`)).runs(t, "IRSA loki/loki role/loki existing"),
			[]string{"create serviceaccount/test/loki/loki"}},
	})
}

// What a role gains that somebody opened to others, they would have too; what it
// loses, or gains once it is closed, goes through.
//
// shows: item S201
func TestARoleThatIsOpenGainsNothing(t *testing.T) {
	const one, two = "s3:ListBucket on arn:aws:s3:::b", "s3:ListBucket s3:GetObject on arn:aws:s3:::b"
	const fellow = `{"Sid":"Fellow","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + home + `:role/ci"},"Action":"sts:AssumeRole"}`
	role := func(trusts, has, wants string) *world {
		return hosts().hasRole(t, "role/loki", true, trusts, allows(has)).runs(t, "PodIdentity loki/loki role/loki", allows(wants))
	}
	runWorkloads(t, map[string]judgedCase{
		"a right for an open role":          {role(podTrust+","+anyTrust, one, two), []string{"create podidentity/test/loki/loki !depends", "update role/loki ?trust", "update rolepolicy/loki/p !privilege"}},
		"twin: one that goes":               {role(podTrust+","+anyTrust, two, one), []string{"create podidentity/test/loki/loki", "update role/loki ?trust", "update rolepolicy/loki/p"}},
		"twin: one for a closed role":       {role(podTrust, one, two), []string{"create podidentity/test/loki/loki", "update role/loki", "update rolepolicy/loki/p"}},
		"twin: one beside somebody trusted": {role(podTrust+","+fellow, one, two), []string{"create podidentity/test/loki/loki", "update role/loki", "update rolepolicy/loki/p"}},
	})
}

// By IRSA a chart gives another's role, and no change is there to be held: what
// would hold one is pointed out in every plan, and nothing else is.
//
// shows: item S181
func TestWhatIsWrongWithARoleOfAnothersIsSaidThoughNothingIsToBeDone(t *testing.T) {
	statement := func(condition string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"` + access.ProviderARN("aws", home, lokiHost) + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + condition + `}}`
	}
	const aud, sub = `"` + lokiHost + `:aud":"sts.amazonaws.com"`, `"` + lokiHost + `:sub":"system:serviceaccount:loki:loki"`
	sound := statement(`"StringEquals":{` + aud + `,` + sub + `}`)
	by := func(who, trusts string, statements ...string) *world {
		w := hosts().hasRole(t, who, false, trusts, statements...).runs(t, "IRSA loki/loki "+who+" existing")
		w.document(test).ServiceAccounts = nil // a chart's
		return w
	}
	for name, c := range map[string]struct {
		world      *world
		slug, says string
	}{
		"34 no subject":               {by("role/loki", statement(`"StringEquals":{`+aud+`}`)), "trust", "every ServiceAccount of the cluster may have the role"},
		"35 any subject":              {by("role/loki", statement(`"StringEquals":{`+aud+`},"StringLike":{"`+lokiHost+`:sub":"system:serviceaccount:*:*"}`)), "trust", "matches any subject"},
		"36 no audience":              {by("role/loki", statement(`"StringEquals":{`+sub+`}`)), "trust", "has no condition on " + lokiHost + ":aud"},
		"38 a subject if there":       {by("role/loki", statement(`"StringEquals":{`+aud+`},"StringEqualsIfExists":{`+sub+`}`)), "trust", "holds where it is absent"},
		"41 everybody":                {by("role/loki", sound+","+anyTrust), "trust", "has the principal *"},
		"42 everything":               {by("role/loki", sound, allows("iam:* on *")), "privilege", "role loki of " + home + ": "},
		"43 an administrator":         {by("role/ops/break-glass", sound), "privilege", "is an administrator of cluster test"},
		"twin: sound":                 {by("role/loki", sound, allows("s3:GetObject on arn:aws:s3:::b/*")), "", ""},
		"twin: said with its change":  {hosts().hasRole(t, "role/loki", false, sound+","+anyTrust).runs(t, "IRSA loki/loki role/loki existing"), "", ""},
		"twin: what is not held once": {by("role/loki", sound+","+openTrust), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, x := range c.world.plan().Warnings {
				if x.Change == "" && (x.Slug == "trust" || x.Slug == "privilege") {
					got = append(got, x.Slug+": "+x.Text)
				}
			}
			if c.slug == "" {
				if len(got) > 0 {
					t.Errorf("said is %q", got)
				}
				return
			}
			if len(got) == 0 || !strings.HasPrefix(got[0], c.slug+": ") || !strings.Contains(strings.Join(got, "\n"), c.says) {
				t.Errorf("said is %q, want %s: %s", got, c.slug, c.says)
			}
		})
	}
}

// refusals.md row 42, of what a plan gives; each way by itself stands in
// internal/trust.
func TestRow42ARoleThatLeadsToEverythingIsHeld(t *testing.T) {
	fine, pass := allows("s3:GetObject on arn:aws:s3:::b/*"), allows("iam:PassRole on *")
	runWorkloads(t, map[string]judgedCase{
		"a new role": {hosts().runs(t, "PodIdentity loki/loki role/loki", pass),
			[]string{"create role/loki", "create rolepolicy/loki/p !privilege", "create podidentity/test/loki/loki !depends"}},
		"a role that gets it": {hosts().hasRole(t, "role/loki", true, podTrust, fine).runs(t, "PodIdentity loki/loki role/loki", fine, pass),
			[]string{"update role/loki", "update rolepolicy/loki/p !privilege", "create podidentity/test/loki/loki !depends"}},
		"beneath a boundary that was not read": {bounded(t, hosts().runs(t, "PodIdentity loki/loki role/loki", pass), ""),
			[]string{"create role/loki", "create rolepolicy/loki/p !privilege", "create podidentity/test/loki/loki !depends"}},
		"beneath a boundary that allows it": {bounded(t, hosts().runs(t, "PodIdentity loki/loki role/loki", pass), allows("iam:* on *")),
			[]string{"create role/loki", "create rolepolicy/loki/p !privilege", "create podidentity/test/loki/loki !depends"}},
		"twin: a boundary stops it": {bounded(t, hosts().runs(t, "PodIdentity loki/loki role/loki", pass), allows("s3:* on *")),
			[]string{"create role/loki", "create rolepolicy/loki/p", "create podidentity/test/loki/loki"}},
		"AdministratorAccess": {hosts().runs(t, "PodIdentity loki/loki role/loki", fine).change(func(w *world) {
			w.want.Roles[0].Managed = []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
		}), []string{"create role/loki", "create rolepolicy/loki/p", "create roleattachment/loki/arn:aws:iam::aws:policy/AdministratorAccess !privilege", "create podidentity/test/loki/loki !depends"}},
		"another's role that has it": {hosts().hasRole(t, "role/loki", false, podTrust, pass).runs(t, "PodIdentity loki/loki role/loki existing"),
			[]string{"create podidentity/test/loki/loki !privilege"}},
		"allowed": {hosts().runs(t, "PodIdentity loki/loki role/loki", pass).allow("privilege"),
			[]string{"create role/loki", "create rolepolicy/loki/p ?privilege", "create podidentity/test/loki/loki"}},
		"twin: a new role": {hosts().runs(t, "PodIdentity loki/loki role/loki", fine),
			[]string{"create role/loki", "create rolepolicy/loki/p", "create podidentity/test/loki/loki"}},
		"twin: it loses the way": {hosts().hasRole(t, "role/loki", true, podTrust, fine, pass).runs(t, "PodIdentity loki/loki role/loki", fine),
			[]string{"update role/loki", "update rolepolicy/loki/p", "create podidentity/test/loki/loki"}},
		"twin: PassRole on one": {hosts().runs(t, "PodIdentity loki/loki role/loki", allows("iam:PassRole on arn:aws:iam::"+home+":role/nodes")),
			[]string{"create role/loki", "create rolepolicy/loki/p", "create podidentity/test/loki/loki"}},
	})
	p := hosts().runs(t, "PodIdentity loki/loki role/loki", pass).plan()
	mustContain(t, reasons(p, "privilege"), "loki of "+home, "iam:PassRole on any role", "administrator's role", "a condition on iam:PassedToService")
	if strings.Contains(fmt.Sprint(reasons(p, "privilege")), "cluster-admin") {
		t.Error("a role of Kubernetes' is no way out for IAM")
	}
	mustContain(t, reasons(bounded(t, hosts().runs(t, "PodIdentity loki/loki role/loki", pass), "").plan(), "privilege"), "whether its permissions boundary stops that is not known: it was not read")
}

// bounded gives the workload's role a boundary, read if it says something.
func bounded(t *testing.T, w *world, statement string) *world {
	t.Helper()
	const limit = "arn:aws:iam::" + home + ":policy/limit"
	w.want.Roles[0].Boundary = limit
	if statement != "" {
		w.have.Accounts[0].Policies = map[string]access.Document{limit: doc(t, iam.Boundary, statement)}
	}
	return w
}

// refusals.md row 43.
func TestRow43ARoleThatIsNoProgramsIsHeld(t *testing.T) {
	ask := func(role string) *world {
		return hosts().hasRole(t, role, false, podTrust).runs(t, "PodIdentity loki/loki "+role+" existing")
	}
	held := []string{"create podidentity/test/loki/loki !privilege"}
	runWorkloads(t, map[string]judgedCase{
		"the one that runs this":         {ask("role/runner"), held},
		"one for emergencies":            {ask("role/admins").protects(test, "role/admins"), held},
		"an administrator":               {ask("role/ops/break-glass"), held}, // has ClusterAdmin
		"a service-linked one":           {ask("role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"), held},
		"as the end of a chain":          {hosts().runs(t, "PodIdentity loki/loki role/loki target="+arn("role/runner"), allows("sts:AssumeRole sts:TagSession on "+arn("role/runner"))), []string{"create role/loki", "create rolepolicy/loki/p", "create podidentity/test/loki/loki !privilege"}},
		"made by us under its name":      {hosts().runs(t, "PodIdentity loki/loki role/admins").protects(test, "role/admins"), []string{"create podidentity/test/loki/loki !privilege", "create role/admins !privilege"}},
		"twin: one of another's":         {ask("role/loki"), []string{"create podidentity/test/loki/loki"}},
		"twin: with View on a cluster":   {ask("role/loki").theirs(test, "role/loki", "View:a"), []string{"create podidentity/test/loki/loki"}},
		"twin: another one is protected": {ask("role/loki").protects(test, "role/admins"), []string{"create podidentity/test/loki/loki"}},
	})
}

// refusals.md row 21, of roles.
func TestRow21AProtectedRoleIsNotChanged(t *testing.T) {
	w := func(who string) *world {
		return hosts().hasRole(t, "role/loki", true, podTrust).protects(test, who).change(func(w *world) {
			w.document(test).PodIdentities = nil
		})
	}
	runWorkloads(t, map[string]judgedCase{
		"it goes":       {w("role/loki"), []string{"delete role/loki !protected"}},
		"twin: another": {w("role/loki2"), []string{"delete role/loki"}},
	})
}

func TestAChainIsLookedAtFromBothEnds(t *testing.T) {
	const far = "arn:aws:iam::" + home + ":role/data"
	in := func(condition string) string {
		return `{"Effect":"Allow","Principal":{"AWS":"` + arn("role/loki") + `"},"Action":["sts:AssumeRole","sts:TagSession"]` + condition + `}`
	}
	tagged := `,"Condition":{"StringEquals":{"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:eu-west-1:` + home + `:cluster/test","aws:RequestTag/kubernetes-namespace":"loki","aws:RequestTag/kubernetes-service-account":"loki"}}`
	to := allows("sts:AssumeRole sts:TagSession on " + far)
	made := []string{"create role/loki", "create rolepolicy/loki/p"}
	runWorkloads(t, map[string]judgedCase{
		"it does not let the role in": {hosts().hasRole(t, "role/data", false, podTrust).runs(t, "PodIdentity loki/loki role/loki target="+far, to),
			append(slices.Clone(made), "create podidentity/test/loki/loki ?target")},
		"the role may not ask": {hosts().hasRole(t, "role/data", false, in(tagged)).runs(t, "PodIdentity loki/loki role/loki target="+far),
			[]string{"create role/loki", "create podidentity/test/loki/loki ?target"}},
		"it does not tell pods apart": {hosts().hasRole(t, "role/data", false, in("")).runs(t, "PodIdentity loki/loki role/loki target="+far, to),
			append(slices.Clone(made), "create podidentity/test/loki/loki ?trust")},
		"twin: both are as they should be": {hosts().hasRole(t, "role/data", false, in(tagged)).runs(t, "PodIdentity loki/loki role/loki target="+far, to),
			append(slices.Clone(made), "create podidentity/test/loki/loki")},
	})
	p := hosts().hasRole(t, "role/data", false, podTrust).runs(t, "PodIdentity loki/loki role/loki target="+far).plan()
	mustContain(t, reasons(p, "target"), "sts:AssumeRole and sts:TagSession on "+far, "add to its trust policy: {")
}

// refusals.md row 29.
// shows: item S138
func TestRow29WhoMayRunPodsBesideAWorkloadIsPointedOut(t *testing.T) {
	ready := func() *world {
		w := hosts().hasRole(t, "role/loki", true, podTrust, allows("s3:GetObject on arn:aws:s3:::b/*")).runs(t, "PodIdentity loki/loki role/loki", allows("s3:GetObject on arn:aws:s3:::b/*"))
		w.have.Accounts[0].Details[0].Trust = w.plan().Changes[indexOfRole(w.plan())].To.(plan.IAMRole).Trust
		h := w.cluster(test)
		h.PodIdentities = []access.PodIdentityAssociation{{Namespace: "loki", ServiceAccount: "loki", Role: arn("role/loki"), Tags: us.Tags(), ID: "a-1"}}
		return w
	}
	runWorkloads(t, map[string]judgedCase{
		"Edit beside it":                {ready().wants(test, "dev", "user/ann", "Edit:loki"), []string{"create association/test/user/ann/Edit ?workload-role"}},
		"Admin on a pattern":            {ready().wants(test, "dev", "user/ann", "Admin:lo*"), []string{"create association/test/user/ann/Admin ?workload-role"}},
		"a workload beside Edit":        {hosts().ours(test, "user/ann", "Edit:loki").wants(test, "dev", "user/ann", "Edit:loki").runs(t, "PodIdentity loki/loki role/loki"), []string{"create role/loki", "create podidentity/test/loki/loki ?workload-role"}},
		"by a role of RBAC":             {rbacBeside(ready(), "edit", "edit", access.NamespaceScope("loki")), []string{"create binding/test/loki/atlas-iam:ops:dev:edit ?workload-role"}},
		"by a role of one's own, exec":  {rbacBeside(ready(), "entering", "pods/exec create", access.NamespaceScope("loki")), []string{"create binding/test/loki/atlas-iam:ops:dev:entering ?workload-role"}},
		"by jobs, on the whole cluster": {rbacBeside(ready(), "starter", "deployments create", access.ClusterScope()), []string{"create clusterbinding/test/atlas-iam:ops:dev:starter ?workload-role"}},
		"twin: a role that reads":       {rbacBeside(ready(), "reader", "pods,pods/log get,list", access.NamespaceScope("loki")), []string{"create binding/test/loki/atlas-iam:ops:dev:reader"}},
		"twin: a role elsewhere":        {rbacBeside(ready(), "edit", "edit", access.NamespaceScope("web")), []string{"create binding/test/web/atlas-iam:ops:dev:edit"}},
		"a workload beside a binding":   {rbacStands(hosts(), "edit").runs(t, "PodIdentity loki/loki role/loki"), []string{"create role/loki", "create podidentity/test/loki/loki ?workload-role"}},
		"everybody beside it": {rbacBeside(ready(), "edit", "edit", access.NamespaceScope("loki")).change(func(w *world) {
			w.document(test).Bindings[0].Group = "system:authenticated"
		}), []string{"create binding/test/loki/atlas-iam:ops:dev:edit ?workload-role"}},
		"twin: beside one that reads":  {rbacStands(hosts(), "view").runs(t, "PodIdentity loki/loki role/loki"), []string{"create role/loki", "create podidentity/test/loki/loki"}},
		"twin: Edit elsewhere":         {ready().wants(test, "dev", "user/ann", "Edit:web"), []string{"create association/test/user/ann/Edit"}},
		"twin: View beside it":         {ready().wants(test, "dev", "user/ann", "View:loki"), []string{"create association/test/user/ann/View"}},
		"twin: it had that":            {ready().ours(test, "user/ann", "Edit:loki").wants(test, "dev", "user/ann", "Edit:loki,web"), []string{"update association/test/user/ann/Edit"}},
		"twin: a workload beside View": {hosts().ours(test, "user/ann", "View:loki").wants(test, "dev", "user/ann", "View:loki").runs(t, "PodIdentity loki/loki role/loki"), []string{"create role/loki", "create podidentity/test/loki/loki"}},
	})
	mustContain(t, reasons(ready().wants(test, "dev", "user/ann", "Edit:loki").plan(), "workload-role"), "user/ann", "pods in loki", "ServiceAccount loki", "workload loki", "s3:GetObject")
}

// shows: item S162
func TestWhomABindingMeansIsNamedWhereItLeadsToAWorkloadsRole(t *testing.T) {
	mine := access.TeamGroup("ops", "dev")
	theirs := func(groups string) *world { return rbacStands(hosts(), "edit").theirs(test, "user/bob", groups) }
	cases := map[string]struct {
		w         *world
		has, hasn []string
	}{
		"a team's members": {rbacBeside(hosts().runs(t, "PodIdentity loki/loki role/loki"), "edit", "edit", in("loki")).
			wants(test, "dev", "user/ann", "group:"+mine).wants(test, "dev", "role/ci", "group:"+mine).wants(test, "qa", "user/bob", "group:other"),
			[]string{"role/ci and user/ann of team/dev may run pods in loki by ClusterRole edit"}, []string{"user/bob", "group "}},
		"another's group, by an entry that is not ours": {theirs("group:platform").runs(t, "PodIdentity loki/loki role/loki"),
			[]string{arn("user/bob") + " by group platform (ClusterRole edit) may act in loki"}, nil},
		"a document's member in it": {theirs("group:x").wants(test, "qa", "user/bob", "group:platform").runs(t, "PodIdentity loki/loki role/loki"),
			[]string{"user/bob by group platform (ClusterRole edit) may act in loki"}, []string{arn("user/bob")}},
		"twin: nobody that is known": {theirs("group:x").runs(t, "PodIdentity loki/loki role/loki"), []string{"group platform (ClusterRole edit) may act in loki"}, []string{"bob"}},
		"twin: who loses the entry":  {rbacStands(hosts(), "edit").ours(test, "user/bob", "group:platform").runs(t, "PodIdentity loki/loki role/loki"), []string{"group platform (ClusterRole edit) may"}, []string{"bob"}},
	}
	for name, c := range cases {
		got := reasons(c.w.plan(), "workload-role")
		for _, want := range c.has {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q lacks %q", name, got, want)
			}
		}
		for _, not := range c.hasn {
			if got == "" || strings.Contains(got, not) {
				t.Errorf("%s: %q has %q", name, got, not)
			}
		}
	}
	if got := few([]string{"a", "b", "c", "d", "e", "f", "g"}); got != "a, b, c, d, e and 2 more" {
		t.Error(got)
	}
	if got := few([]string{"a", "b", "c", "d", "e", "f"}); got != "a, b, c, d, e and f" {
		t.Error(got)
	}
}

// rbacBeside lets team dev have a role, Kubernetes' own or with a rule of its
// own.
func rbacBeside(w *world, role, what string, scope access.Scope) *world {
	var roles []access.KubernetesRole
	if role != what {
		roles = append(roles, clusterRole(role, what))
	}
	accounts := *w.cluster(test).Kubernetes
	w.kubernetes(test, []string{"loki", "web"}, roles)
	w.cluster(test).Kubernetes.ServiceAccountsRead = accounts.ServiceAccountsRead
	return w.bindsRole(test, "dev", role, scope)
}

// rbacStands has somebody else's binding of a role in the workload's namespace.
func rbacStands(w *world, role string) *world {
	accounts := *w.cluster(test).Kubernetes
	b := access.Binding{Namespace: "loki", Name: "theirs", Role: access.RoleRef{Kind: access.ClusterRole, Name: role},
		Subjects: []access.Subject{{Kind: access.GroupSubject, Name: "platform"}}, Managers: []string{"kubectl"}, UID: "u"}
	w.kubernetes(test, []string{"loki", "web"}, nil, b)
	w.cluster(test).Kubernetes.ServiceAccountsRead = accounts.ServiceAccountsRead
	return w
}

func indexOfRole(p *plan.Plan) int {
	return slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.Kind == plan.Role })
}

// refusals.md row 30.
func TestRow30WhoMakesNamespacesComesToAPatternsRole(t *testing.T) {
	maker := clusterRole("maker", "namespaces create,list")
	lister := clusterRole("lister", "namespaces get,list")
	pattern := func(roles []access.KubernetesRole, stands ...access.Binding) *world {
		w := hosts()
		h := *w.cluster(test).Kubernetes
		w.kubernetes(test, h.Namespaces, roles, stands...)
		w.cluster(test).Kubernetes.ServiceAccountsRead = true
		return w
	}
	theirs := func(b access.Binding) access.Binding {
		b.Labels, b.Managers, b.Name = nil, []string{"kubectl"}, "theirs-"+b.Role.Name
		b.Subjects = []access.Subject{{Kind: access.GroupSubject, Name: "platform"}}
		return b
	}
	runWorkloads(t, map[string]judgedCase{
		"somebody may": {pattern([]access.KubernetesRole{maker}, theirs(teamBinding("", "dev", "maker"))).runs(t, "IRSA pr-*/loki role/loki"),
			[]string{"create role/loki !privilege"}},
		"somebody may label them": {pattern([]access.KubernetesRole{clusterRole("labeller", "namespaces patch")}, theirs(teamBinding("", "dev", "labeller"))).runs(t, "IRSA pr-*/loki role/loki"),
			[]string{"create role/loki !privilege"}},
		"twin: somebody may label one of them": {pattern([]access.KubernetesRole{{Name: "labeller", Rules: []access.Rule{{Verbs: []string{"patch"}, APIGroups: []string{""}, Resources: []string{"namespaces"}, ResourceNames: []string{"web"}}}}}, theirs(teamBinding("", "dev", "labeller"))).runs(t, "IRSA pr-*/loki role/loki"),
			[]string{"create role/loki"}},
		"a team is to": {pattern([]access.KubernetesRole{maker}).runs(t, "IRSA pr-*/loki role/loki").bindsRole(test, "dev", "maker", access.ClusterScope()),
			[]string{"create clusterbinding/test/atlas-iam:ops:dev:maker !privilege", "create role/loki !privilege"}},
		"twin: nobody may": {pattern([]access.KubernetesRole{lister}, theirs(teamBinding("", "dev", "lister"))).runs(t, "IRSA pr-*/loki role/loki"),
			[]string{"create role/loki"}},
		"twin: administrators may": {pattern(nil, theirs(teamBinding("", "dev", "cluster-admin"))).runs(t, "IRSA pr-*/loki role/loki"),
			[]string{"create role/loki"}},
		"twin: by Pod Identity nobody has it before it is bound": {pattern([]access.KubernetesRole{maker}, theirs(teamBinding("", "dev", "maker"))).runs(t, "PodIdentity pr-*/loki role/loki").bindsRole(test, "dev", "maker", access.ClusterScope()),
			[]string{"create clusterbinding/test/atlas-iam:ops:dev:maker", "create role/loki"}},
		"twin: no pattern": {pattern([]access.KubernetesRole{maker}, theirs(teamBinding("", "dev", "maker"))).runs(t, "IRSA loki/loki role/loki"),
			[]string{"create role/loki", "create serviceaccount/test/loki/loki"}},
	})
}

func TestPatternsMeetWhereSomeTextMatchesBoth(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"a*", "*b"}: true, {"a*", "b*"}: false, {"*", "x"}: true, {"pr-*", "pr-"}: true, {"pr-*", "pr"}: false, {"a*c", "ab*"}: true,
		{"a*c", "abd"}: false, {"", "*"}: true, {"", "a"}: false, {"*-x", "y-*"}: true, {"x*y*z", "x*z"}: true, {"ab", "ab"}: true, {"**", "a"}: true,
	} {
		for _, p := range [][2]string{pair, {pair[1], pair[0]}} {
			if got := patternsMeet(p[0], p[1]); got != want {
				t.Errorf("%q and %q: %v", p[0], p[1], got)
			}
		}
	}
	// Against all short texts.
	letters, patterns := []string{""}, []string{"", "a", "b", "*", "a*", "*a", "b*", "*b", "a*b", "*a*", "ab*", "b*a*", "aa", "*ab"}
	for range 5 {
		for _, s := range slices.Clone(letters) {
			letters = append(letters, s+"a", s+"b")
		}
		slices.Sort(letters)
		letters = slices.Compact(letters)
	}
	for _, a := range patterns {
		for _, b := range patterns {
			want := slices.ContainsFunc(letters, func(s string) bool { return access.MatchPattern(a, s) && access.MatchPattern(b, s) })
			if got := patternsMeet(a, b); got != want {
				t.Errorf("%q and %q: %v, want %v", a, b, got, want)
			}
		}
	}
}
