package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// find is the change with an ID, as expect prints it; nil if there is none.
func find(p *Plan, id string) *Change {
	i := slices.IndexFunc(p.Changes, func(c Change) bool {
		return strings.ReplaceAll(strings.ReplaceAll(c.ID, home+"/", ""), "eu-west-1/", "") == id
	})
	if i < 0 {
		return nil
	}
	return &p.Changes[i]
}

// holds are a change's, as "guard: reason".
func holds(c *Change) (all []string) {
	for _, h := range c.Held {
		all = append(all, h.Guard+": "+h.Reason)
	}
	return all
}

// An OIDC provider is decided once, whoever needs it, used as found, and given
// the audience that it lacks where it is ours.
func TestAProviderIsDecidedOnceAndUsedAsFound(t *testing.T) {
	arn := access.ProviderARN("aws", home, issuer(test))
	const id = "oidcprovider/oidc.eks.eu-west-1.amazonaws.com/id/TEST"
	stands := func(tags map[string]string, audiences ...string) func(*access.Snapshot) {
		return func(h *access.Snapshot) {
			h.Accounts[0].Providers = []access.HaveProvider{{ARN: arn, Issuer: issuer(test), ClientIDs: audiences, Tags: tags}}
		}
	}
	unread := func(h *access.Snapshot) { h.Accounts[0].ProvidersRead = false }
	denied := access.Gap{What: access.GapProviders, Account: home, Reason: "403"}
	for name, c := range map[string]struct {
		edit      func(*access.Snapshot)
		verb      Verb // of the provider's change; empty: none
		held      []string
		audiences []string
		roles     string // how both roles' changes are held
	}{
		"not there":                     {func(*access.Snapshot) {}, Create, nil, []string{"sts.amazonaws.com"}, ""},
		"there":                         {stands(nil, "sts.amazonaws.com", "x"), "", nil, nil, ""},
		"ours, without the audience":    {stands(owner.Tags(), "a", "z"), Update, nil, []string{"a", "sts.amazonaws.com", "z"}, ""},
		"others', without the audience": {stands(map[string]string{"k": "v"}, "a"), Update, []string{"foreign: the provider is not ours (nobody's mark) and takes no tokens for sts.amazonaws.com: aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn " + arn + " --client-id sts.amazonaws.com"}, []string{"a", "sts.amazonaws.com"}, Depends},
		"not read":                      {unread, Create, []string{"half-read: the OIDC providers of account " + home + " were not read"}, []string{"sts.amazonaws.com"}, Depends},
		"denied": {func(h *access.Snapshot) { unread(h); gap(h, denied) }, Create,
			[]string{"half-read: the OIDC providers of account " + home + " could not be read: 403"}, []string{"sts.amazonaws.com"}, Depends},
	} {
		want, have := workloadWant(t, test), workloadSees(test)
		promtail := want.Roles[0] // another role by IRSA on the same cluster
		promtail.ARN = strings.Replace(lokiRole, "loki", "promtail", 1)
		want.Roles = append(want.Roles, promtail)
		c.edit(have)
		p := Compute(want, have, Options{})
		n := 0
		for i := range p.Changes {
			if p.Changes[i].Kind == OIDCProvider {
				n++
			}
		}
		one := find(p, id)
		if (one != nil) != (c.verb != "") || one == nil && n != 0 || one != nil && n != 1 {
			t.Errorf("%s: %d changes of providers: %v", name, n, lines(p))
			continue
		}
		for _, role := range []string{"role/loki", "role/promtail"} {
			r := find(p, role)
			var held string
			for _, h := range r.Held {
				held += h.Guard
			}
			if held != c.roles || (len(r.DependsOn) == 1) != (one != nil) {
				t.Errorf("%s: %s after %v is held by %q, want %q", name, role, r.DependsOn, held, c.roles)
			}
		}
		if one == nil {
			continue
		}
		to := one.To.(Provider)
		if d := cmp.Diff(c.held, holds(one)); d != "" || one.Verb != c.verb || !slices.Equal(to.ClientIDs, c.audiences) || to.ARN != arn || to.Issuer != issuer(test) {
			t.Errorf("%s: %s %+v %s", name, one.Verb, to, d)
		}
		if from, ok := one.From.(Provider); ok != (c.verb == Update) || ok && !cmp.Equal(from.Tags, to.Tags) {
			t.Errorf("%s: from %+v to %+v", name, from, to)
		}
	}
	// Nobody waits for it where no role has to be made or changed.
	want, have := workloadWant(t, test), workloadSees(test)
	have = made(t, have, Compute(want, have, Options{}))
	have.Accounts[0].ProvidersRead, have.Accounts[0].Providers = false, nil
	expect(t, Compute(want, gap(have, denied), Options{}))
}

// Another role, target or session policy is set in place; a target or session
// policy that goes is a new association, for no text of AWS says that an update
// takes it off. What is another's is never made anew.
func TestWhatAnUpdateOfAnAssociationCannotTakeOffIsAReplace(t *testing.T) {
	limited := policy(t, "s3:GetObject")
	full := access.PodIdentityAssociation{Namespace: "ops", ServiceAccount: "yace-sa", Role: yaceRole, TargetRole: "arn:t", SessionPolicy: limited}
	with := func(edit func(*access.PodIdentityAssociation)) access.PodIdentityAssociation {
		a := full
		edit(&a)
		return a
	}
	noTarget := with(func(a *access.PodIdentityAssociation) { a.TargetRole = "" })
	noPolicy := with(func(a *access.PodIdentityAssociation) { a.SessionPolicy = "" })
	bare := with(func(a *access.PodIdentityAssociation) { a.TargetRole, a.SessionPolicy = "", "" })
	for name, c := range map[string]struct {
		have, want access.PodIdentityAssociation
		foreign    bool
		verb       Verb // empty: nothing to do
	}{
		"equal":                      {full, full, false, ""},
		"the target goes":            {full, noTarget, false, Replace},
		"the session policy goes":    {full, noPolicy, false, Replace},
		"both go":                    {full, bare, false, Replace},
		"the target comes":           {noTarget, full, false, Update},
		"the session policy comes":   {noPolicy, full, false, Update},
		"neither was there":          {bare, with(func(a *access.PodIdentityAssociation) { *a = bare; a.Role = lokiRole }), false, Update},
		"another target":             {full, with(func(a *access.PodIdentityAssociation) { a.TargetRole = "arn:u" }), false, Update},
		"another session policy":     {full, with(func(a *access.PodIdentityAssociation) { a.SessionPolicy = policy(t, "s3:*") }), false, Update},
		"no session tags":            {full, with(func(a *access.PodIdentityAssociation) { a.DisableSessionTags = true }), false, Update},
		"others', the target goes":   {full, noTarget, true, Update},
		"others', and equal":         {full, full, true, ""},
		"others', the policy goes":   {full, noPolicy, true, Update},
		"others', without the tags ": {full, with(func(a *access.PodIdentityAssociation) { a.DisableSessionTags = true }), true, Update},
	} {
		want, have := workloadWant(t, test), workloadSees(test)
		have = made(t, have, Compute(want, have, Options{}))
		is := c.have
		is.ID, is.ARN, is.ExternalID, is.Tags = "a-9", "arn:a-9", "ext", map[string]string{"k": "v", "component": "devops"}
		if !c.foreign {
			for k, v := range owner.Tags() {
				is.Tags[k] = v
			}
		}
		have.Clusters[0].PodIdentities = []access.PodIdentityAssociation{is}
		want.Clusters[0].PodIdentities[0].PodIdentityAssociation = c.want
		p := Compute(want, have, Options{})
		ch := find(p, "podidentity/test/ops/yace-sa")
		if (ch != nil) != (c.verb != "") {
			t.Errorf("%s: %v", name, lines(p))
			continue
		}
		if c.foreign && (len(p.Foreign) != 1 || !p.Foreign[0].Wanted || p.Foreign[0].Adoptable != (c.verb == "")) {
			t.Errorf("%s: foreign %+v", name, p.Foreign)
		}
		if ch == nil {
			continue
		}
		to := ch.To.(PodIdentity)
		if ch.Verb != c.verb || slices.ContainsFunc(ch.Held, func(h Hold) bool { return h.Guard == ForeignEntry }) != c.foreign {
			t.Errorf("%s: %s held by %v, want %s", name, ch.Verb, ch.Held, c.verb)
		}
		if anew := to.ID == "" && to.ARN == ""; anew != (c.verb == Replace) || to.Tags["k"] != "v" || !owner.OwnerOf(to.Tags, nil).Ours || !anew && to.ExternalID != "ext" {
			t.Errorf("%s: to %+v", name, to)
		}
		if len(ch.Gained) != 1 || len(ch.Lost) != 1 {
			t.Errorf("%s: gained %v, lost %v", name, ch.Gained, ch.Lost)
		}
	}
}

// An association of a cluster that could not be described may be the wanted one,
// so nothing is made there; elsewhere it is.
func TestAnAssociationThatIsHiddenHoldsTheNewOnesOfItsCluster(t *testing.T) {
	there := access.Gap{What: access.GapPodIdentity, Account: home, Region: "eu-west-1", Cluster: "test", Principal: "arn:a-1", Reason: "403"}
	for name, c := range map[string]struct {
		edit func(*access.Gap)
		held bool
	}{
		"of the cluster":         {func(*access.Gap) {}, true},
		"of another cluster":     {func(g *access.Gap) { g.Cluster = "prod" }, false},
		"of another region":      {func(g *access.Gap) { g.Region = "eu-west-2" }, false},
		"of another account":     {func(g *access.Gap) { g.Account = partner }, false},
		"the agent is not known": {func(g *access.Gap) { g.What = access.GapAgent }, false},
	} {
		g := there
		c.edit(&g)
		p := Compute(workloadWant(t, test), gap(workloadSees(test), g), Options{})
		ch := find(p, "podidentity/test/ops/yace-sa")
		if ch == nil || (len(ch.Held) > 0) != c.held || c.held && !slices.Equal(holds(ch), []string{"half-read: the Pod Identity association arn:a-1 of cluster test could not be read: 403"}) {
			t.Errorf("%s: %v", name, lines(p))
		}
	}
}

// A role goes after all that gives it to ServiceAccounts, and after those of
// ours that lead to it; what has another role is none of its business.
func TestARoleGoesAfterWhatLeadsToIt(t *testing.T) {
	want := workloadWant(t, test, prod)
	for i := range want.Clusters {
		if want.Clusters[i].Key == test { // one by Pod Identity, which we make too
			want.Clusters[i].ServiceAccounts = append(want.Clusters[i].ServiceAccounts, access.WantServiceAccount{Namespace: "ops", Name: "yace-sa", Manage: access.ManageCreate, Workload: "yace"})
		}
	}
	have := made(t, workloadSees(test, prod), Compute(want, workloadSees(test, prod), Options{}))
	expect(t, Compute(want, have, Options{Destroy: true}),
		"delete podidentity/prod/ops/yace-sa",
		"delete serviceaccount/prod/logs-a/loki",
		"delete podidentity/test/ops/yace-sa",
		"delete serviceaccount/test/logs-a/loki",
		"delete serviceaccount/test/ops/yace-sa",
		"delete role/loki after serviceaccount/prod/logs-a/loki,serviceaccount/test/logs-a/loki,serviceaccount/test/ops/yace-sa",
		"delete role/yace after podidentity/prod/ops/yace-sa,podidentity/test/ops/yace-sa,serviceaccount/test/ops/yace-sa")

	// Who else has it keeps it, as far as it is of this account and not ours.
	others := access.PodIdentityAssociation{Namespace: "x", ServiceAccount: "y", Role: yaceRole, ID: "a-x"}
	for name, c := range map[string]struct {
		edit func(*access.PodIdentityAssociation)
		held bool
	}{
		"others have it":           {func(*access.PodIdentityAssociation) {}, true},
		"others have another role": {func(a *access.PodIdentityAssociation) { a.Role = appRole }, false},
		"ours have it":             {func(a *access.PodIdentityAssociation) { a.Tags = owner.Tags() }, false},
	} {
		a := others
		c.edit(&a)
		h := made(t, have, &Plan{})
		h.Clusters[0].PodIdentities = append(slices.Clone(h.Clusters[0].PodIdentities), a)
		p := Compute(want, h, Options{Destroy: true})
		if ch := find(p, "role/yace"); (len(ch.Held) > 0) != c.held || c.held && !strings.Contains(ch.Held[0].Reason, "the association of x/y on cluster prod has it and is not ours") {
			t.Errorf("%s: %v", name, lines(p))
		}
		if ch := find(p, "role/loki"); len(ch.Held) > 0 {
			t.Errorf("%s: loki is held by %v", name, ch.Held)
		}
	}
	// Nor does it go where a list that may have them was not read.
	for what, held := range map[access.GapKind]bool{access.GapPodIdentities: true, access.GapPodIdentity: true, access.GapClusters: true, access.GapCluster: true,
		access.GapAgent: false, access.GapEntries: false, access.GapRBAC: false} {
		for _, account := range []string{home, partner} {
			g := access.Gap{What: what, Account: account, Region: "eu-west-2", Cluster: "far", Reason: "403"}
			ch := find(Compute(want, gap(made(t, have, &Plan{}), g), Options{Destroy: true}), "role/yace")
			if got := len(ch.Held) > 0; got != (held && account == home) {
				t.Errorf("%s of %s: held by %v", what, account, ch.Held)
			}
		}
	}
}

// Without keys everything wanted is adopted, with keys what they name, and what
// is ours, not there or another's to manage is left.
//
// shows: item S108
func TestAdoptTakesWhatItsKeysName(t *testing.T) {
	base := workloadWant(t, test)
	more := base.Clusters[0].PodIdentities[0]
	more.ServiceAccount = "more"
	missing := more
	missing.ServiceAccount = "missing"
	base.Clusters[0].PodIdentities = append(base.Clusters[0].PodIdentities, more)
	have := made(t, workloadSees(test), Compute(base, workloadSees(test), Options{}))
	base.Clusters[0].PodIdentities = append(base.Clusters[0].PodIdentities, missing)
	gone := base.Roles[0]
	gone.ARN = strings.Replace(lokiRole, "loki", "gone", 1)
	base.Roles = append(base.Roles, gone)
	for i := range have.Accounts[0].Details {
		have.Accounts[0].Details[i].Tags = map[string]string{"k": "v"}
	}
	for i := range have.Clusters[0].PodIdentities {
		have.Clusters[0].PodIdentities[i].Tags = nil
	}
	yace, loki, sa, second := "update role/yace", "update role/loki", "update podidentity/test/ops/yace-sa", "update podidentity/test/ops/more"
	all := []string{loki, yace, second, sa}
	for name, c := range map[string]struct {
		keys []string
		edit func(*access.State, *access.Snapshot)
		want []string
		err  string
	}{
		"all":                   {nil, nil, all, ""},
		"a role":                {[]string{"role/main/yace"}, nil, []string{yace}, ""},
		"a role, by number":     {[]string{"role/" + home + "/yace"}, nil, []string{yace}, ""},
		"an association":        {[]string{"association/test/ops/more"}, nil, []string{second}, ""},
		"by the long name":      {[]string{"association/" + home + "/eu-west-1/test/ops/yace-sa"}, nil, []string{sa}, ""},
		"one that is not there": {[]string{"association/test/ops/missing"}, nil, nil, "no such association of others was seen"},
		"a role that is not":    {[]string{"role/main/gone", "role/main/yace"}, nil, []string{yace}, "role/main/gone: no such role of others was seen"},
		"what is ours": {nil, func(_ *access.State, h *access.Snapshot) {
			h.Accounts[0].Details[1].Tags = owner.Tags()
			h.Clusters[0].PodIdentities[0].Tags = owner.Tags()
		}, []string{loki, sa}, ""},
		"a role used as it is":  {nil, func(w *access.State, _ *access.Snapshot) { w.Roles[0].Existing = true }, []string{yace, second, sa}, ""},
		"roles not read":        {nil, func(_ *access.State, h *access.Snapshot) { h.Accounts[0].DetailsRead = false }, []string{second, sa}, ""},
		"associations not read": {nil, func(_ *access.State, h *access.Snapshot) { h.Clusters[0].PodIdentitiesRead = false }, []string{loki, yace}, ""},
		"a run over people": {nil, func(_ *access.State, h *access.Snapshot) {
			h.Part = &access.Part{Only: []string{"user/ann"}, Principals: []string{arn("user/ann")}}
		}, nil, ""},
		"a run over this cluster": {nil, func(_ *access.State, h *access.Snapshot) { h.Part = &access.Part{Clusters: []access.ClusterKey{test}} }, all, ""},
		"a run over another":      {nil, func(_ *access.State, h *access.Snapshot) { h.Part = &access.Part{Clusters: []access.ClusterKey{prod}} }, nil, ""},
	} {
		w, h := *base, made(t, have, &Plan{})
		w.Roles = slices.Clone(base.Roles)
		h.Clusters[0].PodIdentities = slices.Clone(h.Clusters[0].PodIdentities)
		if c.edit != nil {
			c.edit(&w, h)
		}
		p, err := Adoptions(&w, h, c.keys)
		if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, l := range lines(p) {
			got = append(got, strings.ReplaceAll(l, home+"/", ""))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
		for i := range p.Changes {
			if a := p.Changes[i].DependsOn; len(a) > 0 {
				t.Errorf("%s: %s waits for %v", name, p.Changes[i].ID, a)
			}
		}
	}
}

// A statement is said in the order in which people ask: what, on what, by whom,
// if.
func TestAStatementIsSaidInWords(t *testing.T) {
	for statement, want := range map[string]string{
		`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}`:                                                      "s3:GetObject on arn:aws:s3:::a/*",
		`{"Effect":"Allow","Action":["a:b","c:d"],"Resource":["x","y"]}`:                                                                "a:b, c:d on x, y",
		`{"Effect":"Deny","NotAction":"s3:*","Resource":"*"}`:                                                                           "deny all but s3:* on *",
		`{"Effect":"Allow","Action":"s3:*","NotResource":"x"}`:                                                                          "s3:* on all but x",
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"pods.eks.amazonaws.com","AWS":["b","a"]}}`:                 "sts:AssumeRole by b, a, pods.eks.amazonaws.com",
		`{"Effect":"Deny","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"a"}}`:                                                        "deny sts:AssumeRole by all but a",
		`{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringEquals":{"k":"v"},"Bool":{"aws:SecureTransport":"true"}}}`: `a:b on * if {"Bool":{"aws:SecureTransport":"true"},"StringEquals":{"k":"v"}}`,
		`not a statement`: "not a statement",
	} {
		if got := StatementWords(statement); got != want {
			t.Errorf("%s: %q, want %q", statement, got, want)
		}
	}
}

// EKS allows a cluster a thousand associations, so a new one waits for one that
// goes where there is no room for both, and is held where there is none at all.
func TestANewAssociationWaitsForTheRoomThatIsMadeForIt(t *testing.T) {
	for _, c := range []struct{ others, goes, comes, free, waits, held int }{
		{0, 0, 3, 3, 0, 0},
		{997, 0, 3, 3, 0, 0},
		{998, 0, 3, 2, 0, 1},
		{999, 1, 1, 0, 1, 0},
		{998, 1, 1, 1, 0, 0},
		{999, 1, 2, 0, 1, 1},
		{998, 2, 1, 0, 1, 0},
		{996, 1, 5, 3, 1, 1},
		{1000, 0, 2, 0, 0, 2},
		{1001, 1, 1, 0, 0, 1},
	} {
		want, have := previewWant(test), workloadSees(test)
		have = made(t, have, Compute(want, have, Options{}))
		h := &have.Clusters[0]
		for i := range c.others {
			h.PodIdentities = append(h.PodIdentities, access.PodIdentityAssociation{Namespace: "x", ServiceAccount: fmt.Sprintf("s%04d", i), Role: "r", ID: fmt.Sprintf("a-%d", i)})
		}
		for i := range c.goes {
			h.PodIdentities = append(h.PodIdentities, access.PodIdentityAssociation{Namespace: "y", ServiceAccount: fmt.Sprint("s", i), Role: appRole, ID: fmt.Sprint("b-", i), Tags: owner.Tags()})
		}
		for i := range c.comes {
			want.Clusters[0].PodIdentities = append(want.Clusters[0].PodIdentities, access.WantPodIdentity{PodIdentityAssociation: access.PodIdentityAssociation{Namespace: "z", ServiceAccount: fmt.Sprint("s", i), Role: appRole}, Workload: "app"})
		}
		p := Compute(want, have, Options{})
		var free, waits, held, goes int
		for i := range p.Changes {
			ch := &p.Changes[i]
			switch {
			case ch.Verb == Delete:
				goes++
			case len(ch.Held) > 0:
				held++
				if says := fmt.Sprintf("quota: cluster test would have %d associations and EKS allows 1000", c.others+c.comes); !slices.Equal(holds(ch), []string{says}) {
					t.Errorf("%+v: held by %v, want %s", c, ch.Held, says)
				}
			case len(ch.DependsOn) == c.goes && c.goes > 0:
				waits++
			case len(ch.DependsOn) == 0:
				free++
			default:
				t.Errorf("%+v: %s after %v", c, ch.ID, ch.DependsOn)
			}
		}
		if free != c.free || waits != c.waits || held != c.held || goes != c.goes {
			t.Errorf("%+v: %d free, %d wait, %d held, %d go", c, free, waits, held, goes)
		}
	}
}

// What stays where the last workload goes is listed then, and no other time.
func TestWhatStaysIsListedWhereTheLastWorkloadGoesAlone(t *testing.T) {
	full := workloadWant(t, test)
	base := made(t, workloadSees(test), Compute(full, workloadSees(test), Options{}))
	base.Clusters[0].Entries = []access.Entry{haveEntry("user/ann", "View:a")}
	one := workloadWant(t, test)
	one.Roles, one.Workloads = one.Roles[:1], one.Workloads[:1] // yace goes, loki stays
	for name, c := range map[string]struct {
		want *access.State
		o    Options
		edit func(*access.Snapshot)
		left int
	}{
		"all goes":        {wants(wantCluster(test)), Options{}, nil, 2},
		"destroyed":       {full, Options{Destroy: true}, nil, 2},
		"one of two goes": {one, Options{}, nil, 0},
		"people alone go": {wants(wantCluster(test)), Options{}, func(h *access.Snapshot) {
			h.Accounts[0].Details, h.Clusters[0].PodIdentities, h.Clusters[0].Kubernetes.ServiceAccounts = nil, nil, nil
		}, 0},
		"an association of another's role goes": {wants(wantCluster(test)), Options{}, func(h *access.Snapshot) {
			for i := range h.Accounts[0].Details {
				h.Accounts[0].Details[i].Tags = nil
			}
		}, 0},
		"the agent built in": {wants(wantCluster(test)), Options{}, func(h *access.Snapshot) { h.Clusters[0].Agent = &access.HaveAgent{BuiltIn: true} }, 1},
		"no agent":           {wants(wantCluster(test)), Options{}, func(h *access.Snapshot) { h.Clusters[0].Agent = nil }, 1},
		"others' provider":   {wants(wantCluster(test)), Options{}, func(h *access.Snapshot) { h.Accounts[0].Providers = []access.HaveProvider{{ARN: "arn:p", Issuer: "i"}} }, 1},
	} {
		have := made(t, base, &Plan{})
		if c.edit != nil {
			c.edit(have)
		}
		n := 0
		for _, w := range Compute(c.want, have, c.o).Warnings {
			if w.Slug == "left" {
				n++
			}
		}
		if n != c.left {
			t.Errorf("%s: %d are listed, want %d", name, n, c.left)
		}
	}
}

// A role cannot be moved: one at another path is replaced, and what goes with it
// is in the change.
func TestARoleThatIsReplacedIsSeenWhole(t *testing.T) {
	want := workloadWant(t, test)
	have := made(t, workloadSees(test), Compute(want, workloadSees(test), Options{}))
	moved := strings.Replace(yaceRole, "/ops/", "/dev/", 1)
	want.Roles[1].ARN, want.Clusters[0].PodIdentities[0].Role = moved, moved
	p := Compute(want, have, Options{})
	c := find(p, "role/yace")
	if c == nil || c.Verb != Replace {
		t.Fatal(lines(p))
	}
	from, to := c.From.(IAMRole), c.To.(IAMRole)
	if from.ARN != yaceRole || len(from.Inline) != 1 || !slices.Equal(from.Managed, []string{"arn:aws:iam::aws:policy/A"}) || to.ARN != moved || len(to.Inline)+len(to.Managed) > 0 || to.ID != "" {
		t.Errorf("from %+v to %+v", from, to)
	}
	// Its policies are made after it, and so is what gives it.
	for _, id := range []string{"rolepolicy/yace/p", "roleattachment/yace/arn:aws:iam::aws:policy/A", "podidentity/test/ops/yace-sa"} {
		if c := find(p, id); c == nil || !slices.Contains(c.DependsOn, "role/"+home+"/yace") {
			t.Errorf("%s: %v", id, lines(p))
		}
	}
	// Another's that stands elsewhere is said where it is.
	want.Roles[1].Existing = true
	p = Compute(want, have, Options{})
	says := "account " + home + " has no role " + moved + "; it is " + yaceRole + " there"
	if c := find(p, "podidentity/test/ops/yace-sa"); c == nil || !slices.Contains(holds(c), "no-principal: "+says) {
		t.Errorf("%v", p.Changes)
	}
	have.Accounts[0].Details = nil
	p = Compute(want, have, Options{})
	if c := find(p, "podidentity/test/ops/yace-sa"); c == nil || !slices.Contains(holds(c), "no-principal: account "+home+" has no role "+moved) {
		t.Errorf("%v", p.Changes)
	}
}

// Each change of a workload's says whose it is and whom it gives what.
func TestAWorkloadsChangesSayWhoseTheyAre(t *testing.T) {
	want := workloadWant(t, test)
	for id, c := range map[string]struct {
		workload string
		grant    Grant
		line     int
	}{
		"podidentity/test/ops/yace-sa":    {"yace", Grant{Cluster: test, Document: "test", Principal: yaceRole, ServiceAccount: "ops/yace-sa", What: "role yace", Where: "ops/yace-sa", Member: "workload/yace"}, 9},
		"serviceaccount/test/logs-a/loki": {"loki", Grant{Cluster: test, Document: "test", Principal: lokiRole, ServiceAccount: "logs-a/loki", What: "role loki", Where: "logs-a/loki", Member: "workload/loki"}, 29},
	} {
		c.grant.Source = access.Place{File: "yace.yaml", Line: c.line}
		ch := find(Compute(want, workloadSees(test), Options{}), id)
		if d := cmp.Diff([]Grant{c.grant}, ch.Gained); d != "" || !slices.Equal(ch.Workloads, []string{c.workload}) || ch.Source != c.grant.Source || len(ch.Lost) > 0 {
			t.Errorf("%s: %v %v %s", id, ch.Workloads, ch.Source, d)
		}
	}
	// One that no workload's document asked for is nobody's.
	want.Clusters[0].PodIdentities[0].Workload, want.Clusters[0].ServiceAccounts[0].Workload = "", ""
	p := Compute(want, workloadSees(test), Options{})
	for _, id := range []string{"podidentity/test/ops/yace-sa", "serviceaccount/test/logs-a/loki"} {
		if ch := find(p, id); ch.Workloads != nil || ch.Gained[0].Member != "" {
			t.Errorf("%s: %v %+v", id, ch.Workloads, ch.Gained)
		}
	}
}

// What goes with a role is said: whom it trusted. What comes and goes with a
// change of its trust, too.
func TestWhatARolesTrustGivesAndTakesIsSaid(t *testing.T) {
	words := func(list []Grant) (all []string) {
		for _, g := range list {
			if g.Principal != yaceRole {
				t.Errorf("a grant of %s", g.Principal)
			}
			all = append(all, g.What)
		}
		return all
	}
	const says = "trusts: sts:AssumeRole, sts:TagSession by pods.eks.amazonaws.com if "
	one := workloadWant(t, test)
	have := made(t, workloadSees(test, prod), Compute(one, workloadSees(test, prod), Options{}))
	for name, c := range map[string]struct {
		p            *Plan
		gained, lost []string // the clusters that the statements name
	}{
		"another cluster comes": {Compute(workloadWant(t, test, prod), have, Options{}), []string{"cluster/prod"}, nil},
		"the cluster changes":   {Compute(workloadWant(t, prod), have, Options{}), []string{"cluster/prod"}, []string{"cluster/test"}},
		"the role goes":         {Compute(one, have, Options{Destroy: true}), nil, []string{"cluster/test"}},
	} {
		ch := find(c.p, "role/yace")
		for side, list := range map[string]struct{ got, want []string }{"gained": {words(ch.Gained), c.gained}, "lost": {words(ch.Lost), c.lost}} {
			ok := len(list.got) == len(list.want)
			for i := range list.want {
				ok = ok && strings.HasPrefix(list.got[i], says) && strings.Contains(list.got[i], list.want[i]) && strings.Contains(list.got[i], "yace-sa")
			}
			if !ok {
				t.Errorf("%s: %s %q, want %q", name, side, list.got, list.want)
			}
		}
	}
}

func TestAnAgentThatDoesNotRunIsPointedOut(t *testing.T) {
	want := workloadWant(t, test)
	have := made(t, workloadSees(test), Compute(want, workloadSees(test), Options{}))
	for status, warns := range map[string]bool{"ACTIVE": false, "CREATING": false, "UPDATING": false, "CREATE_FAILED": true, "UPDATE_FAILED": true, "DEGRADED": true} {
		have.Clusters[0].Agent = &access.HaveAgent{Addon: true, Status: status}
		p := Compute(want, have, Options{})
		says := []string{"agent: the Pod Identity agent on cluster test is " + status + ": pods get no credentials where it does not run"}
		if !warns {
			says = nil
		}
		if d := cmp.Diff(says, warned(p)); d != "" || len(p.Changes) > 0 {
			t.Errorf("%s: %v -want +got\n%s", status, lines(p), d)
		}
	}
}

func TestAPolicyOfOneStatementIsThatStatement(t *testing.T) {
	const one = `{"Effect":"Allow","Action":"a:b","Resource":"*"}`
	for policy, want := range map[string][]string{
		"": nil, `{"Statement":[]}`: nil, "no policy": {"no policy"},
		`{"Statement":` + one + `}`:               {one},
		`{"Statement":[` + one + `]}`:             {one},
		`{"Statement":[` + one + `,` + one + `]}`: {one, one},
	} {
		if got := statements(access.Document(policy)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", policy, got, want)
		}
	}
}

// An update of a role is of the role alone: its policies are changes of their
// own, and what is read again before it is made is not they.
func TestAnUpdateOfARoleIsOfTheRoleAlone(t *testing.T) {
	want := workloadWant(t, test)
	have := made(t, workloadSees(test), Compute(want, workloadSees(test), Options{}))
	want.Roles[1].Description = "of metrics"
	p := Compute(want, have, Options{})
	expect(t, p, "update role/yace")
	from, to := p.Changes[0].From.(IAMRole), p.Changes[0].To.(IAMRole)
	if len(from.Inline)+len(from.Managed)+len(to.Inline)+len(to.Managed) > 0 || from.Description != "" || to.Description != "of metrics" || from.ID == "" || from.ID != to.ID {
		t.Errorf("from %+v to %+v", from, to)
	}
}

// IAM allows a role ten managed policies, so one that comes waits for one that
// goes where there is no room for both; else what is given comes first.
func TestAManagedPolicyWaitsForTheRoomThatIsMadeForIt(t *testing.T) {
	for _, c := range []struct {
		stay, leave, come int
		waits             bool
	}{{9, 1, 1, true}, {8, 1, 1, false}, {8, 2, 2, true}, {10, 0, 0, false}, {8, 2, 1, true}, {7, 2, 1, false}} {
		want := workloadWant(t, test)
		have := made(t, workloadSees(test), Compute(want, workloadSees(test), Options{}))
		policies := func(kind string, n int) (all []string) {
			for i := range n {
				all = append(all, fmt.Sprintf("arn:aws:iam::aws:policy/%s%d", kind, i))
			}
			return all
		}
		have.Accounts[0].Details[1].Managed = slices.Concat(policies("go", c.leave), policies("stay", c.stay))
		want.Roles[1].Managed = slices.Concat(policies("come", c.come), policies("stay", c.stay))
		p := Compute(want, have, Options{})
		if len(p.Changes) != c.leave+c.come {
			t.Errorf("%+v: %v", c, lines(p))
		}
		for i := range p.Changes {
			ch := &p.Changes[i]
			if waits := len(ch.DependsOn) > 0; waits != (c.waits && ch.Verb == Create) || waits && len(ch.DependsOn) != c.leave {
				t.Errorf("%+v: %s after %v", c, ch.ID, ch.DependsOn)
			}
		}
	}
}
