package desired

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/presets"
)

func presetWorkload(credentials, list string) string {
	return workload("w", "all: true", "credentials: "+credentials+"; "+account("m", "s")+"; role: {name: r, presets: ["+list+"]}")
}

// shows: key Workload.spec.role.presets; key Workload.spec.role.presets.{name,parameters}
func TestPresetsBecomeStatements(t *testing.T) {
	test := mainCluster("test", "")
	compile := func(docs ...string) *access.State {
		t.Helper()
		s, err := Compile(parse(t, append([]string{environment}, docs...)...))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	want := func(name string, parameters map[string]any) string {
		t.Helper()
		p, _ := presets.Find(name)
		list, err := p.Statements(parameters)
		if err != nil {
			t.Fatal(err)
		}
		d, err := presets.Policy(list)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for name, c := range map[string]struct {
		list string
		want string
	}{
		"by name":     {"yace", want("yace", nil)},
		"by an alias": {"cloudwatch-exporter", want("yace", nil)},
		"with a list of one": {"{name: external-dns, parameters: {hostedZoneIds: [Z0123456789]}}",
			want("external-dns", map[string]any{"hostedZoneIds": []string{"Z0123456789"}})},
		"with a list written as its one item": {"{name: external-dns, parameters: {hostedZoneIds: Z0123456789}}",
			want("external-dns", map[string]any{"hostedZoneIds": []string{"Z0123456789"}})},
		"with a switch": {"{name: aws-load-balancer-controller, parameters: {enableWaf: false, clusterName: test}}",
			want("aws-load-balancer-controller", map[string]any{"enableWaf": false, "clusterName": "test"})},
		"with a switch in quotes": {`{name: aws-load-balancer-controller, parameters: {enableWaf: "false", clusterName: test}}`,
			want("aws-load-balancer-controller", map[string]any{"enableWaf": false, "clusterName": "test"})},
	} {
		t.Run(name, func(t *testing.T) {
			s := compile(test, presetWorkload("IRSA", c.list))
			if diff := cmp.Diff([]access.RolePolicy{{Name: "w", Document: access.Document(c.want)}}, s.Roles[0].Inline); diff != "" {
				t.Errorf("policies (-want +got):\n%s", diff)
			}
		})
	}

	s := compile(test, cluster("far", "account: china"), workload("w", "all: true", "credentials: PodIdentity; "+account("m", "s")+
		"; role: {name: r, policyName: p, presets: [yace, {name: external-dns, parameters: {hostedZoneIds: [Z0123456789]}}], statements: ["+readMetrics+"]}"))
	if len(s.Roles) != 2 {
		t.Fatalf("%d roles", len(s.Roles))
	}
	for i, partition := range []string{"aws", "aws-cn"} {
		text := string(s.Roles[i].Inline[0].Document)
		if s.Roles[i].Inline[0].Name != "p" || !strings.Contains(text, `"arn:`+partition+`:route53:::hostedzone/Z0123456789"`) || strings.Count(text, `"Effect"`) != 1+strings.Count(want("yace", nil), `"Effect"`)+strings.Count(want("external-dns", map[string]any{"hostedZoneIds": []string{"Z0123456789"}}), `"Effect"`) {
			t.Errorf("partition %s: %s", partition, text)
		}
	}
	var used []string
	for _, p := range s.Workloads[0].Presets {
		used = append(used, fmt.Sprintf("%s %s %s %d", p.Name, p.Version, p.Confidence, p.Place.Column))
	}
	if diff := cmp.Diff([]string{"yace 1 high 44", "external-dns 1 high 50"}, used); diff != "" {
		t.Errorf("presets (-want +got):\n%s", diff)
	}
	var notes []string
	for _, n := range s.Notes {
		notes = append(notes, n.Slug+": "+n.Text)
	}
	if diff := cmp.Diff([]string{"weak-preset: preset yace: its documents do not say that it takes credentials by Pod Identity"}, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if s := compile(test, presetWorkload("IRSA", "yace")); len(s.Notes) != 0 {
		t.Errorf("notes of what is not weak: %v", s.Notes)
	}
}

func TestPresetsThatCannotBe(t *testing.T) {
	test := mainCluster("test", "")
	refused := func(bad, good string, want ...string) refusal {
		return refusal{docs: []string{environment, test, presetWorkload("IRSA", bad)}, twin: []string{environment, test, presetWorkload("IRSA", good)}, want: want}
	}
	const zone = "{name: external-dns, parameters: {hostedZoneIds: [Z0123456789]}}"
	var many []string
	for i := range 400 {
		many = append(many, fmt.Sprintf("Z%031d", i))
	}
	dns := func(n int) string {
		return "{name: external-dns, parameters: {hostedZoneIds: [" + strings.Join(many[:n], ", ") + "]}}"
	}
	refusals(t, map[string]refusal{
		"a preset that is not there": refused("external-dsn", zone,
			`3.yaml:8:29: there is no preset "external-dsn": did you mean external-dns?`),
		"a preset twice by its names": refused(zone+", {name: externaldns, parameters: {hostedZoneIds: [Z1]}}", zone+", yace",
			"3.yaml:8:95: preset external-dns stands twice, first at 3.yaml:8:29: give it its parameters once"),
		"a parameter that is required": refused("external-dns", zone,
			"3.yaml:8:29: preset external-dns: hostedZoneIds is required: [Z0123456789ABCDEFGHIJ]"),
		"a misspelt parameter": refused("{name: external-dns, parameters: {hostedZoneIds: [Z1], recordName: [a.b]}}", "{name: external-dns, parameters: {hostedZoneIds: [Z1], recordNames: [a.b]}}",
			"3.yaml:8:96: preset external-dns: recordName is none of its parameters: hostedZoneIds, recordNames, recordTypes: did you mean recordNames?"),
		"a parameter of another form": refused("{name: external-dns, parameters: {hostedZoneIds: [example.com]}}", zone,
			`3.yaml:8:78: preset external-dns: hostedZoneIds "example.com" is not like Z0123456789ABCDEFGHIJ`),
		"a sid of a preset's": {
			docs: []string{environment, test, workload("w", "all: true", "credentials: IRSA; "+account("m", "s")+"; role: {name: r, presets: [yace], statements: [{sid: YaceBase, actions: [\"s3:*\"], resources: [\"*\"]}]}")},
			twin: []string{environment, test, workload("w", "all: true", "credentials: IRSA; "+account("m", "s")+"; role: {name: r, presets: [yace], statements: [{sid: Base, actions: [\"s3:*\"], resources: [\"*\"]}]}")},
			want: []string{`3.yaml:8:29: IAM would refuse this statement: Sid: "YaceBase" is used twice`},
		},
		"row 45: more than a role's inline policies hold": refused(dns(100), dns(20),
			"3.yaml:8:28: the statements and presets of role \"r\" have 13149 characters, and a role's inline policies 10240 at most: make managed policies of some, and name those under managedPolicies"),
	})
}
