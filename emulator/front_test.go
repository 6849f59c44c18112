package emulator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/call/calltest"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
)

const account = "111122223333"

func open(t testing.TB, o emulator.Options) (*emulator.Server, *calltest.IAM) {
	t.Helper()
	iam := &calltest.IAM{}
	iam.Add("arn:aws:iam::" + account + ":role/cluster")
	s, err := emulator.Assemble(o, emulator.Parts{IAM: iam, Services: []call.Service{eks.New(0)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, iam
}

func keys(t testing.TB, s *emulator.Server) emulator.Keys {
	t.Helper()
	k, err := s.Account(account, "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func client(endpoint string, h aws.HTTPClient, k emulator.Keys, attempts int) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: h, RetryMaxAttempts: attempts,
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken),
	})
}

func inProcess(s *emulator.Server, k emulator.Keys, attempts int) *sdk.Client {
	return client("http://127.0.0.1", &http.Client{Transport: s.Transport()}, k, attempts)
}

// sign makes a signed request of any service.
func sign(t testing.TB, k emulator.Keys, method, target, service, body string, header map[string]string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	sum := sha256.Sum256([]byte(body))
	creds := aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

func makeCluster(ctx context.Context, c *sdk.Client, name string) error {
	_, err := c.CreateCluster(ctx, &sdk.CreateClusterInput{
		Name: &name, RoleArn: aws.String("arn:aws:iam::" + account + ":role/cluster"), ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"a", "b"}},
		AccessConfig: &types.CreateAccessConfigRequest{AuthenticationMode: types.AuthenticationModeApi},
	})
	return err
}

func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestOnlyLoopbackHostsAreAnswered(t *testing.T) {
	s, _ := open(t, emulator.Options{Hosts: []string{"lab.internal"}})
	for host, want := range map[string]int{
		"127.0.0.1:4566": 200, "localhost:4566": 200, "LOCALHOST": 200, "[::1]:4566": 200, "127.9.9.9": 200, "lab.internal:80": 200,
		"evil.example": 403, "127.0.0.1.evil.example": 403, "0.0.0.0:4566": 403, "10.0.0.1": 403, "": 403,
	} {
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestTheLabsRoutesAreNotForWebPages(t *testing.T) {
	s, _ := open(t, emulator.Options{})
	get := func(path, origin string) (int, string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "127.0.0.1"
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if status, _ := get("/_lab/env", "http://evil.example"); status != 403 {
		t.Errorf("a page got %d", status)
	}
	status, body := get("/_lab/env", "")
	var k emulator.Keys
	if err := json.Unmarshal([]byte(body), &k); err != nil || status != 200 || k.Account != emulator.DefaultAccount {
		t.Errorf("an empty lab's env: %d %s", status, body)
	}
	if !strings.HasPrefix(k.AccessKeyID, emulator.SessionKeyPrefix) || len(k.AccessKeyID) != 20 {
		t.Errorf("key id %q", k.AccessKeyID)
	}
	if _, err := s.Account(account, ""); err != nil {
		t.Fatal(err)
	}
	if status, _ := get("/_lab/env", ""); status != 400 {
		t.Errorf("with two accounts: %d", status)
	}
	if status, _ := get("/_lab/env?account="+account, ""); status != 200 {
		t.Errorf("the account named: %d", status)
	}
}

func TestKeysThatAreNotTheLabsAreRefused(t *testing.T) {
	s, _ := open(t, emulator.Options{})
	good := keys(t, s)
	for name, c := range map[string]struct {
		change func(*emulator.Keys)
		want   string
	}{
		"the lab's own":   {func(*emulator.Keys) {}, "<nil>"},
		"AWS's":           {func(k *emulator.Keys) { k.AccessKeyID = "AKIAIOSFODNN7EXAMPLE" }, "UnrecognizedClientException"},
		"unknown":         {func(k *emulator.Keys) { k.AccessKeyID = "ASIALABUNKNOWN" }, "UnrecognizedClientException"},
		"a wrong secret":  {func(k *emulator.Keys) { k.SecretAccessKey = "x" }, "InvalidSignatureException"},
		"another's token": {func(k *emulator.Keys) { k.SessionToken = "x" }, "UnrecognizedClientException"},
		"without a token": {func(k *emulator.Keys) { k.SessionToken = "" }, "UnrecognizedClientException"},
	} {
		k := good
		c.change(&k)
		_, err := inProcess(s, k, 1).ListClusters(t.Context(), &sdk.ListClustersInput{})
		if got := code(err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// shows: item S26
func TestAnUnknownServiceIsCheckedAndThenRefusedAsTheLabsLack(t *testing.T) {
	s, iam := open(t, emulator.Options{})
	k := keys(t, s)
	ask := func() (int, string) {
		r := sign(t, k, "POST", "http://127.0.0.1/", "dynamodb", "{}", map[string]string{"X-Amz-Target": "DynamoDB_20120810.ListTables"})
		resp, err := s.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		if resp.Header.Get("X-Amzn-Requestid") == "" {
			t.Error("no request id")
		}
		return resp.StatusCode, string(b)
	}
	if status, body := ask(); status != 501 || !strings.Contains(body, "dynamodb:ListTables") || !strings.Contains(body, `"__type":"NotImplementedByLab"`) {
		t.Errorf("got %d %s", status, body)
	}
	// S3's clients read XML alone.
	resp, err := s.Transport().RoundTrip(sign(t, k, "GET", "http://127.0.0.1/", "s3", "", nil))
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 501 || !strings.Contains(string(b), "<Code>NotImplementedByLab</Code><Message>the lab does not have s3; nothing was done</Message>") {
		t.Errorf("S3: %d %s", resp.StatusCode, b)
	}
	iam.Deny("dynamodb:ListTables")
	if status, body := ask(); status != 403 || !strings.Contains(body, "not authorized to perform: dynamodb:ListTables") {
		t.Errorf("without the right: %d %s", status, body)
	}
	if resp, err := s.Transport().RoundTrip(httptest.NewRequest("POST", "http://127.0.0.1/", nil)); err != nil || resp.StatusCode != 403 {
		t.Errorf("unsigned: %v %v", resp, err)
	}
}

// AWS may give fewer items than asked for; clients must follow the token.
func TestPagesKeepToTheirLimit(t *testing.T) {
	s, _ := open(t, emulator.Options{PageLimit: 3})
	c := inProcess(s, keys(t, s), 1)
	var token *string
	total, pages := 0, 0
	for ; pages == 0 || token != nil; pages++ {
		out, err := c.ListAccessPolicies(t.Context(), &sdk.ListAccessPoliciesInput{MaxResults: aws.Int32(100), NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.AccessPolicies) > 3 {
			t.Fatalf("a page of %d", len(out.AccessPolicies))
		}
		total, token = total+len(out.AccessPolicies), out.NextToken
	}
	whole, _ := open(t, emulator.Options{})
	out, err := inProcess(whole, keys(t, whole), 1).ListAccessPolicies(t.Context(), &sdk.ListAccessPoliciesInput{})
	if err != nil || out.NextToken != nil || len(out.AccessPolicies) != total || pages < 3 {
		t.Errorf("%d policies on %d pages, %d without the limit, %v", total, pages, len(out.AccessPolicies), err)
	}
}

func TestTheRateHoldsWithABurstOfTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, emulator.Options{Rate: 5})
		c := inProcess(s, keys(t, s), 1)
		count := func() (ok int) {
			for range 30 {
				_, err := c.ListClusters(t.Context(), &sdk.ListClustersInput{})
				switch code(err) {
				case "<nil>":
					ok++
				case "ThrottlingException":
				default:
					t.Fatal(err)
				}
			}
			return ok
		}
		if n := count(); n != 10 {
			t.Errorf("%d calls at once, want the burst of 10", n)
		}
		time.Sleep(time.Second)
		if n := count(); n != 5 {
			t.Errorf("%d calls a second later, want 5", n)
		}
	})
}

func TestFaultsHaveOrHaveNotTheEffectTheyClaim(t *testing.T) {
	for name, c := range map[string]struct {
		fault  emulator.Fault
		effect bool
		answer string // of one attempt
	}{
		"500 before":         {emulator.Fault{Kind: emulator.FaultError}, false, "ServerException"},
		"500 after":          {emulator.Fault{Kind: emulator.FaultError, After: true}, true, "ServerException"},
		"cut before":         {emulator.Fault{Kind: emulator.FaultCut}, false, "unexpected EOF"},
		"cut after":          {emulator.Fault{Kind: emulator.FaultCut, After: true}, true, "unexpected EOF"},
		"throttled":          {emulator.Fault{Kind: emulator.FaultThrottle}, false, "ThrottlingException"},
		"denied":             {emulator.Fault{Kind: emulator.FaultDeny}, false, "AccessDeniedException"},
		"slow":               {emulator.Fault{Kind: emulator.FaultSlow, Delay: time.Minute}, true, "<nil>"},
		"timeout after all":  {emulator.Fault{Kind: emulator.FaultCut, After: true, Delay: time.Hour}, true, "deadline exceeded"},
		"timeout before all": {emulator.Fault{Kind: emulator.FaultCut, Delay: time.Hour}, false, "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				on, fault := true, c.fault
				s, _ := open(t, emulator.Options{Fault: func(made *call.Call) *emulator.Fault {
					if on && made.Operation == "CreateCluster" {
						return &fault
					}
					return nil
				}})
				k := keys(t, s)
				one := client("http://127.0.0.1", &http.Client{Transport: s.Transport(), Timeout: 10 * time.Minute}, k, 1)
				if got := code(makeCluster(t.Context(), one, "dev")); !strings.Contains(got, c.answer) {
					t.Errorf("answered %s, want %s", got, c.answer)
				}
				on = false
				out, err := one.ListClusters(t.Context(), &sdk.ListClustersInput{})
				if err != nil {
					t.Fatal(err)
				}
				if effect := len(out.Clusters) == 1; effect != c.effect || effect != (len(s.Journal()) == 1) {
					t.Errorf("effect %t, journal %v, want effect %t", effect, s.Journal(), c.effect)
				}
			})
		})
	}
}

// shows: item S27; flag lab serve --fault-seed
func TestRandomFaultsFollowTheirSeed(t *testing.T) {
	run := func(seed uint64) string {
		s, _ := open(t, emulator.Options{FaultRate: 0.5, FaultSeed: seed, Latency: 0})
		c := inProcess(s, keys(t, s), 1)
		var b strings.Builder
		synctest.Test(t, func(t *testing.T) {
			for range 20 {
				_, err := c.ListClusters(t.Context(), &sdk.ListClustersInput{})
				b.WriteString(requestID.ReplaceAllString(fmt.Sprint(err), "") + "\n")
			}
		})
		return b.String()
	}
	first := run(1)
	if again := run(1); again != first {
		t.Error("one seed gave two histories")
	}
	if first == run(2) {
		t.Error("two seeds gave one history")
	}
}

var requestID = regexp.MustCompile("[0-9a-f-]{36}")

func TestAListenerServesTheSameLabAndAFileKeepsIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab.db")
	var journal bytes.Buffer
	s, iam := open(t, emulator.Options{File: file, Journal: &journal})
	k := keys(t, s)
	server := httptest.NewServer(s)
	c := client(server.URL, nil, k, 1)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := makeCluster(t.Context(), c, fmt.Sprintf("c%02d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	server.Close()
	if n := strings.Count(journal.String(), "\n"); n != 20 || len(s.Journal()) != 20 {
		t.Errorf("journal of %d lines and %d entries", n, len(s.Journal()))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := emulator.Assemble(emulator.Options{File: file}, emulator.Parts{IAM: iam, Services: []call.Service{eks.New(0)}})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if have := keys(t, again); have != k {
		t.Error("the keys changed")
	}
	out, err := inProcess(again, k, 1).ListClusters(t.Context(), &sdk.ListClustersInput{})
	if err != nil || len(out.Clusters) != 20 {
		t.Errorf("after opening again: %v, %v", out, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with keys in it: %v %v", info.Mode(), err)
	}
}

func TestListenTakesLoopbackOnly(t *testing.T) {
	for addr, ok := range map[string]bool{"127.0.0.1:0": true, "localhost:0": true, "0.0.0.0:0": false, ":0": false, "10.0.0.1:0": false, "example.com:0": false, "nonsense": false} {
		l, err := emulator.Listen(addr)
		if (err == nil) != ok {
			t.Errorf("%s: %v", addr, err)
		}
		if err == nil {
			l.Close()
		}
	}
}

func TestAssumptionsAreSortedAndEachIsNamedInTheCode(t *testing.T) {
	var source strings.Builder
	files, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	own, _ := filepath.Glob("*.go")
	for _, f := range append(files, own...) {
		if f == "assumptions.go" {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	text := strings.Join(strings.Fields(strings.ReplaceAll(source.String(), "//", " ")), " ")
	last := ""
	known := map[string]bool{}
	for _, a := range emulator.Assumptions() {
		if a.ID <= last {
			t.Errorf("%s stands after %s", a.ID, last)
		}
		last, known[a.ID] = a.ID, true
		if !strings.Contains(text, "Assumption "+a.ID) {
			t.Errorf("no code names assumption %s", a.ID)
		}
	}
	for _, m := range regexp.MustCompile("Assumption ([a-z]+-[a-z-]+)").FindAllStringSubmatch(text, -1) {
		if !known[strings.TrimRight(m[1], "-")] {
			t.Errorf("the code names assumption %s, which is not listed", m[1])
		}
	}
}
