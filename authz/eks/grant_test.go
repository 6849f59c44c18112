package eks

import (
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
)

func TestAllows(t *testing.T) {
	const prefix = "arn:aws:eks::aws:cluster-access-policy/"
	grant := func(policy string, s access.Scope) Grant {
		return NewGrant(access.Association{Policy: prefix + policy, Scope: s})
	}
	backend := access.NamespaceScope("*backend*", "ops")
	pods := rbac.Request{Verb: "create", Resource: "pods", Namespace: "dev-backend-api-ns"}
	with := func(r rbac.Request, change func(*rbac.Request)) rbac.Request { change(&r); return r }
	tests := []struct {
		name string
		g    Grant
		r    rbac.Request
		want bool
	}{
		{"a pattern that matches", grant("AmazonEKSEditPolicy", backend), pods, true},
		{"the pattern's stars match nothing too", grant("AmazonEKSEditPolicy", backend), with(pods, func(r *rbac.Request) { r.Namespace = "backend" }), true},
		{"another namespace", grant("AmazonEKSEditPolicy", backend), with(pods, func(r *rbac.Request) { r.Namespace = "default" }), false},
		{"a literal is whole", grant("AmazonEKSEditPolicy", backend), with(pods, func(r *rbac.Request) { r.Namespace = "ops2" }), false},
		{"the rules do not give it", grant("AmazonEKSViewPolicy", backend), pods, false},
		{"over all namespaces", grant("AmazonEKSEditPolicy", access.NamespaceScope("*")), with(pods, func(r *rbac.Request) { r.Namespace = "" }), false},
		{"over all namespaces, of the cluster", grant("AmazonEKSEditPolicy", access.ClusterScope()), with(pods, func(r *rbac.Request) { r.Namespace = "" }), true},
		{"the Namespace itself", grant("AmazonEKSViewPolicy", backend), rbac.Request{Verb: "get", Resource: "namespaces", Namespace: "ops", Name: "ops"}, true},
		{"a URL in a namespace's scope", grant("AmazonEKSClusterAdminPolicy", access.NamespaceScope("*")), rbac.Request{Verb: "get", Path: "/healthz"}, false},
		{"a URL of the cluster", grant("AmazonEKSClusterAdminPolicy", access.ClusterScope()), rbac.Request{Verb: "get", Path: "/healthz"}, true},
		{"no scope", grant("AmazonEKSClusterAdminPolicy", access.Scope{}), pods, false},
		{"China's partition", NewGrant(access.Association{Policy: "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSEditPolicy", Scope: backend}), pods, true},
	}
	for _, tt := range tests {
		if got := tt.g.Allows(tt.r) != nil; got != tt.want {
			t.Errorf("%s: %s on %s, %+v: %t", tt.name, tt.g.Policy.Name, tt.g.Scope, tt.r, got)
		}
	}
	for _, name := range []string{"AmazonEKSACKPolicy", "AmazonEKSTomorrowPolicy"} {
		if g := grant(name, access.ClusterScope()); g.Policy.RulesComplete || g.Policy.Name != name {
			t.Errorf("%s: %+v", name, g.Policy)
		}
	}
}
