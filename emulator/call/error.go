package call

import (
	"fmt"
	"net/http"
)

// Error is an error as AWS answers it.
type Error struct {
	Code    string
	Message string
	Status  int               // HTTP status; 0 is 400
	Fields  map[string]string // further members of the error's shape: clusterName
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// HTTPStatus is the status to answer with.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// Errorf makes an *Error with status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// NotImplementedCode marks what AWS has and the lab has not. It is not a code
// of AWS's, so that nobody takes it for an answer of AWS.
const NotImplementedCode = "NotImplementedByLab"

// NotImplemented refuses an operation that the lab does not have; without one,
// the service.
func NotImplemented(service, operation string) *Error {
	what := service
	if operation != "" {
		what += ":" + operation
	}
	return &Error{
		Code: NotImplementedCode, Status: http.StatusNotImplemented,
		Message: "the lab does not have " + what + "; nothing was done",
	}
}
