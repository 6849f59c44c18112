package cloud

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// WrongAccountError says that an account's credentials are another account's.
// Nothing but STS was called with them.
type WrongAccountError struct {
	Name   string // the account's name in the Environment
	Want   string // its id
	Got    string // the id STS gave
	Caller string // the ARN STS gave
}

func (e *WrongAccountError) Error() string {
	return fmt.Sprintf("account %s is %s in the Environment, but the credentials are account %s's (%s)", e.Name, e.Want, e.Got, e.Caller)
}

// callerError says that STS did not tell whom an account's credentials are.
type callerError struct {
	name, id string
	err      error
}

func (e *callerError) Error() string {
	return fmt.Sprintf("ask who we are in account %s (%s): %s", e.name, e.id, Reason(e.err))
}

func (e *callerError) Unwrap() error { return e.err }

// NoCredentialsError says that there are no usable base credentials.
type NoCredentialsError struct{ Err error }

func (e *NoCredentialsError) Error() string {
	return "no usable AWS credentials: set AWS_PROFILE or log in (`aws sso login`), or try the built-in lab with --local: " + last(e.Err)
}

func (e *NoCredentialsError) Unwrap() error { return e.Err }

// AssumeRoleError says that an account's role could not be assumed.
type AssumeRoleError struct {
	Account, Role string
	Err           error
}

func (e *AssumeRoleError) Error() string {
	return fmt.Sprintf("assume %s for account %s: %s", e.Role, e.Account, Reason(e.Err))
}

func (e *AssumeRoleError) Unwrap() error { return e.Err }

// InsecureEndpointError refuses an endpoint in the clear that is not on
// loopback: credentials and answers would be readable on the way.
type InsecureEndpointError struct {
	Endpoint  string // without user, password and query
	Malformed bool
}

func (e *InsecureEndpointError) Error() string {
	if e.Malformed {
		return fmt.Sprintf("the endpoint %s is not an http or https URL", e.Endpoint)
	}
	return fmt.Sprintf("the endpoint %s is plain http and not on this machine; use https (endpoints come from AWS_ENDPOINT_URL*, endpoint_url of a profile, or --endpoint)", e.Endpoint)
}

// LabKeyError refuses to send a key of the lab anywhere but loopback.
type LabKeyError struct{ Endpoint string }

func (e *LabKeyError) Error() string {
	return fmt.Sprintf("the credentials are the lab's and would go to %s: set AWS_ENDPOINT_URL to the lab's address, or use --local", e.Endpoint)
}

// ThrottledOutError ends a call that AWS did nothing but throttle.
type ThrottledOutError struct {
	After time.Duration
	Err   error
}

func (e *ThrottledOutError) Error() string {
	return fmt.Sprintf("throttled by AWS for %d minutes without an answer: %s", int(e.After.Minutes()), Reason(e.Err))
}

func (e *ThrottledOutError) Unwrap() error { return e.Err }

// Code is AWS's error code in err, or "".
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Status is the HTTP status that err came with, or 0.
func Status(err error) int {
	var re *awshttp.ResponseError
	if errors.As(err, &re) {
		return re.HTTPStatusCode()
	}
	return 0
}

// ErrorRequestID is AWS's id of the request that err came from, or "".
func ErrorRequestID(err error) string {
	var re *awshttp.ResponseError
	if errors.As(err, &re) {
		return re.ServiceRequestID()
	}
	return ""
}

// IsNotFound reports whether AWS said that the thing asked for is not there.
func IsNotFound(err error) bool {
	switch Code(err) {
	case "ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException":
		return true
	}
	return false
}

// IsDenied reports whether AWS refused for want of a right.
func IsDenied(err error) bool {
	switch Code(err) {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation":
		return true
	}
	return false
}

// IsThrottle reports whether AWS refused because of too many calls; it did
// nothing then.
func IsThrottle(err error) bool {
	switch Code(err) {
	case "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
		"TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "BandwidthLimitExceeded", "PriorRequestNotComplete":
		return true
	}
	return Status(err) == http.StatusTooManyRequests
}

// IsClock reports whether AWS refused a signature for its time. Services of
// the query protocol say SignatureDoesNotMatch, the others
// InvalidSignatureException, with these words.
func IsClock(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
		return true
	case "InvalidSignatureException", "SignatureDoesNotMatch":
		m := api.ErrorMessage()
		return strings.Contains(m, "Signature expired") || strings.Contains(m, "Signature not yet current")
	}
	return false
}

// isExpired reports whether AWS refused a session that has ended.
func isExpired(err error) bool {
	switch Code(err) {
	case "ExpiredToken", "ExpiredTokenException":
		return true
	}
	return false
}

// Unknown reports whether a write that ended with err may have been done all
// the same: AWS failed inside, or the answer was lost. Its caller must read to
// know. False means that AWS refused it or that it never got there.
func Unknown(err error) bool {
	if err == nil {
		return false
	}
	if s := Status(err); s != 0 {
		return s >= 500 && !IsThrottle(err) || s < 300
	}
	return sent(err)
}

// Reason says in one short line why a call failed: AWS's code and words, or
// the network's, without the SDK's frames around them.
func Reason(err error) string {
	var (
		api     smithy.APIError
		wrong   *WrongAccountError
		none    *NoCredentialsError
		assume  *AssumeRoleError
		lab     *LabKeyError
		out     *ThrottledOutError
		timeout net.Error
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &wrong):
		return wrong.Error()
	case errors.As(err, &none):
		return none.Error()
	case errors.As(err, &lab):
		return lab.Error()
	case errors.As(err, &assume):
		return assume.Error()
	case errors.As(err, &out):
		return out.Error()
	case IsClock(err):
		errors.As(err, &api)
		return "this machine's clock is wrong, AWS refused the time of the signature (" + api.ErrorCode() + ": " + oneLine(api.ErrorMessage()) + ")"
	case errors.As(err, &api):
		if m := oneLine(api.ErrorMessage()); m != "" {
			return api.ErrorCode() + ": " + m
		}
		return api.ErrorCode()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time: " + last(err)
	}
	return last(err)
}

// shortestSecret is far below the length of AWS's, and above that of a word.
const shortestSecret = 16

// withoutEcho takes secrets out of AWS's words, should it repeat what it was
// sent: of a wrong signature it does.
func withoutEcho(err error, secrets []string) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	said := api.ErrorMessage()
	for _, s := range secrets {
		if len(s) >= shortestSecret {
			said = strings.ReplaceAll(said, s, "(...)")
		}
	}
	if said == api.ErrorMessage() {
		return err
	}
	return &discreetError{smithy.GenericAPIError{Code: api.ErrorCode(), Message: said, Fault: api.ErrorFault()}, err}
}

// discreetError is an error of AWS's with other words.
type discreetError struct {
	smithy.GenericAPIError
	err error
}

func (e *discreetError) Error() string { return e.GenericAPIError.Error() }
func (e *discreetError) Unwrap() error { return e.err }

// last is the innermost error's words: what happened, without who wrapped it,
// and for a request that was not answered the host. The words between are left
// out on purpose: they name local ports, and queries.
func last(err error) string {
	host := ""
	var request *url.Error
	if errors.As(err, &request) {
		if u, parseErr := url.Parse(request.URL); parseErr == nil && u.Host != "" {
			host = u.Host + ": "
		}
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return host + oneLine(err.Error())
		}
		err = inner
	}
}

// echoes begin what AWS repeats of a request in the refusal of its signature:
// headers, and the session's token among them.
func echoes() []string {
	return []string{"the canonical string for this request", "the string-to-sign should have been", "x-amz-security-token"}
}

// oneLine folds white space, keeps a text of the outside to a length, and
// leaves out what it repeats of the request.
func oneLine(s string) string {
	const most = 300
	s = strings.Join(strings.Fields(s), " ")
	for _, echo := range echoes() {
		if i := strings.Index(strings.ToLower(s), echo); i >= 0 {
			s = strings.TrimRight(strings.ToValidUTF8(s[:min(i, len(s))], ""), " ") + " (...)"
		}
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
