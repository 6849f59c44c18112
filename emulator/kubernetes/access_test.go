package kubernetes_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

type asked map[string]string

// review asks the access webhook as the API server does, for a caller with
// these extra fields.
func (w *world) review(extra map[string][]string, q asked) (allowed bool, reason string) {
	w.t.Helper()
	spec := map[string]any{"user": "somebody", "groups": []string{"system:authenticated"}, "extra": extra}
	if q["path"] != "" {
		spec["nonResourceAttributes"] = q
	} else {
		spec["resourceAttributes"] = q
	}
	status, out := w.post(w.path("access-review"), w.token, map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec,
	})
	answer, ok := out["status"].(map[string]any)
	if status != 200 || !ok {
		w.t.Fatalf("access review: %d %v", status, out)
	}
	if denied, _ := answer["denied"].(bool); denied {
		w.t.Error("an access policy denied")
	}
	allowed, _ = answer["allowed"].(bool)
	reason, _ = answer["reason"].(string)
	return allowed, reason
}

// extra are the fields that a login gives.
func (w *world) extra(k aws.Credentials) map[string][]string {
	w.t.Helper()
	status, u := w.login(w.bearer(w.draft(), k))
	if status != 200 {
		w.t.Fatalf("login: %d %s", status, w.why())
	}
	return u.Extra
}

// shows: item S45
func TestAccessPoliciesAllowOrHaveNoOpinion(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	view, edit, admin, none := w.user("view", "/"), w.user("edit", "/"), w.user("admin", "/"), w.user("none", "/")
	for _, name := range []string{"view", "edit", "admin", "none"} {
		w.entry(w.arn("user/" + name))
	}
	w.associate(w.arn("user/view"), "AmazonEKSViewPolicy")
	w.associate(w.arn("user/edit"), "AmazonEKSEditPolicy", "*backend*", "test-ns")
	w.associate(w.arn("user/admin"), "AmazonEKSClusterAdminPolicy")
	pods := func(verb, namespace string) asked {
		return asked{"verb": verb, "resource": "pods", "namespace": namespace}
	}
	for name, c := range map[string]struct {
		who  aws.Credentials
		q    asked
		want bool
	}{
		"View reads pods":                      {view, pods("get", "default"), true},
		"View reads them everywhere":           {view, pods("list", ""), true},
		"View makes none":                      {view, pods("create", "default"), false},
		"View reads no secrets":                {view, asked{"verb": "get", "resource": "secrets", "namespace": "default"}, false},
		"Edit where the pattern matches":       {edit, pods("create", "dev-backend-api-ns"), true},
		"Edit where a star is for nothing":     {edit, pods("create", "backend"), true},
		"Edit in a namespace that is named":    {edit, pods("create", "test-ns"), true},
		"Edit elsewhere":                       {edit, pods("create", "default"), false},
		"Edit nearby":                          {edit, pods("create", "test-ns2"), false},
		"Edit over all namespaces":             {edit, pods("list", ""), false},
		"Edit, a subresource":                  {edit, asked{"verb": "create", "resource": "pods", "subresource": "exec", "namespace": "test-ns"}, true},
		"Edit, another API group":              {edit, asked{"verb": "create", "group": "apps", "resource": "deployments", "namespace": "test-ns"}, true},
		"Edit, pods of another API group":      {edit, asked{"verb": "create", "group": "metrics.k8s.io", "resource": "pods", "namespace": "test-ns"}, false},
		"Edit, its own Namespace":              {edit, asked{"verb": "get", "resource": "namespaces", "namespace": "test-ns", "name": "test-ns"}, true},
		"Edit, another Namespace":              {edit, asked{"verb": "get", "resource": "namespaces", "namespace": "default", "name": "default"}, false},
		"Edit, nodes":                          {edit, asked{"verb": "get", "resource": "nodes"}, false},
		"ClusterAdmin, nodes":                  {admin, asked{"verb": "delete", "resource": "nodes"}, true},
		"ClusterAdmin, what is no resource":    {admin, asked{"verb": "get", "path": "/metrics"}, true},
		"View, what is no resource":            {view, asked{"verb": "get", "path": "/metrics"}, false},
		"ClusterAdmin, all verbs":              {admin, asked{"verb": "*", "group": "*", "resource": "*"}, true},
		"an entry without a policy":            {none, pods("get", "default"), false},
		"ClusterAdmin, custom resources":       {admin, asked{"verb": "get", "group": "x.example", "resource": "things", "namespace": "a"}, true},
		"View, custom resources":               {view, asked{"verb": "get", "group": "x.example", "resource": "things", "namespace": "a"}, false},
		"ClusterAdmin, impersonation":          {admin, asked{"verb": "impersonate", "resource": "users", "name": "bob"}, true},
		"Edit, impersonation of its own tools": {edit, asked{"verb": "impersonate", "resource": "serviceaccounts", "namespace": "test-ns", "name": "default"}, true},
	} {
		if got, reason := w.review(w.extra(c.who), c.q); got != c.want || got != (reason != "") {
			t.Errorf("%s: %v %q, want %v", name, got, reason, c.want)
		}
	}
}

// The wording over the whole cluster is EKS's. (aws-facts 2.9)
//
// shows: item S45
func TestAccessReasons(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	ann := w.user("ann", "/")
	arn := w.arn("user/ann")
	w.entry(arn)
	extra := w.extra(ann)
	id := extra["principalId"][0]
	const edit = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
	q := asked{"verb": "create", "resource": "pods", "namespace": "test-ns"}
	w.associate(arn, "AmazonEKSEditPolicy", "test-*")
	_, reason := w.review(extra, q)
	if want := `EKS Access Policy: allowed by RoleBinding "` + arn + "+" + edit + `/test-ns" of ClusterRole "` + edit + `" to User "` + id + `"`; reason != want {
		t.Errorf("got  %s\nwant %s", reason, want)
	}
	w.associate(arn, "AmazonEKSEditPolicy")
	_, reason = w.review(extra, q)
	if want := `EKS Access Policy: allowed by ClusterRoleBinding "` + arn + "+" + edit + `" of ClusterRole "` + edit + `" to User "` + id + `"`; reason != want {
		t.Errorf("got  %s\nwant %s", reason, want)
	}
	// Rules that AWS does not publish: no opinion, and it says so; beside a
	// policy that allows, that one.
	q["resource"] = "things"
	if allowed, reason := w.review(extra, q); allowed || reason != "" {
		t.Errorf("what Edit does not give: %v %q", allowed, reason)
	}
	w.associate(arn, "AmazonEKSACKPolicy", "test-*")
	if allowed, reason := w.review(extra, q); allowed || !strings.Contains(reason, "does not publish the rules of AmazonEKSACKPolicy") {
		t.Errorf("a policy without published rules: %v %q", allowed, reason)
	}
	q["namespace"] = "other"
	if allowed, reason := w.review(extra, q); allowed || reason != "" {
		t.Errorf("where that policy does not reach: %v %q", allowed, reason)
	}
	q["namespace"], q["resource"] = "test-ns", "pods"
	if allowed, reason := w.review(extra, q); !allowed || !strings.Contains(reason, "allowed by ClusterRoleBinding") {
		t.Errorf("both: %v %q", allowed, reason)
	}
}

// Policies are the principal's, not the name's: whoever is impersonated has
// none; nor has a principal whose entry or mode is gone, token or not.
//
// shows: item S45
func TestAccessPoliciesGoByThePrincipalsID(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	ann := w.user("ann", "/")
	arn := w.arn("user/ann")
	w.entry(arn)
	w.associate(arn, "AmazonEKSClusterAdminPolicy")
	extra := w.extra(ann)
	id := extra["principalId"][0]
	q := asked{"verb": "get", "resource": "pods", "namespace": "default"}
	const key = "sigs.k8s.io/aws-iam-authenticator/principalId"
	for name, c := range map[string]struct {
		extra map[string][]string
		want  bool
	}{
		"herself":                   {extra, true},
		"impersonated: no fields":   {nil, false},
		"another's id":              {map[string][]string{key: {"AIDALABNOBODY"}}, false},
		"two ids":                   {map[string][]string{key: {id, id}}, false},
		"the id in another field":   {map[string][]string{"principalid": {id}}, false},
		"the one field that counts": {map[string][]string{key: {id}}, true},
	} {
		if got, _ := w.review(c.extra, q); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	must[*eks.DisassociateAccessPolicyOutput](t)(w.eks().DisassociateAccessPolicy(t.Context(), &eks.DisassociateAccessPolicyInput{
		ClusterName: aws.String(cluster), PrincipalArn: &arn, PolicyArn: aws.String("arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy")}))
	if got, _ := w.review(extra, q); got {
		t.Error("a policy that was taken away gives still")
	}
	w.associate(arn, "AmazonEKSViewPolicy")
	if got, _ := w.review(extra, q); !got {
		t.Error("a policy that was given gives nothing")
	}
	must[*eks.DeleteAccessEntryOutput](t)(w.eks().DeleteAccessEntry(t.Context(), &eks.DeleteAccessEntryInput{ClusterName: aws.String(cluster), PrincipalArn: &arn}))
	if got, _ := w.review(extra, q); got {
		t.Error("the policies of an entry that is gone give still")
	}
}
