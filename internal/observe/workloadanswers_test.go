package observe

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
)

// What answers about workloads are made of: a part that AWS always sends and
// that is missing makes a gap, never an absence.

func TestARoleIsReadWholeOrNotAtAll(t *testing.T) {
	text := func(s string) *string { return aws.String(url.PathEscape(s)) }
	answer := func(change func(*iamtypes.RoleDetail)) *iamtypes.RoleDetail {
		d := &iamtypes.RoleDetail{Arn: aws.String(yaceARN), RoleId: aws.String("AROAY"), RoleName: aws.String("yace"), Path: aws.String("/atlas-iam/ops/"), CreateDate: &march,
			AssumeRolePolicyDocument: text(podsTrust), Tags: []iamtypes.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
			PermissionsBoundary:     &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: aws.String(edgeARN)},
			RolePolicyList:          []iamtypes.PolicyDetail{{PolicyName: aws.String("b"), PolicyDocument: text(edgeDocument)}, {PolicyName: aws.String("a"), PolicyDocument: text(edgeDocument)}},
			AttachedManagedPolicies: []iamtypes.AttachedPolicy{{PolicyArn: aws.String("arn:q")}, {PolicyArn: aws.String("arn:p")}}}
		change(d)
		return d
	}
	got, err := roleOf(answer(func(*iamtypes.RoleDetail) {}))
	if err != nil {
		t.Fatal(err)
	}
	want := access.HaveRole{Principal: access.Principal{ARN: yaceARN, ID: "AROAY", CreatedAt: march}, Path: "/atlas-iam/ops/", Name: "yace", Boundary: edgeARN,
		Tags: map[string]string{"k": "v"}, Trust: got.Trust, Inline: []access.RolePolicy{{Name: "a", Document: got.Inline[0].Document}, {Name: "b", Document: got.Inline[0].Document}}, Managed: []string{"arn:p", "arn:q"}}
	if d := cmp.Diff(want, got); d != "" || !strings.Contains(string(got.Trust), "pods.eks.amazonaws.com") || !strings.Contains(string(got.Inline[0].Document), `"s3:GetObject"`) {
		t.Errorf("%s %s %s", d, got.Trust, got.Inline[0].Document)
	}
	for name, c := range map[string]struct {
		change func(*iamtypes.RoleDetail)
		ok     func(access.HaveRole) bool // nil: an error
	}{
		"no ARN":                   {func(d *iamtypes.RoleDetail) { d.Arn = nil }, nil},
		"no id":                    {func(d *iamtypes.RoleDetail) { d.RoleId = nil }, nil},
		"no name":                  {func(d *iamtypes.RoleDetail) { d.RoleName = nil }, nil},
		"no trust":                 {func(d *iamtypes.RoleDetail) { d.AssumeRolePolicyDocument = nil }, nil},
		"trust that is cut":        {func(d *iamtypes.RoleDetail) { d.AssumeRolePolicyDocument = aws.String("%7") }, nil},
		"a policy that is cut":     {func(d *iamtypes.RoleDetail) { d.RolePolicyList[1].PolicyDocument = aws.String("%7") }, nil},
		"a policy without text":    {func(d *iamtypes.RoleDetail) { d.RolePolicyList[1].PolicyDocument = nil }, nil},
		"a policy without name":    {func(d *iamtypes.RoleDetail) { d.RolePolicyList[1].PolicyName = nil }, nil},
		"an attachment of nothing": {func(d *iamtypes.RoleDetail) { d.AttachedManagedPolicies[1].PolicyArn = nil }, nil},
		"trust that is no policy":  {func(d *iamtypes.RoleDetail) { d.AssumeRolePolicyDocument = text("%{") }, func(r access.HaveRole) bool { return r.Trust == "" && r.TrustText == "%{" }},
		"a policy that is none": {func(d *iamtypes.RoleDetail) {
			d.RolePolicyList = d.RolePolicyList[:1]
			d.RolePolicyList[0].PolicyDocument = text("%{")
		},
			func(r access.HaveRole) bool { return len(r.Inline) == 1 && r.Inline[0].Document == "%{" }},
		"nothing else": {func(d *iamtypes.RoleDetail) {
			d.Tags, d.PermissionsBoundary, d.RolePolicyList, d.AttachedManagedPolicies = nil, nil, nil, nil
		},
			func(r access.HaveRole) bool {
				return r.Tags != nil && len(r.Tags) == 0 && r.Boundary == "" && len(r.Inline)+len(r.Managed) == 0 && r.TrustText == ""
			}},
	} {
		got, err := roleOf(answer(c.change))
		if (err != nil) != (c.ok == nil) || err == nil && !c.ok(got) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAnAssociationIsReadWholeOrNotAtAll(t *testing.T) {
	answer := func(change func(*types.PodIdentityAssociation)) *types.PodIdentityAssociation {
		a := &types.PodIdentityAssociation{AssociationId: aws.String("a-1"), AssociationArn: aws.String("arn:a-1"), RoleArn: aws.String(yaceARN), Namespace: aws.String("ops"), ServiceAccount: aws.String("sa"),
			TargetRoleArn: aws.String("arn:t"), DisableSessionTags: aws.Bool(true), OwnerArn: aws.String("arn:o"), ExternalId: aws.String("ext"), Tags: map[string]string{"k": "v"}, Policy: aws.String(edgeDocument)}
		change(a)
		return a
	}
	got, err := associationOf(answer(func(*types.PodIdentityAssociation) {}))
	if err != nil {
		t.Fatal(err)
	}
	written, err := associationOf(answer(func(a *types.PodIdentityAssociation) {
		a.Policy = aws.String(`{"Statement":[{"Resource":["*"],"Action":["s3:GetObject"],"Effect":"Allow"}],"Version":"2012-10-17"}`)
	}))
	if err != nil || got.SessionPolicy == "" || !got.SessionPolicy.Same(written.SessionPolicy) {
		t.Errorf("a session policy written otherwise is another: %s, %s, %v", got.SessionPolicy, written.SessionPolicy, err)
	}
	want := &access.PodIdentityAssociation{Namespace: "ops", ServiceAccount: "sa", Role: yaceARN, TargetRole: "arn:t", DisableSessionTags: true, SessionPolicy: got.SessionPolicy,
		ID: "a-1", ARN: "arn:a-1", OwnerARN: "arn:o", ExternalID: "ext", Tags: map[string]string{"k": "v"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	bare, err := associationOf(answer(func(a *types.PodIdentityAssociation) {
		a.TargetRoleArn, a.DisableSessionTags, a.OwnerArn, a.ExternalId, a.Tags, a.Policy = nil, nil, nil, nil, nil, nil
	}))
	if d := cmp.Diff(&access.PodIdentityAssociation{Namespace: "ops", ServiceAccount: "sa", Role: yaceARN, ID: "a-1", ARN: "arn:a-1", Tags: map[string]string{}}, bare); d != "" || err != nil {
		t.Error(d, err)
	}
	odd, err := associationOf(answer(func(a *types.PodIdentityAssociation) { a.Policy = aws.String("{") }))
	if err != nil || odd.SessionPolicy != "{" {
		t.Errorf("a session policy that is none: %+v, %v", odd, err)
	}
	for name, change := range map[string]func(*types.PodIdentityAssociation){
		"no id":             func(a *types.PodIdentityAssociation) { a.AssociationId = nil },
		"no ARN":            func(a *types.PodIdentityAssociation) { a.AssociationArn = nil },
		"no role":           func(a *types.PodIdentityAssociation) { a.RoleArn = nil },
		"no namespace":      func(a *types.PodIdentityAssociation) { a.Namespace = nil },
		"no ServiceAccount": func(a *types.PodIdentityAssociation) { a.ServiceAccount = nil },
	} {
		if got, err := associationOf(answer(change)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, err := associationOf(nil); err == nil {
		t.Error("no association")
	}
}

// A page that is cut, or lacks a part of one of its items, is a gap; one that
// names an object twice is a list that changed while it was paged.
func TestAListOfWorkloadsIsReadWholeOrNotAtAll(t *testing.T) {
	item := func(drop string) map[string]any {
		m := map[string]any{"clusterName": "test", "namespace": "ops", "serviceAccount": "loki", "associationId": "a-2", "associationArn": "arn:a-2"}
		delete(m, drop)
		return m
	}
	role := func(arn, rest string) string {
		return fmt.Sprintf("<member><Arn>%s</Arn><RoleId>AROA</RoleId><RoleName>r</RoleName><Path>/</Path><CreateDate>2025-01-02T03:04:05Z</CreateDate>%s</member>", arn, rest)
	}
	trusted := "<AssumeRolePolicyDocument>" + url.PathEscape(podsTrust) + "</AssumeRolePolicyDocument>"
	whole := func(members, truncated string) *reply {
		return &reply{status: 200, body: "<GetAccountAuthorizationDetailsResponse><GetAccountAuthorizationDetailsResult><RoleDetailList>" + members + "</RoleDetailList>" + truncated + "</GetAccountAuthorizationDetailsResult></GetAccountAuthorizationDetailsResponse>"}
	}
	associations := func(items ...map[string]any) *reply { return ok200(map[string]any{"associations": items}) }
	for name, c := range map[string]struct {
		operation string
		reply     *reply
		gap       access.GapKind // empty: it is read
		found     int            // objects, then
	}{
		"an association":                   {"ListPodIdentityAssociations", associations(item("")), "", 1},
		"no association":                   {"ListPodIdentityAssociations", associations(), access.GapPodIdentities, 0}, // null is no list
		"one without its id":               {"ListPodIdentityAssociations", associations(item("associationId")), access.GapPodIdentities, 0},
		"one without its namespace":        {"ListPodIdentityAssociations", associations(item("namespace")), access.GapPodIdentities, 0},
		"one without its ServiceAccount":   {"ListPodIdentityAssociations", associations(item("serviceAccount")), access.GapPodIdentities, 0},
		"a whole one before such a one":    {"ListPodIdentityAssociations", associations(item(""), item("namespace")), access.GapPodIdentities, 0},
		"the same one twice":               {"ListPodIdentityAssociations", associations(item(""), item("")), "", 1},
		"a role":                           {"GetAccountAuthorizationDetails", whole(role(yaceARN, trusted), ""), "", 1},
		"the same role twice":              {"GetAccountAuthorizationDetails", whole(role(yaceARN, trusted)+role(yaceARN, trusted), "<IsTruncated>false</IsTruncated>"), "", 1},
		"a marker without truncation":      {"GetAccountAuthorizationDetails", whole(role(yaceARN, trusted), "<IsTruncated>false</IsTruncated><Marker>x</Marker>"), "", 1},
		"truncated without a marker":       {"GetAccountAuthorizationDetails", whole(role(yaceARN, trusted), "<IsTruncated>true</IsTruncated>"), access.GapRoleDetails, 0},
		"a role without trust":             {"GetAccountAuthorizationDetails", whole(role(yaceARN, trusted)+role(nodes, ""), ""), access.GapRoleDetails, 0},
		"a list of things that are others": {"ListOpenIDConnectProviders", &reply{status: 200, body: "<R><ListOpenIDConnectProvidersResult><OpenIDConnectProviderList><member><Arn>arn:x</Arn></member></OpenIDConnectProviderList></ListOpenIDConnectProvidersResult></R>"}, access.GapProviders, 0},
		"a provider that went":             {"GetOpenIDConnectProvider", refuseQuery(404, "NoSuchEntity", "gone"), "", 0},
		"an association that went":         {"DescribePodIdentityAssociation", refuse(404, "ResourceNotFoundException", "gone"), "", 1}, // the add-on's is not described
		"an agent without a status":        {"DescribeAddon", ok200(map[string]any{"addon": map[string]any{"addonName": access.AgentAddon}}), access.GapAgent, 0},
	} {
		w := workloadWorld()
		w.fault = func(call call) *reply {
			if call.operation == c.operation && (call.cluster == "" || call.cluster == "test") {
				return c.reply
			}
			return nil
		}
		got, err := read(t, w, Options{Workloads: allOfWorkloads()})
		if err != nil {
			t.Fatal(name, err)
		}
		if c.gap == "" && len(got.Gaps) > 0 || c.gap != "" && (len(got.Gaps) != 1 || got.Gaps[0].What != c.gap) {
			t.Errorf("%s: gaps %v", name, got.Gaps)
		}
		a, _ := got.Account(mainID)
		h, _ := got.Cluster(testKey)
		found := map[string]int{"ListPodIdentityAssociations": len(h.PodIdentities), "DescribePodIdentityAssociation": len(h.PodIdentities),
			"GetAccountAuthorizationDetails": len(a.Details), "ListOpenIDConnectProviders": len(a.Providers), "GetOpenIDConnectProvider": len(a.Providers)}[c.operation]
		if found != c.found {
			t.Errorf("%s: %d found, want %d", name, found, c.found)
		}
		if read := map[access.GapKind]bool{access.GapPodIdentities: h.PodIdentitiesRead, access.GapRoleDetails: a.DetailsRead, access.GapProviders: a.ProvidersRead}; c.gap != "" && read[c.gap] {
			t.Errorf("%s: taken for read", name)
		}
	}
}

// The agent's add-on is asked for where it is needed and EKS does not bring it.
func TestTheAgentIsAskedForWhereItIsNeeded(t *testing.T) {
	empty := access.ClusterKey{Account: mainID, Region: "eu-west-1", Name: "empty"}
	for name, c := range map[string]struct {
		edit  func(*worldCluster)
		needs bool
		want  *access.HaveAgent
		asked int
	}{
		"there":             {func(*worldCluster) {}, true, &access.HaveAgent{Addon: true, Status: "ACTIVE"}, 1},
		"not well":          {func(c *worldCluster) { c.addons[access.AgentAddon] = "DEGRADED" }, true, &access.HaveAgent{Addon: true, Status: "DEGRADED"}, 1},
		"not there":         {func(c *worldCluster) { c.addons = nil }, true, &access.HaveAgent{}, 1},
		"built in":          {func(c *worldCluster) { c.auto = true }, true, &access.HaveAgent{BuiltIn: true}, 0},
		"nobody needs it":   {func(*worldCluster) {}, false, nil, 0},
		"built in, no need": {func(c *worldCluster) { c.auto = true }, false, &access.HaveAgent{BuiltIn: true}, 0},
	} {
		w := workloadWorld()
		c.edit(w.accounts["AKIAMAIN"].clusters["us-east-1"]["test"])
		need := allOfWorkloads()
		need.Agents = map[access.ClusterKey]bool{testKey: c.needs, empty: false}
		got, err := read(t, w, Options{Workloads: need})
		if err != nil || len(got.Gaps) > 0 {
			t.Fatal(name, err, got.Gaps)
		}
		h, _ := got.Cluster(testKey)
		if d := cmp.Diff(c.want, h.Agent); d != "" || w.count()["DescribeAddon"] != c.asked {
			t.Errorf("%s: %s, asked %d times", name, d, w.count()["DescribeAddon"])
		}
	}
}

// Of an account's providers those are read that a document or a plan looks for,
// and none are listed where nothing does.
func TestProvidersAreReadOnlyOfTheIssuersLookedFor(t *testing.T) {
	old := access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "old"} // has no issuer
	gone := access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "gone"}
	for name, c := range map[string]struct {
		issuers   []access.ClusterKey
		providers []access.ClusterKey
		want      []string
		listed    int
	}{
		"a cluster's":              {[]access.ClusterKey{testKey}, nil, []string{issuerTest}, 1},
		"by its name":              {nil, []access.ClusterKey{{Account: mainID, Name: "example.com"}}, []string{"example.com"}, 1},
		"both":                     {[]access.ClusterKey{testKey}, []access.ClusterKey{{Account: mainID, Name: "example.com"}}, []string{"example.com", issuerTest}, 1},
		"of another account":       {nil, []access.ClusterKey{{Account: otherID, Name: "example.com"}}, nil, 0},
		"a cluster without issuer": {[]access.ClusterKey{old}, nil, nil, 0},
		"a cluster that is gone":   {[]access.ClusterKey{gone}, nil, nil, 0},
		"none":                     {nil, nil, nil, 0},
		"one that is not there":    {nil, []access.ClusterKey{{Account: mainID, Name: "nowhere"}}, nil, 1},
	} {
		w, need := workloadWorld(), allOfWorkloads()
		need.Issuers, need.Providers = map[string][]access.ClusterKey{mainID: c.issuers}, c.providers
		got, err := read(t, w, Options{Workloads: need})
		if err != nil || len(got.Gaps) > 0 {
			t.Fatal(name, err, got.Gaps)
		}
		a, _ := got.Account(mainID)
		var found []string
		for _, p := range a.Providers {
			found = append(found, p.Issuer)
		}
		if !slices.Equal(found, c.want) || w.count()["ListOpenIDConnectProviders"] != c.listed || a.ProvidersRead != (c.listed > 0) || w.count()["GetOpenIDConnectProvider"] != len(c.want) {
			t.Errorf("%s: %v, read %v, calls %v", name, found, a.ProvidersRead, w.count())
		}
	}
}

// Roles of which no document speaks and that do not stand where ours do are not
// read whole; an account's roles that were not listed are not either, and that
// is a gap.
func TestRolesAreReadWholeWhereOursMayStand(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(*access.WorkloadsNeed)
		fault func(call) *reply
		calls int
		gaps  []access.GapKind
	}{
		"a document speaks of the account": {func(n *access.WorkloadsNeed) { n.RolePath = "" }, nil, 1, nil},
		"one of ours stands there":         {func(n *access.WorkloadsNeed) { n.Accounts = nil }, nil, 1, nil},
		"neither":                          {func(n *access.WorkloadsNeed) { n.Accounts, n.RolePath = nil, "/elsewhere/" }, nil, 0, nil},
		"the list was not read":            {func(*access.WorkloadsNeed) {}, when("ListRoles", refuseQuery(403, "AccessDenied", "no")), 0, []access.GapKind{access.GapRoleDetails, access.GapRoles}},
	} {
		w, need := workloadWorld(), allOfWorkloads()
		c.edit(need)
		w.fault = c.fault
		got, err := read(t, w, Options{Workloads: need})
		if err != nil {
			t.Fatal(name, err)
		}
		var gaps []access.GapKind
		for _, g := range got.Gaps {
			gaps = append(gaps, g.What)
		}
		slices.Sort(gaps)
		slices.Sort(c.gaps)
		if n := w.count()["GetAccountAuthorizationDetails"]; n != c.calls || !slices.Equal(gaps, c.gaps) {
			t.Errorf("%s: %d calls, gaps %v", name, n, got.Gaps)
		}
		a, _ := got.Account(mainID)
		if a.DetailsRead != (c.calls > 0) {
			t.Errorf("%s: read %v", name, a.DetailsRead)
		}
	}
}

// An account that could not be asked is asked for nothing of workloads, and
// hides nothing of the others.
func TestAnAccountThatCouldNotBeAskedIsNotAskedForWorkloads(t *testing.T) {
	w := workloadWorld()
	other := access.Account{Name: "other", ID: otherID, Partition: "aws", Regions: []string{"us-east-1"}, RoleARN: "arn:aws:iam::" + otherID + ":role/reader"}
	w.fault = when("AssumeRole", refuseQuery(403, "AccessDenied", "no"))
	need := allOfWorkloads()
	need.Accounts[otherID] = true
	need.Issuers[otherID] = []access.ClusterKey{testKey}
	got, err := read(t, w, Options{Workloads: need}, mainAccount(), other)
	if err != nil || len(got.Gaps) != 1 || got.Gaps[0].What != access.GapAccount || got.Gaps[0].Account != otherID {
		t.Fatal(err, got)
	}
	if a, _ := got.Account(mainID); !a.DetailsRead || !a.ProvidersRead {
		t.Errorf("%+v", a)
	}
	if a, _ := got.Account(otherID); a.DetailsRead || a.ProvidersRead {
		t.Errorf("%+v", a)
	}
}

// emptyLast keeps cluster empty, which is the first in order, from being read
// first.
func emptyLast(c call) *reply {
	if c.operation == "DescribeCluster" && c.cluster == "empty" && c.nth == 1 {
		return refuse(429, "ThrottlingException", "Rate exceeded")
	}
	return nil
}

// What says of which clusters Argo CD's Secrets are read is asked once all else
// was read, in order.
func TestSecretsAreAskedForOnceAllElseWasRead(t *testing.T) {
	w, need := workloadWorld(), allOfWorkloads()
	w.fault = emptyLast
	var seen []string
	need.ArgoSecrets = func(have *access.Snapshot) map[access.ClusterKey]access.ArgoNeed {
		for i := range have.Clusters {
			seen = append(seen, fmt.Sprintf("%s %d %d", have.Clusters[i].Key.Name, len(have.Clusters[i].PodIdentities), len(have.Accounts[0].Details)))
		}
		return nil
	}
	if _, err := read(t, w, Options{Workloads: need}); err != nil || !slices.Equal(seen, []string{"empty 0 3", "old 0 3", "test 3 3"}) {
		t.Errorf("%v, %v", seen, err)
	}
}

// Of some roles their accounts' roles are read whole and the policies that they
// have; other accounts are asked for nothing of it.
func TestSomeRolesAreReadWithTheirPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		roles    []string
		fault    func(call) *reply
		whole    bool
		policies []string
		gaps     []access.GapKind
	}{
		"a role with all":       {[]string{yaceARN}, nil, true, []string{edgeARN, "arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"}, nil},
		"one with nothing":      {[]string{deploy}, nil, true, nil, nil},
		"both":                  {[]string{deploy, yaceARN}, nil, true, []string{edgeARN, "arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"}, nil},
		"one that is not there": {[]string{yaceARN + "2"}, nil, true, nil, nil},
		"another account's":     {[]string{"arn:aws:iam::" + otherID + ":role/x"}, nil, false, nil, nil},
		"none":                  {nil, nil, false, nil, nil},
		"roles that are denied": {[]string{yaceARN}, when("GetAccountAuthorizationDetails", refuseQuery(403, "AccessDenied", "no")), false, nil, []access.GapKind{access.GapRoleDetails}},
		"policies not there":    {[]string{yaceARN}, when("GetPolicy", refuseQuery(404, "NoSuchEntity", "gone")), true, nil, nil},
		"a version that is cut": {[]string{yaceARN}, when("GetPolicyVersion", &reply{status: 200, body: "<R><GetPolicyVersionResult><PolicyVersion></PolicyVersion></GetPolicyVersionResult></R>"}), true, nil, []access.GapKind{access.GapPolicy, access.GapPolicy, access.GapPolicy}},
		"a policy without version": {[]string{yaceARN}, when("GetPolicy", &reply{status: 200, body: "<R><GetPolicyResult><Policy></Policy></GetPolicyResult></R>"}), true, nil,
			[]access.GapKind{access.GapPolicy, access.GapPolicy, access.GapPolicy}},
	} {
		w := workloadWorld()
		w.fault = c.fault
		accounts := []access.Account{mainAccount()}
		got, err := ReadRoles(t.Context(), openCloud(t, w, accounts...), accounts, c.roles, Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		var gaps []access.GapKind
		for _, g := range got.Gaps {
			gaps = append(gaps, g.What)
		}
		a, _ := got.Account(mainID)
		if read := sortedKeys(a.Policies); !slices.Equal(read, c.policies) || a.DetailsRead != c.whole || !slices.Equal(gaps, c.gaps) || !a.RolesRead || len(got.Clusters) > 0 {
			t.Errorf("%s: whole %v, policies %v, gaps %v", name, a.DetailsRead, read, got.Gaps)
		}
		if n := w.count(); n["ListClusters"] > 0 || !c.whole && n["GetAccountAuthorizationDetails"] > len(c.gaps) {
			t.Errorf("%s: calls %v", name, n)
		}
	}
}

// What cannot be tried is unread, each with its reason.
func TestWritesOfAnUnreachableAPIServerAreNotTried(t *testing.T) {
	w := newWorld()
	got, err := read(t, w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range got.Clusters { // as one that was read once
		if got.Clusters[i].Key == testKey {
			got.Clusters[i].Kubernetes = &access.HaveKubernetes{RBACRead: true}
		}
	}
	b := access.Binding{Namespace: "dev", Name: "x"}
	trials := map[access.ClusterKey][]access.Trial{testKey: {{Binding: b, Verb: access.TryApply}, {Binding: b, Verb: access.TryDelete}}}
	if err := Try(t.Context(), openCloud(t, w, mainAccount()), got, trials, Options{}); err != nil {
		t.Fatal(err)
	}
	h, _ := got.Cluster(testKey)
	var said []string
	for _, tr := range h.Kubernetes.Trials {
		said = append(said, fmt.Sprint(tr.Verb, " ", tr.Unread, " ", tr.Refused))
	}
	if want := []string{"apply true " + errNoEndpoint.Error(), "delete true " + errNoEndpoint.Error()}; !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
}

// shows: item S105
func TestServiceAccountsAreReadWhereTheyAreAskedForAndAreAGapOfTheirOwn(t *testing.T) {
	for name, c := range map[string]struct {
		need   access.KubernetesNeed
		server bool
		also   bool   // RBAC and namespaces are read besides
		fault  string // part of a path that is forbidden
		gap    access.GapKind
		read   bool
		spaces bool // namespaces are known
	}{
		"read":                        {need: access.KubernetesNeeded, server: true, read: true, spaces: true},
		"read, if there":              {need: access.KubernetesIfThere, server: true, read: true, spaces: true},
		"read beside RBAC":            {need: access.KubernetesNeeded, server: true, also: true, read: true, spaces: true},
		"nobody asked":                {need: access.KubernetesUnread, server: true},
		"they are forbidden":          {need: access.KubernetesNeeded, server: true, fault: "/serviceaccounts", gap: access.GapServiceAccounts},
		"forbidden, if there":         {need: access.KubernetesIfThere, server: true, fault: "/serviceaccounts", gap: access.GapServiceAccounts},
		"namespaces are forbidden":    {need: access.KubernetesNeeded, server: true, fault: "v1/namespaces?", gap: access.GapNamespaces, read: true},
		"no API server":               {need: access.KubernetesNeeded, gap: access.GapServiceAccounts},
		"no API server, nothing lost": {need: access.KubernetesIfThere},
	} {
		s := kubetest.New("ops", "dev")
		s.PutAccount("ops", "loki", access.FieldManager, nil, map[string]string{access.AnnotationRole: yaceARN})
		s.PutAccount("dev", "app", "helm", map[string]string{"a": "b"}, nil)
		s.Fault = func(k kubetest.Call) *kubetest.Fault {
			if c.fault != "" && strings.Contains(k.Path+"?", c.fault) {
				return &kubetest.Fault{Status: 403, Reason: "Forbidden", Message: "no"}
			}
			return nil
		}
		w := workloadWorld()
		dial := withServer(w, s)
		if !c.server {
			w.accounts["AKIAMAIN"].clusters["us-east-1"]["test"].endpoint = ""
		}
		need := allOfWorkloads()
		var seen []string // the whole snapshot is there by then, in order
		need.ServiceAccounts = func(have *access.Snapshot) map[access.ClusterKey]access.KubernetesNeed {
			for i := range have.Clusters {
				seen = append(seen, have.Clusters[i].Key.Name)
			}
			return map[access.ClusterKey]access.KubernetesNeed{testKey: c.need}
		}
		if name == "read" { // a wait of the SDK's
			w.fault = emptyLast
		}
		o := Options{Dial: dial, Workloads: need}
		if c.also {
			o.Kubernetes = needed
		}
		got, err := read(t, w, o)
		if err != nil {
			t.Fatal(name, err)
		}
		if !slices.Equal(seen, []string{"empty", "old", "test"}) {
			t.Errorf("%s: asked of clusters %v", name, seen)
		}
		if c.gap == "" && len(got.Gaps) > 0 || c.gap != "" && (len(got.Gaps) != 1 || got.Gaps[0].What != c.gap || got.Gaps[0].Cluster != "test" || got.Gaps[0].Account != mainID || got.Gaps[0].Region != "us-east-1") {
			t.Errorf("%s: gaps %v", name, got.Gaps)
		}
		h, _ := got.Cluster(testKey)
		k := h.Kubernetes
		if (k != nil && k.ServiceAccountsRead) != c.read || (k != nil && k.NamespacesRead) != c.spaces || k != nil && k.RBACRead != c.also {
			t.Errorf("%s: read %+v", name, k)
			continue
		}
		if !c.read {
			continue
		}
		roles := map[string]string{}
		for _, a := range k.ServiceAccounts {
			roles[a.Namespace+"/"+a.Name] = a.Annotations[access.AnnotationRole]
		}
		if !maps.Equal(roles, map[string]string{"ops/loki": yaceARN, "dev/app": ""}) || c.spaces && !slices.Equal(k.Namespaces, []string{"dev", "ops"}) {
			t.Errorf("%s: %v in %v", name, roles, k.Namespaces)
		}
		if other, _ := got.Cluster(access.ClusterKey{Account: mainID, Region: "eu-west-1", Name: "empty"}); other.Kubernetes != nil {
			t.Errorf("%s: another cluster was read", name)
		}
	}
}

// A cluster of a part is asked for in its own region alone.
func TestAPartsClusterIsDescribedInItsOwnRegion(t *testing.T) {
	empty := access.ClusterKey{Account: mainID, Region: "eu-west-1", Name: "empty"}
	w := newWorld()
	got, err := read(t, w, Options{Part: &access.Part{Clusters: []access.ClusterKey{testKey, empty}}})
	if err != nil || len(got.Clusters) != 2 || w.count()["DescribeCluster"] != 2 || w.count()["ListClusters"] != 0 {
		t.Errorf("%v %v %v", err, got.Clusters, w.count())
	}
}
