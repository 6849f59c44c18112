package emulator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/kubernetes"
	"github.com/atlas-iam/atlas-iam/emulator/sigv4"
)

// largestBody bounds a request; IAM's largest is a policy of 131,072
// characters, percent-encoded.
const largestBody = 2 << 20

// ServeHTTP answers AWS's API, the OIDC issuers and the Pod Identity agents of
// its clusters, and the lab's own routes /healthz and /_lab/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.accepts(r.Host) {
		http.Error(w, fmt.Sprintf("the lab answers to loopback names only, not to %q", r.Host), http.StatusForbidden)
		return
	}
	switch {
	case r.URL.Path == "/healthz", strings.HasPrefix(r.URL.Path, "/_lab/"):
		s.serveLab(w, r)
		return
	case s.parts.Kubernetes != nil && strings.HasPrefix(r.URL.Path, kubernetes.IssuerPrefix):
		s.parts.Kubernetes.ServeIssuer(w, r, front{s})
		return
	case s.parts.EKSAuth != nil && r.URL.Path == AgentPath:
		s.serveAgent(w, r)
		return
	}
	id := newRequestID()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
	if err != nil {
		writeError(w, call.Protocol{}, id, &call.Error{Code: "RequestEntityTooLargeException", Message: "the request body is too large", Status: http.StatusRequestEntityTooLarge})
		return
	}
	resp, protocol, err := s.answer(r, body, id)
	if err != nil {
		writeError(w, protocol, id, apiError(err, protocol))
		return
	}
	writeResponse(w, id, resp)
}

// accepts reports whether host, a Host header, names the loopback or a name
// the lab was given. Anything else is a page in a browser whose name was made
// to point here (DNS rebinding).
func (s *Server) accepts(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if name == "localhost" {
		return true
	}
	for _, h := range s.o.Hosts {
		if name == strings.ToLower(h) {
			return true
		}
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

// answer is the way of an API request: admitted, and then the operation
// itself.
func (s *Server) answer(r *http.Request, body []byte, id string) (*call.Response, call.Protocol, error) {
	sleep(r.Context(), s.o.Latency)
	c, op, err := s.admit(r, body, id)
	if err != nil {
		return nil, c.Protocol, err
	}
	resp, err := s.runWithFault(r.Context(), c, op)
	return resp, c.Protocol, err
}

// admit finds a request's operation and lets it in: signature, caller, rate.
// The call has its protocol also where there is an error.
func (s *Server) admit(r *http.Request, body []byte, id string) (*call.Call, call.Operation, error) {
	signature, sigErr := sigv4.Parse(r)
	service, protocol := s.service(r, signature)
	c := &call.Call{
		RequestID: id, Now: s.o.Now(), SourceIP: sourceIP(r), Protocol: protocol, IAM: s.parts.IAM,
		Caller: call.Caller{Kind: call.Anonymous}, PageLimit: s.o.PageLimit,
	}
	req, err := newRequest(r, body, protocol)
	if err != nil {
		return c, call.Operation{}, err
	}
	op, routeErr := call.Operation{Name: guessOperation(req)}, error(nil)
	if service != nil {
		op, routeErr = service.Route(req)
	}
	c.Operation = op.Name
	switch {
	case sigErr == nil:
		err = s.authenticate(c, r, body, signature)
	case op.Unsigned && routeErr == nil && signatureMissing(sigErr):
		c.Service, c.Region = service.Name(), "us-east-1"
	default:
		err = signatureError(sigErr, protocol)
	}
	if err == nil && !s.limits.allow(limitKey{c.Account, c.Region, c.Service}, c.Now) {
		err = throttled(protocol)
	}
	if err == nil {
		err = routeErr
	}
	return c, op, err
}

func (s *Server) runWithFault(ctx context.Context, c *call.Call, op call.Operation) (*call.Response, error) {
	fault := s.fault(c)
	if fault.before() {
		return nil, fault.suffer(ctx, c)
	}
	resp, err := s.run(c, op, fault)
	switch {
	case fault == nil:
	case fault.Kind == FaultSlow:
		sleep(ctx, fault.Delay)
	default:
		return nil, fault.suffer(ctx, c)
	}
	return resp, err
}

// service finds the service that the signature's scope names. An unsigned
// request can only be one of a Query service: STS has operations that take
// it. A service that the lab does not have is nil.
func (s *Server) service(r *http.Request, signature *sigv4.Signature) (call.Service, call.Protocol) {
	name := "sts"
	switch {
	case signature != nil:
		name = signature.Service
	case !strings.HasPrefix(r.Header.Get("Content-Type"), formType) && r.URL.Query().Get("Action") == "":
		name = "eks"
	}
	for _, service := range s.parts.Services {
		if service.Name() != name {
			continue
		}
		if speaker, several := service.(call.Speaker); several {
			return service, speaker.Speaks(r.Header)
		}
		return service, service.Protocol()
	}
	return nil, call.Protocol{
		Query: strings.HasPrefix(r.Header.Get("Content-Type"), formType) || restXML[name],
		Typed: r.Header.Get("X-Amz-Target") != "",
	}
}

// restXML are services whose clients read errors as those of Query do.
var restXML = map[string]bool{"s3": true, "route53": true, "cloudfront": true}

const formType = "application/x-www-form-urlencoded"

func newRequest(r *http.Request, body []byte, p call.Protocol) (*call.Request, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, call.Errorf("ValidationException", "the query string is malformed")
	}
	req := &call.Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: query, Header: r.Header, Body: body}
	if !p.Query {
		return req, nil
	}
	req.Form = query
	if r.Method == http.MethodPost {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, call.Errorf("MalformedInput", "the form is malformed")
		}
		for name, values := range form {
			req.Form[name] = append(req.Form[name], values...)
		}
	}
	return req, singleParameters(req.Form)
}

// singleParameters refuses a form in which a name stands twice, in whatever
// case: what checks the one and what acts on the other could differ
// (CVE-2022-2385). Query lists are numbered, so no name need repeat.
func singleParameters(form url.Values) error {
	seen := map[string]bool{}
	for name, values := range form {
		folded := strings.ToLower(name)
		if len(values) > 1 || seen[folded] {
			return call.Errorf("MalformedQueryString", "the parameter %q stands more than once", name)
		}
		seen[folded] = true
	}
	return nil
}

// guessOperation names the operation of a service that the lab does not
// have, as far as its protocol tells.
func guessOperation(r *call.Request) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndexByte(target, '.')+1:]
	}
	return r.Form.Get("Action")
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "127.0.0.1"
	}
	return host
}

func signatureMissing(err error) bool {
	var e *sigv4.Error
	return errors.As(err, &e) && e.Kind == sigv4.Missing
}

func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
