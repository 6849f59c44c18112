// Package call is what the lab's front gives to a service: the call, who
// makes it, and how to ask whether it may. The front and the services know
// each other only through it.
package call

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// Protocol is how a service speaks.
type Protocol struct {
	Query     bool   // AWS Query with XML (IAM, STS); otherwise REST with JSON (EKS)
	Namespace string // XML namespace of a Query service's answers
	Typed     bool   // an error's code stands in its body too, as __type (AWS JSON: DynamoDB)
	RestXML   bool   // REST with XML (S3)
	CBOR      bool   // Smithy's RPC with CBOR (CloudWatch)
	// QueryCodes gives an error the code that it has in AWS Query too, for
	// services that once spoke that.
	QueryCodes bool
}

// XML reports whether errors are XML, with the codes of the older services.
func (p Protocol) XML() bool { return p.Query || p.RestXML }

// CBORType is the content type of CBOR.
const CBORType = "application/cbor"

// Service is one AWS service of the lab.
type Service interface {
	// Name is the service's signing name: "eks", "iam", "sts".
	Name() string
	Protocol() Protocol
	// Route finds the operation of a request from its form alone; it reads no
	// state. The error is an *Error.
	Route(*Request) (Operation, error)
}

// Speaker is a Service that speaks several protocols.
type Speaker interface {
	// Speaks tells the protocol of a request by its headers.
	Speaks(http.Header) Protocol
}

// Request is an HTTP request as a service needs it.
type Request struct {
	Method string
	Path   string // as sent: percent-encoded
	Query  url.Values
	Form   url.Values // of a Query service's body (or query string); nil otherwise
	Header http.Header
	Body   []byte
}

// Operation is what Route found.
type Operation struct {
	Name     string
	ReadOnly bool // runs beside others, on a picture of the last commit; must not write
	Unsigned bool // takes calls without a signature, as AssumeRoleWithWebIdentity does
	// Action is the IAM action that it needs, where that is not the signing name
	// with the operation's.
	Action string
	// Handle does the call within Call.Tx. An error, an *Error if AWS would
	// give it, leaves nothing written. It must not block. A nil Handle is an
	// operation that AWS has and the lab has not: the front still checks
	// signature and authorisation and then refuses it, marked as the lab's.
	Handle func(*Call) (*Response, error)
}

// Response is a service's answer. The front adds the request id's header.
type Response struct {
	Status      int // 0 is 200
	ContentType string
	Body        []byte
}

// Call is one call of an operation.
type Call struct {
	Service, Operation         string
	Account, Region, Partition string // of the caller's account and the signature's Region
	RequestID                  string
	Caller                     Caller
	Now                        time.Time
	SourceIP                   string
	Protocol                   Protocol
	Tx                         *store.Tx
	Seen                       store.Reader // what lists and describes may see: Tx, or older under eventual consistency
	IAM                        IAM
	Writes                     []Write // what Record has noted
	PageLimit                  int     // most items on a page; 0: no such limit
}

// PageSize is how many items a page may have on which asked are asked for. AWS
// may give fewer than that. (IAM API, ListRoles: MaxItems)
func (c *Call) PageSize(asked int) int {
	if c.PageLimit > 0 {
		return min(asked, c.PageLimit)
	}
	return asked
}

// Record notes that the call changed resource, an ARN; params is what the
// journal shows of the change. Nothing is recorded for a call that fails or
// changes nothing.
func (c *Call) Record(resource string, params any) {
	b, err := json.Marshal(params)
	if err != nil {
		b, _ = json.Marshal(err.Error())
	}
	c.Writes = append(c.Writes, Write{
		Time: c.Now, RequestID: c.RequestID, Account: c.Account, Region: c.Region, Caller: c.Caller.ARN,
		Service: c.Service, Operation: c.Operation, Resource: resource, Params: b,
	})
}

// Write is a line of the lab's journal: a change that took effect.
type Write struct {
	Time      time.Time       `json:"time"`
	RequestID string          `json:"requestId"`
	Account   string          `json:"account"`
	Region    string          `json:"region"`
	Caller    string          `json:"caller"`
	Service   string          `json:"service"`
	Operation string          `json:"operation"`
	Resource  string          `json:"resource"`
	Params    json.RawMessage `json:"params,omitempty"`
	Fault     string          `json:"fault,omitempty"` // the change took effect and the caller was told otherwise
}

// Authorize asks whether the caller may do action ("eks:CreateAccessEntry")
// on resource, an ARN or "*". context holds the condition keys that only the
// service knows ("aws:RequestTag/x", "iam:PassedToService"); the global keys
// are the authorizer's to add. The error is AWS's access-denied *Error.
func (c *Call) Authorize(action, resource string, context map[string][]string) error {
	d := c.IAM.Authorize(c, action, resource, context)
	if d.Allow {
		return nil
	}
	return c.denied(action, resource, d)
}

// denied words a refusal as AWS does. (aws-facts 2.12)
func (c *Call) denied(action, resource string, d Decision) error {
	why := d.Because
	if why == "" {
		why = "because no identity-based policy allows the " + action + " action"
	}
	code := "AccessDeniedException"
	if c.Protocol.XML() {
		code = "AccessDenied"
	}
	return &Error{
		Code: code, Status: http.StatusForbidden,
		Message: "User: " + c.Caller.ARN + " is not authorized to perform: " + action + " on resource: " + resource + " " + why,
	}
}
