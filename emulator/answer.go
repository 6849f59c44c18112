package emulator

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

func writeResponse(w http.ResponseWriter, id string, r *call.Response) {
	status := r.Status
	if status == 0 {
		status = http.StatusOK
	}
	write(w, id, status, r.ContentType, r.Body)
}

func write(w http.ResponseWriter, id string, status int, contentType string, body []byte) {
	if contentType == "" {
		contentType = "application/json"
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", id)
	if contentType == call.CBORType {
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	}
	w.WriteHeader(status)
	w.Write(body)
}

// writeError answers e as the protocol has it.
func writeError(w http.ResponseWriter, p call.Protocol, id string, e *call.Error) {
	if p.Query {
		write(w, id, e.HTTPStatus(), "text/xml", queryError(p, id, e))
		return
	}
	if p.RestXML {
		write(w, id, e.HTTPStatus(), "application/xml", restError(id, e))
		return
	}
	w.Header().Set("X-Amzn-Errortype", e.Code)
	if p.QueryCodes {
		w.Header().Set("X-Amzn-Query-Error", strings.TrimSuffix(e.Code, "Exception")+";"+fault(e))
	}
	if p.CBOR {
		write(w, id, e.HTTPStatus(), call.CBORType, cbor.Encode(cbor.Map{"__type": cbor.String(e.Code), "message": cbor.String(e.Message)}))
		return
	}
	fields := map[string]string{"message": e.Message}
	if p.Typed {
		fields["__type"] = e.Code
	}
	for name, value := range e.Fields {
		fields[name] = value
	}
	body, _ := json.Marshal(fields) // of strings: cannot fail
	write(w, id, e.HTTPStatus(), "application/json", body)
}

// queryError is the XML of an AWS Query error.
func queryError(p call.Protocol, id string, e *call.Error) []byte {
	var b bytes.Buffer
	b.WriteString(`<ErrorResponse xmlns="` + p.Namespace + `"><Error>`)
	element(&b, "Type", fault(e))
	element(&b, "Code", e.Code)
	element(&b, "Message", e.Message)
	b.WriteString("</Error>")
	element(&b, "RequestId", id)
	b.WriteString("</ErrorResponse>\n")
	return b.Bytes()
}

// restError is the XML of an error of S3. (S3 API, error responses)
func restError(id string, e *call.Error) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error>")
	element(&b, "Code", e.Code)
	element(&b, "Message", e.Message)
	element(&b, "RequestId", id)
	b.WriteString("</Error>\n")
	return b.Bytes()
}

func element(b *bytes.Buffer, name, value string) {
	b.WriteString("<" + name + ">")
	xml.EscapeText(b, []byte(value))
	b.WriteString("</" + name + ">")
}

// fault is whose fault an error is, in AWS Query's words.
func fault(e *call.Error) string {
	if e.HTTPStatus() >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}
