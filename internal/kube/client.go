// Package kube is the way to one EKS cluster's own API server: a bearer token,
// the reads of RBAC that a plan rests on, and the writes of bindings.
//
// It speaks HTTP and JSON itself: the few kinds that are needed are small, and
// Kubernetes' client libraries would double the build.
//
// Of every call it guarantees: it goes to the endpoint that was given and
// nowhere else, over TLS that trusts the cluster's own authority alone; no
// redirect is followed; a bounded number is in flight; it ends in finite time;
// a read is tried again after a lost connection or a server's fault, a write
// is not; both wait as long as the server asks (Retry-After). An answer that is
// cut is an error and never an empty list.
package kube

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// TokenSource gives a bearer token and when it ends.
type TokenSource func(context.Context) (token string, until time.Time, err error)

// Cluster says where an API server is and how to be known there.
type Cluster struct {
	Name     string // in errors: what people call the cluster
	Endpoint string // https URL
	CA       string // PEM
	Token    TokenSource
	// Agent is the User-Agent; "atlas-iam" if empty.
	Agent string
	// Transport replaces the network's, with CA unused; nil is the network.
	Transport http.RoundTripper
}

// Dialer opens the way to a cluster; Dial is one.
type Dialer func(Cluster) (*Client, error)

// Client calls one cluster's API server. It is safe for use by several
// goroutines.
type Client struct {
	cluster Cluster
	base    *url.URL
	http    *http.Client
	slots   chan struct{}

	mu    sync.Mutex
	token string
	until time.Time
}

// How long and how often.
const (
	inFlight      = 8
	dialTimeout   = 10 * time.Second
	callTimeout   = 30 * time.Second // of one request and its answer
	attempts      = 3                // of a read that fails on the way
	firstDelay    = 250 * time.Millisecond
	patience      = time.Minute      // of nothing but Retry-After
	longestWait   = 20 * time.Second // of one Retry-After
	tokenMargin   = time.Minute      // a token is renewed so long before it ends
	largestAnswer = 64 << 20
)

// Dial prepares the way to a cluster; nothing is sent.
func Dial(c Cluster) (*Client, error) {
	base, err := url.Parse(c.Endpoint)
	if err != nil || base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("reach the API server of cluster %s: %q is no https URL of a server", c.Name, c.Endpoint)
	}
	base.Path = strings.TrimRight(base.Path, "/")
	transport := c.Transport
	if transport == nil {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(c.CA)) {
			return nil, fmt.Errorf("reach the API server of cluster %s: its certificate authority is no PEM certificate", c.Name)
		}
		transport = network(roots)
	}
	return &Client{
		cluster: c, base: base, slots: make(chan struct{}, inFlight),
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// network is a transport that trusts a cluster's authority alone. Proxies are
// those of the environment, as the AWS SDK's; what is on this machine is
// reached without.
func network(roots *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if loopback(r.URL.Hostname()) {
				return nil, nil
			}
			return http.ProxyFromEnvironment(r)
		},
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: inFlight,
		IdleConnTimeout:     90 * time.Second,
	}
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one request, said so that an error can say it.
type call struct {
	verb, object string // "list", "clusterroles"; "apply", "rolebinding dev/x"
	method, path string
	query        url.Values
	body         []byte
	contentType  string
	accept       string // empty: JSON
}

func (r *call) reads() bool { return r.method == http.MethodGet }

// do makes a call and gives the answer's body; see the package's guarantees. A
// refusal is an *Error.
func (c *Client) do(ctx context.Context, r call) ([]byte, Answer, error) {
	var (
		failed, refreshed = 0, false
		until             = time.Now().Add(patience)
	)
	for delay := firstDelay; ; delay *= 2 {
		body, a, err := c.once(ctx, &r)
		if err == nil {
			return body, a, nil
		}
		var e *Error
		wait := delay
		switch {
		case ctx.Err() != nil || !errors.As(err, &e):
			return nil, a, err
		case e.Status == http.StatusUnauthorized && !refreshed:
			refreshed = true // the session behind the token may have ended early
			c.forget()
			continue
		case e.RetryAfter > 0 && (e.Status == http.StatusTooManyRequests || r.reads()):
			if wait = min(e.RetryAfter, longestWait); time.Now().Add(wait).After(until) {
				return nil, a, err
			}
		case r.reads() && (e.Status == 0 && !e.Final || e.Status >= 500):
			if failed++; failed >= attempts {
				return nil, a, err
			}
		default:
			return nil, a, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, a, err
		}
	}
}

// Answer is what a log keeps of one.
type Answer struct{ AuditID string }

// once sends a request and reads the whole of its answer.
func (c *Client) once(ctx context.Context, r *call) ([]byte, Answer, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, Answer{}, ctx.Err()
	}
	token, err := c.bearer(ctx)
	if err != nil {
		return nil, Answer{}, &Error{Verb: r.verb, Object: r.object, Cluster: c.cluster.Name, Err: err, Final: true, unsent: true}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	u := *c.base
	u.Path += r.path
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), strings.NewReader(string(r.body)))
	if err != nil {
		return nil, Answer{}, fmt.Errorf("%s %s of cluster %s: %w", r.verb, r.object, c.cluster.Name, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", cmp.Or(r.accept, "application/json"))
	req.Header.Set("User-Agent", agent(c.cluster.Agent))
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, Answer{}, c.lost(r, err)
	}
	defer resp.Body.Close()
	a := Answer{AuditID: resp.Header.Get("Audit-Id")}
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer+1))
	switch {
	case err != nil:
		e := c.lost(r, fmt.Errorf("the answer was cut: %w", err))
		e.AuditID = a.AuditID
		return nil, a, e
	case len(body) > largestAnswer:
		return nil, a, &Error{Verb: r.verb, Object: r.object, Cluster: c.cluster.Name, Err: errors.New("the answer is longer than any of an API server's"), Final: true, AuditID: a.AuditID}
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, a, c.refused(r, resp, body)
	}
	return body, a, nil
}

func agent(s string) string {
	if s == "" {
		return "atlas-iam"
	}
	return s
}

// bearer is the token, renewed in time.
func (c *Client) bearer(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && time.Now().Before(c.until.Add(-tokenMargin)) {
		return c.token, nil
	}
	token, until, err := c.cluster.Token(ctx)
	if err != nil {
		return "", err
	}
	c.token, c.until = token, until
	return token, nil
}

func (c *Client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = ""
}
