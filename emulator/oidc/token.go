package oidc

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// algorithm is the one with which the clusters' tokens are signed.
// (aws-facts 4.1)
const algorithm = "RS256"

// LongestText is how many characters a token may have. (STS API,
// AssumeRoleWithWebIdentity)
const LongestText = 20000

// Fault is what is wrong with a token.
type Fault string

// The faults.
const (
	Malformed   Fault = "malformed" // it is no token, or of a kind that nobody takes
	NoKey       Fault = "no key"    // its issuer publishes no such key
	Forged      Fault = "forged"    // the key did not sign it
	Expired     Fault = "expired"   // its time is over
	NotYetValid Fault = "not yet valid"
)

// Error says why a token is refused.
type Error struct {
	Fault Fault
	Text  string // never holds the token
	At    int64  // Expired: its expiry, in seconds since 1970
}

func (e *Error) Error() string { return "token: " + string(e.Fault) + ": " + e.Text }

func malformed(format string, args ...any) error {
	return &Error{Fault: Malformed, Text: fmt.Sprintf(format, args...)}
}

// Claims are what a token says.
type Claims struct {
	Issuer     string
	Subject    string
	Audience   []string
	Authorized string // azp; empty: none
	Expires    time.Time
	NotBefore  time.Time // zero: not said
	Kubernetes Kubernetes
	Names      map[string]bool // of all claims
}

// Kubernetes is the claim of a ServiceAccount's token that says for whom it
// was made. (Kubernetes, service account tokens)
type Kubernetes struct {
	Namespace      string `json:"namespace"`
	Pod            Object `json:"pod"`
	ServiceAccount Object `json:"serviceaccount"`
}

// Object is an object of Kubernetes'.
type Object struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// Token is a token that was read. Nothing in it is true before Verify says so.
type Token struct {
	Claims Claims

	key       string // kid
	signed    []byte
	signature []byte
}

// Parse reads a token. It takes those alone that are signed as EKS signs them,
// in which no member stands twice, whose times are whole numbers, and that
// ask for no extension. The error is an *Error.
func Parse(text string) (*Token, error) {
	if len(text) > LongestText {
		return nil, malformed("it has more than %d characters", LongestText)
	}
	part := strings.Split(text, ".")
	if len(part) != 3 {
		return nil, malformed("it has %d parts, want 3", len(part))
	}
	var raw [3][]byte
	for i, p := range part {
		var err error
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(p); err != nil {
			return nil, malformed("part %d is not base64url", i+1)
		}
	}
	t := &Token{signed: []byte(part[0] + "." + part[1]), signature: raw[2]}
	if err := t.header(raw[0]); err != nil {
		return nil, err
	}
	return t, t.claims(raw[1])
}

func (t *Token) header(raw []byte) error {
	h, err := members(raw)
	if err != nil {
		return malformed("its header: %v", err)
	}
	var used, kind string
	switch {
	case read(h, "alg", &used) != nil || used != algorithm:
		return malformed("it is not signed with %s", algorithm)
	case read(h, "kid", &t.key) != nil || t.key == "":
		return malformed("it names no key")
	case h["crit"] != nil:
		return malformed("it asks for an extension")
	case h["typ"] != nil && (read(h, "typ", &kind) != nil || !strings.EqualFold(kind, "JWT")):
		return malformed("it is of another type")
	}
	return nil
}

func (t *Token) claims(raw []byte) error {
	m, err := members(raw)
	if err != nil {
		return malformed("its claims: %v", err)
	}
	c := &t.Claims
	c.Names = map[string]bool{}
	for name := range m {
		c.Names[name] = true
	}
	for name, into := range map[string]*string{"iss": &c.Issuer, "sub": &c.Subject, "azp": &c.Authorized} {
		if m[name] != nil && read(m, name, into) != nil {
			return malformed("its claim %s is no text", name)
		}
	}
	for name, into := range map[string]*time.Time{"exp": &c.Expires, "nbf": &c.NotBefore, "iat": new(time.Time)} {
		if err := instant(m, name, into); err != nil {
			return err
		}
	}
	var one string
	switch {
	case c.Issuer == "" || c.Subject == "":
		return malformed("it lacks iss or sub")
	case c.Expires.IsZero():
		return malformed("it lacks exp")
	case read(m, "aud", &one) == nil:
		c.Audience = []string{one}
	case read(m, "aud", &c.Audience) != nil || len(c.Audience) == 0:
		return malformed("its claim aud is neither text nor a list of texts")
	}
	if m["kubernetes.io"] != nil && read(m, "kubernetes.io", &c.Kubernetes) != nil {
		return malformed("its claim kubernetes.io cannot be read")
	}
	return nil
}

// instant reads a time, which is a whole number of seconds. (STS API,
// AssumeRoleWithWebIdentity)
func instant(m map[string]json.RawMessage, name string, into *time.Time) error {
	if m[name] == nil {
		return nil
	}
	var seconds int64
	if read(m, name, &seconds) != nil || seconds <= 0 {
		return malformed("its claim %s is not a whole number of seconds", name)
	}
	*into = time.Unix(seconds, 0)
	return nil
}

// Verify holds a token against the keys that its issuer publishes and the
// clock. The error is an *Error.
func (t *Token) Verify(keys []Key, now time.Time) error {
	var signer *Key
	for i := range keys {
		if keys[i].ID == t.key {
			signer = &keys[i]
		}
	}
	if signer == nil {
		return &Error{Fault: NoKey, Text: "its issuer publishes no key of that id"}
	}
	pair, err := signer.pair()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(t.signed)
	if rsa.VerifyPKCS1v15(&pair.PublicKey, crypto.SHA256, sum[:], t.signature) != nil {
		return &Error{Fault: Forged, Text: "its signature is not that of its key"}
	}
	switch {
	case !now.Before(t.Claims.Expires):
		return &Error{Fault: Expired, Text: "its time is over", At: t.Claims.Expires.Unix()}
	case now.Before(t.Claims.NotBefore):
		return &Error{Fault: NotYetValid, Text: "its time has not come"}
	}
	return nil
}

// Sign makes a token of claims, as a cluster's API server does.
func (k Key) Sign(claims any) (string, error) {
	body, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	pair, err := k.pair()
	if err != nil {
		return "", err
	}
	header, err := json.Marshal(map[string]string{"alg": algorithm, "kid": k.ID})
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, pair, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// read decodes a member; one that is not there cannot be.
func read(m map[string]json.RawMessage, name string, into any) error {
	if m[name] == nil || string(m[name]) == "null" {
		return errors.New("it is not there")
	}
	return json.Unmarshal(m[name], into)
}

// members takes an object of JSON apart. Names are told apart by letter case,
// and one that stands twice, at whatever depth, is refused: who checks the one
// and who acts on the other could differ.
func members(raw []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := single(d, 0); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one value")
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil || m == nil {
		return nil, errors.New("it is no object")
	}
	return m, nil
}

// deepest bounds how deep values stand in one another.
const deepest = 16

// single reads a value and refuses an object in which a name stands twice.
func single(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return errors.New("it is no JSON")
	}
	open, nests := t.(json.Delim)
	if !nests {
		return nil
	}
	if depth >= deepest {
		return errors.New("it is too deep")
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			text, isText := name.(string)
			if err != nil || !isText {
				return errors.New("it is no JSON")
			}
			if seen[text] {
				return fmt.Errorf("%q stands twice", text)
			}
			seen[text] = true
		}
		if err := single(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errors.New("it is no JSON")
	}
	return nil
}
