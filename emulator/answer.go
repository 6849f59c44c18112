package emulator

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"

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
	w.WriteHeader(status)
	w.Write(body)
}

// writeError answers e as the protocol has it.
func writeError(w http.ResponseWriter, p call.Protocol, id string, e *call.Error) {
	if p.Query {
		write(w, id, e.HTTPStatus(), "text/xml", queryError(p, id, e))
		return
	}
	w.Header().Set("X-Amzn-Errortype", e.Code)
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
	kind := "Sender"
	if e.HTTPStatus() >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	var b bytes.Buffer
	element := func(name, value string) {
		b.WriteString("<" + name + ">")
		xml.EscapeText(&b, []byte(value))
		b.WriteString("</" + name + ">")
	}
	b.WriteString(`<ErrorResponse xmlns="` + p.Namespace + `"><Error>`)
	element("Type", kind)
	element("Code", e.Code)
	element("Message", e.Message)
	b.WriteString("</Error>")
	element("RequestId", id)
	b.WriteString("</ErrorResponse>\n")
	return b.Bytes()
}
