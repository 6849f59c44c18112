// Package oidc is the issuers of the lab's clusters: the keys that sign
// ServiceAccount tokens, what of them is published, and what a token says to
// who holds it against them.
package oidc
