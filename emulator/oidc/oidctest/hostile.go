package oidctest

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"
	"time"
)

// Case is a token that must be refused, and the nearest one that must not.
type Case struct {
	Name  string
	Why   Why
	Token string
	Twin  string
}

// Why is for what a token is refused.
type Why string

// The reasons.
const (
	Malformed Why = "malformed"
	NoKey     Why = "no key"
	Forged    Why = "forged"
	Expired   Why = "expired"
	TooEarly  Why = "too early"
	BadIssuer Why = "issuer"
	Audience  Why = "audience"
	Subject   Why = "subject"
)

// Hostile are tokens made by who has no right to them, for a ServiceAccount of
// an issuer's cluster and an audience, at a time. other is another cluster's
// issuer.
func Hostile(t *testing.T, i, other Issuer, namespace, account, audience string, now time.Time) []Case {
	t.Helper()
	h := hostile{t: t, issuer: i, claims: func() map[string]any { return i.Claims(namespace, account, audience, now) }}
	good := i.Sign(t, i.Header(), h.claims())
	part := strings.Split(good, ".")
	stolen := Issuer{i.URL, other.Key, i.ID}
	evil := h.with(map[string]any{"sub": "system:serviceaccount:kube-system:admin"})
	plain := `{"alg":"RS256","kid":"` + i.ID + `"}`
	twice := strings.Replace(text(t, h.claims()), `"sub":`, `"sub":"system:serviceaccount:kube-system:admin","sub":`, 1)
	return append(h.changed(namespace, account, audience, now),
		Case{"no signature: alg none", Malformed, text64(`{"alg":"none"}`) + "." + part[1] + ".", good},
		Case{"alg none under our kid", Malformed, text64(`{"alg":"none","kid":"`+i.ID+`"}`) + "." + part[1] + "." + part[2], good},
		Case{"HS256 with the public key", Malformed, HMAC(t, map[string]any{"alg": "HS256", "kid": i.ID}, h.claims(), i.PublicPEM(t)), good},
		Case{"RS256 in the header, an HMAC below it", Forged, HMAC(t, i.Header(), h.claims(), i.PublicPEM(t)), good},
		Case{"another cluster's key under our kid", Forged, stolen.Sign(t, i.Header(), h.claims()), good},
		Case{"another cluster's key under its own kid", NoKey, stolen.Sign(t, other.Header(), h.claims()), good},
		Case{"another cluster's key, brought along in the header", Forged,
			stolen.SignText(t, `{"alg":"RS256","kid":"`+i.ID+`","jwk":{"kty":"RSA","e":"AQAB","n":"`+base64.RawURLEncoding.EncodeToString(other.Key.N.Bytes())+`"}}`, text(t, h.claims())), good},
		Case{"claims changed after they were signed", Forged, part[0] + "." + text64(text(t, evil)) + "." + part[2], good},
		Case{"no kid", Malformed, i.Sign(t, map[string]any{"alg": "RS256"}, h.claims()), good},
		Case{"of another type", Malformed, i.Sign(t, map[string]any{"alg": "RS256", "kid": i.ID, "typ": "at+jwt"}, h.claims()),
			i.Sign(t, map[string]any{"alg": "RS256", "kid": i.ID, "typ": "JWT"}, h.claims())},
		Case{"a critical extension", Malformed, i.SignText(t, `{"alg":"RS256","kid":"`+i.ID+`","crit":["b64"],"b64":false}`, text(t, h.claims())), i.SignText(t, plain, text(t, h.claims()))},
		Case{"a claim that stands twice", Malformed, i.SignText(t, plain, twice), i.SignText(t, plain, text(t, h.claims()))},
		Case{"padded", Malformed, part[0] + "." + part[1] + "=." + part[2], good},
		Case{"huge", Malformed, h.padded(20001), h.padded(19998)},
		Case{"two parts", Malformed, part[0] + "." + part[1], good},
	)
}

type hostile struct {
	t      *testing.T
	issuer Issuer
	claims func() map[string]any
}

// changed are tokens that the issuer's own key signed, with other claims.
func (h hostile) changed(namespace, account, audience string, now time.Time) []Case {
	subject := "system:serviceaccount:" + namespace + ":" + account
	var all []Case
	for _, c := range []struct {
		name   string
		why    Why
		change map[string]any
		twin   map[string]any
	}{
		{"issuer with a slash", BadIssuer, map[string]any{"iss": h.issuer.URL + "/"}, nil},
		{"issuer by http", BadIssuer, map[string]any{"iss": strings.Replace(h.issuer.URL, "https:", "http:", 1)}, nil},
		{"issuer in capitals", BadIssuer, map[string]any{"iss": strings.ToUpper(h.issuer.URL)}, nil},
		{"a longer subject", Subject, map[string]any{"sub": subject + "-evil"}, nil},
		{"a shorter subject", Subject, map[string]any{"sub": subject[:len(subject)-1]}, nil},
		{"another audience", Audience, map[string]any{"aud": []string{"https://kubernetes.default.svc"}}, nil},
		{"several audiences", Audience, map[string]any{"aud": []string{"https://kubernetes.default.svc", audience}}, map[string]any{"aud": audience}},
		{"expired", Expired, map[string]any{"exp": now.Unix()}, map[string]any{"exp": now.Unix() + 1}},
		{"not yet valid", TooEarly, map[string]any{"nbf": now.Unix() + 1}, map[string]any{"nbf": now.Unix()}},
		{"without an end", Malformed, map[string]any{"exp": nil}, nil},
		{"an end that is no whole number", Malformed, map[string]any{"exp": float64(now.Unix()) + 600.5}, map[string]any{"exp": now.Unix() + 600}},
		{"an end in words", Malformed, map[string]any{"exp": "tomorrow"}, nil},
		{"claims in capitals", Malformed, map[string]any{"sub": nil, "SUB": subject}, nil},
	} {
		all = append(all, Case{c.name, c.why, h.sign(c.change), h.sign(c.twin)})
	}
	return all
}

// with is the right claims with some of them changed; nil takes one away.
func (h hostile) with(change map[string]any) map[string]any {
	claims := h.claims()
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

func (h hostile) sign(change map[string]any) string {
	h.t.Helper()
	return h.issuer.Sign(h.t, h.issuer.Header(), h.with(change))
}

// padded is a token of about as many characters, never more.
func (h hostile) padded(size int) string {
	h.t.Helper()
	short := len(h.sign(map[string]any{"x": ""}))
	token := ""
	for fill := (size - short) * 3 / 4; ; fill++ {
		longer := h.sign(map[string]any{"x": strings.Repeat("x", fill)})
		if len(longer) > size && token != "" {
			if size > 20000 {
				return longer
			}
			return token
		}
		token = longer
	}
}

func text64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
