package kubernetes

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/eks"
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

const keysBucket = "kubernetes.keys" // id of an issuer -> JWKS

// PutKeys keeps the keys of a cluster's ServiceAccount tokens, also for when
// its API server does not serve.
func (r *Room) PutKeys(tx *store.Tx, c eks.Cluster, jwks json.RawMessage) {
	tx.Put(keysBucket, c.ID, jwks)
}

// ServeIssuer answers a request for a path beneath IssuerPrefix.
func (r *Room) ServeIssuer(w http.ResponseWriter, req *http.Request, lab Lab) {
	id, document, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, IssuerPrefix), "/")
	var issuer string
	var keys json.RawMessage
	err := lab.View(func(tx store.Reader) error {
		for _, c := range r.clusters.Clusters(tx, lab.Now()) {
			if c.ID == id {
				issuer = c.Issuer
				keys, _ = store.Get[json.RawMessage](tx, keysBucket, id)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case req.Method != http.MethodGet || issuer == "":
		http.NotFound(w, req)
	case document == ".well-known/openid-configuration":
		writeJSON(w, http.StatusOK, discovery(issuer))
	case document == "keys" && keys != nil:
		writeJSON(w, http.StatusOK, keys)
	default:
		http.NotFound(w, req)
	}
}

// discovery is the document that EKS shows of an issuer.
func discovery(issuer string) map[string]any {
	return map[string]any{
		"issuer": issuer, "jwks_uri": issuer + "/keys", "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		"claims_supported": []string{"sub", "iss"}, "id_token_signing_alg_values_supported": []string{"RS256"},
	}
}
