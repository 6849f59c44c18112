package iam

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

func identity(t testing.TB, statements ...string) Policies {
	if len(statements) == 0 {
		return Policies{}
	}
	return Policies{Identity: []Source{policy(t, Identity, statements...)}}
}

// said is rights in words: ACTIONS on RESOURCES [when WORDS].
func said(rights []Right) []string {
	out := []string{}
	for _, r := range rights {
		words := func(l []access.PatternSet) string {
			var s []string
			for _, p := range l {
				s = append(s, p.String())
			}
			return strings.Join(s, " or ")
		}
		s := words(r.Actions) + " on " + words(r.Resources)
		if r.When != "" {
			s += " when " + r.When
		}
		out = append(out, s)
	}
	return out
}

// shows: item S79
func TestADifferenceOfRightsIsSaidInThePoliciesOwnPatterns(t *testing.T) {
	const b, c = "arn:aws:s3:::b/*", "arn:aws:s3:::c/*"
	ifTeam := `{"StringEquals":{"aws:PrincipalTag/team":"a"}}`
	unread := identity(t, allows("s3:Get*", b))
	unread.Identity = append(unread.Identity, Source{Name: "arn:aws:iam::aws:policy/X"})
	bounded := identity(t, allows("s3:Get* s3:Put*", "*"))
	bounded.Boundary = &Source{"boundary", policy(t, Boundary, allows("s3:Get*", "*")).Policy}
	limited := func(by string) Policies {
		p := identity(t, allows("s3:Get* s3:Put*", b))
		p.Session = []Source{policy(t, SessionPolicy, by)}
		return p
	}
	several := identity(t, allows("s3:GetObject", b), allows("s3:Get*", b, `{"StringEquals":{"aws:PrincipalTag/team":"a","aws:PrincipalTag/cost":"b"}}`),
		allows("s3:Get*", b, ifTeam), allows("s3:Get*", b, `{"StringEquals":{"aws:PrincipalTag/team":"a-longer-one"}}`))
	whole, stopped := identity(t, allows("s3:Get*", b)), identity(t, allows("s3:Get*", b))
	whole.Boundary, whole.Session = &Source{"boundary", policy(t, Boundary, full).Policy}, []Source{policy(t, SessionPolicy, full)}
	stopped.Boundary = &Source{"boundary", policy(t, Boundary, allows("ec2:*", "*")).Policy}
	unreadBoundary, unreadBoth, unreadSession, oneUnread := identity(t, allows("s3:Get*", b)), identity(t, allows("s3:Get* s3:Put*", b)), identity(t, allows("s3:Get*", b)), limited(allows("s3:Get*", "*"))
	unreadBoundary.Boundary, unreadBoth.Boundary = &Source{Name: "arn:aws:iam::1:policy/B"}, &Source{Name: "arn:aws:iam::1:policy/B"}
	unreadBoth.Session, unreadSession.Session = []Source{{Name: "session policy"}}, []Source{{Name: "session policy"}}
	oneUnread.Session = append(oneUnread.Session, Source{Name: "session policy"})
	none := []string{}
	for name, tt := range map[string]struct {
		before, after         Policies
		gained, lost, unclear []string
		unread                []string
	}{
		"nothing to something":               {Policies{}, identity(t, allows("s3:GetObject s3:ListBucket", b)), []string{"s3:getobject or s3:listbucket on " + b}, none, none, nil},
		"something to nothing":               {identity(t, allows("s3:Get*", "*")), Policies{}, none, []string{"s3:get* on *"}, none, nil},
		"the same in other words":            {identity(t, allows("s3:Get*", b), allows("s3:GetObject", b)), identity(t, allows("S3:get*", b+" "+b)), none, none, none, nil},
		"wider by one pattern":               {identity(t, allows("s3:GetObject", b)), identity(t, allows("s3:Get*", b)), []string{"s3:get* except s3:getobject on " + b}, none, none, nil},
		"another resource":                   {identity(t, allows("s3:Get*", b)), identity(t, allows("s3:Get*", c)), []string{"s3:get* on " + c}, []string{"s3:get* on " + b}, none, nil},
		"a deny":                             {identity(t, allows("s3:*", b)), identity(t, allows("s3:*", b), denies("s3:Delete*", "*")), none, []string{"s3:delete* on " + b}, none, nil},
		"NotAction":                          {Policies{}, identity(t, allows("!iam:*", "*")), []string{"* except iam:* on *"}, none, none, nil},
		"NotResource":                        {Policies{}, identity(t, allows("s3:Get*", "!"+b)), []string{"s3:get* on * except " + b}, none, none, nil},
		"a condition goes":                   {identity(t, allows("s3:Get*", b, ifTeam)), identity(t, allows("s3:Get*", b)), []string{"s3:get* on " + b + " when unless StringEquals aws:PrincipalTag/team [a]"}, none, none, nil},
		"a condition comes":                  {Policies{}, identity(t, allows("s3:Get*", b, ifTeam)), []string{"s3:get* on " + b + " when StringEquals aws:PrincipalTag/team [a]"}, none, none, nil},
		"a condition stays":                  {identity(t, allows("s3:Get*", b, ifTeam)), identity(t, allows("s3:Get*", b, ifTeam)), none, none, none, nil},
		"all cases of a condition":           {identity(t, allows("s3:Get*", b)), identity(t, allows("s3:Get*", b, ifTeam), allows("s3:Get*", b, strings.Replace(ifTeam, "Equals", "NotEquals", 1))), none, none, none, nil},
		"a variable":                         {Policies{}, identity(t, allows("s3:Get*", "arn:aws:s3:::b/${aws:PrincipalTag/team}")), []string{"s3:get* on arn:aws:s3:::b/${aws:PrincipalTag/team} when the resource is one of arn:aws:s3:::b/${aws:PrincipalTag/team}"}, none, none, nil},
		"a boundary limits":                  {identity(t, allows("s3:Get* s3:Put*", "*")), bounded, none, []string{"s3:put* on *"}, none, nil},
		"a boundary's words":                 {bounded, bounded, none, none, none, nil},
		"a session policy comes":             {identity(t, allows("s3:Get* s3:Put*", b)), limited(allows("s3:Get*", "*")), none, []string{"s3:put* on " + b}, none, nil},
		"a session policy is another":        {limited(allows("s3:Get*", "*")), limited(allows("s3:Put*", "*")), []string{"s3:put* on " + b}, []string{"s3:get* on " + b}, none, nil},
		"a session policy in other words":    {limited(allows("s3:Get*", "*")), limited(allows("S3:GET* s3:getObject", "*")), none, none, none, nil},
		"one of two that say the same":       {identity(t, allows("s3:Get*", b), allows("s3:GetObject", b)), identity(t, allows("s3:Get*", b)), none, none, none, nil},
		"statements far from each other":     {identity(t, allows("s3:Get*", b), allows("sqs:*", "*")), identity(t, allows("s3:Put*", b), allows("sqs:*", "*"), allows("sns:Publish", b)), []string{"s3:put* or sns:publish on " + b}, []string{"s3:get* on " + b}, none, nil},
		"assuming any role":                  {Policies{}, identity(t, allows("sts:AssumeRole", "*")), []string{"sts:assumerole on *"}, none, none, nil},
		"a policy that was not read":         {identity(t, allows("s3:Get*", b)), unread, none, none, none, []string{"gained: arn:aws:iam::aws:policy/X"}},
		"not read before nor after":          {unread, unread, none, none, none, []string{"arn:aws:iam::aws:policy/X"}},
		"a boundary that was not read":       {identity(t, allows("s3:Get*", b)), unreadBoundary, none, none, none, []string{"gained: arn:aws:iam::1:policy/B"}},
		"nor before, and another action":     {unreadBoundary, unreadBoth, []string{"s3:put* on " + b}, none, none, []string{"arn:aws:iam::1:policy/B", "gained: session policy"}},
		"a session policy that was not read": {identity(t, allows("s3:Get*", b)), unreadSession, none, none, none, []string{"gained: session policy"}},
		"one of two that was not read":       {limited(allows("s3:Get*", "*")), oneUnread, none, none, none, []string{"gained: session policy"}},
		"whose other one is another":         {limited(allows("s3:Put*", "*")), oneUnread, []string{"s3:get* on " + b}, []string{"s3:put* on " + b}, none, []string{"gained: session policy"}},
		"nothing to something within all":    {Policies{}, whole, []string{"s3:get* on " + b}, none, none, nil},
		"something within all to nothing":    {whole, Policies{}, none, []string{"s3:get* on " + b}, none, nil},
		"nothing to something within none":   {Policies{}, stopped, none, none, none, nil},
		"patterns that say the same":         {identity(t, allows("s3:Get*", "*"), denies("s3:*Object s3:**Object", "*")), identity(t, allows("s3:Get*", "*")), []string{"s3:**object and s3:*object and s3:get* on *"}, none, none, nil},
		"the fewest of several conditions":   {identity(t, allows("s3:GetObject", b)), several, []string{"s3:get* except s3:getobject on " + b + " when StringEquals aws:PrincipalTag/team [a]"}, none, none, nil},
		"the fewest of several that go":      {several, identity(t, allows("s3:GetObject", b)), none, []string{"s3:get* except s3:getobject on " + b + " when StringEquals aws:PrincipalTag/team [a]"}, none, nil},
		"patterns that meet in a third":      {Policies{}, identity(t, allows("s3:*Object", b), denies("s3:Get*", b)), []string{"s3:*object except s3:get* on " + b}, none, none, nil},
		"only where two patterns meet":       {identity(t, allows("s3:Get*", "*"), denies("s3:*Object", "*")), identity(t, allows("s3:Get*", "*")), []string{"s3:*object and s3:get* on *"}, none, none, nil},
		"on all but what was given":          {identity(t, allows("s3:Get*", b)), identity(t, allows("s3:Get*", "*")), []string{"s3:get* on * except " + b}, none, none, nil},
		"an action that has no resource too": {identity(t, allows("s3:Get*", "arn:*")), identity(t, allows("s3:Get*", "*")), []string{"s3:get* on * except arn:*"}, none, none, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := Compare(who("role/r/one"), tt.before, tt.after, nil)
			if !slices.Equal(said(d.Gained), tt.gained) || !slices.Equal(said(d.Lost), tt.lost) || !slices.Equal(said(d.Unclear), tt.unclear) || !slices.Equal(d.Unread, tt.unread) || d.Partial {
				t.Errorf("gained  %q\nlost    %q\nunclear %q\nunread  %q, partial %v", said(d.Gained), said(d.Lost), said(d.Unclear), d.Unread, d.Partial)
			}
			for _, r := range slices.Concat(d.Gained, d.Lost) {
				if !r.Covers(r.Action, r.Resource) {
					t.Errorf("%q on %q is none of %q", r.Action, r.Resource, said([]Right{r}))
				}
			}
			back := Compare(who("role/r/one"), tt.after, tt.before, nil)
			if len(back.Gained) != len(d.Lost) || len(back.Lost) != len(d.Gained) {
				t.Errorf("back: gained %q, lost %q", said(back.Gained), said(back.Lost))
			}
		})
	}
}

// What Decide answers differently after a change is in the difference, and
// what is in it without words on when is always so.
//
// shows: item S79
func TestDifferencesAreWhatDecideSays(t *testing.T) {
	const seed = 79
	n := *cases / 400
	g := newGenerator(seed)
	requests := 0
	for range n {
		caller := who(g.pick([]string{"role/r/one", "user/ann"}))
		before, after := Policies{}, Policies{}
		for _, p := range []*Policies{&before, &after} {
			for i := range g.IntN(3) {
				p.Identity = append(p.Identity, g.source(Identity, fmt.Sprint("i", i)))
			}
			if g.chance(15) {
				s := g.source(Boundary, "b")
				p.Boundary = &s
			}
			if caller.Kind == Session && g.chance(40) {
				p.Session = append(p.Session, g.source(SessionPolicy, "s"))
				g.mix["session policy"]++
			}
		}
		if g.chance(40) && len(before.Identity) > 0 { // most changes are small
			after = clone(Question{Policies: before}).Policies
			after.Identity[0].Policy.Statements = append(after.Identity[0].Policy.Statements, g.statement(Identity))
		}
		if g.chance(70) { // most policies have no variables in resources
			for _, p := range slices.Concat(Question{Policies: before}.read(), Question{Policies: after}.read()) {
				for i := range p.Statements {
					for _, l := range [][]string{p.Statements[i].Resources, p.Statements[i].NotResources} {
						for j := range l {
							if strings.Contains(l[j], "${") {
								l[j] = "arn:aws:s3:::b/a*"
							}
						}
					}
				}
			}
		}
		d := Compare(caller, before, after, nil)
		in := func(rights []Right, action, resource string) (found, always bool) {
			for _, r := range rights {
				if r.Covers(action, resource) {
					found, always = true, always || r.When == ""
				}
			}
			return found, always
		}
		for _, list := range [][]Right{d.Gained, d.Lost, d.Unclear} {
			for _, r := range list {
				if !r.Covers(r.Action, r.Resource) {
					t.Fatalf("seed %d: %s on %s is not in its own %v", seed, r.Action, r.Resource, said([]Right{r}))
				}
			}
		}
		if d.Partial {
			g.mix["partial"]++
			continue
		}
		for range 25 {
			requests++
			q := Question{Caller: caller, Action: g.pick(someActions[:4]), Resource: g.pick(someResources[:5]), ResourceAccount: account}
			q.Context = caller.Context()
			for k, v := range g.context().values {
				q.Context.Set(k, v...)
			}
			was, is := q, q
			was.Policies, is.Policies = before, after
			b, a := Decide(was).Verdict, Decide(is).Verdict
			if b == Undetermined || a == Undetermined {
				continue
			}
			gained, alwaysGained := in(d.Gained, q.Action, q.Resource)
			lost, alwaysLost := in(d.Lost, q.Action, q.Resource)
			unclear, _ := in(d.Unclear, q.Action, q.Resource)
			bad := ""
			switch {
			case b == Denied && a == Allowed:
				g.mix["gained"]++
				if !gained && !unclear {
					bad = "gained, and not said"
				}
			case b == Allowed && a == Denied:
				g.mix["lost"]++
				if !lost && !unclear {
					bad = "lost, and not said"
				}
			default:
				g.mix["the same"]++
			}
			if !unclear && (alwaysGained && !(b == Denied && a == Allowed) || alwaysLost && !(b == Allowed && a == Denied)) {
				bad = fmt.Sprintf("said always, and %s then %s", b, a)
			}
			if unclear {
				g.mix["unclear"]++
			}
			if bad != "" {
				t.Fatalf("seed %d: %s\n%s---\n%s\ngained %q\nlost %q\nunclear %q", seed, bad, shown(was), shown(is), said(d.Gained), said(d.Lost), said(d.Unclear))
			}
		}
	}
	g.poor(t, seed, requests, map[string]int{"gained": 5, "lost": 5, "the same": 30, "session policy": 1})
	if g.mix["partial"]*20 > n || g.mix["unclear"]*5 > requests {
		t.Errorf("too much is not compared")
	}
}

// One resource does not stand for all of its patterns where a variable's key
// is asked for twice.
func TestADifferenceThatIsNotSettledIsSaid(t *testing.T) {
	const mine = "arn:aws:s3:::b/${aws:PrincipalTag/team}"
	after := identity(t, allows("s3:Get*", mine))
	for condition, unclear := range map[string]int{
		`{"StringNotLike":{"aws:PrincipalTag/team":"a*"}}`: 1,
		`{"StringNotLike":{"aws:PrincipalTag/cost":"a*"}}`: 0,
	} {
		d := Compare(who("role/r/one"), identity(t, allows("s3:Get*", "arn:aws:s3:::b/*", condition)), after, nil)
		if len(d.Unclear) != unclear || unclear > 0 && !d.Unclear[0].Covers("s3:GetObject", "arn:aws:s3:::b/a") {
			t.Errorf("%s: unclear %q", condition, said(d.Unclear))
		}
	}
}

// Conditions with more combinations than are tried are unclear, and not taken
// for the same.
func TestADifferenceOfTooManyConditionsIsUnclear(t *testing.T) {
	of := func(pairs int, more ...string) Policies {
		statements := more
		for i := range pairs {
			statements = append(statements, allows("s3:Get*", "*", fmt.Sprintf(`{"StringEquals":{"k:%c":"x","k:%c":"x"}}`, 'a'+2*i, 'b'+2*i)))
		}
		return identity(t, statements...)
	}
	one := allows("s3:Get*", "*", `{"StringEquals":{"k:z":"x"}}`)
	for pairs, unclear := range map[int]bool{1: false, 2: false, 7: true} {
		d := Compare(who("role/r/one"), of(pairs), of(pairs, one), nil)
		if (len(d.Unclear) > 0) != unclear || !unclear && len(d.Gained) != 1 || len(d.Lost) > 0 {
			t.Errorf("%d pairs of keys: gained %q, lost %q, unclear %q", pairs, said(d.Gained), said(d.Lost), said(d.Unclear))
		}
	}
}
