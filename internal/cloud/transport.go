package cloud

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// largestAnswer bounds an answer's body. AWS's largest by far is a page of
// 1,000 roles with their trust policies, percent-encoded.
const largestAnswer = 64 << 20

// errTooLong is an answer that did not end.
var errTooLong = errors.New("the answer is longer than any of AWS's")

// transportOptions shape the connections of the SDK's clients. What is meant
// for this machine goes to it, whatever proxy is configured and whatever a
// name server says of names beneath localhost: it may be in the clear.
func transportOptions(t *http.Transport) {
	t.MaxIdleConnsPerHost = 2 * DefaultMaxInFlight
	proxy, dial := t.Proxy, t.DialContext
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if proxy == nil || isLoopback(r.URL.Hostname()) {
			return nil, nil
		}
		return proxy(r)
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || net.ParseIP(host) != nil || !isLoopback(host) {
			return dial(ctx, network, addr)
		}
		conn, err := dial(ctx, network, net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			if six, err6 := dial(ctx, network, net.JoinHostPort("::1", port)); err6 == nil {
				return six, nil
			}
		}
		return conn, err
	}
}

// steadfast is a client that goes where it is sent and nowhere else: AWS's
// APIs never redirect, and who does would get signed requests and session
// tokens. Answers have a bounded length.
func steadfast(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     boundedTransport{t},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type boundedTransport struct{ http.RoundTripper }

func (b boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &boundedBody{resp.Body, largestAnswer}
	}
	return resp, err
}

// boundedBody fails once more than left bytes were read.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

// withoutSecrets is an endpoint as it may be shown and saved: without user and
// password.
func withoutSecrets(endpoint string) string {
	if !strings.ContainsAny(endpoint, "@?#") {
		return endpoint
	}
	return redacted(endpoint)
}
