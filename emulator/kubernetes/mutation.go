package kubernetes

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/podidentity"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// mutatePod tells an API server what EKS's webhook changes in a new pod. The
// cluster's side adds the annotations of the pod's ServiceAccount, or null if
// there is none: on EKS the webhook watches them itself. agent is where the
// lab answers as the Pod Identity agent.
func (r *Room) mutatePod(w http.ResponseWriter, lab Lab, k call.ClusterKey, body []byte, agent string) {
	var in struct {
		Review      json.RawMessage   `json:"review"`
		Annotations map[string]string `json:"annotations"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		http.Error(w, "expected a review and the annotations of a ServiceAccount", http.StatusBadRequest)
		return
	}
	var failed error
	answer, err := podidentity.Review(in.Review, func(namespace, name string) (podidentity.Account, bool) {
		a := podidentity.Account{Annotations: in.Annotations}
		failed = lab.View(func(tx store.Reader) error {
			_, a.Associated = r.clusters.PodIdentity(tx, k, namespace, name)
			return nil
		})
		return a, in.Annotations != nil && failed == nil
	}, podidentity.Options{Region: k.Region, Agent: agent, Random: rand.Int64N})
	switch {
	case failed != nil:
		http.Error(w, failed.Error(), http.StatusInternalServerError)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		writeJSON(w, http.StatusOK, json.RawMessage(answer))
	}
}
