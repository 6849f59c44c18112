package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

func TestLongListsOfActionsAreShortened(t *testing.T) {
	for what, want := range map[string]string{
		"a:B on *":                          "a:B on *",
		"a:B, a:C, a:D, a:E, a:F on *":      "a:B, a:C, a:D, a:E, a:F on *",
		"a:B, a:C, a:D, a:E, a:F, a:G on *": "a:B, a:C, a:D, a:E and 2 more on *",
		"a:* (not a:B, a:C, a:D, a:E, a:F), a:G on r if StringEquals k [1, 2, 3, 4, 5, 6]": "a:* (not a:B, a:C, a:D, a:E, a:F), a:G on r if StringEquals k [1, 2, 3, 4, 5, 6]",
		"a:B on r1, r2, r3, r4, r5, r6 unless Bool k [true]":                               "a:B on r1, r2, r3, r4 and 2 more unless Bool k [true]",
		"managed policy X": "managed policy X",
	} {
		if got := fewActions(what); got != want {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// A ServiceAccount that goes, or its role's annotation, stands with the access
// that it loses, and not under "No effect on access"; one that loses nothing, or
// that gets another role, stands there.
//
// shows: item S111
func TestAServiceAccountThatGoesStandsWithWhatItLoses(t *testing.T) {
	const role = "arn:aws:iam::" + account + ":role/metrics"
	had := plan.KubernetesAccount{Namespace: "monitoring", Name: "exporter", Role: role}
	without := had
	without.Role = ""
	lost := []plan.Grant{{Cluster: cluster("test"), Document: "test", Principal: role, Member: "workload/metrics", ServiceAccount: "monitoring/exporter", What: "s3:GetObject on *", Where: "monitoring/exporter as role metrics"}}
	gained := lost
	for name, c := range map[string]struct {
		verb   plan.Verb
		to     plan.Object
		access plan.Access
		goes   bool
		says   string
	}{
		"deleted, its role's rights with it": {plan.Delete, nil, plan.Access{Lost: lost}, true, "delete ServiceAccount monitoring/exporter"},
		"its annotation":                     {plan.Update, without, plan.Access{Lost: lost}, true, "take the role's annotation off ServiceAccount monitoring/exporter"},
		"deleted, without rights":            {plan.Delete, nil, plan.Access{}, false, "delete ServiceAccount monitoring/exporter"},
		"another role":                       {plan.Update, had, plan.Access{Lost: lost}, false, "annotate ServiceAccount monitoring/exporter"},
		"gained":                             {plan.Update, without, plan.Access{Gained: gained}, false, "take the role's annotation off"},
	} {
		p := emptyPlan()
		p.Access = &c.access
		p.Changes = []plan.Change{{ID: "a", Verb: c.verb, Kind: plan.ServiceAccount, Cluster: cluster("test"), Document: "test", Namespace: "monitoring", Name: "exporter", From: had, To: c.to}}
		var text, marked bytes.Buffer
		if err := Text(&text, p, Options{}); err != nil {
			t.Fatal(err)
		}
		if err := Markdown(&marked, p, Options{}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(text.String(), "Goes with access lost\n  - "+c.says); got != c.goes || strings.Contains(marked.String(), "### Goes with access lost") != c.goes {
			t.Errorf("%s: with the loss %t\n%s%s", name, got, text.String(), marked.String())
		}
		if got := strings.Contains(text.String(), "No effect on access\n  ~ "+c.says); got == c.goes {
			t.Errorf("%s: without effect %t\n%s", name, got, text.String())
		}
	}
}

// A managed policy that is taken from a role is named beside the actions that it
// gave, for it may be nobody's of the documents; with the role it goes unsaid, and
// so does one that is added.
//
// shows: item S111
func TestAManagedPolicyThatNoDocumentNamesIsNamedWhereItGoes(t *testing.T) {
	const role, admin = "arn:aws:iam::" + account + ":role/metrics", "arn:aws:iam::aws:policy/AdministratorAccess"
	said := []plan.Grant{{Cluster: cluster("test"), Document: "test", Principal: role, Member: "workload/metrics", ServiceAccount: "monitoring/exporter", What: "* on *", Where: "monitoring/exporter as role metrics"}}
	had := plan.Attachment{Role: role, Policy: admin}
	detach := plan.Change{ID: "a", Verb: plan.Delete, Kind: plan.RoleAttachment, Cluster: access.ClusterKey{Account: account}, Principal: role, Name: admin, From: had}
	attach := detach
	attach.Verb, attach.From, attach.To = plan.Create, nil, had
	whole := detach
	whole.Kind, whole.Name, whole.From = plan.Role, "", plan.IAMRole{ARN: role, Managed: []string{admin}}
	const row = "detach AdministratorAccess from role metrics   account " + account + "   which no document names\n"
	for name, c := range map[string]struct {
		change plan.Change
		access plan.Access
		want   string // empty: nothing of it
	}{
		"what it gave is lost":     {detach, plan.Access{Lost: said}, "Goes with access lost\n  - " + row},
		"others give the same":     {detach, plan.Access{}, "No effect on access\n  ~ " + row},
		"of two, one is gained":    {detach, plan.Access{Gained: said}, "No effect on access\n  ~ " + row},
		"twin: it comes":           {attach, plan.Access{Gained: said}, ""},
		"twin: its role goes":      {whole, plan.Access{Lost: said}, ""},
		"twin: nobody has a right": {attach, plan.Access{}, "No effect on access\n  ~ attach AdministratorAccess to role metrics   account " + account + "\n"},
	} {
		p := emptyPlan()
		p.Access, p.Changes = &c.access, []plan.Change{c.change}
		var text bytes.Buffer
		if err := Text(&text, p, Options{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), c.want) || c.want == "" && strings.Contains(text.String(), "Administrator") {
			t.Errorf("%s:\n%s\nwant %s", name, text.String(), c.want)
		}
	}
}
