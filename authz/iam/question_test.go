package iam

import (
	"slices"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// A role's policies are what is known of them: a document that was not found or
// cannot be read leaves the answer open, and is never taken for none.
//
// shows: item S136
func TestARolesPoliciesAreWhatIsKnownOfThem(t *testing.T) {
	const reads, bounds, faulty, unknown = "arn:aws:iam::aws:policy/reads", "arn:aws:iam::1:policy/bounds", "arn:aws:iam::1:policy/faulty", "arn:aws:iam::1:policy/unknown"
	document := func(actions string) access.Document {
		return access.Document(`{"Version":"2012-10-17","Statement":` + allows(actions, "*") + `}`)
	}
	documents := map[string]access.Document{reads: document("s3:Get*"), bounds: document("s3:*"), faulty: `{"Statement":7}`}
	lists := access.RolePolicy{Name: "lists", Document: document("s3:List*")}
	for name, tt := range map[string]struct {
		inline   []access.RolePolicy
		managed  []string
		boundary string
		sources  []string // of the identity policies, those that were not read with a ?
		limit    string
		faults   []string
		want     map[string]string
	}{
		"none":       {nil, nil, "", nil, "", nil, map[string]string{"s3:GetObject": "deny-i"}},
		"inline":     {[]access.RolePolicy{lists}, nil, "", []string{"inline policy lists"}, "", nil, map[string]string{"s3:ListBucket": "allow", "s3:GetObject": "deny-i"}},
		"managed":    {[]access.RolePolicy{lists}, []string{reads}, "", []string{"inline policy lists", reads}, "", nil, map[string]string{"s3:ListBucket": "allow", "s3:GetObject": "allow", "sqs:SendMessage": "deny-i"}},
		"a boundary": {[]access.RolePolicy{{Name: "all", Document: document("*")}}, nil, bounds, []string{"inline policy all"}, bounds, nil, map[string]string{"s3:GetObject": "allow", "sqs:SendMessage": "deny-i"}},
		"a managed policy that was not read": {[]access.RolePolicy{lists}, []string{unknown}, "", []string{"inline policy lists", unknown + "?"}, "", nil,
			map[string]string{"s3:ListBucket": "undetermined", "s3:GetObject": "undetermined"}},
		"one that is no policy": {nil, []string{reads, faulty}, "", []string{reads, faulty + "?"}, "", []string{faulty}, map[string]string{"s3:GetObject": "undetermined"}},
		"an inline one that is no policy": {[]access.RolePolicy{{Name: "x", Document: "{"}}, []string{reads}, "", []string{"inline policy x?", reads}, "", []string{"inline policy x"},
			map[string]string{"s3:GetObject": "undetermined"}},
		"a boundary that was not read":   {nil, []string{reads}, unknown, []string{reads}, unknown + "?", nil, map[string]string{"s3:GetObject": "undetermined", "sqs:SendMessage": "deny-i"}},
		"a boundary that is no boundary": {nil, []string{reads}, faulty, []string{reads}, faulty + "?", []string{faulty}, map[string]string{"s3:GetObject": "undetermined"}},
	} {
		p, faults := RolePolicies(tt.inline, tt.managed, tt.boundary, documents)
		label := func(s Source) string {
			if s.Policy == nil {
				return s.Name + "?"
			}
			return s.Name
		}
		var sources []string
		for _, s := range p.Identity {
			sources = append(sources, label(s))
		}
		limit := ""
		if p.Boundary != nil {
			limit = label(*p.Boundary)
		}
		if !slices.Equal(sources, tt.sources) || limit != tt.limit || !slices.Equal(sortedKeys(faults), tt.faults) {
			t.Errorf("%s: %q within %q, faults %v", name, sources, limit, faults)
		}
		for action, want := range tt.want {
			if got := verdict(ask(request{Caller: who("role/r/one"), Action: action, Resource: "arn:aws:s3:::b/o"}, p)); got != want {
				t.Errorf("%s: %s is %s, want %s", name, action, got, want)
			}
		}
	}
}
