package apply

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// bodies are the writes that were sent, keys sorted, and their request tokens.
func (f *fakeEKS) bodies(t *testing.T) (sent, tokens []string) {
	t.Helper()
	for _, s := range f.sent {
		op, body, _ := strings.Cut(s, " ")
		var v map[string]any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		if token, ok := v["clientRequestToken"].(string); ok {
			tokens = append(tokens, token)
			delete(v, "clientRequestToken")
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, op+" "+string(b))
	}
	return sent, tokens
}

func TestWhatIsSentToEKSIsWhatIsWantedAndNoMore(t *testing.T) {
	marks := `"tags":{"atlas-iam.dev/environment":"ops","atlas-iam.dev/id":"k7f3c9a1"}`
	named := entry("a", "g")
	named.Username = "team:a"
	node := entry("a")
	node.Type, node.Username = access.EC2Linux, ""
	bare := entry("a")
	bare.Username = ""
	odd := entry("a")
	odd.Principal = arn("a")
	for name, tt := range map[string]struct {
		before access.Entry
		change func(p *planner, seen *access.Entry)
		want   []string
	}{
		"a username that EKS gives by itself is not written": {change: func(p *planner, _ *access.Entry) { p.entry("test", nil, ptr(entry("a", "g"))) },
			want: []string{`CreateAccessEntry {"kubernetesGroups":["g"],"principalArn":"` + arn("a") + `",` + marks + `,"type":"STANDARD"}`}},
		"no username is EKS's": {change: func(p *planner, _ *access.Entry) { p.entry("test", nil, &bare) },
			want: []string{`CreateAccessEntry {"principalArn":"` + arn("a") + `",` + marks + `,"type":"STANDARD"}`}},
		"a username of one's own is": {change: func(p *planner, _ *access.Entry) { p.entry("test", nil, &named) },
			want: []string{`CreateAccessEntry {"kubernetesGroups":["g"],"principalArn":"` + arn("a") + `",` + marks + `,"type":"STANDARD","username":"team:a"}`}},
		"an entry of nodes has neither": {change: func(p *planner, _ *access.Entry) { p.entry("test", nil, &node) },
			want: []string{`CreateAccessEntry {"principalArn":"` + arn("a") + `",` + marks + `,"type":"EC2_LINUX"}`}},
		"an update says groups and username, empty groups too": {before: entry("a", "g"), change: func(p *planner, seen *access.Entry) {
			to := seen.Clone()
			to.Groups, to.Username = nil, "team:a"
			p.entry("test", seen, to)
		}, want: []string{`UpdateAccessEntry {"kubernetesGroups":[],"username":"team:a"}`}},
		"only the tags that are missing or differ are written": {before: tags(entry("a"), merged(owner.Tags(), map[string]string{"keep": "1", "stage": "old", "same": "x"})),
			change: func(p *planner, seen *access.Entry) {
				to := seen.Clone()
				to.Tags = merged(owner.Tags(), map[string]string{"stage": "new", "same": "x", "more": "y"})
				p.entry("test", seen, to)
			}, want: []string{`TagResource {"tags":{"more":"y","stage":"new"}}`}},
		"a scope of namespaces, sorted": {before: entry("a"), change: func(p *planner, _ *access.Entry) {
			p.policy("test", "a", nil, &access.Association{Policy: editARN, Scope: access.Scope{Namespaces: []string{"b", "a", "b"}}})
		}, want: []string{`AssociateAccessPolicy {"accessScope":{"namespaces":["a","b"],"type":"namespace"},"policyArn":"` + editARN + `"}`}},
		"the whole cluster": {before: entry("a"), change: func(p *planner, _ *access.Entry) { p.policy("test", "a", nil, ptr(on(editARN))) },
			want: []string{`AssociateAccessPolicy {"accessScope":{"type":"cluster"},"policyArn":"` + editARN + `"}`}},
		"a mode": {change: func(p *planner, _ *access.Entry) { p.mode("test", access.ModeAPIAndConfigMap, access.ModeAPI) },
			want: []string{`UpdateClusterConfig {"accessConfig":{"authenticationMode":"API"}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.cluster("test").mode = access.ModeAPIAndConfigMap
				p := newPlan()
				var seen *access.Entry
				if tt.before.Principal != "" {
					seen = f.put("test", tt.before).Clone()
				}
				tt.change(p, seen)
				res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
				if err != nil || !res.OK() {
					t.Fatal(err, statuses(res), res.Outcomes[0].Err)
				}
				got, _ := f.bodies(t)
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

// AWS knows a repeated request by its token: the attempts of one write share
// it, other writes and other runs have others.
func TestAttemptsOfOneWriteShareTheirToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := newPlan()
		p.entry("test", nil, ptr(entry("a")))
		p.entry("test", nil, ptr(entry("b")))
		f.fault = once("CreateAccessEntry", throttle)
		c := f.open(t)
		if res, err := Run(t.Context(), c, &p.Plan, Options{Parallel: 1}); err != nil || !res.OK() {
			t.Fatal(err, statuses(res))
		}
		clear(f.cluster("test").entries)
		time.Sleep(time.Second)
		if res, err := Run(t.Context(), c, &p.Plan, Options{Parallel: 1}); err != nil || !res.OK() {
			t.Fatal(err, statuses(res))
		}
		_, tokens := f.bodies(t)
		different := slices.Compact(slices.Sorted(slices.Values(tokens)))
		if len(tokens) != 5 || len(different) != 4 || tokens[0] != tokens[1] {
			t.Errorf("tokens %v", tokens)
		}
		for _, s := range tokens {
			if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(s) {
				t.Errorf("token %q", s)
			}
		}
	})
}

func TestWithOneAtATimeThePlansOrderIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := newPlan()
		var want []string
		for _, u := range []string{"h", "c", "z", "a", "m", "b"} {
			cluster := map[bool]string{true: "one", false: "two"}[len(want)%3 == 0]
			p.entry(cluster, nil, ptr(entry(u)))
			want = append(want, "CreateAccessEntry "+cluster+" "+u)
		}
		if res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Parallel: 1}); err != nil || !res.OK() {
			t.Fatal(err, statuses(res))
		}
		if d := cmp.Diff(want, f.journal); d != "" || f.most != 1 {
			t.Error(d, f.most)
		}
	})
}

func TestPoliciesAreReadPageByPageAndAListThatRepeatsIsNoList(t *testing.T) {
	page := func(policy, next string) string {
		return `{"associatedAccessPolicies":[{"policyArn":"` + policy + `","accessScope":{"type":"cluster"}}],"nextToken":"` + next + `"}`
	}
	for name, tt := range map[string]struct {
		pages []string
		want  Status
		says  string
	}{
		"two pages, what is wanted on the second": {[]string{page(editARN, "x"), page(viewARN, "")}, Already, ""},
		"two pages, what is wanted on the first":  {[]string{page(viewARN, "x"), page(editARN, "")}, Already, ""},
		"a token that comes again":                {[]string{page(editARN, "x"), page(editARN, "x")}, Failed, "a page token came a second time"},
		"tokens in a circle":                      {[]string{page(editARN, "x"), page(editARN, "y"), page(editARN, "x")}, Failed, "a page token came a second time"},
		"a policy without a name":                 {[]string{page("", "")}, Failed, "without the object"},
		"a policy without a scope":                {[]string{`{"associatedAccessPolicies":[{"policyArn":"` + viewARN + `"}]}`}, Failed, "without the object"},
		"a scope of a type of another day":        {[]string{strings.Replace(page(viewARN, ""), `"cluster"`, `"region"`, 1)}, Failed, "without the object"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.put("test", entry("a"))
				n := 0
				f.instead = func(op string) string {
					if op != "ListAssociatedAccessPolicies" || n == len(tt.pages) {
						return ""
					}
					n++
					return tt.pages[n-1]
				}
				p := newPlan()
				p.policy("test", "a", nil, ptr(on(viewARN)))
				res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
				if o := res.Outcomes[0]; err != nil || o.Status != tt.want || len(f.journal) > 0 || tt.says != "" && (o.Err == nil || !strings.Contains(o.Err.Error(), tt.says)) {
					t.Errorf("%v, %s, %v, %v", err, o.Status, o.Err, f.journal)
				}
			})
		})
	}
}

func TestAReadingServesTheNextChangeForFiveSeconds(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	j := &job{runner: &runner{opts: Options{Now: func() time.Time { return now }}}}
	for at, want := range map[time.Time]bool{now: true, now.Add(-5 * time.Second): true, now.Add(-5*time.Second - 1): false, {}: false} {
		if j.fresh(at) != want {
			t.Errorf("a reading of %s is fresh: %v", at, !want)
		}
	}
	now = time.Time{}.Add(time.Second)
	if j.fresh(time.Time{}) {
		t.Error("nothing was read")
	}
}

func TestWhatEKSSaysOfAModesUpdate(t *testing.T) {
	for name, tt := range map[string]struct {
		operation, answer string
		want              Status
		says              string
	}{
		"it failed": {"DescribeUpdate", `{"update":{"id":"u-1","status":"Failed","errors":[{"errorCode":"AccessDenied","errorMessage":"no"},{"errorCode":"Unknown"}]}}`, Failed,
			"change the authentication mode of cluster " + key("test").String() + ": update u-1 ended as Failed: AccessDenied: no: Unknown: "},
		"it was cancelled":       {"DescribeUpdate", `{"update":{"id":"u-1","status":"Cancelled"}}`, Failed, "update u-1 ended as Cancelled"},
		"nothing of the update":  {"DescribeUpdate", `{}`, Done, ""},
		"nothing of the cluster": {"DescribeCluster", `{}`, Failed, "AWS answered without the object"},
		"a cluster of no mode":   {"DescribeCluster", `{"cluster":{"name":"test","status":"ACTIVE"}}`, Failed, "the authentication mode was API_AND_CONFIG_MAP, is none"},
		"no id of the update":    {"UpdateClusterConfig", `{}`, Unknown, "it is still API_AND_CONFIG_MAP"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.cluster("test").mode = access.ModeAPIAndConfigMap
				f.instead = func(op string) string {
					if op == tt.operation {
						return tt.answer
					}
					return ""
				}
				p := newPlan()
				id := p.mode("test", access.ModeAPIAndConfigMap, access.ModeAPI)
				res, err := Run(t.Context(), f.open(t), &p.Plan, Options{ModeWait: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				if o := status(t, res, id); o.Status != tt.want || tt.says != "" && (o.Err == nil || !strings.Contains(o.Err.Error(), tt.says)) {
					t.Errorf("%s: %v", o.Status, o.Err)
				}
			})
		})
	}
}

func TestWhatAChangeWaitsForIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.cluster("test")
		c.mode, c.next, c.until = access.ModeConfigMap, access.ModeAPIAndConfigMap, time.Now().Add(3*time.Second)
		f.updates = 3 * time.Second
		p := newPlan()
		id := p.mode("test", access.ModeAPIAndConfigMap, access.ModeAPI)
		var told []string
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Waiting: func(c *plan.Change, what string) {
			if c.ID != id {
				t.Error(c.ID)
			}
			told = append(told, what)
		}})
		if err != nil || !res.OK() {
			t.Fatal(err, statuses(res))
		}
		if d := cmp.Diff([]string{"the cluster, which is UPDATING", "the cluster's update to mode API"}, slices.Compact(told)); d != "" {
			t.Error(d)
		}
	})
}
