//go:build e2e || soak

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// wire is a transport whose requests can be told apart and made to fail.
type wire struct {
	inner http.RoundTripper
	fail  func(name string) string // a way to fail, "" for none

	mu    sync.Mutex
	calls map[string]int
}

// nameOf is what a request asks for: a path, or a Query service's action.
func nameOf(r *http.Request, body []byte) string {
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		return form.Get("Action")
	}
	path, err := url.PathUnescape(r.URL.EscapedPath())
	if err != nil {
		path = r.URL.Path
	}
	return path
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body, r.Body = b, io.NopCloser(bytes.NewReader(b))
	}
	name := nameOf(r, body)
	w.mu.Lock()
	w.calls[name]++
	how := ""
	if w.fail != nil {
		how = w.fail(name)
	}
	w.mu.Unlock()
	query := !strings.HasPrefix(name, "/")
	switch how {
	case "500":
		return failedAnswer(r, query, 500, "ServiceFailure", "a fault of the test"), nil
	case "throttle":
		return failedAnswer(r, query, 429, "ThrottlingException", "Rate exceeded"), nil
	case "403":
		return failedAnswer(r, query, 403, "AccessDeniedException", "not authorized"), nil
	case "cut":
		return nil, io.ErrUnexpectedEOF
	case "timeout":
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return w.inner.RoundTrip(r)
}

func failedAnswer(r *http.Request, query bool, status int, code, message string) *http.Response {
	header, body := http.Header{"X-Amzn-Errortype": {code}}, fmt.Sprintf(`{"message":%q}`, message)
	if query {
		header, body = http.Header{}, "<ErrorResponse><Error><Code>"+code+"</Code><Message>"+message+"</Message></Error></ErrorResponse>"
	}
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}
}

// look observes and plans through a wire.
func (s *stage) look(ctx context.Context, t *testing.T, v *virtual, fail func(string) string) (*access.Snapshot, *plan.Plan, map[string]int, error) {
	t.Helper()
	w := &wire{inner: v.server.Transport(), fail: fail, calls: map[string]int{}}
	o := v.lab.CloudOptions(cloud.Options{})
	o.HTTPClient = &http.Client{Transport: w}
	c, err := cloud.Open(ctx, s.want.Accounts, o)
	if err != nil {
		t.Fatal(err)
	}
	have, err := observe.Read(ctx, c, s.want.Accounts, observe.Options{})
	if err != nil {
		return nil, nil, w.calls, err
	}
	return have, plan.Compute(s.want, have, s.opts, guard.All()...), w.calls, nil
}

// losses are what a plan says is taken, held or not, and the changes that take
// something and are not held.
func losses(p *plan.Plan) (said, takers []string) {
	for i := range p.Changes {
		c := &p.Changes[i]
		for _, l := range c.Lost {
			said = append(said, fmt.Sprintf("%s %s %s %s%s%s", l.Cluster.Name, l.Principal, l.Policy, l.Scope, l.Group, l.Username))
		}
		if len(c.Held) == 0 && (len(c.Lost) > 0 || c.Verb == plan.Delete || c.Verb == plan.Replace) {
			takers = append(takers, string(c.Verb)+" "+c.ID)
		}
	}
	return said, takers
}

func within(t *testing.T, what string, some, all []string) {
	t.Helper()
	for _, x := range some {
		if !slices.Contains(all, x) {
			t.Errorf("%s follows from a gap: %s", what, x)
		}
	}
}

// Each call of a reading meets each fault, once and for good. Once: the plan
// is the plan. For good, or a 403: a gap, from which no delete and no loss
// follows; what is planned besides is made and breaks nothing; with the fault
// gone the next run makes the rest, and together they write what one run does.
func TestAFaultAtAnyCallOfAReadingTakesNothingAndTheNextRunConverges(t *testing.T) {
	s := newStage(t, everyChangeBefore, everyChangeAfter, everyOptions())
	clean := s.clean(t)
	said, takers := losses(s.plan)
	var names []string
	synctest.Test(t, func(t *testing.T) {
		_, p, calls, err := s.look(t.Context(), t, s.enter(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(changeIDs(s.plan), changeIDs(p)); d != "" {
			t.Fatal("the reading is not the stage's: " + d)
		}
		names = sortedKeys(calls)
	})
	var mu sync.Mutex
	counts := map[string]int{}
	t.Run("cases", func(t *testing.T) {
		for _, name := range names {
			for _, how := range []string{"500", "cut", "timeout", "throttle", "403"} {
				for _, forGood := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s at %s, for good %v", how, name, forGood), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							what := s.unread(t, name, how, forGood, said, takers, clean)
							mu.Lock()
							counts[how+": "+what]++
							mu.Unlock()
						})
					})
				}
			}
		}
	})
	total := 0
	for _, k := range sortedKeys(counts) {
		t.Logf("%-28s %d", k, counts[k])
		total += counts[k]
	}
	t.Logf("%d calls of a reading, %d cases", len(names), total)
	for _, how := range []string{"500", "cut", "timeout", "throttle", "403"} {
		if counts[how+": gap entry"] < 10 || counts[how+": gap entries"] == 0 || counts[how+": gap cluster"] == 0 ||
			counts[how+": gap clusters"] == 0 || counts[how+": gap roles"] == 0 || counts[how+": gap users"] == 0 || counts[how+": could not ask"] == 0 {
			t.Errorf("a poor mix of %s: %v", how, counts)
		}
	}
}

// unread is one case; it says what came of the reading.
func (s *stage) unread(t *testing.T, name, how string, forGood bool, said, takers []string, clean clean) string {
	v := s.enter(t)
	check := newChecker(v, s.want)
	check.lossy = "ops"
	failed := 0
	have, p, _, err := s.look(t.Context(), t, v, func(n string) string {
		if n != name || failed > 0 && !forGood {
			return ""
		}
		failed++
		return how
	})
	what := ""
	switch {
	case failed == 0:
		t.Error("the call did not come")
	case name == "GetCallerIdentity" && (forGood || how == "403"):
		if err == nil {
			t.Error("nobody could be asked, and there is no error")
		}
		return "could not ask"
	case err != nil:
		t.Fatal(err)
	case !forGood && how != "403":
		if d := cmp.Diff(changeIDs(s.plan), changeIDs(p)); d != "" || len(have.Gaps) > 0 {
			t.Errorf("a fault that passed changed the plan; gaps %v\n%s", have.Gaps, d)
		}
		return "no gap" // and the plan is the stage's: what an apply makes of it is another test's
	case len(have.Gaps) != 1:
		t.Errorf("want one gap, have %v", have.Gaps)
	default:
		what = "gap " + string(have.Gaps[0].What)
	}
	nowSaid, nowTakers := losses(p)
	within(t, "a loss", nowSaid, said)
	within(t, "a change that takes", nowTakers, takers)
	for i := range p.Changes {
		c := &p.Changes[i]
		if gap, unread := have.Unread(c.Cluster, c.Principal); unread && (len(c.Held) == 0 || len(c.Lost) > 0) {
			t.Errorf("inside the gap %v: %s is held by %v and takes %v", gap, c.ID, c.Held, c.Lost)
		}
	}
	res, record := v.apply(p, apply.Options{ForeignTags: s.want.ForeignTags})
	journal := v.server.Journal()
	s.judge(v, check, res, record, journal)
	v.converge(s.want, s.opts)
	check.nextRun()
	check.follow(v.server.Journal()[len(journal):])
	check.same(v.read(s.want.Accounts))
	for _, f := range check.faults {
		t.Error(f)
	}
	if d := cmp.Diff(clean.effects, effects(v.server.Journal())); d != "" {
		t.Errorf("the two runs' writes are not those of one clean run (-clean +these):\n%s", d)
	}
	return what
}
