package trust

import (
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/presets"
)

func BenchmarkJudgeRights(b *testing.B) {
	p, _ := presets.Find("karpenter")
	parameters := map[string]any{}
	for _, q := range p.Parameters {
		switch {
		case q.Kind == presets.Bool:
			parameters[q.Name] = true
		case q.List:
			parameters[q.Name] = []string{q.Kind.Example()}
		default:
			parameters[q.Name] = q.Kind.Example()
		}
	}
	s, err := p.Statements(parameters)
	if err != nil {
		b.Fatal(err)
	}
	d, err := presets.Policy(s)
	if err != nil {
		b.Fatal(err)
	}
	for name, r := range map[string]Rights{
		"karpenter": {Role: ours, Inline: []access.RolePolicy{{Name: "p", Document: access.Document(d)}}},
		"one":       {Role: ours, Inline: may("s3:GetObject on arn:aws:s3:::b/*")},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				JudgeRights(r)
			}
		})
	}
}

func BenchmarkJudge(b *testing.B) {
	s := want(b, "PodIdentity a ns/x", "IRSA a pr-*/x", "PodIdentity b ns/x")
	d := merged(b, "", s)
	for b.Loop() {
		Judge(d, About{Role: ours, Ours: true})
	}
}
