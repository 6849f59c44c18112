package gain

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// documented gives the entries of a world their teams and the lines of grants:
// "user/ann qa Edit:qa*" is in team qa, whose grant it is.
func documented(t testing.TB, f authz.Facts, lines ...string) authz.Facts {
	t.Helper()
	for n, l := range lines {
		w := strings.Fields(l)
		i := slices.IndexFunc(f.Entries, func(e authz.Entry) bool { return e.Principal == arn(w[0]) })
		e := &f.Entries[i]
		e.Teams = append(e.Teams, w[1])
		e.Sources = append(e.Sources, access.Source{Team: w[1], Place: access.Place{File: w[1] + ".yaml", Line: n + 1}})
		for _, g := range w[2:] {
			what, where, _ := strings.Cut(g, ":")
			if e.Scopes == nil {
				e.Scopes = map[string][]access.WantScope{}
			}
			e.Scopes[policy(t, what)] = append(e.Scopes[policy(t, what)], access.WantScope{Scope: access.NamespaceScope(where),
				Source: access.Source{Team: w[1], Place: access.Place{File: w[1] + ".yaml", Line: 9}}})
		}
	}
	return f
}

// shows: item S116
func TestALossNamesNoTeamThatDidNotGiveIt(t *testing.T) {
	type lines = []string
	tests := []struct {
		name          string
		before, after lines
		documents     lines
		want          string
	}{
		{"moved to another team",
			lines{"user/ann Edit:shop", "user/bob Edit:shop", "user/eve Edit:qa"}, lines{"user/ann Edit:qa", "user/bob Edit:shop", "user/eve Edit:qa"},
			lines{"user/ann qa Edit:qa", "user/bob shop Edit:shop", "user/eve qa Edit:qa"}, "Edit in shop by [], still in [shop], shop.yaml:9"},
		{"moved, and the old team is gone",
			lines{"user/ann Edit:shop", "user/eve Edit:qa"}, lines{"user/ann Edit:qa", "user/eve Edit:qa"},
			lines{"user/ann qa Edit:qa", "user/eve qa Edit:qa"}, "Edit in shop by [], still in [], nowhere"},
		{"left, and is in no team",
			lines{"user/ann Edit:shop", "user/bob Edit:shop"}, lines{"user/ann", "user/bob Edit:shop"},
			lines{"user/bob shop Edit:shop"}, "Edit in shop by [], still in [shop], shop.yaml:9"},
		{"left, and the team is gone", lines{"user/ann Edit:shop", "user/eve Edit:qa"}, lines{"user/eve Edit:qa"},
			lines{"user/eve qa Edit:qa"}, "Edit in shop by [], still in [], nowhere"},
		// The twin: the whole team loses it, by its own document.
		{"the team gives less",
			lines{"user/ann Edit:qa,shop", "user/eve Edit:qa,shop"}, lines{"user/ann Edit:qa", "user/eve Edit:qa,shop"},
			lines{"user/ann qa Edit:qa", "user/eve qa Edit:qa"}, "Edit in shop by [qa], still in [], t.yaml:1"},
		{"another team gives part of what was had and of what is left",
			lines{"user/ann Edit:qa,shop", "user/bob Edit:qa"}, lines{"user/ann Edit:qa", "user/bob Edit:qa"},
			lines{"user/ann qa Edit:qa", "user/bob more Edit:qa"}, "Edit in shop by [qa], still in [], t.yaml:1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before, after := documented(t, world(t, "c", test.before...)), documented(t, world(t, "c", test.after...), test.documents...)
			p := touching("c", "user/ann")
			p.Changes[0].Teams, p.Changes[0].Source = nil, access.Place{}
			if strings.HasPrefix(test.documents[0], "user/ann ") {
				p.Changes[0].Teams, p.Changes[0].Source = []string{"qa"}, access.Place{File: "t.yaml", Line: 1}
			}
			var got []string
			for _, g := range Of(p, compiled(t, before), compiled(t, after)).Lost {
				at := ""
				if g.Undocumented {
					at = "nowhere"
				}
				if g.Source.File != "" {
					at = fmt.Sprintf("%s:%d", g.Source.File, g.Source.Line)
				}
				got = append(got, fmt.Sprintf("%s in %s by %v, still in %v, %s", g.What, g.Where, g.Teams, g.NotIn, at))
			}
			if diff := cmp.Diff([]string{test.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// shows: item S116
func TestALostRoleIsTheTeamsWhoseGroupItWas(t *testing.T) {
	group := access.TeamGroup("ops", "shop")
	before := world(t, "c", "user/ann group:"+group, "bind "+group+" edit shop")
	for _, test := range []struct {
		name  string
		after authz.Facts
		team  string // of ann's, in the documents
		want  string
	}{
		{"moved to another team", world(t, "c", "user/ann", "bind "+group+" edit shop"), "qa", "[] [shop]"},
		{"the team is gone", world(t, "c", "user/ann"), "qa", "[shop] []"},
		{"the team gives it no more", world(t, "c", "user/ann group:"+group), "shop", "[shop] []"},
	} {
		t.Run(test.name, func(t *testing.T) {
			after := documented(t, test.after, "user/ann "+test.team)
			p := touching("c", "user/ann", "binding")
			p.Changes[0].Teams = []string{test.team}
			lost := Of(p, compiled(t, before), compiled(t, after)).Lost
			if len(lost) != 1 {
				t.Fatalf("lost %v", lost)
			}
			if got := fmt.Sprint(lost[0].Teams, lost[0].NotIn); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
