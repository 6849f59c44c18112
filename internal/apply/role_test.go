package apply

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

const boundary = "arn:aws:iam::" + accountID + ":policy/boundary"

// otherRoles are a role changed in one part each.
func otherRoles(t *testing.T) map[string]plan.IAMRole {
	return map[string]plan.IAMRole{
		"trust policy":         role(t, func(r *plan.IAMRole) { r.Trust = trusts(t, "ec2.amazonaws.com") }),
		"description":          role(t, func(r *plan.IAMRole) { r.Description = "new" }),
		"longest session":      role(t, func(r *plan.IAMRole) { r.MaxSession = 7200 }),
		"permissions boundary": role(t, func(r *plan.IAMRole) { r.Boundary = boundary }),
		"tag component":        role(t, func(r *plan.IAMRole) { r.Tags["component"] = "devops" }),
	}
}

func TestARoleIsMadeOnceAndOnlyWhereNothingStands(t *testing.T) {
	to := role(t, func(r *plan.IAMRole) { r.ID = "" })
	create := aboutRole(plan.Create, nil, to)
	tests := map[string]step{
		"nothing is there": {change: create, want: Done, ops: []string{"CreateRole"}},
		"it is there":      {have: func(f *fakeWorkloads) { f.put(to) }, change: create, want: Already},
		"it is there with tags of others besides": {have: func(f *fakeWorkloads) {
			f.put(role(t, func(r *plan.IAMRole) { r.Tags["cost"] = "7" }))
		}, change: create, want: Already},
		"it is there and not ours": {have: func(f *fakeWorkloads) {
			f.put(role(t, func(r *plan.IAMRole) { r.Tags = theirs }))
		}, change: create, want: Failed, says: "the role was not there, is there and not ours ("},
		"it is there with another tool's mark": {have: func(f *fakeWorkloads) {
			f.put(role(t, func(r *plan.IAMRole) { r.Tags["aws:cloudformation:stack-name"] = "x" }))
		}, change: create, want: Failed, says: "not ours (CloudFormation stack x)"},
		"it is there at another path": {have: func(f *fakeWorkloads) {
			f.put(role(t, func(r *plan.IAMRole) { r.ARN = "arn:aws:iam::" + accountID + ":role/loki" }))
		}, change: create, want: Failed, says: "there and different"},
		"a tag of it lacks": {have: func(f *fakeWorkloads) { f.put(to) },
			change: aboutRole(plan.Create, nil, otherRoles(t)["tag component"]), want: Failed, says: "there and different"},
	}
	for part, other := range otherRoles(t) {
		if part != "tag component" {
			tests["it is there with another "+part] = step{have: func(f *fakeWorkloads) { f.put(other) }, change: create, want: Failed, says: "there and different"}
		}
	}
	for name, s := range tests {
		s.try(t, name)
	}
}

func TestARoleIsMadeWithAllThatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newWorkloads()
		full := role(t, func(r *plan.IAMRole) { r.MaxSession, r.Boundary, r.Tags["a"] = 7200, boundary, "b" })
		f.run(t, Options{}, aboutRole(plan.Create, nil, full))
		bare := full
		bare.Description, bare.Boundary, bare.Tags = "", "", nil
		bare.ARN = "arn:aws:iam::" + accountID + ":role/bare"
		c := aboutRole(plan.Create, nil, bare)
		c.Principal = bare.ARN
		f.run(t, Options{}, c)
		trust := string(full.Trust)
		if d := cmp.Diff([]string{
			"CreateRole " + roleARN + " trueold 7200 true" + boundary + " a=b,environment=ops,id=k7f3c9a1 " + trust,
			"CreateRole " + bare.ARN + " false 7200 false  " + trust,
		}, f.journal); d != "" {
			t.Error(d)
		}
	})
}

func TestARoleIsChangedInThePartsThatDiffer(t *testing.T) {
	from := role(t, nil)
	ops := map[string][]string{"trust policy": {"UpdateAssumeRolePolicy"}, "description": {"UpdateRole"}, "longest session": {"UpdateRole"},
		"permissions boundary": {"PutRolePermissionsBoundary"}, "tag component": {"TagRole"}}
	tests := map[string]step{}
	for part, to := range otherRoles(t) {
		tests["wanted is another "+part] = step{have: func(f *fakeWorkloads) { f.put(from) }, change: aboutRole(plan.Update, from, to), want: Done, ops: ops[part]}
		tests["made already, "+part] = step{have: func(f *fakeWorkloads) { f.put(to) }, change: aboutRole(plan.Update, from, to), want: Already}
		// Something else is wanted, so this part has moved.
		want := role(t, func(r *plan.IAMRole) { r.Description, r.MaxSession = "third", 10800 })
		tests["moved is the "+part] = step{have: func(f *fakeWorkloads) { f.put(to) }, change: aboutRole(plan.Update, from, want), want: Failed, says: part + " was "}
	}
	all := role(t, func(r *plan.IAMRole) {
		r.Trust, r.Description, r.MaxSession, r.Boundary, r.Tags["component"] = trusts(t, "ec2.amazonaws.com"), "new", 7200, boundary, "devops"
	})
	change := aboutRole(plan.Update, from, all)
	tests["all parts"] = step{have: func(f *fakeWorkloads) { f.put(from) }, change: change, want: Done,
		ops: []string{"UpdateAssumeRolePolicy", "UpdateRole", "PutRolePermissionsBoundary", "TagRole"}}
	tests["half of it is made"] = step{have: func(f *fakeWorkloads) {
		h := all
		h.Boundary, h.Tags = "", from.Tags
		f.put(h)
	}, change: change, want: Done, ops: []string{"PutRolePermissionsBoundary", "TagRole"}}
	tests["it is gone"] = step{change: change, want: Failed, says: "the role was there, is gone"}
	tests["it was made anew"] = step{have: func(f *fakeWorkloads) { f.put(role(t, func(r *plan.IAMRole) { r.ID = "AROANEW" })) }, change: change, want: Failed, says: "(AROANEW)"}
	tests["it is at another path"] = step{have: func(f *fakeWorkloads) {
		f.put(role(t, func(r *plan.IAMRole) { r.ARN = "arn:aws:iam::" + accountID + ":role/loki" }))
	}, change: change, want: Failed, says: "the role was " + roleARN}
	tests["the plan does not know its id"] = step{have: func(f *fakeWorkloads) { f.put(from) },
		change: aboutRole(plan.Update, role(t, func(r *plan.IAMRole) { r.ID = "" }), otherRoles(t)["description"]), want: Done, ops: []string{"UpdateRole"}}
	tests["it was ours and is not"] = step{have: func(f *fakeWorkloads) { f.put(role(t, func(r *plan.IAMRole) { r.Tags = nil })) }, change: change, want: Failed, says: "tag atlas-iam.dev/environment was "}
	tests["a tag of others came"] = step{have: func(f *fakeWorkloads) { f.put(role(t, func(r *plan.IAMRole) { r.Tags["x"] = "y" })) }, change: change, want: Failed, says: "tag x was "}
	bounded := role(t, func(r *plan.IAMRole) { r.Boundary = boundary })
	tests["a boundary is not taken off"] = step{have: func(f *fakeWorkloads) { f.put(bounded) }, change: aboutRole(plan.Update, bounded, from), want: Already}
	theirOwn := role(t, func(r *plan.IAMRole) { r.Tags = map[string]string{"x": "y"} })
	tests["what was never ours is not changed"] = step{have: func(f *fakeWorkloads) { f.put(theirOwn) }, change: aboutRole(plan.Update, theirOwn, all), want: Failed, says: "its owner was environment ops"}
	marked := role(t, func(r *plan.IAMRole) { r.Tags["x"] = "y" })
	tests["adopting marks it"] = step{have: func(f *fakeWorkloads) { f.put(theirOwn) }, change: aboutRole(plan.Update, theirOwn, marked), adopt: true, want: Done, ops: []string{"TagRole"}}
	tests["adopting changes nothing else"] = step{have: func(f *fakeWorkloads) { f.put(theirOwn) }, change: aboutRole(plan.Update, theirOwn, all), adopt: true, want: Failed, says: "adopt adds our tags"}
	narrow := marked
	narrow.Description = "new"
	tests["adopting says nothing new of it"] = step{have: func(f *fakeWorkloads) { f.put(theirOwn) }, change: aboutRole(plan.Update, theirOwn, narrow), adopt: true, want: Failed, says: "adopt adds our tags"}
	tests["adopting makes nothing"] = step{change: aboutRole(plan.Create, nil, all), adopt: true, want: Failed, says: "adopt adds our tags"}
	for name, s := range tests {
		s.try(t, name)
	}
}

// roleWithPolicies is a role of ours with policies, as a plan sees a role that goes.
func roleWithPolicies(t *testing.T) plan.IAMRole {
	return role(t, func(r *plan.IAMRole) {
		r.Inline = []access.RolePolicy{{Name: "a", Document: allows(t, "s3:GetObject")}, {Name: "b", Document: allows(t, "s3:PutObject")}}
		r.Managed = []string{readOnly, "arn:aws:iam::aws:policy/ViewOnly"}
	})
}

func TestARoleGoesWithThePoliciesThatThePlanSaw(t *testing.T) {
	from := roleWithPolicies(t)
	change := aboutRole(plan.Delete, from, nil)
	with := func(alter func(*plan.IAMRole)) func(*fakeWorkloads) {
		return func(f *fakeWorkloads) {
			r := roleWithPolicies(t)
			alter(&r)
			f.put(r)
		}
	}
	gone := []string{"DetachRolePolicy", "DetachRolePolicy", "DeleteRolePolicy", "DeleteRolePolicy", "DeleteRole"}
	to := role(t, func(r *plan.IAMRole) { r.ARN, r.ID = "arn:aws:iam::"+accountID+":role/loki", "" })
	move := aboutRole(plan.Replace, from, to)
	for name, s := range map[string]step{
		"as seen":                {have: with(func(*plan.IAMRole) {}), change: change, want: Done, ops: gone},
		"gone":                   {change: change, want: Already},
		"some policies are gone": {have: with(func(r *plan.IAMRole) { r.Inline, r.Managed = r.Inline[1:], r.Managed[:1] }), change: change, want: Done, ops: []string{"DetachRolePolicy", "DeleteRolePolicy", "DeleteRole"}},
		"a managed policy came":  {have: with(func(r *plan.IAMRole) { r.Managed = append(r.Managed, "arn:aws:iam::aws:policy/X") }), change: change, want: Failed, says: "managed policy arn:aws:iam::aws:policy/X was not there, is there"},
		"an inline policy came": {have: with(func(r *plan.IAMRole) {
			r.Inline = append(r.Inline, access.RolePolicy{Name: "c", Document: allows(t, "s3:X")})
		}), change: change, want: Failed, says: "policy c was not there, is there"},
		"an inline policy is another":  {have: with(func(r *plan.IAMRole) { r.Inline[1].Document = allows(t, "s3:*") }), change: change, want: Failed, says: "policy b was {"},
		"an inline policy in capitals": {have: with(func(r *plan.IAMRole) { r.Inline[1].Document = allows(t, "S3:putobject") }), change: change, want: Done, ops: gone},
		"its trust is another":         {have: with(func(r *plan.IAMRole) { r.Trust = trusts(t, "ec2.amazonaws.com") }), change: change, want: Failed, says: "trust policy was "},
		"it was made anew":             {have: with(func(r *plan.IAMRole) { r.ID = "AROANEW" }), change: change, want: Failed, says: "AROANEW"},
		"it is not ours any more":      {have: with(func(r *plan.IAMRole) { r.Tags = theirs }), change: change, want: Failed, says: "tag "},
		"to another path":              {have: with(func(*plan.IAMRole) {}), change: move, want: Done, ops: append(slices.Clone(gone), "CreateRole")},
		"cut off in the middle":        {change: move, want: Done, ops: []string{"CreateRole"}},
		"it is at the new path":        {have: func(f *fakeWorkloads) { f.put(to) }, change: move, want: Already},
		"moved, and another is there":  {have: with(func(r *plan.IAMRole) { r.Description = "third" }), change: move, want: Failed, says: "description was old, is third"},
	} {
		s.try(t, name)
	}
}

func TestAPolicyOfARoleIsWrittenOverWhatThePlanSawAlone(t *testing.T) {
	get, put, third := allows(t, "s3:GetObject"), allows(t, "s3:PutObject"), allows(t, "s3:*")
	has := func(alter func(*plan.IAMRole)) func(*fakeWorkloads) {
		return func(f *fakeWorkloads) {
			r := role(t, func(r *plan.IAMRole) { r.Inline = []access.RolePolicy{{Name: "p", Document: get}} })
			if alter != nil {
				alter(&r)
			}
			f.put(r)
		}
	}
	document := func(d access.Document) func(*fakeWorkloads) {
		return has(func(r *plan.IAMRole) { r.Inline[0].Document = d })
	}
	none := has(func(r *plan.IAMRole) { r.Inline = nil })
	create, update, remove := aboutPolicy(plan.Create, "p", "", get), aboutPolicy(plan.Update, "p", get, put), aboutPolicy(plan.Delete, "p", get, "")
	managed := func(p ...string) func(*fakeWorkloads) { return has(func(r *plan.IAMRole) { r.Managed = p }) }
	attach, detach := aboutAttachment(plan.Create, readOnly), aboutAttachment(plan.Delete, readOnly)
	notOurs := has(func(r *plan.IAMRole) { r.Tags, r.Managed = theirs, []string{readOnly} })
	elsewhere := has(func(r *plan.IAMRole) { r.ARN, r.Managed = "arn:aws:iam::"+accountID+":role/loki", []string{readOnly} })
	for name, s := range map[string]step{
		"made":                                {have: none, change: create, want: Done, ops: []string{"PutRolePolicy"}},
		"made already":                        {have: has(nil), change: create, want: Already},
		"made already, in capitals":           {have: document(allows(t, "S3:getobject")), change: create, want: Already},
		"another is there":                    {have: document(third), change: create, want: Failed, says: "the policy was none, is {"},
		"changed":                             {have: has(nil), change: update, want: Done, ops: []string{"PutRolePolicy"}},
		"changed already":                     {have: document(put), change: update, want: Already},
		"to be changed and another":           {have: document(third), change: update, want: Failed, says: "the policy was {"},
		"to be changed and gone":              {have: none, change: update, want: Failed, says: "is none"},
		"taken":                               {have: has(nil), change: remove, want: Done, ops: []string{"DeleteRolePolicy"}},
		"taken already":                       {have: none, change: remove, want: Already},
		"to be taken and another":             {have: document(third), change: remove, want: Failed, says: "the policy was {"},
		"taken, its role gone":                {change: remove, want: Already},
		"its role gone":                       {change: create, want: Failed, says: "its role was there, is gone"},
		"its role not ours":                   {have: notOurs, change: update, want: Failed, says: "its role's owner was environment ops"},
		"its role at another path":            {have: elsewhere, change: update, want: Failed, says: "its role was " + roleARN},
		"taken, its role not ours":            {have: notOurs, change: remove, want: Failed, says: "its role's owner"},
		"what cannot be parsed is not wanted": {have: document("{"), change: update, want: Failed, says: "is {"},
		"attached":                            {have: managed("arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"), change: attach, want: Done, ops: []string{"AttachRolePolicy"}},
		"attached already":                    {have: managed("arn:aws:iam::aws:policy/A", readOnly), change: attach, want: Already},
		"detached":                            {have: managed("arn:aws:iam::aws:policy/A", readOnly), change: detach, want: Done, ops: []string{"DetachRolePolicy"}},
		"detached already":                    {have: managed("arn:aws:iam::aws:policy/A"), change: detach, want: Already},
		"detached, its role gone":             {change: detach, want: Already},
		"attached, its role gone":             {change: attach, want: Failed, says: "its role was there, is gone"},
		"attached, its role not ours":         {have: notOurs, change: attach, want: Failed, says: "its role's owner"},
		"detached, its role elsewhere":        {have: elsewhere, change: detach, want: Failed, says: "its role was "},
	} {
		s.try(t, name)
	}
}

// writesOfRoles are changes that make each of IAM's writes on roles.
func writesOfRoles(t *testing.T) map[string]step {
	from := role(t, nil)
	full := func(f *fakeWorkloads) { f.put(roleWithPolicies(t)) }
	bare := func(f *fakeWorkloads) { f.put(from) }
	get := allows(t, "s3:GetObject")
	out := map[string]step{
		"CreateRole":       {change: aboutRole(plan.Create, nil, from)},
		"DeleteRole":       {have: full, change: aboutRole(plan.Delete, roleWithPolicies(t), nil)},
		"PutRolePolicy":    {have: bare, change: aboutPolicy(plan.Create, "a", "", get)},
		"DeleteRolePolicy": {have: full, change: aboutPolicy(plan.Delete, "a", get, "")},
		"AttachRolePolicy": {have: bare, change: aboutAttachment(plan.Create, readOnly)},
		"DetachRolePolicy": {have: full, change: aboutAttachment(plan.Delete, readOnly)},
	}
	for part, op := range map[string]string{"trust policy": "UpdateAssumeRolePolicy", "description": "UpdateRole", "permissions boundary": "PutRolePermissionsBoundary", "tag component": "TagRole"} {
		out[op] = step{have: bare, change: aboutRole(plan.Update, from, otherRoles(t)[part])}
	}
	return out
}

// first is true for the first n calls of an operation.
func first(n int, op string) func(string) bool {
	return func(o string) bool {
		if o == op && n > 0 {
			n--
			return true
		}
		return false
	}
}

// losing makes a change of which the first answer to an operation is lost, after
// its effect or before it.
func losing(t *testing.T, op string, s step, after bool) (*fakeWorkloads, Outcome) {
	t.Helper()
	f := newWorkloads()
	if s.have != nil {
		s.have(f)
	}
	is := first(1, op)
	if after {
		f.lost = is
	} else {
		f.refuse = func(o string) error {
			if is(o) {
				return context.DeadlineExceeded
			}
			return nil
		}
	}
	return f, f.run(t, Options{}, s.change).Outcomes[0]
}

func TestALostAnswerAboutARoleIsSettledByReading(t *testing.T) {
	for op, s := range writesOfRoles(t) {
		for _, after := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				f, o := losing(t, op, s, after)
				times := 0
				for _, w := range f.operations() {
					if w == op {
						times++
					}
				}
				want := 1
				if op == "DetachRolePolicy" || op == "DeleteRolePolicy" {
					want = times // DeleteRole's own come besides
				}
				if o.Status != Done || times != want || times == 0 || o.Settled != after {
					t.Errorf("%s, after %v: %s %v settled %v, %q", op, after, o.Status, o.Err, o.Settled, f.journal)
				}
			})
		}
	}
}

func TestALostAnswerThatCannotBeSettledIsUnknown(t *testing.T) {
	for op, s := range writesOfRoles(t) {
		synctest.Test(t, func(t *testing.T) {
			f := newWorkloads()
			if s.have != nil {
				s.have(f)
			}
			blind := false
			f.lost = func(o string) bool { blind = blind || o == op; return o == op }
			f.refuse = func(o string) error {
				if blind && (strings.HasPrefix(o, "Get") || strings.HasPrefix(o, "List")) {
					return refused("AccessDenied", "no")
				}
				return nil
			}
			o := f.run(t, Options{}, s.change).Outcomes[0]
			var lost *LostError
			if o.Status != Unknown || !errors.As(o.Err, &lost) || o.Settled || o.Hint == "" {
				t.Errorf("%s: %s %v", op, o.Status, o.Err)
			}
		})
	}
}

func TestTheWritesOfRolesWaitForAnotherChangeOfTheSameRole(t *testing.T) {
	for op, s := range writesOfRoles(t) {
		for code, want := range map[string]Status{"ConcurrentModification": Done, "ConcurrentModificationException": Done, "UnmodifiableEntity": Done, "LimitExceeded": Failed} {
			synctest.Test(t, func(t *testing.T) {
				f := newWorkloads()
				if s.have != nil {
					s.have(f)
				}
				is := first(2, op)
				f.refuse = func(o string) error {
					if is(o) {
						return refused(code, "not now")
					}
					return nil
				}
				o := f.run(t, Options{}, s.change).Outcomes[0]
				if o.Status != want || (o.Code == code) != (want == Failed) {
					t.Errorf("%s, %s: %s %v", op, code, o.Status, o.Err)
				}
			})
		}
	}
}
