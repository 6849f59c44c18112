// Package oracle holds authz against Kubernetes' own RBAC authorizer. It is a
// module of its own, beside kubelab's: it needs both ours and Kubernetes', and
// the API server of the lab is to be built with the dependencies that
// Kubernetes chose and not with ours.
package oracle
