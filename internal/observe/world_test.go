package observe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

// world is an AWS beneath the real SDK, as little of one as a reading needs.
// It answers from its maps; fault may answer first.
type world struct {
	page    int           // items on a page; 0: what is asked for
	shuffle *rand.Rand    // order of lists; nil: sorted
	latency time.Duration // of every answer
	fault   func(c call) *reply

	mu       sync.Mutex
	accounts map[string]*worldAccount // by access key
	calls    []call
	times    map[call]int // how often each was made, tokens aside
}

type worldAccount struct {
	id       string
	users    []string // ARNs
	roles    []string
	whole    []worldRole                         // what is told of roles, whole
	oidc     map[string][]string                 // client IDs by issuer
	clusters map[string]map[string]*worldCluster // by region and name
}

type worldCluster struct {
	mode     string
	entries  map[string]*worldEntry
	endpoint string
	issuer   string
	auto     bool              // Auto Mode
	addons   map[string]string // status by name
	pods     []map[string]any  // associations in EKS's form
}

// worldRole is a role as IAM tells it whole.
type worldRole struct {
	ARN, Trust, Boundary string
	Inline               map[string]string
	Managed              []string
	Tags                 map[string]string
}

type worldEntry struct {
	Type, Username string
	Groups         []string
	Tags           map[string]string
	Policies       []worldPolicy
}

type worldPolicy struct {
	ARN        string
	Scope      string
	Namespaces []string
}

// call is a request as the world saw it.
type call struct {
	account, region, service, operation string
	cluster, principal, token           string
	nth                                 int // of this operation on this cluster and principal, from 1
}

// reply is a made answer; err is the transport's.
type reply struct {
	status int
	body   string
	err    error
}

func refuse(status int, code, message string) *reply {
	return &reply{status: status, body: fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message)}
}

func refuseQuery(status int, code, message string) *reply {
	return &reply{status: status, body: `<ErrorResponse><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error></ErrorResponse>`}
}

// when gives r to the calls of an operation.
func when(operation string, r *reply) func(call) *reply {
	return func(c call) *reply {
		if c.operation == operation {
			return r
		}
		return nil
	}
}

func (w *world) Do(r *http.Request) (*http.Response, error) {
	time.Sleep(w.latency)
	c, form := readCall(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.accounts[c.account]
	if a != nil {
		c.account = a.id
	}
	key := c
	key.token = ""
	if w.times == nil {
		w.times = make(map[call]int)
	}
	w.times[key]++
	c.nth = w.times[key]
	w.calls = append(w.calls, c)
	var out *reply
	if w.fault != nil {
		out = w.fault(c)
	}
	switch {
	case out != nil:
	case a == nil:
		out = refuseQuery(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	case c.service == "eks":
		out = w.eks(a, c, r.URL.Query())
	default:
		out = w.query(a, c, form)
	}
	if out.err != nil {
		return nil, out.err
	}
	return &http.Response{
		StatusCode: out.status, Status: http.StatusText(out.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"X-Amzn-Requestid": {"r" + strconv.Itoa(len(w.calls))}},
		Body:   io.NopCloser(strings.NewReader(out.body)), ContentLength: int64(len(out.body)), Request: r,
	}, nil
}

// readCall reads who asks for what; account is the access key.
func readCall(r *http.Request) (call, url.Values) {
	_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	parts := append(strings.Split(signed, "/"), "", "", "", "")
	c := call{account: parts[0], region: parts[2], service: parts[3]}
	var form url.Values
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		form, _ = url.ParseQuery(string(b))
	}
	if c.service != "eks" {
		c.operation, c.token = form.Get("Action"), form.Get("Marker")
		return c, form
	}
	path := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for i := range path {
		path[i], _ = url.PathUnescape(path[i])
	}
	c.token = r.URL.Query().Get("nextToken")
	if len(path) > 1 {
		c.cluster = path[1]
	}
	if len(path) > 3 {
		c.principal = path[3]
	}
	if len(path) > 2 && path[2] == "pod-identity-associations" {
		c.operation = map[int]string{3: "ListPodIdentityAssociations", 4: "DescribePodIdentityAssociation"}[len(path)]
		return c, form
	}
	if len(path) == 4 && path[2] == "addons" {
		c.operation = "DescribeAddon"
		return c, form
	}
	c.operation = [...]string{"", "ListClusters", "DescribeCluster", "ListAccessEntries", "DescribeAccessEntry", "ListAssociatedAccessPolicies"}[len(path)]
	return c, form
}

func (w *world) eks(a *worldAccount, c call, q url.Values) *reply {
	clusters := a.clusters[c.region]
	if c.operation == "ListClusters" {
		return w.list("clusters", sortedKeys(clusters), q)
	}
	cl, ok := clusters[c.cluster]
	if !ok {
		return refuse(404, "ResourceNotFoundException", "No cluster found for name: "+c.cluster+".")
	}
	if c.operation == "DescribeCluster" {
		described := map[string]any{"name": c.cluster, "status": "ACTIVE", "accessConfig": map[string]any{"authenticationMode": cl.mode}}
		if cl.endpoint != "" {
			described["endpoint"], described["certificateAuthority"] = cl.endpoint, map[string]any{"data": "UEVN"}
		}
		if cl.issuer != "" {
			described["identity"] = map[string]any{"oidc": map[string]any{"issuer": "https://" + cl.issuer}}
		}
		if cl.auto {
			described["computeConfig"] = map[string]any{"enabled": true}
		}
		return ok200(map[string]any{"cluster": described})
	}
	if r := w.workloads(cl, c, q); r != nil {
		return r
	}
	if cl.mode == "CONFIG_MAP" {
		return refuse(400, "InvalidRequestException", "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
	}
	if c.operation == "ListAccessEntries" {
		return w.list("accessEntries", sortedKeys(cl.entries), q)
	}
	e, ok := cl.entries[c.principal]
	if !ok {
		return refuse(404, "ResourceNotFoundException", "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.")
	}
	if c.operation == "DescribeAccessEntry" {
		return ok200(map[string]any{"accessEntry": map[string]any{
			"clusterName": c.cluster, "principalArn": c.principal, "kubernetesGroups": w.order(e.Groups), "username": e.Username, "type": e.Type, "tags": e.Tags,
			"accessEntryArn": "arn:aws:eks:" + c.region + ":" + a.id + ":access-entry/" + c.cluster + "/x", "createdAt": 1760000000.25, "modifiedAt": 1760000000.25,
		}})
	}
	var items []any
	policies := slices.Clone(e.Policies)
	if w.shuffle != nil {
		slices.Reverse(policies) // one order for all pages
	}
	for _, p := range policies {
		items = append(items, map[string]any{"policyArn": p.ARN, "accessScope": map[string]any{"type": p.Scope, "namespaces": w.order(p.Namespaces)}, "associatedAt": 1760000000.5, "modifiedAt": 1760000000.5})
	}
	return w.list("associatedAccessPolicies", items, q)
}

// list is a page of items; a token is the place to go on from.
func (w *world) list(member string, items any, q url.Values) *reply {
	all := toAny(items)
	if names, ok := items.([]string); ok && w.shuffle != nil {
		// One order for all pages: a list is the same list.
		slices.SortFunc(names, func(x, y string) int { return strings.Compare(reversed(x), reversed(y)) })
		all = toAny(names)
	}
	most, _ := strconv.Atoi(q.Get("maxResults"))
	if w.page > 0 {
		most = min(w.page, most)
	}
	from, _ := strconv.Atoi(q.Get("nextToken"))
	out := map[string]any{member: all[from:min(len(all), from+most)]}
	if from+most < len(all) {
		out["nextToken"] = strconv.Itoa(from + most)
	}
	return ok200(out)
}

func (w *world) query(a *worldAccount, c call, form url.Values) *reply {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%sResponse><%sResult>", c.operation, c.operation)
	switch c.operation {
	case "GetCallerIdentity":
		fmt.Fprintf(&b, "<Arn>arn:aws:iam::%s:user/me</Arn><UserId>AIDAME</UserId><Account>%s</Account>", a.id, a.id)
	case "ListUsers", "ListRoles":
		arns, list, id, trusted := a.users, "Users", "UserId", ""
		if c.operation == "ListRoles" {
			arns, list, id = a.roles, "Roles", "RoleId"
			trusted = "<AssumeRolePolicyDocument>" + url.PathEscape(podsTrust) + "</AssumeRolePolicyDocument>"
		}
		from, to := w.pageOf(len(arns), form)
		fmt.Fprintf(&b, "<%s>", list)
		for _, arn := range arns[from:to] {
			fmt.Fprintf(&b, "<member><Path>/</Path><Arn>%s</Arn><%s>ID%s</%s><CreateDate>2025-01-02T03:04:05Z</CreateDate><Description>of tests</Description><MaxSessionDuration>7200</MaxSessionDuration>%s</member>", arn, id, arn[len(arn)-3:], id, trusted)
		}
		fmt.Fprintf(&b, "</%s><IsTruncated>%v</IsTruncated>", list, to < len(arns))
		if to < len(arns) {
			fmt.Fprintf(&b, "<Marker>%d</Marker>", to)
		}
	default:
		w.queryWorkloads(&b, a, c, form)
	}
	fmt.Fprintf(&b, "</%sResult></%sResponse>", c.operation, c.operation)
	return &reply{status: 200, body: b.String()}
}

// count gives how many calls of each operation were made.
func (w *world) count() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := make(map[string]int)
	for _, c := range w.calls {
		n[c.operation]++
	}
	return n
}

func ok200(v any) *reply {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return &reply{status: 200, body: string(b)}
}

func (w *world) order(s []string) []string {
	if s == nil {
		return []string{}
	}
	return shuffled(w.shuffle, s)
}

func shuffled[T any](r *rand.Rand, s []T) []T {
	s = slices.Clone(s)
	if r != nil {
		r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	}
	return s
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func toAny(items any) []any {
	out := []any{}
	switch s := items.(type) {
	case []string:
		for _, i := range s {
			out = append(out, i)
		}
	case []any:
		out = append(out, s...)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// The world of most tests: two accounts; main has three clusters in two
// regions, one of them in CONFIG_MAP mode.
const (
	mainID    = "492000000148"
	otherID   = "111122223333"
	oleksii   = "arn:aws:iam::492000000148:user/oleksii"
	deploy    = "arn:aws:iam::492000000148:role/ci/deploy"
	nodes     = "arn:aws:iam::492000000148:role/nodes"
	editARN   = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
	viewARN   = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
	adminARN  = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
	createdAt = "2025-10-09T08:53:20.25Z"
)

func newWorld() *world {
	return &world{accounts: map[string]*worldAccount{
		"AKIAMAIN": {id: mainID, users: []string{oleksii, "arn:aws:iam::492000000148:user/qa/anna"}, roles: []string{nodes, deploy},
			clusters: map[string]map[string]*worldCluster{
				"us-east-1": {
					"test": {mode: "API_AND_CONFIG_MAP", entries: map[string]*worldEntry{
						oleksii: {Type: "STANDARD", Username: oleksii, Groups: []string{"qa", "backend"}, Tags: map[string]string{"a": "b"}, Policies: []worldPolicy{
							{viewARN, "cluster", nil}, {editARN, "namespace", []string{"*session*", "*backend*"}}}},
						deploy: {Type: "STANDARD", Username: "deploy", Policies: []worldPolicy{{adminARN, "cluster", nil}}},
						nodes:  {Type: "EC2_LINUX", Username: "system:node:{{EC2PrivateDNSName}}", Groups: []string{"system:nodes"}},
					}},
					"old": {mode: "CONFIG_MAP"},
				},
				"eu-west-1": {"empty": {mode: "API", entries: map[string]*worldEntry{}}},
			}},
		"AKIAOTHER": {id: otherID, clusters: map[string]map[string]*worldCluster{"us-east-1": {"far": {mode: "API", entries: map[string]*worldEntry{}}}}},
	}}
}

func mainAccount() access.Account {
	return access.Account{Name: "main", ID: mainID, Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}}
}

// read reads main with the world's key.
func read(t *testing.T, w *world, o Options, accounts ...access.Account) (*access.Snapshot, error) {
	t.Helper()
	if accounts == nil {
		accounts = []access.Account{mainAccount()}
	}
	return Read(t.Context(), openCloud(t, w, accounts...), accounts, o)
}

func openCloud(t *testing.T, w *world, accounts ...access.Account) *cloud.Cloud {
	t.Helper()
	c, err := cloud.Open(t.Context(), accounts, cloud.Options{Credentials: credentials.NewStaticCredentialsProvider("AKIAMAIN", "s", ""), HTTPClient: w})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
