// Package sigv4 checks AWS Signature Version 4 on requests: signed in the
// Authorization header, or presigned in the query.
//
// It is stricter than it need be where laxity has been a hole: a query
// parameter that stands twice (CVE-2022-2385), an x-amz header outside the
// signature, and a body that is not the one signed are refused.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	timeFormat = "20060102T150405Z"

	// Skew is how far a request's time may be from the server's.
	Skew = 15 * time.Minute
	// longest is the longest a presigned request may be valid.
	longest = 7 * 24 * time.Hour
)

// Kind says what is wrong with a signature; services have their own codes for
// it.
type Kind int

// The kinds of errors.
const (
	Missing    Kind = iota // no signature at all
	Incomplete             // a part of it is missing or malformed
	Mismatch               // it is not the one computed
	Expired                // too old, or from the future
)

// Error is a refused signature.
type Error struct {
	Kind    Kind
	Message string
}

func (e *Error) Error() string { return e.Message }

func incomplete(format string, args ...any) error {
	return &Error{Incomplete, fmt.Sprintf(format, args...)}
}

// Signature is what a request claims. Nothing of it may be trusted before
// Verify.
type Signature struct {
	AccessKeyID     string
	Region, Service string
	SessionToken    string
	Time            time.Time
	Presigned       bool

	date     string // of the scope
	headers  []string
	value    []byte
	lifetime time.Duration
}

// Parse reads the signature of r. The error is an *Error.
func Parse(r *http.Request) (*Signature, error) {
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	authorization := r.Header.Values("Authorization")
	_, presigned := query.get("X-Amz-Signature")
	switch {
	case len(authorization) > 1 || len(authorization) == 1 && presigned:
		return nil, incomplete("the request is signed more than once")
	case len(authorization) == 1:
		return parseHeader(r, authorization[0])
	case presigned:
		return parsePresigned(query)
	}
	return nil, &Error{Missing, "Missing Authentication Token"}
}

func parseHeader(r *http.Request, authorization string) (*Signature, error) {
	rest, ok := strings.CutPrefix(authorization, algorithm+" ")
	if !ok {
		return nil, incomplete("Authorization header requires the algorithm %s", algorithm)
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := fields[name]; !ok || twice {
			return nil, incomplete("Authorization header has a part that is malformed or stands twice: %q", name)
		}
		fields[name] = value
	}
	for _, want := range []string{"Credential", "SignedHeaders", "Signature"} {
		if fields[want] == "" {
			return nil, incomplete("Authorization header requires '%s' parameter.", want)
		}
	}
	s := &Signature{SessionToken: r.Header.Get("X-Amz-Security-Token")}
	date := r.Header.Get("X-Amz-Date")
	if len(r.Header.Values("X-Amz-Date")) != 1 || len(r.Header.Values("X-Amz-Security-Token")) > 1 {
		return nil, incomplete("the request requires one 'X-Amz-Date' header and at most one 'X-Amz-Security-Token'")
	}
	if err := s.fill(fields["Credential"], fields["SignedHeaders"], fields["Signature"], date); err != nil {
		return nil, err
	}
	for name := range r.Header {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "x-amz-") && !slices.Contains(s.headers, name) {
			return nil, &Error{Mismatch, fmt.Sprintf("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)}
		}
	}
	return s, nil
}

func parsePresigned(query query) (*Signature, error) {
	get := func(name string) string { v, _ := query.get(name); return v }
	if get("X-Amz-Algorithm") != algorithm {
		return nil, incomplete("the query requires 'X-Amz-Algorithm=%s'", algorithm)
	}
	s := &Signature{Presigned: true, SessionToken: get("X-Amz-Security-Token")}
	if err := s.fill(get("X-Amz-Credential"), get("X-Amz-SignedHeaders"), get("X-Amz-Signature"), get("X-Amz-Date")); err != nil {
		return nil, err
	}
	seconds, err := strconv.Atoi(get("X-Amz-Expires"))
	s.lifetime = time.Duration(seconds) * time.Second
	if _, present := query.get("X-Amz-Expires"); !present || s.Service == "sts" {
		// STS heeds no X-Amz-Expires: what is presigned for it holds for the
		// skew. (aws-facts 7.3, of cluster tokens)
		s.lifetime, err = Skew, nil
	}
	if err != nil || s.lifetime <= 0 || s.lifetime > longest {
		return nil, incomplete("'X-Amz-Expires' must be between 1 and %d seconds", int(longest.Seconds()))
	}
	return s, nil
}

// fill reads the parts that both forms have.
func (s *Signature) fill(credential, headers, signature, date string) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || slices.Contains(parts, "") || parts[4] != terminator {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got %q", credential)
	}
	s.AccessKeyID, s.date, s.Region, s.Service = parts[0], parts[1], parts[2], parts[3]
	var err error
	if s.Time, err = time.Parse(timeFormat, date); err != nil {
		return incomplete("Date must be in ISO-8601 'basic format'. Got %q. See http://en.wikipedia.org/wiki/ISO_8601", date)
	}
	if s.date != date[:8] {
		return &Error{Mismatch, fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: %q != %q.", s.date, date[:8])}
	}
	s.headers = strings.Split(headers, ";")
	if !slices.IsSorted(s.headers) || len(slices.Compact(slices.Clone(s.headers))) != len(s.headers) || strings.ToLower(headers) != headers {
		return incomplete("SignedHeaders must be in lower case, sorted and without doubles: %q", headers)
	}
	if !slices.Contains(s.headers, "host") {
		return &Error{Mismatch, "'Host' must be a 'SignedHeader' in the AWS Authorization."}
	}
	if s.value, err = hex.DecodeString(signature); err != nil || len(s.value) != sha256.Size || strings.ToLower(signature) != signature {
		return incomplete("Signature must be %d lower-case hexadecimal digits", 2*sha256.Size)
	}
	return nil
}

// Verify checks s against the request it was parsed from, its body and the
// secret of s.AccessKeyID, at the time now. The error is an *Error.
func (s *Signature) Verify(r *http.Request, body []byte, secret string, now time.Time) error {
	if err := s.fresh(now); err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	payload := hex.EncodeToString(sum[:])
	switch stated := r.Header.Get("X-Amz-Content-Sha256"); {
	case stated == "" || stated == payload:
	case s.Service == "s3" && (stated == "UNSIGNED-PAYLOAD" || strings.HasPrefix(stated, "STREAMING-")):
		payload = stated // S3 lets bodies go unsigned, or signs their parts, which are not looked at here
	default:
		return mismatch()
	}
	canonical, err := s.canonical(r, payload)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(canonical))
	scope := strings.Join([]string{s.date, s.Region, s.Service, terminator}, "/")
	toSign := strings.Join([]string{algorithm, s.Time.Format(timeFormat), scope, hex.EncodeToString(digest[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.Region, s.Service, terminator, toSign} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	if !hmac.Equal(key, s.value) {
		return mismatch()
	}
	return nil
}

func mismatch() error {
	return &Error{Mismatch, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}
}

// fresh checks the request's time: within Skew of now, or, presigned, within
// its own lifetime.
func (s *Signature) fresh(now time.Time) error {
	life, ends := Skew, ""
	if s.Presigned {
		life = s.lifetime
	} else {
		ends = " - 15 min."
	}
	if from := now.Add(-life); s.Time.Before(from.Truncate(time.Second)) {
		return &Error{Expired, fmt.Sprintf("Signature expired: %s is now earlier than %s (%s%s)",
			s.Time.Format(timeFormat), from.UTC().Format(timeFormat), now.UTC().Format(timeFormat), ends)}
	}
	if until := now.Add(Skew); s.Time.After(until) {
		return &Error{Expired, fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 15 min.)",
			s.Time.Format(timeFormat), until.UTC().Format(timeFormat), now.UTC().Format(timeFormat))}
	}
	return nil
}

// canonical is the canonical request. (IAM User Guide, create a signed AWS
// API request)
func (s *Signature) canonical(r *http.Request, payload string) (string, error) {
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n")
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	if s.Service != "s3" { // whose paths are encoded once (IAM User Guide, the same page)
		path = escape(path, true)
	}
	b.WriteString(path + "\n")
	b.WriteString(query.canonical(s.Presigned) + "\n")
	for _, name := range s.headers {
		values := r.Header.Values(http.CanonicalHeaderKey(name))
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length": // net/http takes it out of the header
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(name + ":" + strings.Join(trimmed, ",") + "\n")
	}
	b.WriteString("\n" + strings.Join(s.headers, ";") + "\n" + payload)
	return b.String(), nil
}

type parameter struct{ name, value string }

// query is a query string in the order sent.
type query []parameter

// parseQuery splits a raw query. A name that stands twice in different case,
// or an X-Amz- name that stands twice, is refused: what reads the one could
// be shown the other. In a presigned request no name may stand twice.
// List parameters (tagKeys=a&tagKeys=b) are otherwise legal.
func parseQuery(raw string) (query, error) {
	var q query
	seen := map[string]string{}
	presigned := strings.Contains(strings.ToLower(raw), "x-amz-signature")
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, incomplete("the query string is malformed")
		}
		folded := strings.ToLower(n)
		before, twice := seen[folded]
		if twice && (before != n || presigned || strings.HasPrefix(folded, "x-amz-")) {
			return nil, incomplete("the query parameter %q stands more than once", n)
		}
		seen[folded] = n
		q = append(q, parameter{n, v})
	}
	return q, nil
}

func (q query) get(name string) (string, bool) {
	for _, p := range q {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

func (q query) canonical(presigned bool) string {
	var parts []string
	for _, p := range q {
		if presigned && p.name == "X-Amz-Signature" {
			continue
		}
		parts = append(parts, escape(p.name, false)+"="+escape(p.value, false))
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// escape percent-encodes all but unreserved characters, and slashes if keep.
func escape(s string, keep bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			strings.IndexByte("-_.~", c) >= 0, keep && c == '/':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}
