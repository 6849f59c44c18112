package observe

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

func (w *world) pageOf(n int, form url.Values) (from, to int) {
	most, _ := strconv.Atoi(form.Get("MaxItems"))
	if w.page > 0 {
		most = min(w.page, most)
	}
	from, _ = strconv.Atoi(form.Get("Marker"))
	return from, min(n, from+most)
}

// workloads answers what EKS is asked about workloads; nil if it is not that.
func (w *world) workloads(cl *worldCluster, c call, q url.Values) *reply {
	switch c.operation {
	case "ListPodIdentityAssociations":
		var items []any
		for _, p := range shuffled(w.shuffle, cl.pods) {
			item := map[string]any{}
			for _, k := range []string{"clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn"} {
				if v, ok := p[k]; ok {
					item[k] = v
				}
			}
			items = append(items, item)
		}
		if w.page > 0 { // one order for all pages
			slices.SortFunc(items, func(x, y any) int {
				return strings.Compare(fmt.Sprint(x.(map[string]any)["associationId"]), fmt.Sprint(y.(map[string]any)["associationId"]))
			})
		}
		return w.list("associations", items, q)
	case "DescribePodIdentityAssociation":
		for _, p := range cl.pods {
			if p["associationId"] == c.principal {
				return ok200(map[string]any{"association": p})
			}
		}
		return refuse(404, "ResourceNotFoundException", "no association")
	case "DescribeAddon":
		status, ok := cl.addons[c.principal]
		if !ok {
			return refuse(404, "ResourceNotFoundException", "No addon: "+c.principal+" found in cluster: "+c.cluster)
		}
		return ok200(map[string]any{"addon": map[string]any{"addonName": c.principal, "clusterName": c.cluster, "status": status}})
	}
	return nil
}

func (w *world) queryWorkloads(b io.Writer, a *worldAccount, c call, form url.Values) {
	switch c.operation {
	case "GetAccountAuthorizationDetails":
		if form.Get("Filter.member.1") != "Role" || form.Get("Filter.member.2") != "" {
			panic("asked for more than roles: " + form.Encode())
		}
		from, to := w.pageOf(len(a.whole), form)
		fmt.Fprint(b, "<RoleDetailList>")
		for _, r := range a.whole[from:to] {
			p, err := access.ParseIAMPrincipal(r.ARN)
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(b, "<member><Arn>%s</Arn><RoleId>AROA%s</RoleId><RoleName>%s</RoleName><Path>%s</Path><CreateDate>2025-01-02T03:04:05Z</CreateDate><AssumeRolePolicyDocument>%s</AssumeRolePolicyDocument>",
				r.ARN, p.Name, p.Name, p.Path, url.PathEscape(r.Trust))
			if r.Boundary != "" {
				fmt.Fprintf(b, "<PermissionsBoundary><PermissionsBoundaryArn>%s</PermissionsBoundaryArn><PermissionsBoundaryType>Policy</PermissionsBoundaryType></PermissionsBoundary>", r.Boundary)
			}
			fmt.Fprint(b, "<RolePolicyList>")
			for _, n := range shuffled(w.shuffle, sortedKeys(r.Inline)) {
				fmt.Fprintf(b, "<member><PolicyName>%s</PolicyName><PolicyDocument>%s</PolicyDocument></member>", n, url.PathEscape(r.Inline[n]))
			}
			fmt.Fprint(b, "</RolePolicyList><AttachedManagedPolicies>")
			for _, n := range shuffled(w.shuffle, r.Managed) {
				fmt.Fprintf(b, "<member><PolicyArn>%s</PolicyArn><PolicyName>x</PolicyName></member>", n)
			}
			fmt.Fprint(b, "</AttachedManagedPolicies><Tags>")
			for _, k := range sortedKeys(r.Tags) {
				fmt.Fprintf(b, "<member><Key>%s</Key><Value>%s</Value></member>", k, r.Tags[k])
			}
			fmt.Fprint(b, "</Tags></member>")
		}
		fmt.Fprintf(b, "</RoleDetailList><IsTruncated>%v</IsTruncated>", to < len(a.whole))
		if to < len(a.whole) {
			fmt.Fprintf(b, "<Marker>%d</Marker>", to)
		}
	case "GetPolicy":
		fmt.Fprintf(b, "<Policy><Arn>%s</Arn><DefaultVersionId>v2</DefaultVersionId></Policy>", form.Get("PolicyArn"))
	case "GetPolicyVersion":
		fmt.Fprintf(b, "<PolicyVersion><VersionId>%s</VersionId><Document>%s</Document></PolicyVersion>", form.Get("VersionId"), url.PathEscape(edgeDocument))
	case "ListOpenIDConnectProviders":
		fmt.Fprint(b, "<OpenIDConnectProviderList>")
		for _, issuer := range sortedKeys(a.oidc) {
			fmt.Fprintf(b, "<member><Arn>%s</Arn></member>", access.ProviderARN("aws", a.id, issuer))
		}
		fmt.Fprint(b, "</OpenIDConnectProviderList>")
	case "GetOpenIDConnectProvider":
		_, issuer, _ := strings.Cut(form.Get("OpenIDConnectProviderArn"), ":oidc-provider/")
		fmt.Fprintf(b, "<Url>%s</Url><ClientIDList>", issuer)
		for _, id := range shuffled(w.shuffle, a.oidc[issuer]) {
			fmt.Fprintf(b, "<member>%s</member>", id)
		}
		fmt.Fprint(b, "</ClientIDList><Tags><member><Key>k</Key><Value>v</Value></member></Tags>")
	}
}

const (
	issuerTest = "oidc.eks.us-east-1.amazonaws.com/id/AAAA"
	edgeARN    = "arn:aws:iam::492000000148:policy/edge"
	yaceARN    = "arn:aws:iam::492000000148:role/atlas-iam/ops/yace"
	podsTrust  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:TagSession","sts:AssumeRole"]}}`
)

const edgeDocument = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`

// workloadWorld is the world with a role of ours, associations, providers.
func workloadWorld() *world {
	w := newWorld()
	a := w.accounts["AKIAMAIN"]
	a.roles = append(a.roles, yaceARN)
	a.whole = []worldRole{
		{ARN: deploy, Trust: `{"Version":"2012-10-17","Statement":[]}`},
		{ARN: nodes, Trust: podsTrust},
		{ARN: yaceARN, Trust: podsTrust, Boundary: "arn:aws:iam::492000000148:policy/edge", Tags: map[string]string{"atlas-iam.dev/environment": "ops"},
			Inline:  map[string]string{"b": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":["*"]}}`, "a": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["S3:getobject"],"Resource":"*"}]}`},
			Managed: []string{"arn:aws:iam::aws:policy/B", "arn:aws:iam::aws:policy/A"}},
	}
	a.oidc = map[string][]string{issuerTest: {"sts.amazonaws.com", "other"}, "example.com": {"x"}}
	test := a.clusters["us-east-1"]["test"]
	test.issuer, test.addons = issuerTest, map[string]string{access.AgentAddon: "ACTIVE"}
	for i, name := range []string{"yace-sa", "ebs-csi", "loki"} {
		p := map[string]any{"clusterName": "test", "namespace": "ops", "serviceAccount": name, "associationId": "a-" + strconv.Itoa(i),
			"associationArn": "arn:aws:eks:us-east-1:492000000148:podidentityassociation/test/a-" + strconv.Itoa(i), "roleArn": yaceARN, "tags": map[string]string{"t": name}}
		if name == "ebs-csi" {
			p["ownerArn"] = "arn:aws:eks:us-east-1:492000000148:addon/test/aws-ebs-csi-driver/x"
		}
		test.pods = append(test.pods, p)
	}
	a.clusters["eu-west-1"]["empty"].auto = true
	return w
}

func allOfWorkloads() *access.WorkloadsNeed {
	test := access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "test"}
	empty := access.ClusterKey{Account: mainID, Region: "eu-west-1", Name: "empty"}
	return &access.WorkloadsNeed{Everywhere: true, RolePath: "/atlas-iam/ops/", Accounts: map[string]bool{mainID: true},
		Issuers: map[string][]access.ClusterKey{mainID: {test}}, Agents: map[access.ClusterKey]bool{test: true, empty: true}}
}

func TestWorkloadsAreReadWhole(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var first *access.Snapshot
	for _, page := range []int{0, 1, 2} {
		w := workloadWorld()
		w.page, w.shuffle = page, rand.New(rand.NewPCG(seed, uint64(page)))
		got, err := read(t, w, Options{Workloads: allOfWorkloads()})
		if err != nil || len(got.Gaps) > 0 {
			t.Fatal(err, got.Gaps)
		}
		got.At = got.At.Truncate(1 << 62)
		if first == nil {
			first = got
		} else if d := cmp.Diff(first, got); d != "" {
			t.Fatalf("pages of %d give another snapshot: %s", page, d)
		}
	}
	a, _ := first.Account(mainID)
	role, ok := a.Role(yaceARN)
	if !ok || !a.DetailsRead || !a.ProvidersRead || len(a.Details) != 3 {
		t.Fatalf("%+v", a)
	}
	if role.Boundary != "arn:aws:iam::492000000148:policy/edge" || role.MaxSession != 7200 || role.Description != "of tests" || role.Tags["atlas-iam.dev/environment"] != "ops" ||
		role.Name != "yace" || role.Path != "/atlas-iam/ops/" || role.Trust == "" || !slices.Equal(role.Managed, []string{"arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"}) {
		t.Errorf("role %+v", role)
	}
	if len(role.Inline) != 2 || role.Inline[0].Name != "a" || !role.Inline[0].Document.Same(role.Inline[1].Document) {
		t.Errorf("policies that say the same are not equal: %+v", role.Inline)
	}
	if bad, _ := a.Role(deploy); bad.Trust != "" && bad.TrustText == "" && bad.Trust == role.Trust {
		t.Errorf("trust of %+v", bad)
	}
	p, ok := a.Provider(issuerTest)
	if !ok || !slices.Equal(p.ClientIDs, []string{"other", "sts.amazonaws.com"}) || p.Tags["k"] != "v" || len(a.Providers) != 1 {
		t.Errorf("providers %+v", a.Providers)
	}
	test, _ := first.Cluster(access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "test"})
	if test.Issuer != issuerTest || !test.PodIdentitiesRead || len(test.PodIdentities) != 3 || *test.Agent != (access.HaveAgent{Addon: true, Status: "ACTIVE"}) {
		t.Errorf("cluster %+v", test)
	}
	if one, ok := test.PodIdentity("ops", "loki"); !ok || one.Role != yaceARN || one.Tags["t"] != "loki" || one.ID != "a-2" {
		t.Errorf("association %+v", one)
	}
	if one, ok := test.PodIdentity("ops", "ebs-csi"); !ok || one.OwnerARN == "" || one.Role != "" {
		t.Errorf("an add-on's association is listed, not described: %+v", one)
	}
	if empty, _ := first.Cluster(access.ClusterKey{Account: mainID, Region: "eu-west-1", Name: "empty"}); !reflect.DeepEqual(empty.Agent, &access.HaveAgent{BuiltIn: true}) {
		t.Errorf("Auto Mode brings the agent: %+v", empty.Agent)
	}
}

// shows: item S104
func TestNothingOfWorkloadsIsAskedWhereNobodyNeedsIt(t *testing.T) {
	calls := func(w *world, need *access.WorkloadsNeed) map[string]int {
		if _, err := read(t, w, Options{Workloads: need}); err != nil {
			t.Fatal(err)
		}
		n := w.count()
		for _, o := range []string{"GetCallerIdentity", "ListUsers", "ListRoles", "ListClusters", "DescribeCluster", "ListAccessEntries", "DescribeAccessEntry", "ListAssociatedAccessPolicies"} {
			delete(n, o)
		}
		return n
	}
	people := &access.WorkloadsNeed{RolePath: "/atlas-iam/ops/"}
	if got := calls(newWorld(), people); len(got) > 0 {
		t.Errorf("documents without workloads ask for %v", got)
	}
	if got := calls(workloadWorld(), nil); len(got) > 0 {
		t.Errorf("without a need it asks for %v", got)
	}
	want := map[string]int{"GetAccountAuthorizationDetails": 1, "GetPolicy": 1, "GetPolicyVersion": 1, "ListPodIdentityAssociations": 3, "DescribePodIdentityAssociation": 2}
	if got := calls(workloadWorld(), people); !reflect.DeepEqual(got, want) {
		t.Errorf("a role of ours is there, so what has it is looked for: %v, want %v", got, want)
	}
	if got := calls(workloadWorld(), &access.WorkloadsNeed{OurTrust: func(d access.Document) bool { return strings.Contains(string(d), "AssumeRole") }}); !reflect.DeepEqual(got, want) {
		t.Errorf("a role with a trust policy of ours is there: %v, want %v", got, want)
	}
	if got := calls(workloadWorld(), &access.WorkloadsNeed{OurTrust: func(access.Document) bool { return false }}); len(got) > 0 {
		t.Errorf("trust policies of others ask for %v", got)
	}
	left := map[string]int{"DescribeAddon": 2, "ListOpenIDConnectProviders": 1, "GetOpenIDConnectProvider": 1}
	if got := calls(workloadWorld(), &access.WorkloadsNeed{RolePath: people.RolePath, Left: true}); got["DescribeAddon"] != left["DescribeAddon"] || got["ListOpenIDConnectProviders"] != left["ListOpenIDConnectProviders"] ||
		got["GetOpenIDConnectProvider"] != left["GetOpenIDConnectProvider"] {
		t.Errorf("what the last workload leaves is looked for: %v, want %v too", got, left)
	}
	if got := calls(newWorld(), &access.WorkloadsNeed{RolePath: people.RolePath, Left: true}); len(got) > 0 {
		t.Errorf("where nothing of ours is it asks for %v", got)
	}
	for _, path := range []string{"", "/", "/atlas-iam/dev/"} {
		if got := calls(workloadWorld(), &access.WorkloadsNeed{RolePath: path}); len(got) > 0 {
			t.Errorf("path %q asks for %v", path, got)
		}
	}
}

// shows: item S105
func TestEachListOfWorkloadsThatFailsIsAGapOfItsOwn(t *testing.T) {
	for operation, want := range map[string]access.Gap{
		"GetAccountAuthorizationDetails": {What: access.GapRoleDetails, Account: mainID},
		"ListOpenIDConnectProviders":     {What: access.GapProviders, Account: mainID},
		"GetOpenIDConnectProvider":       {What: access.GapProviders, Account: mainID},
		"ListPodIdentityAssociations":    {What: access.GapPodIdentities, Account: mainID, Region: "us-east-1", Cluster: "test"},
		"DescribePodIdentityAssociation": {What: access.GapPodIdentity, Account: mainID, Region: "us-east-1", Cluster: "test", Principal: "arn:aws:eks:us-east-1:492000000148:podidentityassociation/test/a-2"},
		"GetPolicy":                      {What: access.GapPolicy, Account: mainID, Principal: edgeARN},
		"GetPolicyVersion":               {What: access.GapPolicy, Account: mainID, Principal: edgeARN},
		"DescribeAddon":                  {What: access.GapAgent, Account: mainID, Region: "us-east-1", Cluster: "test"},
	} {
		for name, answer := range map[string]func(call) *reply{
			"refused": func(c call) *reply {
				if c.service == "eks" {
					return refuse(403, "AccessDeniedException", "no")
				}
				return refuseQuery(403, "AccessDenied", "no")
			},
			"cut": func(c call) *reply {
				if c.service == "eks" {
					return ok200(map[string]any{})
				}
				return &reply{status: 200, body: "<" + c.operation + "Response><" + c.operation + "Result></" + c.operation + "Result></" + c.operation + "Response>"}
			},
		} {
			if name == "cut" && operation == "GetOpenIDConnectProvider" {
				continue // IAM may leave its lists out
			}
			t.Run(operation+" "+name, func(t *testing.T) {
				w := workloadWorld()
				w.fault = func(c call) *reply {
					if c.operation != operation || c.service == "eks" && c.cluster != "test" || strings.HasPrefix(c.principal, "a-") && c.principal != "a-2" {
						return nil
					}
					return answer(c)
				}
				got, err := read(t, w, Options{Workloads: allOfWorkloads()})
				if err != nil || len(got.Gaps) != 1 {
					t.Fatal(err, got.Gaps)
				}
				want.Reason = got.Gaps[0].Reason
				if got.Gaps[0] != want || want.Reason == "" {
					t.Errorf("gap %+v, want %+v", got.Gaps[0], want)
				}
				a, _ := got.Account(mainID)
				test, _ := got.Cluster(access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "test"})
				if a.DetailsRead != (want.What != access.GapRoleDetails) || a.ProvidersRead != (want.What != access.GapProviders) ||
					test.PodIdentitiesRead != (want.What != access.GapPodIdentities) || (test.Agent == nil) != (want.What == access.GapAgent) {
					t.Errorf("read: %v %v %v %v", a.DetailsRead, a.ProvidersRead, test.PodIdentitiesRead, test.Agent)
				}
			})
		}
	}
}

// A boundary is read once, whoever has it; a managed policy where a test asks,
// or where it is new to a role.
//
// shows: item S139
func TestBoundariesAreReadOnceAndManagedPoliciesWhereATestAsks(t *testing.T) {
	for name, c := range map[string]struct {
		need func(*access.WorkloadsNeed)
		want []string
	}{
		"a role beneath our path has it": {func(*access.WorkloadsNeed) {}, []string{edgeARN}},
		"documents name one":             {func(n *access.WorkloadsNeed) { n.Policies = map[string][]string{mainID: {edgeARN, edgeARN + "2"}} }, []string{edgeARN, edgeARN + "2"}},
		"a test asks of the role":        {func(n *access.WorkloadsNeed) { n.Roles = map[string]bool{yaceARN: true} }, []string{edgeARN, "arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"}},
		"new to a role": {func(n *access.WorkloadsNeed) {
			n.Attach = map[string][]string{yaceARN: {"arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/C"}}
		}, []string{edgeARN, "arn:aws:iam::aws:policy/C"}},
		"of a role that is to be made": {func(n *access.WorkloadsNeed) {
			n.Attach = map[string][]string{yaceARN + "-new": {"arn:aws:iam::aws:policy/A"}, "arn:aws:iam::999988887777:role/x": {"arn:aws:iam::aws:policy/D"}}
		}, []string{edgeARN, "arn:aws:iam::aws:policy/A"}},
		"taken from a role": {func(n *access.WorkloadsNeed) {
			n.Detach = func(r *access.HaveRole) []string {
				if r.ARN != yaceARN {
					return nil
				}
				return []string{r.Managed[1]}
			}
		}, []string{edgeARN, "arn:aws:iam::aws:policy/B"}},
		"twin: nobody's of ours": {func(n *access.WorkloadsNeed) { n.RolePath = "/x/" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w, need := workloadWorld(), allOfWorkloads()
			w.accounts["AKIAMAIN"].whole[0].Boundary = edgeARN
			c.need(need)
			got, err := read(t, w, Options{Workloads: need})
			if err != nil || len(got.Gaps) > 0 {
				t.Fatal(err, got.Gaps)
			}
			a, _ := got.Account(mainID)
			var arns []string
			for arn, d := range a.Policies {
				arns = append(arns, arn)
				if !strings.Contains(string(d), `"Action":"s3:GetObject"`) {
					t.Errorf("%s: %s", arn, d)
				}
			}
			slices.Sort(arns)
			if n := w.count(); !slices.Equal(arns, c.want) || n["GetPolicy"] != len(c.want) || n["GetPolicyVersion"] != len(c.want) {
				t.Errorf("read %v in %d calls, want %v", arns, n["GetPolicy"]+n["GetPolicyVersion"], c.want)
			}
		})
	}
}

// 500 workloads on 20 clusters, each with a role, a policy and an association.
func TestFiveHundredWorkloadsCostAtMostACallForEachOfTheirObjects(t *testing.T) {
	w := newWorld()
	a := w.accounts["AKIAMAIN"]
	a.whole, a.clusters = nil, map[string]map[string]*worldCluster{"us-east-1": {}}
	need := &access.WorkloadsNeed{Everywhere: true, RolePath: "/atlas-iam/ops/", Accounts: map[string]bool{mainID: true}, Agents: map[access.ClusterKey]bool{}}
	for i := range 500 {
		arn := fmt.Sprintf("arn:aws:iam::%s:role/atlas-iam/ops/w%03d", mainID, i)
		a.roles = append(a.roles, arn)
		a.whole = append(a.whole, worldRole{ARN: arn, Trust: podsTrust, Boundary: edgeARN, Inline: map[string]string{"p": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`}})
		name := fmt.Sprintf("c%02d", i%20)
		c := a.clusters["us-east-1"][name]
		if c == nil {
			c = &worldCluster{mode: "API", entries: map[string]*worldEntry{}, addons: map[string]string{access.AgentAddon: "ACTIVE"}}
			a.clusters["us-east-1"][name] = c
			need.Agents[access.ClusterKey{Account: mainID, Region: "us-east-1", Name: name}] = true
		}
		c.pods = append(c.pods, map[string]any{"clusterName": name, "namespace": "n", "serviceAccount": fmt.Sprintf("s%03d", i), "associationId": fmt.Sprintf("a-%03d", i), "associationArn": "arn:aws:eks:us-east-1:1:podidentityassociation/x/y", "roleArn": arn})
	}
	got, err := read(t, w, Options{Workloads: need})
	if err != nil || len(got.Gaps) > 0 {
		t.Fatal(err, got.Gaps)
	}
	n := w.count()
	calls := n["GetAccountAuthorizationDetails"] + n["DescribePodIdentityAssociation"] + n["ListPodIdentityAssociations"] + n["DescribeAddon"] + n["GetPolicy"] + n["GetPolicyVersion"]
	const objects, pages = 3 * 500, 1 + 20 + 20
	if n["DescribePodIdentityAssociation"] != 500 || float64(calls) > 1.05*objects+pages || calls != 500+2+pages {
		t.Errorf("%d calls: %v", calls, n)
	}
	have, _ := got.Account(mainID)
	if len(have.Details) != 500 || len(have.Details[7].Inline) != 1 {
		t.Errorf("%d roles", len(have.Details))
	}
}
