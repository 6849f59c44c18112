package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/atlas-iam/atlas-iam/access"
)

// answer is what the test's AWS says to a request.
type answer struct {
	status int
	body   string
	err    error
}

// fakeAWS answers requests by a function and keeps what was asked.
type fakeAWS struct {
	mu     sync.Mutex
	asked  []string // "service operation-or-path key"
	date   bool     // answers say the time
	answer func(n int, service, what string, r *http.Request) answer
}

func (f *fakeAWS) Do(r *http.Request) (*http.Response, error) {
	service, key := scope(r)
	what := r.Method + " " + r.URL.EscapedPath()
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if service != "eks" {
			r.Form, _ = url.ParseQuery(string(b))
			what = r.Form.Get("Action")
		}
	}
	f.mu.Lock()
	f.asked = append(f.asked, service+" "+what+" "+key)
	n := len(f.asked)
	f.mu.Unlock()
	a := f.answer(n, service, what, r)
	if a.err != nil {
		return nil, a.err
	}
	h := http.Header{"X-Amzn-Requestid": {fmt.Sprintf("req-%d", n)}}
	if f.date {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}, nil
}

func (f *fakeAWS) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

// scope reads the service and the access key out of a signature.
func scope(r *http.Request) (service, key string) {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	parts := strings.Split(rest, "/")
	if len(parts) < 5 {
		return "unsigned", ""
	}
	return parts[3], parts[0]
}

func callerIs(id string) answer {
	return answer{status: 200, body: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::` +
		id + `:user/me</Arn><UserId>AIDAME</UserId><Account>` + id + `</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`}
}

func eksError(status int, code, message string) answer {
	return answer{status: status, body: fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message)}
}

const mainID = "492000000148"

func mainAccount() access.Account {
	return access.Account{Name: "main", ID: mainID, Partition: "aws", Regions: []string{"us-east-1"}}
}

func keys(id string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(id, "secret", "")
}

func open(t *testing.T, f *fakeAWS, accounts ...access.Account) *Cloud {
	t.Helper()
	c, err := Open(t.Context(), accounts, Options{Credentials: keys("AKIAEXAMPLE"), HTTPClient: f})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func listClusters(ctx context.Context, c *Cloud) error {
	_, err := c.EKS(mainID, "us-east-1").ListClusters(ctx, &eks.ListClustersInput{})
	return err
}

// shows: item S10
func TestNothingIsCalledOnAnAccountBeforeItsCallerIsChecked(t *testing.T) {
	for _, tc := range []struct {
		name   string
		id     string
		refuse bool
	}{
		{name: "the account that was asked for", id: mainID},
		{name: "another account", id: "111122223333", refuse: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fakeAWS{answer: func(_ int, service, _ string, _ *http.Request) answer {
				if service == "sts" {
					return callerIs(tc.id)
				}
				return answer{status: 200, body: `{"clusters":[]}`}
			}}
			c := open(t, f, mainAccount())
			err := errors.Join(listClusters(t.Context(), c), listClusters(t.Context(), c))
			var wrong *WrongAccountError
			if errors.As(err, &wrong) != tc.refuse || (err != nil) != tc.refuse {
				t.Fatalf("ListClusters: %v", err)
			}
			want := 3 // who we are once, then twice the list
			if tc.refuse {
				want = 1
			}
			if got := f.requests(); len(got) != want || !strings.HasPrefix(got[0], "sts GetCallerIdentity") {
				t.Errorf("requests: %q", got)
			}
		})
	}
}

func TestReadsAreRepeatedAndWritesOnlyWhereNothingWasDone(t *testing.T) {
	throttle := eksError(429, "ThrottlingException", "Rate exceeded")
	internal := eksError(500, "ServerException", "internal")
	refused := answer{err: errRefused()}
	reset := answer{err: errReset()}
	for _, tc := range []struct {
		name        string
		first       answer
		read, write int // requests, the last of which succeeds unless 1
	}{
		{"a throttle", throttle, 2, 2},
		{"a 500", internal, 2, 1},
		{"a refused connection", refused, 2, 2},
		{"a connection lost after sending", reset, 2, 1},
		{"a 403", eksError(403, "AccessDeniedException", "no"), 1, 1},
		{"a 400", eksError(400, "InvalidParameterException", "no"), 1, 1},
	} {
		for _, kind := range []string{"read", "write"} {
			t.Run(tc.name+" of a "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := &fakeAWS{answer: func(n int, service, _ string, _ *http.Request) answer {
						switch {
						case service == "sts":
							return callerIs(mainID)
						case n == 2:
							return tc.first
						}
						return answer{status: 200, body: `{}`}
					}}
					c := open(t, f, mainAccount())
					want := tc.read
					var err error
					if kind == "read" {
						err = listClusters(t.Context(), c)
					} else {
						want = tc.write
						_, err = c.EKS(mainID, "us-east-1").DeleteAccessEntry(t.Context(), &eks.DeleteAccessEntryInput{ClusterName: aws.String("c"), PrincipalArn: aws.String("p")})
					}
					if got := len(f.requests()) - 1; got != want || (err == nil) != (want == 2) {
						t.Errorf("%d requests, want %d; %v", got, want, err)
					}
					if unknown := Unknown(err); unknown != (kind == "write" && err != nil && (tc.first.err != nil || tc.first.status >= 500)) {
						t.Errorf("Unknown(%v) = %v", err, unknown)
					}
				})
			})
		}
	}
}

func TestThrottlesAloneEndACallInFiniteTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{answer: func(_ int, service, _ string, _ *http.Request) answer {
			if service == "sts" {
				return callerIs(mainID)
			}
			return eksError(429, "ThrottlingException", "Rate exceeded")
		}}
		c := open(t, f, mainAccount())
		start := time.Now()
		err := listClusters(t.Context(), c)
		var out *ThrottledOutError
		if took := time.Since(start); !errors.As(err, &out) || took > 3*time.Minute {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// A call with a limit of its own once taught the pace of all by its second
// throttle: a reading of a pace that was still doubling, from which the rest
// of 1,000 calls took up to 23 s.
func TestACallWithALimitOfItsOwnSlowsTheOthersOnce(t *testing.T) {
	for _, after := range []int{100, 200, 500} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeAWS{answer: func(_ int, service, what string, _ *http.Request) answer {
				time.Sleep(20 * time.Millisecond)
				switch {
				case service == "sts":
					return callerIs(mainID)
				case strings.HasSuffix(what, "/clusters/own"):
					return eksError(429, "ThrottlingException", "Rate exceeded")
				}
				return answer{status: 200, body: `{"clusters":[]}`}
			}}
			c := open(t, f, mainAccount())
			ctx, cancel := context.WithCancel(t.Context())
			start := time.Now()
			var own, others sync.WaitGroup
			work := make(chan struct{})
			for range 64 {
				others.Go(func() {
					for range work {
						if err := listClusters(ctx, c); err != nil {
							t.Error(err)
						}
					}
				})
			}
			for i := range 1000 {
				if i == after {
					own.Go(func() {
						if _, err := c.EKS(mainID, "us-east-1").DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String("own")}); err == nil {
							t.Error("the throttled call was answered")
						}
					})
				}
				work <- struct{}{}
			}
			close(work)
			others.Wait()
			took := time.Since(start)
			cancel()
			own.Wait()
			t.Logf("throttled after %d calls: the others took %v", after, took)
			if took > 10*time.Second {
				t.Errorf("throttled after %d calls: 1,000 others took %v, want 10 s at most", after, took)
			}
		})
	}
}

func TestAWriteThatIsCancelledIsUnknownOnlyIfItWasSent(t *testing.T) {
	for _, tc := range []struct {
		name    string
		slow    time.Duration // until the answer
		unknown bool
	}{
		{"on the wire", time.Hour, true},
		{"between two throttles", 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeAWS{answer: func(n int, service, _ string, r *http.Request) answer {
					if service == "sts" {
						return callerIs(mainID)
					}
					if tc.slow == 0 {
						return eksError(429, "ThrottlingException", "Rate exceeded")
					}
					<-r.Context().Done()
					return answer{err: r.Context().Err()}
				}}
				c := open(t, f, mainAccount())
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := c.EKS(mainID, "us-east-1").DeleteAccessEntry(ctx, &eks.DeleteAccessEntryInput{ClusterName: aws.String("c"), PrincipalArn: aws.String("p")})
				if err == nil || Unknown(err) != tc.unknown {
					t.Errorf("Unknown(%v) = %v", err, Unknown(err))
				}
			})
		})
	}
}

func TestAnAnswerThatNeverComesEndsInFiniteTime(t *testing.T) {
	for _, tc := range []struct {
		name  string
		write bool
		calls int
	}{{"a read is asked again", false, transientLimit}, {"a write is not", true, 1}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeAWS{answer: func(_ int, service, _ string, r *http.Request) answer {
					if service == "sts" {
						return callerIs(mainID)
					}
					<-r.Context().Done()
					return answer{err: r.Context().Err()}
				}}
				c := open(t, f, mainAccount())
				start := time.Now()
				var err error
				if tc.write {
					_, err = c.EKS(mainID, "us-east-1").DeleteAccessEntry(t.Context(), &eks.DeleteAccessEntryInput{ClusterName: aws.String("c"), PrincipalArn: aws.String("p")})
				} else {
					err = listClusters(t.Context(), c)
				}
				if took, n := time.Since(start), len(f.requests())-1; err == nil || n != tc.calls || took > 2*time.Minute || !Unknown(err) {
					t.Errorf("%d requests in %v: %v", n, took, err)
				}
				if !strings.Contains(Reason(err), "no answer in time") {
					t.Errorf("reason %q", Reason(err))
				}
			})
		})
	}
}
