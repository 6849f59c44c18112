//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/cli"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// spoiling puts something between the commands and the lab that spoils the
// bodies of answers: change is asked for each, by method, path and body.
func (w *world) spoiling(change func(r *http.Request, body string) string) {
	w.t.Helper()
	u, err := url.Parse(w.endpoint)
	if err != nil {
		w.t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = u.Scheme, u.Host, r.In.Host
		},
		ModifyResponse: func(resp *http.Response) error {
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			b := []byte(change(resp.Request, string(body)))
			if string(b) != string(body) {
				resp.StatusCode, resp.Status = http.StatusOK, "200 OK"
				resp.Header.Del("X-Amzn-ErrorType")
			}
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
			resp.Header.Set("Content-Length", strconv.Itoa(len(b)))
			return nil
		},
	}
	s := httptest.NewServer(proxy)
	w.t.Cleanup(s.Close)
	w.likeAWS(s.URL)
}

func listsEntries(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/access-entries") }

func runtimeRefusals() []refusal {
	const left = `DeleteAccessEntry test 492000000148:user/oleksii`
	leaves := func(w *world) { w.remove("backend.yaml") }
	spoilt := func(change func(r *http.Request, body string) string) func(*world) ran {
		return func(w *world) ran { leaves(w); w.spoiling(change); return w.apply() }
	}
	failing := func(kind emulator.FaultKind, operation string) func(*world) ran {
		return func(w *world) ran {
			leaves(w)
			w.failing(func(c *call.Call) *emulator.Fault {
				if c.Operation == operation {
					return &emulator.Fault{Kind: kind}
				}
				return nil
			})
			return w.apply()
		}
	}
	// The twin of all: what is not needed to tell may be unread.
	usersUnread := failing(emulator.FaultDeny, "ListUsers")
	untouched := spoilt(func(_ *http.Request, body string) string { return body })
	gap := func(row int, name, why string, danger func(*world) ran, twin func(*world) ran) refusal {
		return refusal{rows: []int{row}, guards: []string{"half-read"}, name: name, code: cli.Held, says: []string{why, "1 gap"}, danger: danger, twin: twin, twinWrites: left}
	}
	return []refusal{
		{rows: []int{14}, name: "escape sequences in what AWS sends", code: cli.OK,
			danger: func(w *world) ran {
				p := arn(smallAccount, "user/oleksii")
				if _, err := w.eks(smallAccount, us).UpdateAccessEntry(w.t.Context(), &eks.UpdateAccessEntryInput{ClusterName: aws.String("test"), PrincipalArn: &p,
					KubernetesGroups: []string{"\x1b[31mred\r<script>`id`"}}); err != nil {
					w.t.Fatal(err)
				}
				for _, form := range []string{"text", "markdown", "json"} {
					r := w.aws("plan", "-v", "-o", form, ".").ends(w.t, cli.OK).says(w.t, "script")
					if strings.ContainsAny(r.out+r.err, "\x1b\r") {
						w.t.Errorf("-o %s lets an escape sequence through: %q", form, r.out)
					}
					if form == "markdown" && strings.Contains(r.out, "<script>") {
						w.t.Errorf("Markdown has live HTML: %q", r.out)
					}
				}
				return w.apply()
			}, says: []string{`\x1b[31mred`}, writes: `UpdateAccessEntry test 492000000148:user/oleksii in none`,
			twin: func(w *world) ran {
				p := arn(smallAccount, "user/oleksii")
				if _, err := w.eks(smallAccount, us).UpdateAccessEntry(w.t.Context(), &eks.UpdateAccessEntryInput{ClusterName: aws.String("test"), PrincipalArn: &p,
					KubernetesGroups: []string{"red"}}); err != nil {
					w.t.Fatal(err)
				}
				return w.apply()
			}, twinSays: []string{"group red"}, twinWrites: `UpdateAccessEntry test 492000000148:user/oleksii in none`},

		gap(46, "a list is refused", "AccessDeniedException", failing(emulator.FaultDeny, "ListAccessEntries"), usersUnread),
		gap(46, "a cluster's answers never come", "could not be read", failing(emulator.FaultCut, "DescribeCluster"), usersUnread),
		gap(46, "a page names itself as the next", "repeats", spoilt(func(r *http.Request, body string) string {
			if listsEntries(r) {
				return `{"accessEntries":[],"nextToken":"again"}`
			}
			return body
		}), untouched),
		gap(47, "an empty answer", "incomplete", spoilt(func(r *http.Request, body string) string {
			if listsEntries(r) {
				return `{}`
			}
			return body
		}), untouched),
		gap(47, "a cut answer", "could not be read", spoilt(func(r *http.Request, body string) string {
			if listsEntries(r) {
				return body[:len(body)/2]
			}
			return body
		}), untouched),
		gap(47, "a mode that this version does not know", "not known to this version", spoilt(func(r *http.Request, body string) string {
			return strings.Replace(body, `"API_AND_CONFIG_MAP"`, `"API_AND_MORE"`, 1)
		}), untouched),
		{rows: []int{47}, name: "an empty answer about who asks", code: cli.CouldNotAsk,
			danger: spoilt(func(r *http.Request, body string) string {
				if strings.Contains(body, "GetCallerIdentityResponse") {
					return ""
				}
				return body
			}), twin: untouched, twinWrites: left},
		{rows: []int{47}, name: "the clock is 20 minutes off", code: cli.CouldNotAsk,
			danger: func(w *world) ran { leaves(w); w.slow = 20 * time.Minute; return w.apply() },
			twin:   func(w *world) ran { leaves(w); w.slow = 4 * time.Minute; return w.apply() }, twinWrites: left},
	}
}

// Row 46: page 3 of 5 is throttled. For a while it is waited for; without end
// it is a gap, in finite time, which is virtual here.
func TestRow46APageThatIsThrottledIsWaitedForOrAGap(t *testing.T) {
	for name, c := range map[string]struct {
		times   int32
		deletes int
		gaps    int
	}{
		"for a while": {times: 3, deletes: 1},
		"without end": {times: math.MaxInt32, gaps: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newVirtual(t, emulator.Options{})
				all := crowd("before", 450) + crowd("leaver", 1)
				want := desire(t, all)
				v.seed(want)
				v.apply(v.plan(want, plan.Options{}), apply.Options{})
				want = desire(t, crowd("before", 450))
				var asked, refused atomic.Int32
				v.onCall(func(call *call.Call) *emulator.Fault {
					if call.Operation == "ListAccessEntries" && asked.Add(1) >= 3 && refused.Add(1) <= c.times {
						return &emulator.Fault{Kind: emulator.FaultThrottle}
					}
					return nil
				})
				begun := time.Now()
				p := v.plan(want, plan.Options{})
				if n := p.Summary(); n.Delete != c.deletes || n.Gaps != c.gaps {
					t.Errorf("%d deletes, %d gaps; want %d, %d", n.Delete, n.Gaps, c.deletes, c.gaps)
				}
				for _, change := range p.Changes {
					if len(change.Lost) > 0 && c.gaps > 0 {
						t.Errorf("%s claims access lost from what was not read", change.ID)
					}
				}
				if d := time.Since(begun); d > 10*time.Minute {
					t.Errorf("it took %v of virtual time", d)
				}
			})
		})
	}
}

// crowd are documents with so many people in one team, or the file of one
// more team.
func crowd(name string, n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf("{user: %s%03d}", name, i)
	}
	doc := "-- " + name + ".yaml --\n" + team(name, strings.Join(members, ", "), "{group: "+name+"}")
	if name == "before" {
		doc = "-- environment.yaml --\n" + smallEnvironment + "-- clusters.yaml --\n" + smallCluster + doc
	}
	return doc
}
