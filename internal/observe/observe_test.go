package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return v.UTC()
}

func TestTheWholeWorldIsReadAndNormal(t *testing.T) {
	w := newWorld()
	got, err := read(t, w, Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	made, iam := at(t, createdAt), at(t, "2025-01-02T03:04:05Z")
	entry := "arn:aws:eks:us-east-1:492000000148:access-entry/test/x"
	want := &access.Snapshot{
		At: clock(),
		Accounts: []access.HaveAccount{{
			Account: mainAccount(), Caller: "arn:aws:iam::492000000148:user/me", UsersRead: true, RolesRead: true,
			Users: []access.Principal{{ARN: oleksii, ID: "IDsii", CreatedAt: iam}, {ARN: "arn:aws:iam::492000000148:user/qa/anna", ID: "IDnna", CreatedAt: iam}},
			Roles: []access.Principal{{ARN: deploy, ID: "IDloy", CreatedAt: iam}, {ARN: nodes, ID: "IDdes", CreatedAt: iam}},
		}},
		Clusters: []access.HaveCluster{
			{Key: access.ClusterKey{Account: mainID, Region: "eu-west-1", Name: "empty"}, Status: "ACTIVE", Mode: "API", EntriesRead: true},
			{Key: access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "old"}, Status: "ACTIVE", Mode: "CONFIG_MAP"},
			{Key: access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "test"}, Status: "ACTIVE", Mode: "API_AND_CONFIG_MAP", EntriesRead: true, Entries: []access.Entry{
				{Principal: deploy, Type: "STANDARD", Username: "deploy", ARN: entry, CreatedAt: made, Associations: []access.Association{{Policy: adminARN, Scope: access.ClusterScope()}}},
				{Principal: nodes, Type: "EC2_LINUX", Username: "system:node:{{EC2PrivateDNSName}}", Groups: []string{"system:nodes"}, ARN: entry, CreatedAt: made},
				{Principal: oleksii, Type: "STANDARD", Username: oleksii, Groups: []string{"backend", "qa"}, Tags: map[string]string{"a": "b"}, ARN: entry, CreatedAt: made, Associations: []access.Association{
					{Policy: editARN, Scope: access.NamespaceScope("*backend*", "*session*")}, {Policy: viewARN, Scope: access.ClusterScope()}}},
			}},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	calls := map[string]int{
		"GetCallerIdentity": 1, "ListUsers": 1, "ListRoles": 1, "ListClusters": 2, "DescribeCluster": 3,
		"ListAccessEntries": 2, "DescribeAccessEntry": 3, "ListAssociatedAccessPolicies": 3,
	}
	if d := cmp.Diff(calls, w.count()); d != "" {
		t.Errorf("calls: -want +got\n%s", d)
	}
}

// shows: item S13
func TestPageSizeAndOrderDoNotShow(t *testing.T) {
	want, err := read(t, newWorld(), Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(20) {
		for _, page := range []int{1, 2, 3, 100} {
			w := newWorld()
			w.page, w.shuffle = page, rand.New(rand.NewPCG(seed, 1))
			got, err := read(t, w, Options{Now: clock})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("seed %d, page %d: -want +got\n%s", seed, page, d)
			}
		}
	}
}

// Rows 46 and 47: absent is not unread, and neither is an answer that is cut.
//
// shows: item S9
func TestRow46And47WhatWasNotReadIsAGapAndWhatIsNotThereIsNot(t *testing.T) {
	denied := func(action string) *reply {
		return refuse(403, "AccessDeniedException", "User: arn:aws:iam::492000000148:user/me is not authorized to perform: eks:"+action)
	}
	gone := refuse(404, "ResourceNotFoundException", "gone")
	region := access.Gap{What: access.GapClusters, Account: mainID, Region: "us-east-1"}
	east := func(c call) bool { return c.region == "us-east-1" }
	inEast := func(op string, r *reply) func(call) *reply {
		return func(c call) *reply {
			if east(c) && c.operation == op {
				return r
			}
			return nil
		}
	}
	test := func(what access.GapKind) access.Gap {
		return access.Gap{What: what, Account: mainID, Region: "us-east-1", Cluster: "test"}
	}
	ofOleksii := func(op string, r *reply) func(call) *reply {
		return func(c call) *reply {
			if c.operation == op && c.principal == oleksii {
				return r
			}
			return nil
		}
	}
	entry := test(access.GapEntry)
	entry.Principal = oleksii
	onTest := func(op string, r *reply) func(call) *reply {
		return func(c call) *reply {
			if c.operation == op && c.cluster == "test" {
				return r
			}
			return nil
		}
	}
	lostPage := func(r *reply) func(call) *reply {
		return func(c call) *reply {
			if c.operation == "ListAccessEntries" && c.token == "2" {
				return r
			}
			return nil
		}
	}
	for _, tc := range []struct {
		name  string
		page  int
		fault func(call) *reply
		gap   *access.Gap // nil: none
		says  string
		lost  []string // clusters and entries of cluster test that the snapshot lacks
	}{
		{name: "nothing is wrong"},
		{name: "clusters may not be listed", fault: inEast("ListClusters", denied("ListClusters")), gap: &region, says: "eks:ListClusters", lost: []string{"old", "test"}},
		{name: "a region without clusters", fault: inEast("ListClusters", ok200(map[string]any{"clusters": []string{}})), lost: []string{"old", "test"}},
		{name: "a list of clusters with an empty body", fault: inEast("ListClusters", &reply{status: 200}), gap: &region, says: "incomplete", lost: []string{"old", "test"}},
		{name: "a list of clusters without its list", fault: inEast("ListClusters", &reply{status: 200, body: "{}"}), gap: &region, says: "incomplete", lost: []string{"old", "test"}},
		{name: "a list of clusters that is cut", fault: inEast("ListClusters", &reply{status: 200, body: `{"clusters":["old"`}), gap: &region, lost: []string{"old", "test"}},
		{name: "a cluster may not be described", fault: onTest("DescribeCluster", denied("DescribeCluster")), gap: ptr(test(access.GapCluster)), says: "eks:DescribeCluster", lost: []string{"test"}},
		{name: "a cluster that went between list and describe", fault: onTest("DescribeCluster", gone), lost: []string{"test"}},
		{name: "a cluster in a mode of the future", fault: onTest("DescribeCluster", ok200(map[string]any{"cluster": map[string]any{"name": "test", "status": "ACTIVE", "accessConfig": map[string]any{"authenticationMode": "API_ONLY_V2"}}})), gap: ptr(test(access.GapCluster)), says: "API_ONLY_V2", lost: []string{"test"}},
		{name: "a cluster with a status of the future", fault: onTest("DescribeCluster", ok200(map[string]any{"cluster": map[string]any{"name": "test", "status": "DREAMING", "accessConfig": map[string]any{"authenticationMode": "API"}}})), gap: ptr(test(access.GapCluster)), says: "DREAMING", lost: []string{"test"}},
		{name: "a description of no cluster", fault: onTest("DescribeCluster", &reply{status: 200, body: "{}"}), gap: ptr(test(access.GapCluster)), says: "incomplete", lost: []string{"test"}},
		{name: "entries may not be listed", fault: onTest("ListAccessEntries", denied("ListAccessEntries")), gap: ptr(test(access.GapEntries)), says: "eks:ListAccessEntries", lost: []string{deploy, nodes, oleksii}},
		{name: "page two of the entries is refused", page: 2, fault: lostPage(denied("ListAccessEntries")), gap: ptr(test(access.GapEntries)), lost: []string{deploy, nodes, oleksii}},
		{name: "page two of the entries is throttled without end", page: 2, fault: lostPage(refuse(429, "ThrottlingException", "Rate exceeded")), gap: ptr(test(access.GapEntries)), says: "throttled by AWS", lost: []string{deploy, nodes, oleksii}},
		{name: "page two of the entries fails inside AWS", page: 2, fault: lostPage(refuse(500, "ServerException", "oops")), gap: ptr(test(access.GapEntries)), says: "oops", lost: []string{deploy, nodes, oleksii}},
		{name: "page two of the entries points at itself", page: 2, fault: lostPage(ok200(map[string]any{"accessEntries": []string{oleksii}, "nextToken": "2"})), gap: ptr(test(access.GapEntries)), says: "repeats", lost: []string{deploy, nodes, oleksii}},
		{name: "the cluster is not reached", fault: onTest("ListAccessEntries", &reply{err: io.ErrUnexpectedEOF}), gap: ptr(test(access.GapEntries)), lost: []string{deploy, nodes, oleksii}},
		{name: "a list of entries without its list", fault: onTest("ListAccessEntries", &reply{status: 200, body: "{}"}), gap: ptr(test(access.GapEntries)), says: "incomplete", lost: []string{deploy, nodes, oleksii}},
		{name: "a list of no entries", fault: onTest("ListAccessEntries", &reply{status: 200, body: `{"accessEntries":[]}`}), lost: []string{deploy, nodes, oleksii}},
		{name: "the cluster went before its entries were listed", fault: onTest("ListAccessEntries", gone), lost: []string{"test"}},
		{name: "an entry may not be described", fault: ofOleksii("DescribeAccessEntry", denied("DescribeAccessEntry")), gap: &entry, says: "eks:DescribeAccessEntry", lost: []string{oleksii}},
		{name: "an entry that went between list and describe", fault: ofOleksii("DescribeAccessEntry", gone), lost: []string{oleksii}},
		{name: "an entry that went before its policies were listed", fault: ofOleksii("ListAssociatedAccessPolicies", gone), lost: []string{oleksii}},
		{name: "an entry of a type of the future", fault: ofOleksii("DescribeAccessEntry", ok200(map[string]any{"accessEntry": map[string]any{"principalArn": oleksii, "type": "ROBOT"}})), gap: &entry, says: "ROBOT", lost: []string{oleksii}},
		{name: "the entry of somebody else", fault: ofOleksii("DescribeAccessEntry", ok200(map[string]any{"accessEntry": map[string]any{"principalArn": deploy, "type": "STANDARD"}})), gap: &entry, says: "incomplete", lost: []string{oleksii}},
		{name: "policies may not be listed", fault: ofOleksii("ListAssociatedAccessPolicies", denied("ListAssociatedAccessPolicies")), gap: &entry, lost: []string{oleksii}},
		{name: "policies without their list", fault: ofOleksii("ListAssociatedAccessPolicies", &reply{status: 200, body: "{}"}), gap: &entry, says: "incomplete", lost: []string{oleksii}},
		{name: "a policy with a scope of the future", fault: ofOleksii("ListAssociatedAccessPolicies", ok200(map[string]any{"associatedAccessPolicies": []any{map[string]any{"policyArn": viewARN, "accessScope": map[string]any{"type": "label"}}}})), gap: &entry, says: "label", lost: []string{oleksii}},
		{name: "users may not be listed", fault: when("ListUsers", refuseQuery(403, "AccessDenied", "not authorized to perform: iam:ListUsers")), gap: &access.Gap{What: access.GapUsers, Account: mainID}, says: "iam:ListUsers"},
		{name: "roles may not be listed", fault: when("ListRoles", refuseQuery(403, "AccessDenied", "not authorized to perform: iam:ListRoles")), gap: &access.Gap{What: access.GapRoles, Account: mainID}, says: "iam:ListRoles"},
		{name: "roles with an empty body", fault: when("ListRoles", &reply{status: 200}), gap: &access.Gap{What: access.GapRoles, Account: mainID}},
		{name: "roles without their list", fault: when("ListRoles", &reply{status: 200, body: "<ListRolesResponse><ListRolesResult></ListRolesResult></ListRolesResponse>"}), gap: &access.Gap{What: access.GapRoles, Account: mainID}, says: "incomplete"},
		{name: "roles that are cut", fault: when("ListRoles", &reply{status: 200, body: "<ListRolesResponse><ListRolesResult><Roles><member>"}), gap: &access.Gap{What: access.GapRoles, Account: mainID}},
		{name: "no roles", fault: when("ListRoles", &reply{status: 200, body: "<ListRolesResponse><ListRolesResult><Roles/><IsTruncated>false</IsTruncated></ListRolesResult></ListRolesResponse>"})},
		{name: "the clock is wrong for one call", fault: onTest("ListAccessEntries", refuse(403, "InvalidSignatureException", "Signature expired: 20260102T030405Z is now earlier than 20260102T031905Z (20260102T032405Z - 5 min.)")), gap: ptr(test(access.GapEntries)), says: "clock is wrong", lost: []string{deploy, nodes, oleksii}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.fault, w.page = tc.fault, tc.page
				start := time.Now()
				got, err := read(t, w, Options{Now: clock})
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > 5*time.Minute {
					t.Errorf("took %v", took)
				}
				checkGap(t, got, tc.gap, tc.says)
				if d := cmp.Diff(tc.lost, missing(got)); d != "" {
					t.Errorf("missing: -want +got\n%s", d)
				}
			})
		})
	}
}

func checkGap(t *testing.T, s *access.Snapshot, want *access.Gap, says string) {
	t.Helper()
	if want == nil {
		if len(s.Gaps) != 0 {
			t.Errorf("gaps: %v", s.Gaps)
		}
		return
	}
	if len(s.Gaps) != 1 {
		t.Fatalf("gaps: %v", s.Gaps)
	}
	g := s.Gaps[0]
	if g.Reason == "" || !strings.Contains(g.Reason, says) {
		t.Errorf("reason %q does not say %q", g.Reason, says)
	}
	if strings.Contains(g.Reason, "operation error") || strings.Contains(g.Reason, "\n") {
		t.Errorf("reason %q is the SDK's, not AWS's", g.Reason)
	}
	g.Reason = ""
	if g != *want {
		t.Errorf("gap %+v, want %+v", g, *want)
	}
}

// missing are the clusters, and of cluster test the entries, that the world
// has and a snapshot lacks.
func missing(s *access.Snapshot) []string {
	var out []string
	for _, k := range []access.ClusterKey{
		{Account: mainID, Region: "eu-west-1", Name: "empty"}, {Account: mainID, Region: "us-east-1", Name: "old"}, {Account: mainID, Region: "us-east-1", Name: "test"},
	} {
		c, ok := s.Cluster(k)
		switch {
		case !ok:
			out = append(out, k.Name)
		case k.Name == "test":
			for _, p := range []string{deploy, nodes, oleksii} {
				if _, ok := c.Entry(p); !ok {
					out = append(out, p)
				}
			}
		}
	}
	return out
}

func ptr[T any](v T) *T { return &v }

func TestAnAccountThatCannotBeAskedIsAGapUnlessItIsTheWrongOneOrThereIsNoOther(t *testing.T) {
	role := "arn:aws:iam::111122223333:role/reader"
	other := access.Account{Name: "other", ID: otherID, Partition: "aws", Regions: []string{"us-east-1"}, RoleARN: role}
	assumed := func(key string) *reply {
		return &reply{status: 200, body: `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>` + key + `</AccessKeyId><SecretAccessKey>s</SecretAccessKey>` +
			`<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`}
	}
	for _, tc := range []struct {
		name   string
		assume *reply
		gap    string
		err    func(error) bool
	}{
		{name: "both accounts are there", assume: assumed("AKIAOTHER")},
		{name: "the other's role may not be assumed", assume: refuseQuery(403, "AccessDenied", "not authorized to perform: sts:AssumeRole"), gap: "sts:AssumeRole"},
		{name: "the other's role leads to the first account", assume: assumed("AKIAMAIN"), err: func(err error) bool {
			var wrong *cloud.WrongAccountError
			return errors.As(err, &wrong) && wrong.Want == otherID && wrong.Got == mainID && wrong.Name == "other"
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld()
			w.fault = when("AssumeRole", tc.assume)
			got, err := read(t, w, Options{}, mainAccount(), other)
			if (err != nil) != (tc.err != nil) || (err != nil && !tc.err(err)) {
				t.Fatalf("error %v", err)
			}
			if err != nil {
				return
			}
			if tc.gap == "" {
				checkGap(t, got, nil, "")
			} else {
				checkGap(t, got, &access.Gap{What: access.GapAccount, Account: otherID}, tc.gap)
			}
			if len(got.Accounts) == 2 && (got.Accounts[0].Behind != "" || (got.Accounts[1].Behind == got.Accounts[0].Caller) != (tc.gap == "")) {
				t.Errorf("behind the roles: %q, %q", got.Accounts[0].Behind, got.Accounts[1].Behind)
			}
			if len(got.Accounts) != 2 || got.Accounts[0].Caller == "" || (got.Accounts[1].Caller == "") != (tc.gap != "") {
				t.Errorf("accounts %+v", got.Accounts)
			}
			if _, ok := got.Cluster(access.ClusterKey{Account: otherID, Region: "us-east-1", Name: "far"}); ok != (tc.gap == "") {
				t.Errorf("the other's cluster was read: %v", ok)
			}
		})
	}
	t.Run("the only account cannot be asked", func(t *testing.T) {
		w := newWorld()
		w.fault = when("GetCallerIdentity", refuseQuery(403, "InvalidClientTokenId", "The security token included in the request is invalid."))
		_, err := read(t, w, Options{})
		var none *CouldNotAskError
		if !errors.As(err, &none) || !strings.Contains(err.Error(), "InvalidClientTokenId") {
			t.Errorf("error %v", err)
		}
		if n := w.count(); len(n) != 1 || n["GetCallerIdentity"] != 1 {
			t.Errorf("calls %v", n)
		}
	})
}

func TestAPartReadsNoMoreThanItself(t *testing.T) {
	test := access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "test"}
	for _, tc := range []struct {
		name     string
		part     *access.Part
		clusters int
		entries  []string // of cluster test
		calls    map[string]int
	}{
		{"a cluster", &access.Part{Clusters: []access.ClusterKey{test}}, 1, []string{deploy, nodes, oleksii},
			map[string]int{"DescribeCluster": 1, "ListAccessEntries": 1, "DescribeAccessEntry": 3, "ListAssociatedAccessPolicies": 3}},
		{"a cluster that is not there", &access.Part{Clusters: []access.ClusterKey{{Account: mainID, Region: "us-east-1", Name: "nowhere"}}}, 0, nil,
			map[string]int{"DescribeCluster": 1}},
		{"a principal", &access.Part{Only: []string{"user/oleksii"}, Principals: []string{oleksii}}, 3, []string{oleksii},
			map[string]int{"ListClusters": 2, "DescribeCluster": 3, "ListAccessEntries": 2, "DescribeAccessEntry": 1, "ListAssociatedAccessPolicies": 1}},
		{"nobody", &access.Part{Only: []string{"team/none"}}, 3, nil,
			map[string]int{"ListClusters": 2, "DescribeCluster": 3, "ListAccessEntries": 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld()
			got, err := read(t, w, Options{Part: tc.part})
			if err != nil {
				t.Fatal(err)
			}
			for op, n := range map[string]int{"GetCallerIdentity": 1, "ListUsers": 1, "ListRoles": 1} {
				tc.calls[op] = n
			}
			if d := cmp.Diff(tc.calls, w.count()); d != "" {
				t.Errorf("calls: -want +got\n%s", d)
			}
			var entries []string
			if c, ok := got.Cluster(test); ok {
				for _, e := range c.Entries {
					entries = append(entries, e.Principal)
				}
			}
			if len(got.Clusters) != tc.clusters || cmp.Diff(tc.entries, entries) != "" || got.Part != tc.part || len(got.Gaps) != 0 {
				t.Errorf("%d clusters, entries %v, part %v, gaps %v", len(got.Clusters), entries, got.Part, got.Gaps)
			}
		})
	}
}

func TestAClusterThatWentWithItsEntriesIsAbsent(t *testing.T) {
	for _, tc := range []struct {
		name    string
		cluster bool // went too
	}{{"the cluster and its entries went", true}, {"only the entries went", false}} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld()
			gone := refuse(404, "ResourceNotFoundException", "gone")
			w.fault = func(c call) *reply {
				if c.operation == "DescribeAccessEntry" || (tc.cluster && c.operation == "DescribeCluster" && c.cluster == "test" && c.nth == 2) {
					return gone
				}
				return nil
			}
			got, err := read(t, w, Options{})
			if err != nil {
				t.Fatal(err)
			}
			c, ok := got.Cluster(access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "test"})
			if ok == tc.cluster || len(got.Gaps) != 0 {
				t.Fatalf("cluster there: %v, gaps %v", ok, got.Gaps)
			}
			if ok && (len(c.Entries) != 0 || !c.EntriesRead) {
				t.Errorf("cluster %+v", c)
			}
		})
	}
}

// bigWorld has clusters x entries, each entry with two policies.
func bigWorld(clusters, entries int) *world {
	w := newWorld()
	a := w.accounts["AKIAMAIN"]
	a.clusters = map[string]map[string]*worldCluster{"us-east-1": {}}
	for i := range clusters {
		c := &worldCluster{mode: "API", entries: make(map[string]*worldEntry)}
		for j := range entries {
			c.entries[fmt.Sprintf("arn:aws:iam::492000000148:user/u%03d", j)] = &worldEntry{Type: "STANDARD", Policies: []worldPolicy{
				{viewARN, "cluster", nil}, {editARN, "namespace", []string{"*backend*"}}}}
		}
		a.clusters["us-east-1"][fmt.Sprintf("c%02d", i)] = c
	}
	return w
}

func TestAThousandEntriesCostTwoCallsEachAndFillTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bigWorld(20, 50)
		w.latency = 20 * time.Millisecond
		a := mainAccount()
		a.Regions = []string{"us-east-1"}
		var last Progress
		start := time.Now()
		got, err := read(t, w, Options{Progress: func(p Progress) { last = p }}, a)
		took := time.Since(start)
		if err != nil || len(got.Gaps) != 0 {
			t.Fatal(err, got.Gaps)
		}
		calls := map[string]int{
			"GetCallerIdentity": 1, "ListUsers": 1, "ListRoles": 1, "ListClusters": 1, "DescribeCluster": 20, "ListAccessEntries": 20,
			"DescribeAccessEntry": 1000, "ListAssociatedAccessPolicies": 1000,
		}
		if d := cmp.Diff(calls, w.count()); d != "" {
			t.Errorf("calls: -want +got\n%s", d)
		}
		// 2,041 EKS calls, 32 at once, 20 ms each are 1.28 s; the first few wait for each other.
		t.Logf("1,000 entries with 20 ms a call: %v", took)
		if took > 1500*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if want := (Progress{1, 20, 1000, 1, 20, 1000}); last != want {
			t.Errorf("progress %+v, want %+v", last, want)
		}
	})
}

func TestAReadingThatIsStoppedGivesNoSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bigWorld(2, 50)
		w.latency = time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		accounts := []access.Account{mainAccount()}
		got, err := Read(ctx, openCloud(t, w, accounts...), accounts, Options{})
		if got != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("snapshot %v, error %v", got, err)
		}
	})
}

// shows: item S10
func TestASessionThatEndsMidwayIsRenewed(t *testing.T) {
	w := newWorld()
	n := 0
	w.fault = func(c call) *reply {
		if c.service == "eks" && c.operation == "DescribeAccessEntry" && c.nth == 1 {
			n++
			return refuse(403, "ExpiredTokenException", "The security token included in the request is expired")
		}
		return nil
	}
	got, err := read(t, w, Options{})
	if err != nil || len(got.Gaps) != 0 || n != 3 {
		t.Errorf("%d ends; error %v, gaps %v", n, err, got.Gaps)
	}
}

// throttling lets rate calls a second of each service through, and twice as
// many that were saved up; it counts what it refused.
func throttling(rate float64, refused *int) func(call) *reply {
	tokens, seen := 2*rate, time.Now()
	return func(c call) *reply {
		if c.service != "eks" {
			return nil
		}
		now := time.Now()
		tokens, seen = min(2*rate, tokens+rate*now.Sub(seen).Seconds()), now
		if tokens < 1 {
			*refused++
			return refuse(429, "ThrottlingException", "Rate exceeded")
		}
		tokens--
		return nil
	}
}

// The figure of docs/performance.md: 50 calls a second that nobody tells of.
//
// shows: item S12
func TestAServerThatAllows50CallsASecondIsReadInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bigWorld(20, 50)
		var refused int
		w.latency, w.fault = 20*time.Millisecond, throttling(50, &refused)
		a := mainAccount()
		a.Regions = []string{"us-east-1"}
		start := time.Now()
		got, err := read(t, w, Options{}, a)
		took := time.Since(start)
		if err != nil || len(got.Gaps) != 0 {
			t.Fatal(err, got.Gaps)
		}
		calls := 0
		for op, n := range w.count() {
			if op != "GetCallerIdentity" && op != "ListUsers" && op != "ListRoles" {
				calls += n
			}
		}
		ideal := float64(calls-refused-100) / 50
		part := float64(refused) / float64(calls)
		t.Logf("%d calls in %v, %.3f of the ideal time, %.2f %% throttled", calls, took, took.Seconds()/ideal, 100*part)
		if took.Seconds() > 1.2*ideal || part >= 0.05 {
			t.Error("want at most 1.2 of the ideal time and less than 5 % throttled")
		}
	})
}

func TestACallThatIsAlwaysThrottledDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bigWorld(20, 50)
		w.latency = 20 * time.Millisecond
		w.fault = func(c call) *reply {
			if c.operation == "DescribeAccessEntry" && c.cluster == "c07" && strings.HasSuffix(c.principal, "u007") {
				return refuse(429, "ThrottlingException", "Rate exceeded")
			}
			return nil
		}
		a := mainAccount()
		a.Regions = []string{"us-east-1"}
		start := time.Now()
		var others time.Duration
		got, err := read(t, w, Options{Progress: func(p Progress) {
			if p.Entries == 999 {
				others = time.Since(start)
			}
		}}, a)
		if err != nil || len(got.Gaps) != 1 || got.Gaps[0].What != access.GapEntry {
			t.Fatal(err, got.Gaps)
		}
		t.Logf("999 entries after %v, the gap after %v", others, time.Since(start))
		if others > 10*time.Second || time.Since(start) > 5*time.Minute {
			t.Error("want 10 s at most, and 5 minutes for the gap")
		}
	})
}
