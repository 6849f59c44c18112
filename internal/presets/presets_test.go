package presets

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
)

// words are ARNs that testdata/decisions.txt abbreviates.
var words = strings.NewReplacer(
	"OTHERBUCKET", "arn:aws:s3:::other", "BUCKET", "arn:aws:s3:::chunks",
	"EXPRESS", "arn:aws:s3express:us-east-1:111122223333:bucket/fast--use1-az4--x-s3",
	"OTHERKEY", "arn:aws:kms:us-east-1:111122223333:key/22222222-2222-3333-4444-555555555555",
	"KEY", "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555",
	"OTHERFS", "arn:aws:elasticfilesystem:us-east-1:111122223333:file-system/fs-0f", "FS", "arn:aws:elasticfilesystem:us-east-1:111122223333:file-system/fs-01",
	"VOL", "arn:aws:ec2:us-east-1:111122223333:volume/vol-1", "SNAP", "arn:aws:ec2:us-east-1::snapshot/snap-1",
	"INST", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "SG", "arn:aws:ec2:us-east-1:111122223333:security-group/sg-1",
	"SUBNET", "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-1", "LT", "arn:aws:ec2:us-east-1:111122223333:launch-template/lt-1",
	"OTHERVPC", "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-0f", "VPC", "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-01",
	"ALB", "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/a/1", "TG", "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/t/1",
	"LISTENER", "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/a/1/2",
	"NODES", "arn:aws:iam::111122223333:role/nodes", "PROFILE", "arn:aws:iam::111122223333:instance-profile/p",
	"QUEUE", "arn:aws:sqs:us-east-1:111122223333:karpenter", "FARROLE", "arn:aws:iam::222233334444:role/far",
	"ZONE", "arn:aws:route53:::hostedzone/Z",
	"SECRET", "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/*", "PARAM", "arn:aws:ssm:us-east-1:111122223333:parameter/prod/*",
	"WORKSPACE2", "arn:aws:aps:us-east-1:111122223333:workspace/ws-2", "WORKSPACE", "arn:aws:aps:us-east-1:111122223333:workspace/ws-1",
)

// story is a preset with parameters, and the requests put to it.
type story struct {
	preset     string
	parameters map[string]any
	requests   []request
}

type request struct {
	sid, line string
	allowed   bool
	iam.Question
}

func stories(t *testing.T) []story {
	t.Helper()
	b, err := os.ReadFile("testdata/decisions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []story
	sid := ""
	for s := bufio.NewScanner(strings.NewReader(string(b))); s.Scan(); {
		line := s.Text()
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] == "#":
		case f[0] == "==":
			st := story{preset: f[1]}
			if err := json.Unmarshal([]byte(words.Replace(strings.Join(f[2:], " "))), &st.parameters); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			out = append(out, st)
		case len(f) == 1:
			sid = f[0]
		default:
			ctx := &iam.Context{}
			for _, kv := range f[3:] {
				i := strings.LastIndexByte(kv, '=')
				ctx.Set(kv[:i], strings.Split(words.Replace(kv[i+1:]), ",")...)
			}
			resource := f[2]
			if !strings.HasPrefix(resource, "arn:") {
				resource = words.Replace(resource)
			}
			last := &out[len(out)-1]
			last.requests = append(last.requests, request{sid, line, f[0] == "+", iam.Question{Caller: controller, Action: f[1], Resource: resource, ResourceAccount: ownerOf(resource), Context: ctx, Policies: iam.Policies{Resource: delegating(t, f[1])}}})
		}
	}
	return out
}

// ownerOf is the account of an ARN, of one without the add-on's own.
func ownerOf(arn string) string {
	if a, err := access.ParseARN(arn); err == nil && len(a.Account) == 12 {
		return a.Account
	}
	return controller.Account
}

// delegating is the policy of a key or a role that leaves it to the add-on's
// account who may use it; nil where the resource needs none.
func delegating(t *testing.T, action string) *iam.Source {
	t.Helper()
	kind, resource := iam.Trust, ""
	switch service, _, _ := strings.Cut(action, ":"); service {
	case "kms":
		kind, resource = iam.KeyPolicy, `,"Resource":"*"`
	case "sts":
	default:
		return nil
	}
	service, _, _ := strings.Cut(action, ":")
	p, err := iam.Parse(kind, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"`+controller.Account+`"},"Action":"`+service+`:*"`+resource+`}}`)
	if err != nil {
		t.Fatal(err)
	}
	return &iam.Source{Name: "the resource's own", Policy: p}
}

var controller = iam.Caller{Kind: iam.Session, ARN: "arn:aws:sts::111122223333:assumed-role/addon/x", Account: "111122223333", Role: "arn:aws:iam::111122223333:role/addon"}

func rendered(t *testing.T, name string, parameters map[string]any) []Statement {
	t.Helper()
	p, ok := Find(name)
	if !ok {
		t.Fatalf("no preset %s", name)
	}
	s, err := p.Statements(parameters)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func policy(t *testing.T, s []Statement) *iam.Policy {
	t.Helper()
	d, err := Policy(s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := iam.Parse(iam.Identity, d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shows: item S103
func TestEachStatementLetsItsAddOnWorkAndNothingElse(t *testing.T) {
	works, refused := map[string]bool{}, map[string]bool{}
	for _, st := range stories(t) {
		p := policy(t, rendered(t, st.preset, st.parameters))
		for _, r := range st.requests {
			r.Policies.Identity = []iam.Source{{Name: st.preset, Policy: p}}
			d := iam.Decide(r.Question)
			by := slices.ContainsFunc(d.Reasons, func(x iam.Reason) bool { return x.Sid == r.sid && x.Effect == iam.Allow })
			switch {
			case r.allowed && (d.Verdict != iam.Allowed || !by):
				t.Errorf("%s: %s: %s, want allowed by %s", st.preset, r.line, d.Verdict, r.sid)
			case !r.allowed && d.Verdict != iam.Denied:
				t.Errorf("%s: %s: %s, want denied", st.preset, r.line, d.Verdict)
			case r.allowed:
				works[r.sid] = true
			default:
				refused[r.sid] = true
			}
		}
	}
	for _, p := range All() {
		for _, n := range p.Needs {
			if !works[n.Sid] || !refused[n.Sid] {
				t.Errorf("%s: %s has no request that must work, or none that must not", p.Name, n.Sid)
			}
		}
	}
}

// The same requests, put as can-i puts them: of the keys that the preset's
// statements speak of it is known what they are, or that they are not there, and
// of all others nothing.
//
// shows: item S140
func TestFewQuestionsAboutPresetsAreOpen(t *testing.T) {
	questions, open := 0, []string{}
	for _, st := range stories(t) {
		p := policy(t, rendered(t, st.preset, st.parameters))
		for _, r := range st.requests {
			told := r.Context
			r.Context = controller.Context()
			r.Context.OthersUnknown = true
			for _, s := range p.Statements {
				for _, c := range s.Conditions {
					values, _ := told.Values(c.Key)
					r.Context.Set(c.Key, values...)
				}
			}
			r.Policies.Identity = []iam.Source{{Name: st.preset, Policy: p}}
			want := map[bool]iam.Verdict{true: iam.Allowed, false: iam.Denied}[r.allowed]
			questions++
			switch d := iam.Decide(r.Question); d.Verdict {
			case want:
			case iam.Undetermined:
				open = append(open, st.preset+": "+r.line)
			default:
				t.Errorf("%s: %s: %s", st.preset, r.line, d.Verdict)
			}
		}
	}
	const most = 0.02
	t.Logf("%d of %d questions about presets are open: %q", len(open), questions, open)
	if questions < 150 || float64(len(open)) > most*float64(questions) {
		t.Errorf("%d of %d questions are open", len(open), questions)
	}
}

// full gives every parameter a value.
func full(p Preset) map[string]any {
	out := map[string]any{}
	for _, q := range p.Parameters {
		switch {
		case q.Kind == Bool:
			out[q.Name] = true
		case q.List:
			out[q.Name] = []any{q.Kind.Example()}
		default:
			out[q.Name] = q.Kind.Example()
		}
	}
	return out
}

func TestNoStatementIsOnEverythingWhereAResourceWasGiven(t *testing.T) {
	narrowed := 0
	for _, p := range All() {
		s := rendered(t, p.Name, full(p))
		held := map[string]bool{} // actions that a parameter narrows
		for _, n := range p.Needs {
			b, _ := json.Marshal([]any{n.Resources, n.Conditions})
			for _, q := range p.Parameters {
				if q.Kind != Bool && strings.Contains(string(b), "${"+q.Name+"}") {
					for _, a := range n.Actions {
						held[a] = true
					}
				}
			}
		}
		for _, r := range s {
			if !slices.Contains(r.Resources, "*") || len(r.Conditions) > 0 {
				continue
			}
			for _, a := range r.Actions {
				if held[a] {
					t.Errorf("%s: %s gives %s on everything, though a parameter narrows it", p.Name, r.Sid, a)
				}
			}
		}
		narrowed += len(held)
	}
	if narrowed < 60 {
		t.Errorf("%d actions are narrowed by parameters: the test does not see them", narrowed)
	}
}

func TestEveryPlaceholderHasAValueWhereItsStatementIsKept(t *testing.T) {
	sids := map[string]string{}
	names := map[string]string{}
	for _, p := range All() {
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			if names[name] != "" {
				t.Errorf("%s and %s are both called %s", names[name], p.Name, name)
			}
			names[name] = p.Name
			if q, ok := Find(name); !ok || q.Name != p.Name {
				t.Errorf("%s does not find %s", name, p.Name)
			}
		}
		if p.Version == "" || len(p.Sources) == 0 || p.Limits == "" || p.Confidence != High && p.Confidence != Medium || len(p.ServiceAccounts) == 0 {
			t.Errorf("%s lacks a version, a source, its limits, a confidence or a ServiceAccount", p.Name)
		}
		for _, n := range p.Needs {
			if other := sids[n.Sid]; other != "" {
				t.Errorf("%s has the Sid %s of %s: the two cannot be in one policy", p.Name, n.Sid, other)
			}
			sids[n.Sid] = p.Name
			if n.Basis != Documented && n.Basis != Tightened && n.Basis != General || n.Why == "" {
				t.Errorf("%s: basis %q, why %q", n.Sid, n.Basis, n.Why)
			}
			b, _ := json.Marshal([]any{n.Resources, n.Conditions})
			for _, m := range placeholder.FindAllStringSubmatch(string(b), -1) {
				q, ok := p.Parameter(m[1])
				if !ok || !q.Required && q.Default == nil && !slices.Contains(n.When, q.Name) {
					t.Errorf("%s: ${%s} may have no value", n.Sid, m[1])
				}
			}
			for _, w := range n.When {
				if _, ok := p.Parameter(strings.TrimPrefix(w, "!")); !ok {
					t.Errorf("%s: when names %s, which is no parameter", n.Sid, w)
				}
			}
		}
		for _, q := range p.Parameters {
			if q.Kind == Bool {
				continue
			}
			if problem := q.Kind.check(q.Kind.Example()); problem != "" {
				t.Errorf("%s: the example of %s: %s", p.Name, q.Name, problem)
			}
		}
		// The least and the most that can be asked for are whole policies.
		least := full(p)
		for _, q := range p.Parameters {
			if !q.Required {
				delete(least, q.Name)
			}
		}
		if _, err := p.Statements(least); err != nil && p.Name != "external-secrets" {
			t.Errorf("%s with what is required: %v", p.Name, err)
		}
		size, err := Size(rendered(t, p.Name, full(p)))
		if err != nil || size > InlineQuota {
			t.Errorf("%s takes %d characters, %v", p.Name, size, err)
		}
	}
}

func TestParametersAreTypedAndDemanded(t *testing.T) {
	for name, c := range map[string]struct {
		preset string
		given  map[string]any
		want   string // the error; empty: none
	}{
		"what is required":        {"karpenter", map[string]any{"region": "us-east-1"}, "preset karpenter: accountId is required: 111122223333; clusterName is required: prod; nodeRoleArns is required: [arn:aws:iam::111122223333:role/nodes]"},
		"a name that is none":     {"loki", map[string]any{"bucketArns": []any{"arn:aws:s3:::a-b"}, "bucket": "x"}, "preset loki: bucket is none of its parameters: bucketArns, kmsKeyArns"},
		"a text for a list":       {"loki", map[string]any{"bucketArns": "arn:aws:s3:::a-b"}, "preset loki: bucketArns is like [arn:aws:s3:::loki-chunks]"},
		"an empty list":           {"loki", map[string]any{"bucketArns": []any{}}, "preset loki: bucketArns is required: [arn:aws:s3:::loki-chunks]"},
		"a bucket's name":         {"loki", map[string]any{"bucketArns": []any{"a-b"}}, `preset loki: bucketArns "a-b" is not like arn:aws:s3:::loki-chunks`},
		"all buckets":             {"loki", map[string]any{"bucketArns": []any{"arn:aws:s3:::***"}}, `preset loki: bucketArns "arn:aws:s3:::***" names everything of its kind; write statements of your own if that is meant`},
		"everything":              {"loki", map[string]any{"bucketArns": []any{"*"}}, `preset loki: bucketArns "*" is not like arn:aws:s3:::loki-chunks`},
		"objects":                 {"loki", map[string]any{"bucketArns": []any{"arn:aws:s3:::a-b/*"}}, `preset loki: bucketArns "arn:aws:s3:::a-b/*" is not like arn:aws:s3:::loki-chunks`},
		"a variable":              {"loki", map[string]any{"bucketArns": []any{"arn:aws:s3:::${aws:username}"}}, `preset loki: bucketArns "arn:aws:s3:::${aws:username}" is not like arn:aws:s3:::loki-chunks`},
		"a text for a switch":     {"yace", map[string]any{"dms": "true"}, "preset yace: dms is true or false"},
		"a switch for a text":     {"karpenter", map[string]any{"region": "us-east-1", "accountId": "111122223333", "nodeRoleArns": []any{"arn:aws:iam::111122223333:role/n"}, "clusterName": true}, "preset karpenter: clusterName is like prod"},
		"any role":                {"karpenter", map[string]any{"region": "us-east-1", "accountId": "111122223333", "nodeRoleArns": []any{"arn:aws:iam::111122223333:role/*"}, "clusterName": "x"}, `preset karpenter: nodeRoleArns "arn:aws:iam::111122223333:role/*" is not like arn:aws:iam::111122223333:role/nodes`},
		"every secret":            {"external-secrets", map[string]any{"secretArns": []any{"arn:aws:secretsmanager:us-east-1:111122223333:secret:*"}}, `preset external-secrets: secretArns "arn:aws:secretsmanager:us-east-1:111122223333:secret:*" names everything of its kind; write statements of your own if that is meant`},
		"nothing to do":           {"external-secrets", nil, "preset external-secrets: gives no statement without one of secretArns, bulkFetch, parameterArns, pushSecret, kmsKeyArns, assumeRoleArns"},
		"twin: one of them":       {"external-secrets", map[string]any{"parameterArns": []any{"arn:aws:ssm:us-east-1:111122223333:parameter/a/*"}}, ""},
		"twin: a list in Go":      {"loki", map[string]any{"bucketArns": []string{"arn:aws:s3:::a-b", "arn:aws:s3:::c-*"}}, ""},
		"twin: a switch":          {"yace", map[string]any{"dms": true, "ec2Spot": false}, ""},
		"twin: nothing need be":   {"yace", nil, ""},
		"twin: another partition": {"loki", map[string]any{"bucketArns": []string{"arn:aws-cn:s3:::a-b"}, "partition": "aws-cn"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := Find(c.preset)
			_, err := p.Statements(c.given)
			got := ""
			if err != nil {
				got = err.Error()
				var e *ParameterError
				if !errors.As(err, &e) || len(e.Faults) == 0 {
					t.Errorf("%T", err)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestListsAreRepeatedAndPartitionsReplaced(t *testing.T) {
	s := rendered(t, "external-dns", map[string]any{"hostedZoneIds": []string{"Z1", "Z2"}, "partition": "aws-cn"})
	if diff := cmp.Diff([]string{"arn:aws-cn:route53:::hostedzone/Z1", "arn:aws-cn:route53:::hostedzone/Z2"}, s[0].Resources); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	s = rendered(t, "loki", map[string]any{"bucketArns": []string{"arn:aws:s3:::aaa", "arn:aws:s3:::bbb"}})
	if diff := cmp.Diff([]string{"arn:aws:s3:::aaa/*", "arn:aws:s3:::bbb/*"}, s[1].Resources); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	p, _ := Find("karpenter")
	for _, s := range rendered(t, "karpenter", full(p)) {
		if s.Sid == "KarpenterTerminate" {
			if _, ok := s.Conditions["StringEquals"]["aws:ResourceTag/kubernetes.io/cluster/prod"]; !ok {
				t.Errorf("a key's placeholder is not filled in: %v", s.Conditions)
			}
		}
	}
}

// A preset goes by its name and by others; what is none is not found.
func TestOnlyWhatIsAPresetIsFound(t *testing.T) {
	for name, want := range map[string]string{"velero": "velero", "velero-aws": "velero", "ebs.csi.aws.com": "aws-ebs-csi-driver", "Velero": "", "vel": "", "": ""} {
		if p, ok := Find(name); ok != (want != "") || p.Name != want {
			t.Errorf("%q: %q, %v", name, p.Name, ok)
		}
	}
	p, _ := Find("velero")
	for name, want := range map[string]bool{"bucketArns": true, "region": true, "accountId": true, "partition": true, "clusterArns": false, "": false} {
		if q, ok := p.Parameter(name); ok != want || ok && q.Name != name {
			t.Errorf("parameter %q: %q, %v", name, q.Name, ok)
		}
	}
}

func TestWhatIsWeakSaysSo(t *testing.T) {
	weak := func(name string, by access.Credentials, parameters map[string]any) string {
		p, _ := Find(name)
		return strings.Join(p.Weak(by, rendered(t, name, parameters)), "; ")
	}
	for got, want := range map[string]string{
		weak("loki", access.PodIdentity, map[string]any{"bucketArns": []string{"arn:aws:s3:::aaa"}}):                                                                                            "the add-on's document that was read is an older one; its documents do not say that it takes credentials by Pod Identity",
		weak("loki", access.IRSA, map[string]any{"bucketArns": []string{"arn:aws:s3:::aaa"}}):                                                                                                   "the add-on's document that was read is an older one",
		weak("amazon-managed-prometheus", access.IRSA, map[string]any{"workspaceArns": []string{"arn:aws:aps:us-east-1:111122223333:workspace/ws-1"}}):                                          "AmpWrite is narrower than its documents have it, and untested",
		weak("velero", access.IRSA, map[string]any{"bucketArns": []string{"arn:aws:s3:::aaa"}, "volumeSnapshots": false, "kmsKeyArns": []string{"arn:aws:kms:us-east-1:111122223333:key/k-1"}}): "VeleroObjectTags is narrower than its documents have it, and untested; VeleroKms is what AWS asks for in general; its documents do not say it",
		weak("aws-ebs-csi-driver", access.PodIdentity, nil):                                                                                                                                     "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
