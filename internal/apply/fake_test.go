package apply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

// fakeEKS answers the calls that apply makes, beneath the real SDK and package
// cloud. It keeps entries and modes of any cluster asked for, and a journal of
// the writes that took effect.
type fakeEKS struct {
	mu       sync.Mutex
	clusters map[string]*fakeCluster // by name
	journal  []string                // "Operation cluster principal policy"
	calls    []string                // operations, in order of arrival
	sent     []string                // operation and body of those that write
	inFlight int
	most     int // in flight at once

	latency time.Duration
	updates time.Duration // how long a mode update takes
	hidden  time.Duration // for how long a new entry is not shown
	lingers time.Duration // for how long a deleted entry is still there
	unknown time.Duration // for how long IAM does not show principals; from start
	start   time.Time
	made    int // entries
	// fault, if set, is asked before each call; n counts all calls from 1.
	fault func(n int, operation, cluster, principal string) fault
	// instead, if set, is asked for another answer's body to a call; "" is none.
	instead func(operation string) string
	// before, if set, runs before a call is answered: somebody else at work.
	before func(f *fakeEKS, operation string)
}

type fault string

const (
	noFault      fault = ""
	error500     fault = "500 before effect"
	error500Late fault = "500 after effect"
	timeoutLate  fault = "timeout after effect"
	throttle     fault = "throttle"
	denied       fault = "403"
)

type fakeCluster struct {
	mode    access.AuthMode
	next    access.AuthMode
	until   time.Time // UPDATING till then
	entries map[string]*access.Entry
	visible map[string]time.Time
	version int
}

func newFake() *fakeEKS {
	return &fakeEKS{clusters: map[string]*fakeCluster{}, start: time.Now()}
}

func (f *fakeEKS) cluster(name string) *fakeCluster {
	c := f.clusters[name]
	if c == nil {
		c = &fakeCluster{mode: access.ModeAPI, entries: map[string]*access.Entry{}, visible: map[string]time.Time{}}
		f.clusters[name] = c
	}
	if c.next != "" && !time.Now().Before(c.until) {
		c.mode, c.next = c.next, ""
	}
	return c
}

// put places an entry as if it had been there for long.
func (f *fakeEKS) put(cluster string, e access.Entry) *access.Entry {
	f.made++
	c := e.Clone()
	c.ARN = fmt.Sprintf("arn:aws:eks:us-east-1:%s:access-entry/%s/x/%d", accountID, cluster, f.made)
	c.CreatedAt = f.start.Add(time.Duration(f.made-1000) * time.Hour).Truncate(time.Second)
	f.cluster(cluster).entries[c.Principal] = c
	return c
}

func (f *fakeEKS) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(r.URL.Host, "sts.") {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.answer(200, "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>"+callerARN+"</Arn><Account>"+accountID+
			"</Account><UserId>AROA:me</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>"), nil
	}
	op, cluster, principal, policy := route(r)
	f.mu.Lock()
	f.calls = append(f.calls, op)
	if len(body) > 0 {
		f.sent = append(f.sent, op+" "+string(body))
	}
	n := len(f.calls)
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	kind := noFault
	if f.fault != nil {
		kind = f.fault(n, op, cluster, principal)
	}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.inFlight--
		f.mu.Unlock()
	}()
	if f.latency > 0 {
		time.Sleep(f.latency)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch kind {
	case error500:
		return f.failure(500, "ServerException", "internal"), nil
	case throttle:
		return f.failure(429, "ThrottlingException", "Rate exceeded"), nil
	case denied:
		return f.failure(403, "AccessDeniedException", "User: "+callerARN+" is not authorized to perform: eks:"+op+
			" on resource: arn:aws:eks:us-east-1:"+accountID+":cluster/"+cluster), nil
	}
	if f.before != nil {
		f.before(f, op)
	}
	res := f.serve(op, cluster, principal, policy, body)
	switch kind {
	case error500Late:
		return f.failure(500, "ServerException", "internal"), nil
	case timeoutLate:
		f.mu.Unlock()
		<-r.Context().Done()
		f.mu.Lock()
		return nil, r.Context().Err()
	}
	return res, nil
}

// route names the operation of a request. (the EKS API model's URIs)
func route(r *http.Request) (op, cluster, principal, policy string) {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i := range parts {
		parts[i], _ = url.PathUnescape(parts[i])
	}
	at := func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
	if at(0) == "tags" {
		return "TagResource", strings.Split(at(1), "/")[1], at(1), ""
	}
	cluster, principal, policy = at(1), at(3), at(5)
	kind := r.Method + " " + at(2)
	switch len(parts) {
	case 4:
		kind += "/P"
	case 5:
		kind += "/P/policies"
	case 6:
		kind += "/P/policies/A"
	}
	return map[string]string{
		"GET ":                               "DescribeCluster",
		"POST update-config":                 "UpdateClusterConfig",
		"GET updates/P":                      "DescribeUpdate",
		"POST access-entries":                "CreateAccessEntry",
		"GET access-entries/P":               "DescribeAccessEntry",
		"POST access-entries/P":              "UpdateAccessEntry",
		"DELETE access-entries/P":            "DeleteAccessEntry",
		"GET access-entries/P/policies":      "ListAssociatedAccessPolicies",
		"POST access-entries/P/policies":     "AssociateAccessPolicy",
		"DELETE access-entries/P/policies/A": "DisassociateAccessPolicy",
	}[kind], cluster, principal, policy
}

func (f *fakeEKS) answer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"X-Amzn-Requestid": {fmt.Sprintf("req-%d", len(f.calls))}},
		Body:   io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func (f *fakeEKS) failure(status int, code, message string) *http.Response {
	return f.answer(status, fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message))
}

func (f *fakeEKS) ok(v any) *http.Response {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return f.answer(200, string(b))
}

func (f *fakeEKS) wrote(op, cluster, principal, policy string) {
	f.journal = append(f.journal, strings.TrimSpace(strings.Join([]string{op, cluster, short(principal), access.ShortPolicy(policy)}, " ")))
}

// short is a principal's last word.
func short(principal string) string { return principal[strings.LastIndexByte(principal, '/')+1:] }

type fakeInput struct {
	PrincipalArn, Username, Type, PolicyArn string
	KubernetesGroups                        *[]string
	Tags                                    map[string]string
	AccessScope                             struct {
		Type       string
		Namespaces []string
	}
	AccessConfig struct{ AuthenticationMode access.AuthMode }
}

func (f *fakeEKS) serve(op, name, principal, policy string, body []byte) *http.Response {
	var in fakeInput
	if len(bytes.TrimSpace(body)) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			return f.failure(400, "InvalidRequestException", err.Error())
		}
	}
	if f.instead != nil {
		if answer := f.instead(op); answer != "" {
			return f.answer(200, answer)
		}
	}
	c := f.cluster(name)
	switch op {
	case "DescribeCluster":
		status := "ACTIVE"
		if c.next != "" {
			status = "UPDATING"
		}
		return f.ok(m{"cluster": m{"name": name, "status": status, "endpoint": "https://api.example", "accessConfig": m{"authenticationMode": c.mode}}})
	case "DescribeUpdate":
		status := "Successful"
		if c.next != "" {
			status = "InProgress"
		}
		return f.ok(m{"update": m{"id": principal, "status": status, "type": "AccessConfigUpdate"}})
	case "UpdateClusterConfig":
		to := in.AccessConfig.AuthenticationMode
		if c.next != "" {
			return f.failure(409, "ResourceInUseException", "Cluster is updating")
		}
		if to.Step() != c.mode.Step()+1 {
			return f.failure(400, "InvalidParameterException", fmt.Sprintf("Unsupported authentication mode update from %s to %s", c.mode, to))
		}
		f.wrote(op, name, "", "")
		c.next, c.until = to, time.Now().Add(f.updates)
		return f.ok(m{"update": m{"id": "u-1", "status": "InProgress"}})
	case "TagResource":
		for _, e := range c.entries {
			if e.ARN == principal {
				f.wrote(op, name, e.Principal, "")
				e.Tags = merged(in.Tags, e.Tags)
				maps.Copy(e.Tags, in.Tags)
				return f.ok(m{})
			}
		}
		return f.failure(404, "NotFoundException", "no such resource")
	case "CreateAccessEntry":
		return f.create(c, name, &in)
	}
	e := c.entries[principal]
	if e == nil || time.Now().Before(c.visible[principal]) {
		return f.failure(404, "ResourceNotFoundException", "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.")
	}
	return f.entryCall(op, name, policy, c, e, &in)
}

func (f *fakeEKS) create(c *fakeCluster, name string, in *fakeInput) *http.Response {
	switch {
	case c.next != "":
		return f.failure(400, "InvalidRequestException", "the cluster is updating")
	case !c.mode.TakesEntries():
		return f.failure(400, "InvalidRequestException", "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
	case c.entries[in.PrincipalArn] != nil:
		return f.failure(409, "ResourceInUseException", "The specified access entry resource is already in use on this cluster.")
	case time.Now().Before(f.start.Add(f.unknown)):
		return f.failure(400, "InvalidParameterException", "The specified principalArn is invalid: invalid principal.")
	}
	e := access.Entry{Principal: in.PrincipalArn, Type: access.EntryType(in.Type), Username: in.Username, Tags: in.Tags}
	if in.KubernetesGroups != nil {
		e.Groups = *in.KubernetesGroups
	}
	if e.Type != access.Standard && e.Type != "" {
		e.Username, e.Groups = "system:node:{{EC2PrivateDNSName}}", []string{"system:nodes"} // EKS's to set
	}
	p, _ := access.ParseIAMPrincipal(e.Principal)
	if e.Username == "" {
		e.Username = p.DefaultUsername()
	}
	made := f.put(name, e)
	made.CreatedAt = time.Now().Truncate(time.Second)
	c.visible[e.Principal] = time.Now().Add(f.hidden)
	f.wrote("CreateAccessEntry", name, e.Principal, "")
	return f.ok(m{"accessEntry": shown(name, made)})
}

func (f *fakeEKS) entryCall(op, name, policy string, c *fakeCluster, e *access.Entry, in *fakeInput) *http.Response {
	i, had := slices.BinarySearchFunc(e.Associations, policy, func(a access.Association, p string) int { return strings.Compare(a.Policy, p) })
	switch op {
	case "DescribeAccessEntry":
		return f.ok(m{"accessEntry": shown(name, e)})
	case "UpdateAccessEntry":
		f.wrote(op, name, e.Principal, "")
		if in.KubernetesGroups != nil {
			e.Groups = *in.KubernetesGroups
		}
		if in.Username != "" {
			e.Username = in.Username
		}
		e.Normalize()
		return f.ok(m{"accessEntry": shown(name, e)})
	case "DeleteAccessEntry":
		f.wrote(op, name, e.Principal, "")
		if f.lingers > 0 {
			time.AfterFunc(f.lingers, func() {
				f.mu.Lock()
				defer f.mu.Unlock()
				delete(c.entries, e.Principal)
			})
			return f.ok(m{})
		}
		delete(c.entries, e.Principal)
		return f.ok(m{})
	case "ListAssociatedAccessPolicies":
		list := []m{}
		for _, a := range e.Associations {
			list = append(list, m{"policyArn": a.Policy, "accessScope": m{"type": a.Scope.Type(), "namespaces": append([]string{}, a.Scope.Namespaces...)}})
		}
		return f.ok(m{"associatedAccessPolicies": list})
	case "AssociateAccessPolicy":
		f.wrote(op, name, e.Principal, in.PolicyArn)
		e.Associations = slices.DeleteFunc(e.Associations, func(a access.Association) bool { return a.Policy == in.PolicyArn })
		e.Associations = append(e.Associations, access.Association{Policy: in.PolicyArn,
			Scope: access.Scope{Cluster: in.AccessScope.Type == "cluster", Namespaces: in.AccessScope.Namespaces}})
		e.Normalize()
		return f.ok(m{})
	case "DisassociateAccessPolicy":
		if !had {
			return f.failure(404, "ResourceNotFoundException", "no such association")
		}
		f.wrote(op, name, e.Principal, policy)
		e.Associations = slices.Delete(e.Associations, i, i+1)
		return f.ok(m{})
	}
	return f.failure(400, "InvalidRequestException", "not known to the test: "+op)
}

type m map[string]any

func shown(cluster string, e *access.Entry) m {
	return m{"clusterName": cluster, "principalArn": e.Principal, "type": e.Type, "username": e.Username,
		"kubernetesGroups": append([]string{}, e.Groups...), "tags": e.Tags, "accessEntryArn": e.ARN, "createdAt": e.CreatedAt.Unix()}
}

const (
	accountID = "492000000148"
	callerARN = "arn:aws:sts::" + accountID + ":assumed-role/tf-admin/ci-17"
)

// open gives the real clients over the fake.
func (f *fakeEKS) open(t *testing.T) *cloud.Cloud {
	t.Helper()
	c, err := cloud.Open(t.Context(), []access.Account{account()}, cloud.Options{
		Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", ""), HTTPClient: f,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func account() access.Account {
	return access.Account{Name: "main", ID: accountID, Partition: "aws", Regions: []string{"us-east-1"}}
}

// state is what the fake holds, without what only AWS sets.
func (f *fakeEKS) state() map[string]map[string]access.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]map[string]access.Entry{}
	for name, c := range f.clusters {
		out[name] = map[string]access.Entry{}
		for p, e := range c.entries {
			x := *e.Clone()
			x.ARN, x.CreatedAt = "", time.Time{}
			out[name][short(p)] = x
		}
	}
	return out
}
