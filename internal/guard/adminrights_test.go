package guard

import (
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// refusals.md row 20: RBAC and aws-auth count where they were read.
//
// shows: item S61
func TestRow20AdministratorsByRBACAndAwsAuthCount(t *testing.T) {
	admins := access.Binding{Name: "admins", Role: access.RoleRef{Kind: access.ClusterRole, Name: "cluster-admin"},
		Subjects: []access.Subject{{Kind: access.GroupSubject, Name: "platform"}}}
	inNamespace := admins
	inNamespace.Namespace = "dev"
	view := admins
	view.Role.Name = "view"
	// ann has ClusterAdmin by a policy, and leaves.
	leaving := func() *world {
		return newWorld().ours(test, "user/ann", "ClusterAdmin:cluster").ours(test, "user/dan", "View:x").wants(test, "base", "user/dan", "View:x")
	}
	const gone = "delete entry/test/user/ann"
	legacy := func(group string) *access.AuthMap {
		return &access.AuthMap{MapUsers: "- {userarn: arn:aws:iam::" + home + ":user/bob, username: bob, groups: [\"" + group + "\"]}"}
	}
	ownAdmin := teamBinding("", "team", "cluster-admin")
	group := "group:" + access.TeamGroup("ops", "team")
	team := func(w *world) *world {
		return w.ours(test, "user/cid", group).wants(test, "team", "user/cid", group)
	}
	const unbind = "delete clusterbinding/test/atlas-iam:ops:team:cluster-admin"
	runJudged(t, map[string]judgedCase{
		"nobody else":                                {leaving(), []string{gone + " !last-admin"}},
		"somebody by a group that RBAC binds":        {leaving().theirs(test, "user/bob", "group:platform").kubernetes(test, nil, nil, admins), []string{gone}},
		"the same, and the principal is gone":        {leaving().theirs(test, "user/bob", "group:platform").gone("user/bob").kubernetes(test, nil, nil, admins), []string{gone + " !last-admin"}},
		"the group is bound in one namespace":        {leaving().theirs(test, "user/bob", "group:platform").kubernetes(test, []string{"dev"}, nil, inNamespace), []string{gone + " !last-admin"}},
		"the group is bound to view":                 {leaving().theirs(test, "user/bob", "group:platform").kubernetes(test, nil, nil, view), []string{gone + " !last-admin"}},
		"somebody by aws-auth":                       {leaving().withAuthMap(legacy("system:masters")), []string{gone}},
		"somebody by aws-auth and RBAC":              {leaving().kubernetes(test, nil, nil, admins).withAuthMap(legacy("platform")), []string{gone}},
		"a reader by aws-auth":                       {leaving().withAuthMap(legacy("readers")), []string{gone + " !last-admin"}},
		"aws-auth, but an entry overrides it":        {leaving().theirs(test, "user/bob", "View:a").withAuthMap(legacy("system:masters")), []string{gone + " !last-admin"}},
		"aws-auth, where it has no effect":           {leaving().withAuthMap(legacy("system:masters")).change(func(w *world) { w.cluster(test).Mode = access.ModeAPI }), []string{gone + " !last-admin"}},
		"the binding of the last one goes":           {team(newWorld()).kubernetes(test, nil, nil, ownAdmin), []string{unbind + " !last-admin"}},
		"the binding goes, and ann stays":            {team(newWorld()).theirs(test, "user/ann", "ClusterAdmin:cluster").kubernetes(test, nil, nil, ownAdmin), []string{unbind}},
		"the group of the last one goes":             {newWorld().ours(test, "user/bob", "group:platform View:a").wants(test, "x", "user/bob", "View:a").kubernetes(test, nil, nil, admins), []string{"update entry/test/user/bob !last-admin"}},
		"the policy goes, and the group is as good":  {newWorld().ours(test, "user/bob", "group:platform ClusterAdmin:cluster").wants(test, "x", "user/bob", "group:platform").kubernetes(test, nil, nil, admins), []string{"delete association/test/user/bob/ClusterAdmin"}},
		"the last one by aws-auth, and the mode API": {newWorld().withAuthMap(legacy("system:masters")).change(func(w *world) { w.document(test).Mode = access.ModeAPI }).allow("mode-api"), []string{"update mode/test !last-admin ?mode-api"}},
	})
}
