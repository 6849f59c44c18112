package kubernetes

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/oidc"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// IssuerPrefix begins the paths of the clusters' OIDC issuers:
//
//	GET /id/ID/.well-known/openid-configuration
//	GET /id/ID/keys
//
// On AWS they are those of https://oidc.eks.REGION.amazonaws.com. Everybody
// may read them.
const IssuerPrefix = "/id/"

// Issuers finds the keys that the clusters' issuers publish, by the issuers'
// URLs, for who judges a token.
func Issuers(clusters *eks.Service) func(r store.Reader, issuer string, now time.Time) ([]oidc.Key, bool) {
	return func(r store.Reader, issuer string, now time.Time) ([]oidc.Key, bool) {
		c, ok := clusters.IssuedBy(r, issuer, now)
		if !ok {
			return nil, false
		}
		return oidc.Keys(r, c.ID, now), true
	}
}

// Keys gives the keys of a cluster's ServiceAccount tokens. The first one is
// made when somebody asks.
func (r *Room) Keys(lab Lab, c eks.Cluster) (keys []oidc.Key, err error) {
	err = lab.View(func(tx store.Reader) error {
		keys = oidc.Keys(tx, c.ID, lab.Now())
		return nil
	})
	if err != nil || len(keys) > 0 {
		return keys, err
	}
	first, err := oidc.NewKey()
	if err != nil {
		return nil, err
	}
	err = lab.Update(func(tx *store.Tx) error {
		oidc.Begin(tx, c.ID, first)
		keys = oidc.Keys(tx, c.ID, lab.Now())
		return nil
	})
	return keys, err
}

// RotateKeys lets a new key sign a cluster's tokens from when its API server
// has it, and gives the key's id.
func (r *Room) RotateKeys(lab Lab, c eks.Cluster) (id string, err error) {
	if _, err := r.Keys(lab, c); err != nil {
		return "", err
	}
	next, err := oidc.NewKey()
	if err != nil {
		return "", err
	}
	return next.ID, lab.Update(func(tx *store.Tx) error {
		oidc.Rotate(tx, c.ID, next, lab.Now())
		return nil
	})
}

// ServeIssuer answers a request for a path beneath IssuerPrefix.
func (r *Room) ServeIssuer(w http.ResponseWriter, req *http.Request, lab Lab) {
	id, document, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, IssuerPrefix), "/")
	var c eks.Cluster
	err := lab.View(func(tx store.Reader) error {
		for _, k := range r.clusters.Clusters(tx, lab.Now()) {
			if k.ID == id {
				c = k
			}
		}
		return nil
	})
	var set oidc.Set
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case req.Method != http.MethodGet || c.ID == "":
		http.NotFound(w, req)
	case document == ".well-known/openid-configuration":
		writeJSON(w, http.StatusOK, oidc.Discovery(c.Issuer))
	case document == "keys":
		var keys []oidc.Key
		if keys, err = r.Keys(lab, c); err == nil {
			set, err = oidc.Published(keys)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		writeJSON(w, http.StatusOK, set)
	default:
		http.NotFound(w, req)
	}
}

// signing is what a cluster's API server is given to sign and to verify with.
func (r *Room) signing(lab Lab, c eks.Cluster) (signs string, verifies []string, err error) {
	keys, err := r.Keys(lab, c)
	if err != nil {
		return "", nil, err
	}
	if len(keys) == 0 || !keys[0].Until.IsZero() {
		return "", nil, fmt.Errorf("cluster %s has no key that signs", c.ClusterKey)
	}
	for _, k := range keys {
		text, err := k.PublicPEM()
		if err != nil {
			return "", nil, err
		}
		verifies = append(verifies, text)
	}
	return keys[0].PrivatePEM(), verifies, nil
}
