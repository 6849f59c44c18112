package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// Where something of ours that gives ServiceAccounts of a cluster a role goes,
// what we wrote of them is looked for, if there is an API server; where it stays,
// or was never ours, no API server is asked.
func TestServiceAccountsAreLookedForWhereWhatGivesThemARoleGoes(t *testing.T) {
	ours, theirs := owner.Tags(), map[string]string{"k": "v"}
	association := access.PodIdentityAssociation{Namespace: "ops", ServiceAccount: "sa", Role: yaceRole, Tags: ours}
	with := func(edit func(*access.PodIdentityAssociation)) func(*access.Snapshot) {
		return func(h *access.Snapshot) {
			a := association
			edit(&a)
			h.Clusters[0].PodIdentities = []access.PodIdentityAssociation{a}
		}
	}
	role := func(tags map[string]string, trust string) func(*access.Snapshot) {
		return func(h *access.Snapshot) {
			h.Accounts[0].Details = []access.HaveRole{{Principal: access.Principal{ARN: yaceRole}, Name: "yace", Tags: tags, Trust: access.Document(trust)}}
		}
	}
	byIssuer, byARN := `"oidc-provider/`+issuer(test)+`"`, `"arn:aws:eks:eu-west-1:`+home+`:cluster/test"`
	bare := func() *access.State { return wants(wantCluster(test)) }
	exact := func() *access.State {
		s := bare()
		s.Clusters[0].PodIdentities = []access.WantPodIdentity{{PodIdentityAssociation: association}}
		return s
	}
	pattern := func() *access.State {
		s := exact()
		s.Clusters[0].PodIdentityPatterns, s.Clusters[0].PodIdentities = s.Clusters[0].PodIdentities, nil
		s.Clusters[0].PodIdentityPatterns[0].Namespace = "o*"
		return s
	}
	trusting := func(k access.ClusterKey) func() *access.State {
		return func() *access.State {
			s := bare()
			s.Roles = []access.WantRole{{Account: home, ARN: yaceRole, Trust: []access.WantTrust{{Credentials: access.PodIdentity, Cluster: k}}}}
			return s
		}
	}
	rendered := func() *access.State { s := bare(); s.Clusters[0].Via = access.ViaRender; return s }
	undocumented := func() *access.State { return wants() }
	none := func(*access.PodIdentityAssociation) {}
	for name, c := range map[string]struct {
		want  func() *access.State
		have  func(*access.Snapshot)
		o     Options
		looks bool
	}{
		"nothing is there":                          {bare, func(*access.Snapshot) {}, Options{}, false},
		"an association that nobody wants":          {bare, with(none), Options{}, true},
		"one that is wanted":                        {exact, with(none), Options{}, false},
		"one that a pattern wants":                  {pattern, with(none), Options{}, false},
		"one that the pattern does not match":       {pattern, with(func(a *access.PodIdentityAssociation) { a.Namespace = "x" }), Options{}, true},
		"one of others":                             {bare, with(func(a *access.PodIdentityAssociation) { a.Tags = theirs }), Options{}, false},
		"one of an add-on":                          {bare, with(func(a *access.PodIdentityAssociation) { a.OwnerARN = "arn:addon" }), Options{}, false},
		"one that is wanted, destroyed":             {exact, with(none), Options{Destroy: true}, true},
		"one on a cluster that no document names":   {undocumented, with(none), Options{}, true},
		"one on a cluster that others write":        {rendered, with(none), Options{}, false},
		"a role that trusts the issuer":             {bare, role(ours, byIssuer), Options{}, true},
		"a role that trusts the cluster":            {bare, role(ours, byARN), Options{}, true},
		"a role that trusts another cluster":        {bare, role(ours, strings.ReplaceAll(byARN, "/test", "/testing")), Options{}, false},
		"a role of others":                          {bare, role(theirs, byIssuer), Options{}, false},
		"a role that is to trust it":                {trusting(test), role(ours, byIssuer), Options{}, false},
		"a role that is to trust another":           {trusting(prod), role(ours, byIssuer), Options{}, true},
		"a role that is to trust it, destroyed":     {trusting(test), role(ours, byIssuer), Options{Destroy: true}, true},
		"a role on a cluster that others write":     {rendered, role(ours, byIssuer), Options{}, false},
		"a role on a cluster that nobody names":     {undocumented, role(ours, byARN), Options{}, true},
		"a role of ours, and the cluster no issuer": {bare, func(h *access.Snapshot) { role(ours, byIssuer)(h); h.Clusters[0].Issuer = "" }, Options{}, false},
	} {
		have := workloadSees(test)
		c.have(have)
		got := WorkloadsNeed(c.want(), c.o).ServiceAccounts(have)
		want := map[access.ClusterKey]access.KubernetesNeed{}
		if c.looks {
			want[test] = access.KubernetesIfThere
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

// What is done about a ServiceAccount follows from what a document has us write
// of it, and from who wrote what stands.
//
// shows: item S112
func TestAServiceAccountIsDecidedByWhatIsWantedAndWhoWroteIt(t *testing.T) {
	const none, create, annotate = access.ManageNone, access.ManageCreate, access.ManageAnnotate
	const other = "arn:aws:iam::" + home + ":role/other"
	stands := func(role, roleBy string, ours access.Manage) *access.HaveServiceAccount {
		a := &access.HaveServiceAccount{Namespace: "logs-a", Name: "loki", UID: "u", Annotations: map[string]string{}, Managers: []string{"kubectl"}, RoleManager: roleBy}
		if role != "" {
			a.Annotations[access.AnnotationRole] = role
		}
		switch ours {
		case create:
			a.Labels, a.Managers = owner.Labels(), []string{"atlas-iam"}
		case annotate:
			for k, v := range owner.Tags() {
				a.Annotations[k] = v
			}
			a.Managers = []string{"atlas-iam", "kubectl"}
		}
		return a
	}
	const us = access.FieldManager
	for name, c := range map[string]struct {
		have   *access.HaveServiceAccount // nil: not there
		manage access.Manage              // wanted; None: no document speaks of it
		role   string
		want   string        // verb and guards; empty: nothing
		left   access.Manage // what is ours then
	}{
		"none, to be made":                             {nil, create, lokiRole, "create", create},
		"none, to be made without a role":              {nil, create, "", "create", create},
		"none, to be annotated":                        {nil, annotate, lokiRole, "create !no-service-account", annotate},
		"none, and none wanted":                        {nil, none, "", "", ""},
		"ours, as wanted":                              {stands(lokiRole, us, create), create, lokiRole, "", ""},
		"ours, as wanted by another word":              {stands(lokiRole, us, create), annotate, lokiRole, "", ""},
		"ours, another role":                           {stands(other, us, create), create, lokiRole, "update", create},
		"ours, its role changed by hand":               {stands(other, "kubectl", create), create, lokiRole, "update", create},
		"ours, no role any more":                       {stands(lokiRole, us, create), create, "", "update", create},
		"ours, its role taken off by hand":             {stands("", "", create), create, lokiRole, "update", create},
		"ours, to be annotated alone":                  {stands(other, us, create), annotate, lokiRole, "update", create},
		"ours, not wanted":                             {stands(lokiRole, us, create), none, "", "delete", ""},
		"our annotation, as wanted":                    {stands(lokiRole, us, annotate), annotate, lokiRole, "", ""},
		"our annotation, another role":                 {stands(other, us, annotate), annotate, lokiRole, "update", annotate},
		"our annotation, to be made":                   {stands(other, us, annotate), create, lokiRole, "update", annotate},
		"our annotation, as wanted, to be made":        {stands(lokiRole, us, annotate), create, lokiRole, "", ""},
		"our annotation, not wanted":                   {stands(lokiRole, us, annotate), none, "", "update", ""},
		"others', no role":                             {stands("", "", ""), annotate, lokiRole, "update", annotate},
		"others', with the role":                       {stands(lokiRole, "helm", ""), annotate, lokiRole, "", ""},
		"others', with another role":                   {stands(other, "helm", ""), annotate, lokiRole, "update !foreign", annotate},
		"others', with another role, nobody's":         {stands(other, "", ""), annotate, lokiRole, "update !foreign", annotate},
		"others', with another role of our manager":    {stands(other, us, ""), annotate, lokiRole, "update", annotate},
		"others', to be made":                          {stands("", "", ""), create, lokiRole, "update !foreign", create},
		"others', with the role, to be made":           {stands(lokiRole, "helm", ""), create, lokiRole, "update !foreign", create},
		"others', without role, to be made without it": {stands("", "", ""), create, "", "update !foreign", create},
		"others', not wanted":                          {stands(other, "helm", ""), none, "", "", ""},
	} {
		want, have := workloadWant(t, test), workloadSees(test)
		have = made(t, have, Compute(want, have, Options{}))
		have.Clusters[0].Kubernetes.ServiceAccounts = nil
		if c.have != nil {
			have.Clusters[0].Kubernetes.ServiceAccounts = []access.HaveServiceAccount{*c.have}
		}
		want.Clusters[0].ServiceAccounts[0].Manage, want.Clusters[0].ServiceAccounts[0].Role = c.manage, c.role
		if c.manage == none {
			want.Clusters[0].ServiceAccounts = nil
		}
		ch := find(Compute(want, have, Options{}), "serviceaccount/test/logs-a/loki")
		if (ch != nil) != (c.want != "") {
			t.Errorf("%s: %+v, want %q", name, ch, c.want)
			continue
		}
		if ch == nil {
			continue
		}
		got := string(ch.Verb)
		for _, h := range ch.Held {
			got += " !" + h.Guard
		}
		to, _ := ch.To.(KubernetesAccount)
		if got != c.want || to.Manage != c.left || to.Role != c.role && c.manage != none || ch.Verb == Update && to.UID != "u" {
			t.Errorf("%s: %s to %+v, want %s to %q", name, got, to, c.want, c.left)
		}
	}
}
