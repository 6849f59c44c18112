package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Which changes of a saved plan are made already, by what was read: the object
// stands as wanted and is ours, or is gone and that was read.
func TestAChangeOfPeoplesAccessIsDoneOnlyAsFarAsWasRead(t *testing.T) {
	start := time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)
	stands := func(e access.Entry, made time.Duration) access.Entry {
		e.ARN, e.CreatedAt = "arn:entry/"+made.String(), start.Add(made)
		return e
	}
	old := stands(with(entry("a", "g"), on(viewARN)), 0)
	anew := stands(with(entry("a", "g"), on(viewARN)), time.Hour)
	people := func(read bool, entries ...access.Entry) *access.HaveCluster {
		return &access.HaveCluster{Key: key("test"), Mode: access.ModeAPI, EntriesRead: read, Entries: entries}
	}
	roles := func(read bool, bindings ...access.Binding) *access.HaveCluster {
		return &access.HaveCluster{Key: key("test"), Mode: access.ModeAPI, EntriesRead: true, Kubernetes: &access.HaveKubernetes{RBACRead: read, Bindings: bindings}}
	}
	unknown := &access.HaveCluster{Key: key("test"), Mode: access.ModeAPI, EntriesRead: true}
	one := func(write func(*planner)) plan.Change {
		p := newPlan()
		write(p)
		return p.Changes[0]
	}
	makes := one(func(p *planner) { p.entry("test", nil, ptr(entry("a", "g"))) })
	remakes := one(func(p *planner) { p.entry("test", &old, ptr(entry("a", "g"))) })
	takes := one(func(p *planner) { p.entry("test", &old, nil) })
	gives := one(func(p *planner) { p.policy("test", "a", nil, ptr(on(editARN, "x"))) })
	strips := one(func(p *planner) { p.policy("test", "a", ptr(on(viewARN)), nil) })
	step := one(func(p *planner) { p.mode("test", access.ModeAPIAndConfigMap, access.ModeAPI) })
	written := func(b access.Binding) access.Binding { b.Managers = []string{"atlas-iam"}; return b }
	edit, view := written(teamBinding("dev", "b", "edit")), written(teamBinding("dev", "b", "view"))
	foreign := teamBinding("dev", "b", "edit")
	about := func(verb plan.Verb, from, to plan.Object) plan.Change {
		return plan.Change{Verb: verb, Kind: plan.RoleBinding, Cluster: key("test"), Namespace: "dev", Name: "b", From: from, To: to}
	}
	binds, unbinds, rebinds := about(plan.Create, nil, plan.Binding{Binding: edit}), about(plan.Delete, plan.Binding{Binding: edit}, nil), about(plan.Replace, plan.Binding{Binding: view}, plan.Binding{Binding: edit})
	p := newPlan()
	for name, row := range map[string]struct {
		have   *access.HaveCluster
		change plan.Change
		want   bool
	}{
		"an entry that stands":                     {people(true, old), makes, true},
		"an entry of other groups":                 {people(true, stands(entry("a", "h"), 0)), makes, false},
		"an entry that lacks a tag":                {people(true, stands(tags(entry("a", "g"), map[string]string{access.TagEnvironment: "ops"}), 0)), makes, false},
		"an entry of others":                       {people(true, stands(tags(entry("a", "g"), theirs), 0)), makes, false},
		"no entry":                                 {people(true), makes, false},
		"an entry made anew":                       {people(true, anew), remakes, true},
		"an entry to be made anew, equal as it is": {people(true, old), remakes, false},
		"an entry gone before it was made anew":    {people(true), remakes, false},
		"an entry that went":                       {people(true), takes, true},
		"an entry that went, not read":             {people(false), takes, false},
		"an entry that stays":                      {people(true, old), takes, false},
		"a policy that stands":                     {people(true, with(entry("a"), on(editARN, "x"))), gives, true},
		"a policy of another scope":                {people(true, with(entry("a"), on(editARN, "y"))), gives, false},
		"another policy":                           {people(true, with(entry("a"), on(viewARN))), gives, false},
		"a policy without its entry":               {people(true), gives, false},
		"a policy that went":                       {people(true, entry("a")), strips, true},
		"a policy that went with its entry":        {people(true), strips, true},
		"a policy that went, not read":             {people(false), strips, false},
		"a policy that stays":                      {people(true, old), strips, false},
		"another's policy stays":                   {people(true, with(entry("b"), on(viewARN))), strips, true},
		"the mode":                                 {people(true), step, true},
		"another mode":                             {&access.HaveCluster{Mode: access.ModeAPIAndConfigMap}, step, false},
		"a binding that stands":                    {roles(true, edit), binds, true},
		"a binding of others":                      {roles(true, foreign), binds, false},
		"a binding of another role":                {roles(true, view), binds, false},
		"a binding elsewhere":                      {roles(true, written(teamBinding("qa", "b", "edit"))), binds, false},
		"no binding":                               {roles(true), binds, false},
		"a binding, nothing read":                  {unknown, binds, false},
		"a binding that went":                      {roles(true), unbinds, true},
		"a binding that went, not read":            {roles(false), unbinds, false},
		"a binding that went, nothing read":        {unknown, unbinds, false},
		"a binding that stays":                     {roles(true, edit), unbinds, false},
		"a binding replaced":                       {roles(true, edit), rebinds, true},
		"a binding to be replaced":                 {roles(true, view), rebinds, false},
		"a binding gone before it was replaced":    {roles(true), rebinds, false},
	} {
		if got := isDone(&p.Plan, &row.change, row.have); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

// A role or association of others is taken over by tags: those of another
// environment may change, all others stay, and what it gives stays.
func TestAdoptingAWorkloadsObjectAddsTagsAlone(t *testing.T) {
	mine := merged(owner.Tags(), map[string]string{"k": "1"})
	old := access.Owner{Environment: "old", ID: "x"}.Tags()
	for name, tt := range map[string]struct {
		from, to map[string]string
		want     bool
	}{
		"no tags":                    {nil, owner.Tags(), true},
		"a tag more":                 {map[string]string{"k": "1"}, merged(mine, map[string]string{"l": "2"}), true},
		"another environment's":      {old, owner.Tags(), true},
		"another id":                 {map[string]string{access.TagID: "x"}, owner.Tags(), true},
		"a tag that changes":         {map[string]string{"k": "2"}, mine, false},
		"a tag that is lost":         {map[string]string{"k": "1"}, owner.Tags(), false},
		"another environment's lost": {old, map[string]string{access.TagID: "y"}, false},
	} {
		r := role(t, nil)
		from, to, other := r, r, otherRoles(t)["description"]
		from.Tags, to.Tags, other.Tags = tt.from, tt.to, tt.to
		pod := func(tags map[string]string) *access.PodIdentityAssociation {
			a := association(nil)
			a.Tags = tags
			return &a
		}
		moved := pod(tt.to)
		moved.Role = rolePath + "other"
		for what, c := range map[string]struct {
			change plan.Change
			want   bool
		}{
			"a role":                      {aboutRole(plan.Update, from, to), tt.want},
			"a role and its description":  {aboutRole(plan.Update, from, other), false},
			"a role made anew":            {aboutRole(plan.Replace, from, to), false},
			"an association":              {aboutPod(plan.Update, pod(tt.from), pod(tt.to)), tt.want},
			"an association and its role": {aboutPod(plan.Update, pod(tt.from), moved), false},
			"a provider":                  {aboutProvider(plan.Update, provider(nil), provider(nil)), false},
		} {
			if got := adoptsWorkload(&c.change); got != c.want {
				t.Errorf("%s, %s: %v, want %v", what, name, got, c.want)
			}
		}
	}
}

// The answer of a write is lost before its effect, and by then somebody else has
// put something there: the record says that the write is not done.
//
// shows: item S20
func TestTheRecordSaysNotDoneOfALostWriteWhereSomethingElseStands(t *testing.T) {
	get, put := allows(t, "s3:GetObject"), allows(t, "s3:PutObject")
	third := func(f *fakeWorkloads) { f.pods[0].RoleArn = ptr(rolePath + "third") }
	another := func(f *fakeWorkloads) { f.roles["loki"].Boundary = "arn:aws:iam::" + accountID + ":policy/theirs" }
	all := writesOfRoles(t)
	for op, s := range writesOfTheRest(t) {
		all[op] = s
	}
	for op, act := range map[string]func(*fakeWorkloads){
		"CreateRole":             func(f *fakeWorkloads) { f.put(role(t, func(r *plan.IAMRole) { r.Tags = nil })) },
		"UpdateRole":             another,
		"UpdateAssumeRolePolicy": another,
		"TagRole":                another,
		"PutRolePolicy":          func(f *fakeWorkloads) { f.roles["loki"].inline["a"] = put },
		"CreatePodIdentityAssociation": func(f *fakeWorkloads) {
			f.putPod(association(func(a *access.PodIdentityAssociation) { a.Tags = theirs }))
		},
		"UpdatePodIdentityAssociation": third,
		"TagResource":                  third,
		"DeletePodIdentityAssociation": third,
		"DeleteRolePolicy":             func(f *fakeWorkloads) { f.roles["loki"].inline["a"] = put },
	} {
		s, ok := all[op]
		if !ok {
			t.Fatalf("no change writes %s", op)
		}
		if op == "DeleteRolePolicy" {
			s.change = aboutPolicy(plan.Delete, "a", get, "")
		}
		for _, somebody := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				f := newWorkloads()
				if s.have != nil {
					s.have(f)
				}
				is := first(1, op)
				f.refuse = func(o string) error {
					if !is(o) {
						return nil
					}
					if somebody {
						act(f)
					}
					return context.DeadlineExceeded
				}
				var record bytes.Buffer
				o := f.run(t, Options{Record: &record}, s.change).Outcomes[0]
				var moved *MovedError
				if errors.As(o.Err, &moved) != somebody || (o.Status == Done) == somebody || o.Settled {
					t.Errorf("%s, somebody else %v: %s %v, settled %v", op, somebody, o.Status, o.Err, o.Settled)
				}
				if got := settledLines(t, record.String()); !cmp.Equal(got, []string{op + " notDone"}) {
					t.Errorf("%s, somebody else %v: the record says %q", op, somebody, got)
				}
			})
		}
	}
}

// settledLines are a record's lines about writes whose answers were lost, as
// "Operation outcome".
func settledLines(t *testing.T, record string) (all []string) {
	t.Helper()
	for line := range strings.Lines(record) {
		var w Write
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			t.Fatal(err)
		}
		if w.Line == "settled" {
			all = append(all, w.Operation+" "+string(w.Outcome))
		}
	}
	return all
}

// shows: item S20
func TestTheRecordSaysNotDoneOfALostStepOfTheMode(t *testing.T) {
	for shown, want := range map[string]Status{"": Done, "CONFIG_MAP": Failed} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.cluster("test").mode = access.ModeAPIAndConfigMap
			f.fault = once("UpdateClusterConfig", error500)
			wrote := false
			f.instead = func(op string) string {
				if op == "DescribeCluster" && wrote && shown != "" {
					return `{"cluster":{"name":"test","status":"ACTIVE","accessConfig":{"authenticationMode":"` + shown + `"}}}`
				}
				return ""
			}
			lost := f.fault
			f.fault = func(n int, op, c, p string) fault {
				wrote = wrote || op == "UpdateClusterConfig"
				return lost(n, op, c, p)
			}
			p := newPlan()
			id := p.mode("test", access.ModeAPIAndConfigMap, access.ModeAPI)
			var record bytes.Buffer
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Record: &record})
			if err != nil || status(t, res, id).Status != want {
				t.Errorf("%q: %v %v", shown, err, statuses(res))
			}
			if got := settledLines(t, record.String()); !cmp.Equal(got, []string{"UpdateClusterConfig notDone"}) {
				t.Errorf("%q: the record says %q", shown, got)
			}
		})
	}
}

// An entry that stands is read once for all its policies, and they once.
func TestAnEntrysPoliciesAreReadOnceForAllTheirChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("test", with(entry("a"), on(editARN, "x"), on(viewARN)))
		p := newPlan()
		p.policy("test", "a", ptr(on(editARN, "x")), ptr(on(editARN, "y")))
		p.policy("test", "a", nil, ptr(on(policyARN("Admin"), "z")))
		p.policy("test", "a", ptr(on(viewARN)), nil)
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Parallel: 1})
		if err != nil || res.Counts.Done != 3 {
			t.Fatal(err, statuses(res))
		}
		count := map[string]int{}
		for _, op := range f.calls {
			count[op]++
		}
		if d := cmp.Diff(map[string]int{"DescribeAccessEntry": 1, "ListAssociatedAccessPolicies": 1, "AssociateAccessPolicy": 2, "DisassociateAccessPolicy": 1}, count); d != "" {
			t.Error(d)
		}
	})
}

// IAM may still show of a role what this run took from it; a role from which
// nothing was taken is refused for something else.
func TestARoleThatGoesWaitsForItsPoliciesToBeGone(t *testing.T) {
	get := access.RolePolicy{Name: "a", Document: allows(t, "s3:GetObject")}
	for name, c := range map[string]struct {
		edit func(*plan.IAMRole)
		want Status
	}{
		"an inline policy":  {func(r *plan.IAMRole) { r.Inline = []access.RolePolicy{get} }, Done},
		"a managed policy":  {func(r *plan.IAMRole) { r.Managed = []string{readOnly} }, Done},
		"both":              {func(r *plan.IAMRole) { r.Inline, r.Managed = []access.RolePolicy{get}, []string{readOnly} }, Done},
		"nothing was taken": {func(*plan.IAMRole) {}, Failed},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := role(t, c.edit)
			f := newWorkloads()
			f.put(r)
			is := first(2, "DeleteRole")
			f.refuse = func(op string) error {
				if is(op) {
					return refused("DeleteConflict", "Cannot delete entity, must delete policies first.")
				}
				return nil
			}
			if o := f.run(t, Options{}, aboutRole(plan.Delete, r, nil)).Outcomes[0]; o.Status != c.want {
				t.Errorf("%s: %s %v", name, o.Status, o.Err)
			}
		})
	}
}

// A Secret is the one that the plan saw by its uid, whatever it says.
func TestASecretIsUnmovedIfItIsTheOneThatWasSeenAndSaysTheSame(t *testing.T) {
	from := plan.ArgoSecret{Namespace: "argocd", Name: "x", UID: "u", Labels: owner.ArgoLabels(), Registration: registration("https://old")}
	for name, c := range map[string]struct {
		edit  func(*access.HaveArgoSecret, *plan.ArgoSecret)
		moved string // empty: it has not
	}{
		"as it was":                  {func(*access.HaveArgoSecret, *plan.ArgoSecret) {}, ""},
		"a label more":               {func(h *access.HaveArgoSecret, _ *plan.ArgoSecret) { h.Labels["k"] = "v" }, ""},
		"another that says the same": {func(h *access.HaveArgoSecret, _ *plan.ArgoSecret) { h.UID = "v" }, "the Secret"},
		"none was seen by its uid":   {func(h *access.HaveArgoSecret, f *plan.ArgoSecret) { h.UID, f.UID = "v", "" }, ""},
		"it says something else":     {func(h *access.HaveArgoSecret, _ *plan.ArgoSecret) { h.Registration.Server = "https://new" }, "what it says"},
		"it is another manager's":    {func(h *access.HaveArgoSecret, _ *plan.ArgoSecret) { h.Managers = []string{"helm"} }, "its owner"},
		"it is another's":            {func(h *access.HaveArgoSecret, _ *plan.ArgoSecret) { h.Labels = nil }, "its owner"},
	} {
		said := from.Registration
		have, was := &access.HaveArgoSecret{Namespace: "argocd", Name: "x", UID: "u", Labels: owner.ArgoLabels(), Managers: []string{access.FieldManager}, Registration: &said}, from
		c.edit(have, &was)
		p := newPlan()
		j := &job{runner: &runner{plan: &p.Plan}, change: &plan.Change{Kind: plan.ArgoCDSecret, Namespace: "argocd", Name: "x"}}
		err := j.unmovedArgoSecret(have, &was)
		var moved *MovedError
		if errors.As(err, &moved) != (c.moved != "") || moved != nil && moved.What != c.moved {
			t.Errorf("%s: %v, want %q", name, err, c.moved)
		}
	}
}

// Between reading a ServiceAccount and writing it somebody else may be faster.
//
// shows: item S112
func TestAServiceAccountThatMovesBetweenReadingAndWritingIsNotWrittenOver(t *testing.T) {
	role := map[string]string{access.AnnotationRole: lokiRole}
	for name, c := range map[string]struct {
		at     string
		moves  func(*kubetest.Server)
		status Status
		says   string
	}{
		"nobody":           {"new", func(*kubetest.Server) {}, Done, ""},
		"a chart makes it": {"new", func(s *kubetest.Server) { s.PutAccount("dev", "new", "helm", nil, nil) }, Failed, "there and not as wanted (nobody's mark)"},
		"another run makes it": {"new", func(s *kubetest.Server) {
			s.PutAccount("dev", "new", access.FieldManager, owner.Labels(), merged(owner.Tags(), role))
		}, Already, ""},
		"somebody gives it away":  {"moves", func(s *kubetest.Server) { s.PutAccount("dev", "moves", "kubectl", nil, nil) }, Failed, "moved since the plan"},
		"nobody, of one that was": {"moves", func(*kubetest.Server) {}, Done, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, p := accountServer(), newPlan()
			moves := seen(t, s, "moves")
			created := p.account(plan.Create, "new", nil, &plan.KubernetesAccount{Namespace: "dev", Name: "new", Manage: access.ManageCreate, Role: lokiRole})
			updated := p.account(plan.Update, "moves", &moves, &plan.KubernetesAccount{Namespace: "dev", Name: "moves", Manage: access.ManageCreate, Role: lokiRole, UID: moves.UID})
			began := false
			var before map[string]kubetest.Account
			s.Fault = func(call kubetest.Call) *kubetest.Fault {
				if call.Write() && strings.HasSuffix(call.Path, "/"+c.at) && !began {
					began = true
					c.moves(s)
					before = s.Accounts()
				}
				return nil
			}
			res, err := Run(t.Context(), newFake().open(t), &p.Plan, Options{Dial: dialer(s), Parallel: 1})
			if err != nil || !began {
				t.Fatal(name, err, began)
			}
			o := status(t, res, map[string]string{"new": created, "moves": updated}[c.at])
			if o.Status != c.status || c.says != "" && (o.Err == nil || !strings.Contains(o.Err.Error(), c.says)) {
				t.Errorf("%s: %s, %v", name, o.Status, o.Err)
			}
			if at := "dev/" + c.at; c.status != Done && !cmp.Equal(before[at], s.Accounts()[at]) {
				t.Errorf("%s: written over: %s", name, cmp.Diff(before[at], s.Accounts()[at]))
			}
		})
	}
}
