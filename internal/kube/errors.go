package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Error says what was attempted on which object of which cluster, and how it
// ended: Status is the server's, or 0 without an answer.
type Error struct {
	Verb, Object, Cluster string
	Status                int
	Code                  string // Kubernetes' reason: Forbidden, Conflict, ...
	Message               string // the server's
	AuditID               string
	RetryAfter            time.Duration
	Final                 bool  // trying again would not help
	Err                   error // what the network said, if Status is 0

	unsent bool // it never got there
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s %s of cluster %s: %s", e.Verb, e.Object, e.Cluster, e.Reason())
}

// Reason is the error without what was attempted: the server's words, or the
// network's.
func (e *Error) Reason() string {
	switch {
	case e.Status == 0:
		return "no answer: " + lastWords(e.Err)
	case e.Status == http.StatusUnauthorized:
		return "Unauthorized: the cluster does not know the caller, or not yet"
	case e.Message != "":
		return e.Code + ": " + oneLine(e.Message)
	}
	return e.Code
}

func (e *Error) Unwrap() error { return e.Err }

// Reason says in one short line why a call failed.
func Reason(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason()
	}
	return lastWords(err)
}

func status(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// Code is Kubernetes' reason in err, or "".
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// AuditID is the server's id of the request that err came from, or "".
func AuditID(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.AuditID
	}
	return ""
}

// IsNotFound reports whether the server said that the object is not there. A 404
// that is no Status of Kubernetes' may be anybody's on the way, and says nothing
// of the object.
func IsNotFound(err error) bool { return status(err) == http.StatusNotFound && Code(err) == "NotFound" }

// IsForbidden reports whether the server knows the caller and refuses.
func IsForbidden(err error) bool { return status(err) == http.StatusForbidden }

// IsUnauthorized reports whether the server does not know the caller.
func IsUnauthorized(err error) bool { return status(err) == http.StatusUnauthorized }

// IsConflict reports whether the object changed, or another field manager owns
// what would be set.
func IsConflict(err error) bool { return status(err) == http.StatusConflict }

// IsBusy reports whether the server refused because of too many calls; it did
// nothing then.
func IsBusy(err error) bool { return status(err) == http.StatusTooManyRequests }

// Unknown reports whether a write that ended with err may have been done all
// the same.
func Unknown(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return err != nil
	}
	return e.Status == 0 && !e.unsent || e.Status >= 500 || e.Status > 0 && e.Status < 300
}

// lost is a call without an answer.
func (c *Client) lost(r *call, err error) *Error {
	e := &Error{Verb: r.verb, Object: r.object, Cluster: c.cluster.Name, Err: err}
	var op *net.OpError
	var dns *net.DNSError
	e.unsent = errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
	return e
}

// refused reads a refusal. Only the words of a Kubernetes Status are taken:
// another body may be anybody's.
func (c *Client) refused(r *call, resp *http.Response, body []byte) *Error {
	e := &Error{Verb: r.verb, Object: r.object, Cluster: c.cluster.Name, Status: resp.StatusCode,
		Code: http.StatusText(resp.StatusCode), AuditID: resp.Header.Get("Audit-Id")}
	var s struct {
		Kind, Reason, Message string
	}
	if json.Unmarshal(body, &s) == nil && s.Kind == "Status" {
		e.Message = s.Message
		if s.Reason != "" {
			e.Code = s.Reason
		}
	}
	if e.Code == "" {
		e.Code = "status " + strconv.Itoa(resp.StatusCode)
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		e.Message, e.Final = "the server would send the call elsewhere", true
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}

// lastWords are the innermost error's: what happened, without who wrapped it,
// and for a request that was not answered the host.
func lastWords(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return hostOf(err) + "not in time"
	}
	host := hostOf(err)
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return host + oneLine(err.Error())
		}
		err = inner
	}
}

func hostOf(err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		if u, e := url.Parse(request.URL); e == nil && u.Host != "" {
			return u.Host + ": "
		}
	}
	return ""
}

// oneLine folds white space and keeps a text of the outside to a length.
func oneLine(s string) string {
	const most = 400
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
