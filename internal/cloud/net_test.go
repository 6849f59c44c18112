package cloud

import (
	"net"
	"net/url"
	"os"
	"syscall"
)

// errRefused is what net/http gives when nothing listens.
func errRefused() error {
	return &url.Error{Op: "Post", URL: "https://eks.us-east-1.amazonaws.com/", Err: &net.OpError{
		Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
}

// errReset is what net/http gives when the connection ends before the answer.
func errReset() error {
	return &url.Error{Op: "Post", URL: "https://eks.us-east-1.amazonaws.com/", Err: &net.OpError{
		Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}}
}
