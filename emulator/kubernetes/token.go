package kubernetes

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
)

// The form of a cluster token. (aws-iam-authenticator, pkg/token)
const (
	tokenPrefix   = "k8s-aws-v1."
	longestToken  = 4096
	clusterHeader = "x-k8s-aws-id"
	tokenLife     = 15 * time.Minute
	longestExpiry = 900 // seconds
	dateForm      = "20060102T150405Z"
)

// parameters are all that the query of a token may hold, in any letter case.
var parameters = []string{
	"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires",
	"x-amz-security-token", "x-amz-signature", "x-amz-signedheaders",
}

// malformed is the refusal of a token before STS is asked.
func malformed(format string, args ...any) error {
	return fmt.Errorf("input token was not properly formatted: "+format, args...)
}

// presigned is a token's request to STS, with what it claims.
type presigned struct {
	request     *http.Request
	accessKeyID string
}

// open checks a token in the order in which EKS's authenticator does and gives
// the request to STS that it stands for, bound to this cluster: a token made
// for another one has another signature. Nothing in it is true until STS says
// so. (aws-iam-authenticator, pkg/token, Verify)
func open(token string, c eks.Cluster, loopback func(host string) bool, now time.Time) (presigned, error) {
	if len(token) > longestToken {
		return presigned{}, malformed("token is too large")
	}
	encoded, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok {
		return presigned{}, malformed("token is missing expected %q prefix", tokenPrefix)
	}
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return presigned{}, malformed("%v", err)
	}
	u, err := url.Parse(string(decoded))
	if err != nil {
		return presigned{}, malformed("the presigned URL cannot be read")
	}
	region, err := stsRegion(u, c, loopback)
	if err != nil {
		return presigned{}, err
	}
	if u.Path != "/" {
		return presigned{}, malformed("unexpected path in pre-signed URL")
	}
	q, err := singleParameters(u.RawQuery)
	if err != nil {
		return presigned{}, err
	}
	if err := checkParameters(q, now); err != nil {
		return presigned{}, err
	}
	scope := strings.Split(q["x-amz-credential"], "/")
	// From here on it is STS's to refuse; what the lab's front would not see is
	// refused for it. Assumption sts-region: an endpoint of STS takes signatures
	// of its own Region, the global one those of us-east-1.
	if len(scope) != 5 || scope[3] != "sts" || region != "" && scope[2] != region {
		return presigned{}, fmt.Errorf("sts getCallerIdentity failed: Credential should be scoped to a valid region and service, got %q", q["x-amz-credential"])
	}
	if u.User != nil {
		return presigned{}, fmt.Errorf("sts getCallerIdentity failed: the request is signed more than once")
	}
	r := &http.Request{
		Method: http.MethodGet, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
		Header: http.Header{}, RemoteAddr: "127.0.0.1:0",
	}
	r.Header.Set(clusterHeader, c.Name)
	r.Header.Set("Accept", "application/json")
	return presigned{r, scope[0]}, nil
}

// stsRegion checks scheme and host of a token and gives the Region whose STS
// it is made for; empty for the lab's own endpoint, which serves all. That
// one, and plain http to it, is where the lab differs from EKS: it is what
// `aws eks get-token` presigns when AWS_ENDPOINT_URL leads to the lab.
func stsRegion(u *url.URL, c eks.Cluster, loopback func(host string) bool) (string, error) {
	if u.Scheme == "http" && loopback(u.Host) {
		return "", nil
	}
	if u.Scheme != "https" {
		return "", malformed("unexpected scheme %q in pre-signed URL", u.Scheme)
	}
	if u.Host == "sts.amazonaws.com" && c.Partition == "aws" {
		return "us-east-1", nil
	}
	label := strings.Split(u.Host, ".")
	if len(label) < 3 || !regionForm.MatchString(label[1]) || access.PartitionOf(label[1]) != c.Partition {
		return "", malformed("unexpected hostname %q in pre-signed URL", u.Host)
	}
	if !slices.Contains(stsHosts(c.Partition, label[1]), u.Host) {
		return "", malformed("unexpected hostname %q in pre-signed URL", u.Host)
	}
	return label[1], nil
}

var regionForm = regexp.MustCompile(`^[[:alnum:]]([[:alnum:]\-]*[[:alnum:]])?$`)

// domains are those of a partition's endpoints: of ordinary ones and of those
// with IPv6; empty: there are none. (AWS SDKs, partitions metadata)
var domains = map[string][2]string{
	"aws":        {"amazonaws.com", "api.aws"},
	"aws-us-gov": {"amazonaws.com", "api.aws"},
	"aws-cn":     {"amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	"aws-eusc":   {"amazonaws.eu", "api.amazonwebservices.eu"},
	"aws-iso":    {"c2s.ic.gov", ""},
	"aws-iso-b":  {"sc2s.sgov.gov", ""},
	"aws-iso-e":  {"cloud.adc-e.uk", ""},
	"aws-iso-f":  {"csp.hci.ic.gov", ""},
}

// stsHosts are the names of a Region's STS: ordinary, FIPS, with IPv6, both.
// (AWS SDKs, endpoint rules of STS)
func stsHosts(partition, region string) []string {
	d := domains[partition]
	hosts := []string{"sts." + region + "." + d[0]}
	if partition != "aws-us-gov" { // where the ordinary endpoints are FIPS's
		hosts = append(hosts, "sts-fips."+region+"."+d[0])
	}
	if d[1] != "" {
		hosts = append(hosts, "sts."+region+"."+d[1], "sts-fips."+region+"."+d[1])
	}
	return hosts
}

// singleParameters reads a query in which each name stands once, whatever its
// letter case, with one value, and none that is not in parameters: what checks
// the one and what acts on the other could differ (CVE-2022-2385).
func singleParameters(raw string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, malformed("the query of the pre-signed URL cannot be read")
	}
	single := map[string]string{}
	for name, list := range values {
		folded := strings.ToLower(name)
		if _, twice := single[folded]; twice || len(list) != 1 {
			return nil, malformed("duplicate query parameter found: %q", name)
		}
		single[folded] = list[0]
	}
	for name := range single {
		if !slices.Contains(parameters, name) {
			return nil, malformed("non-whitelisted query parameter %q", name)
		}
	}
	return single, nil
}

func checkParameters(q map[string]string, now time.Time) error {
	if q["action"] != "GetCallerIdentity" {
		return malformed("unexpected action parameter in pre-signed URL: %q", q["action"])
	}
	if !slices.Contains(strings.Split(q["x-amz-signedheaders"], ";"), clusterHeader) {
		return malformed("client did not sign the %s header in the pre-signed URL", clusterHeader)
	}
	if seconds, err := strconv.Atoi(q["x-amz-expires"]); err != nil || seconds < 0 || seconds > longestExpiry {
		return malformed("invalid X-Amz-Expires parameter in pre-signed URL: %q", q["x-amz-expires"])
	}
	date, err := time.Parse(dateForm, q["x-amz-date"])
	if err != nil {
		return malformed("X-Amz-Date parameter %q is missing or not of the form %s", q["x-amz-date"], dateForm)
	}
	if expires := date.Add(tokenLife); now.After(expires) {
		return malformed("X-Amz-Date parameter is expired (%d minute expiration): %s", int(tokenLife.Minutes()), date.Format(dateForm))
	}
	return nil
}
