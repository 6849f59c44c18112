package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/atlas-iam/atlas-iam/access"
	policies "github.com/atlas-iam/atlas-iam/authz/eks"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// The keys of what the API server is told of a caller besides name and
// groups. (aws-facts 2.10)
const (
	extraPrincipal = "sigs.k8s.io/aws-iam-authenticator/principalId"
	apiVersion     = "authentication.k8s.io/v1"
)

// tokenReview is Kubernetes' TokenReview. (k8s.io/api/authentication/v1)
type tokenReview struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Token string `json:"token"`
	} `json:"spec"`
	Status tokenStatus `json:"status"`
}

type tokenStatus struct {
	Authenticated bool      `json:"authenticated"`
	User          *userInfo `json:"user,omitempty"`
}

type userInfo struct {
	Username string              `json:"username"`
	UID      string              `json:"uid"`
	Groups   []string            `json:"groups"`
	Extra    map[string][]string `json:"extra"`
}

// reviewToken tells an API server who bears a token: 200 with the user, 403
// for nobody, 429 to ask again. The bearer of a refused one learns that he is
// unauthorized and no more. (aws-iam-authenticator,
// pkg/server)
func (r *Room) reviewToken(w http.ResponseWriter, lab Lab, k call.ClusterKey, s *server, body []byte) {
	var review tokenReview
	if err := json.Unmarshal(body, &review); err != nil || review.Kind != "TokenReview" || review.APIVersion != apiVersion {
		http.Error(w, "expected a TokenReview of "+apiVersion, http.StatusBadRequest)
		return
	}
	user, err := r.authenticate(lab, k, s, review.Spec.Token)
	answer := tokenReview{APIVersion: apiVersion, Kind: "TokenReview", Status: tokenStatus{Authenticated: err == nil, User: user}}
	if err != nil {
		lab.Refused(k, err)
	}
	switch {
	case err == nil:
		writeJSON(w, http.StatusOK, answer)
	case errors.Is(err, errThrottled):
		writeJSON(w, http.StatusTooManyRequests, answer)
	default:
		writeJSON(w, http.StatusForbidden, answer)
	}
}

// authenticate finds out who bears a token. The error says why nobody does.
func (r *Room) authenticate(lab Lab, k call.ClusterKey, s *server, token string) (*userInfo, error) {
	c, err := r.find(lab, k)
	if err != nil {
		return nil, err
	}
	p, err := open(token, c, lab.Loopback, lab.Now())
	if err != nil {
		return nil, err
	}
	who, err := ask(lab, p)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	authMap := s.authMap
	r.mu.Unlock()
	var id identity
	err = lab.View(func(tx store.Reader) (err error) {
		id, err = r.identify(tx, c, &authMap, who, lab.Now())
		return err
	})
	if err != nil {
		return nil, err
	}
	return &userInfo{
		Username: id.username, UID: "aws-iam-authenticator:" + who.account + ":" + who.uniqueID, Groups: id.groups,
		Extra: map[string][]string{
			"arn": {who.arn}, "canonicalArn": {who.canonical}, "sessionName": {who.session}, "accessKeyId": {who.accessKeyID},
			"principalId": {who.uniqueID}, extraPrincipal: {who.uniqueID},
		},
	}, nil
}

// accessReview is Kubernetes' SubjectAccessReview. (k8s.io/api/authorization/v1)
type accessReview struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Spec       accessSpec   `json:"spec"`
	Status     accessStatus `json:"status"`
}

type accessSpec struct {
	Extra    map[string][]string `json:"extra,omitempty"`
	Resource *struct {
		Namespace, Verb, Group, Resource, Subresource, Name string
	} `json:"resourceAttributes,omitempty"`
	NonResource *struct{ Path, Verb string } `json:"nonResourceAttributes,omitempty"`
}

type accessStatus struct {
	Allowed bool   `json:"allowed"` // false: no opinion, for an access policy never denies
	Reason  string `json:"reason,omitempty"`
}

// reviewAccess tells an API server what access policies give. It goes by the
// principal's unique id that the token review gave: a name that somebody
// impersonates has none, and so no policies. (aws-facts 2.9)
func (r *Room) reviewAccess(w http.ResponseWriter, lab Lab, k call.ClusterKey, body []byte) {
	const version = "authorization.k8s.io/v1"
	var review accessReview
	if err := json.Unmarshal(body, &review); err != nil || review.Kind != "SubjectAccessReview" || review.APIVersion != version ||
		(review.Spec.Resource == nil) == (review.Spec.NonResource == nil) {
		http.Error(w, "expected a SubjectAccessReview of "+version, http.StatusBadRequest)
		return
	}
	var status accessStatus
	if id := review.Spec.Extra[extraPrincipal]; len(id) == 1 {
		err := lab.View(func(tx store.Reader) error {
			status = r.decide(tx, lab, k, id[0], review.Spec.request())
			return nil
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	writeJSON(w, http.StatusOK, accessReview{APIVersion: version, Kind: "SubjectAccessReview", Status: status})
}

func (s accessSpec) request() rbac.Request {
	if n := s.NonResource; n != nil {
		return rbac.Request{Verb: n.Verb, Path: n.Path}
	}
	a := s.Resource
	return rbac.Request{Verb: a.Verb, Group: a.Group, Resource: a.Resource, Subresource: a.Subresource, Namespace: a.Namespace, Name: a.Name}
}

// decide asks the access policies of the entry that is bound to a unique id.
func (r *Room) decide(tx store.Reader, lab Lab, k call.ClusterKey, uniqueID string, asked rbac.Request) (status accessStatus) {
	c, ok := r.clusters.Cluster(tx, k, lab.Now())
	if !ok || !c.Entries {
		return status
	}
	e, ok := r.clusters.Entry(tx, k, uniqueID, lab.Now())
	if !ok {
		return status
	}
	for _, a := range e.Associations {
		g := policies.NewGrant(a)
		if g.Allows(asked) != nil {
			return accessStatus{true, reason(e.Principal, uniqueID, a, asked.Namespace)}
		}
		if !g.Policy.RulesComplete && policies.Reaches(g.Scope, asked) {
			status.Reason = "EKS Access Policy: AWS does not publish the rules of " + g.Policy.Name + "; the lab takes it to give nothing"
		}
	}
	return status
}

// reason is worded as EKS's audit log shows it for a policy over the whole
// cluster. (aws-facts 2.9) Assumption policy-reason: over namespaces it names
// a RoleBinding, as RBAC's own reasons do.
func reason(principal, uniqueID string, a access.Association, namespace string) string {
	binding, name := "ClusterRoleBinding", principal+"+"+a.Policy
	if !a.Scope.Cluster {
		binding, name = "RoleBinding", name+"/"+namespace
	}
	return fmt.Sprintf("EKS Access Policy: allowed by %s %q of ClusterRole %q to User %q", binding, name, a.Policy, uniqueID)
}
