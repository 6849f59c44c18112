package oracle

import (
	"context"
	"errors"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
)

// upstream is Kubernetes' RBAC authorizer over roles and bindings in memory, in
// the form in which its informers hand them out.
type upstream struct {
	*rbac.RBACAuthorizer
	roles           map[[2]string]*rbacv1.Role
	clusterRoles    map[string]*rbacv1.ClusterRole
	bindings        map[string][]*rbacv1.RoleBinding
	clusterBindings []*rbacv1.ClusterRoleBinding
}

var errNone = errors.New("none of that name")

func (u *upstream) GetRole(_ context.Context, ns, name string) (*rbacv1.Role, error) {
	if r, ok := u.roles[[2]string{ns, name}]; ok {
		return r, nil
	}
	return nil, errNone
}

func (u *upstream) GetClusterRole(_ context.Context, name string) (*rbacv1.ClusterRole, error) {
	if r, ok := u.clusterRoles[name]; ok {
		return r, nil
	}
	return nil, errNone
}

func (u *upstream) ListRoleBindings(_ context.Context, ns string) ([]*rbacv1.RoleBinding, error) {
	return u.bindings[ns], nil
}

func (u *upstream) ListClusterRoleBindings(context.Context) ([]*rbacv1.ClusterRoleBinding, error) {
	return u.clusterBindings, nil
}

// newUpstream loads facts into upstream's authorizer. Patterns are bindings in
// each namespace that they match.
func newUpstream(f *authz.Facts, namespaces []string) *upstream {
	u := &upstream{roles: map[[2]string]*rbacv1.Role{}, clusterRoles: map[string]*rbacv1.ClusterRole{}, bindings: map[string][]*rbacv1.RoleBinding{}}
	for _, r := range f.Roles {
		meta := metav1.ObjectMeta{Namespace: r.Namespace, Name: r.Name}
		if r.Namespace == "" {
			u.clusterRoles[r.Name] = &rbacv1.ClusterRole{ObjectMeta: meta, Rules: upstreamRules(r.Rules)}
		} else {
			u.roles[[2]string{r.Namespace, r.Name}] = &rbacv1.Role{ObjectMeta: meta, Rules: upstreamRules(r.Rules)}
		}
	}
	for _, b := range f.Bindings {
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: b.Role.Kind, Name: b.Role.Name}
		var subjects []rbacv1.Subject
		for _, s := range b.Subjects {
			subjects = append(subjects, rbacv1.Subject{Kind: string(s.Kind), Namespace: s.Namespace, Name: s.Name})
		}
		if b.Namespace == "" && len(b.Patterns) == 0 {
			u.clusterBindings = append(u.clusterBindings, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: b.Name}, RoleRef: ref, Subjects: subjects})
			continue
		}
		in := []string{b.Namespace}
		if len(b.Patterns) > 0 {
			in = matching(b.Patterns, namespaces)
		}
		for _, ns := range in {
			u.bindings[ns] = append(u.bindings[ns], &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: b.Name}, RoleRef: ref, Subjects: subjects})
		}
	}
	u.RBACAuthorizer = rbac.New(u, u, u, u)
	return u
}

func matching(patterns, namespaces []string) []string {
	var out []string
	for _, ns := range namespaces {
		for _, p := range patterns {
			if access.MatchPattern(p, ns) {
				out = append(out, ns)
				break
			}
		}
	}
	return out
}

func upstreamRules(in []access.Rule) []rbacv1.PolicyRule {
	var out []rbacv1.PolicyRule
	for _, r := range in {
		out = append(out, rbacv1.PolicyRule{Verbs: r.Verbs, APIGroups: r.APIGroups, Resources: r.Resources, ResourceNames: r.ResourceNames, NonResourceURLs: r.NonResourceURLs})
	}
	return out
}

func attributes(id *authz.Identity, r *authz.Request) authorizer.AttributesRecord {
	return authorizer.AttributesRecord{
		User: &user.DefaultInfo{Name: id.Username, Groups: id.Groups}, Verb: r.Verb, Namespace: r.Namespace, APIGroup: r.Group,
		Resource: r.Resource, Subresource: r.Subresource, Name: r.Name, ResourceRequest: r.Path == "", Path: r.Path,
	}
}

func (u *upstream) allows(id *authz.Identity, r *authz.Request) bool {
	d, _, _ := u.Authorize(context.Background(), attributes(id, r))
	return d == authorizer.DecisionAllow
}
