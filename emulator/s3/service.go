// Package s3 is as much of Amazon S3 as shows that somebody may call it:
// ListBuckets, of which the lab has none. What else is done with a bucket or
// an object is authorised and then refused as the lab's own lack.
package s3

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// Service is S3. It keeps nothing.
type Service struct{}

// New makes the service.
func New() Service { return Service{} }

// Name is the service's signing name.
func (Service) Name() string { return "s3" }

// Protocol is REST with XML.
func (Service) Protocol() call.Protocol { return call.Protocol{RestXML: true} }

// actions are what a method needs on a bucket and on an object. (Service
// Authorization Reference, Amazon S3)
var actions = map[string]struct{ bucket, object string }{
	http.MethodGet:    {"s3:ListBucket", "s3:GetObject"},
	http.MethodHead:   {"s3:ListBucket", "s3:GetObject"},
	http.MethodPut:    {"s3:CreateBucket", "s3:PutObject"},
	http.MethodDelete: {"s3:DeleteBucket", "s3:DeleteObject"},
}

// plain are the parameters that ask for nothing but the bucket or the object
// itself, besides those of a signature.
var plain = []string{"list-type", "prefix", "delimiter", "max-keys", "encoding-type", "marker", "start-after", "continuation-token", "fetch-owner", "x-id"}

// Route finds the operation of a request, in the path style: /BUCKET/KEY.
func (Service) Route(r *call.Request) (call.Operation, error) {
	path := strings.TrimPrefix(r.Path, "/")
	bucket, key, object := strings.Cut(path, "/")
	switch {
	case path == "" && r.Method == http.MethodGet:
		return call.Operation{Name: "ListBuckets", ReadOnly: true, Handle: listBuckets}, nil
	case bucket == "":
		return call.Operation{}, &call.Error{Code: "MethodNotAllowed", Message: "The specified method is not allowed against this resource.", Status: http.StatusMethodNotAllowed}
	}
	name, err1 := url.PathUnescape(bucket)
	key, err2 := url.PathUnescape(key)
	if err1 != nil || err2 != nil {
		return call.Operation{}, call.Errorf("InvalidURI", "Couldn't parse the specified URI.")
	}
	action := ""
	if asked := actions[r.Method]; ordinary(r.Query) {
		if action = asked.bucket; object && key != "" {
			action, name = asked.object, name+"/"+key
		}
	}
	return call.Operation{ReadOnly: true, Handle: func(c *call.Call) (*call.Response, error) {
		operation := strings.TrimPrefix(action, "s3:")
		if action != "" {
			if err := c.Authorize(action, "arn:"+c.Partition+":s3:::"+name, nil); err != nil {
				return nil, err
			}
		}
		return nil, call.NotImplemented("s3", operation)
	}}, nil
}

// ordinary reports whether a query has none of the parameters that make
// another operation of it.
func ordinary(q url.Values) bool {
	for name := range q {
		if !slices.Contains(plain, name) && !strings.HasPrefix(strings.ToLower(name), "x-amz-") {
			return false
		}
	}
	return true
}

func listBuckets(c *call.Call) (*call.Response, error) {
	if err := c.Authorize("s3:ListAllMyBuckets", "*", nil); err != nil {
		return nil, err
	}
	owner := sha256.Sum256([]byte("lab account " + c.Account)) // a canonical user id has the form of one
	return &call.Response{ContentType: "application/xml", Body: []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>` + hex.EncodeToString(owner[:]) + `</ID></Owner><Buckets></Buckets></ListAllMyBucketsResult>` + "\n")}, nil
}
