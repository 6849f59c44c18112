package observe

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// What answers are made of, one at a time: a part that AWS always sends and
// that is missing makes a gap, never an absence.

var march = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func TestPrincipalsAreReadWholeOrNotAtAll(t *testing.T) {
	ann, bob := access.Principal{ARN: "a", ID: "AIDA1", CreatedAt: march}, access.Principal{ARN: "b", ID: "AIDA2", CreatedAt: march}
	without := func(change func(*access.Principal)) access.Principal { p := bob; change(&p); return p }
	token := aws.String("next")
	for name, tt := range map[string]struct {
		pages []page
		want  []access.Principal // nil: an error
	}{
		"two pages, in order, doubles once":   {[]page{{items: []access.Principal{bob}, whole: true, truncated: true, marker: token}, {items: []access.Principal{ann, bob}, whole: true}}, []access.Principal{ann, bob}},
		"a marker without truncation is none": {[]page{{items: []access.Principal{ann}, whole: true, marker: token}}, []access.Principal{ann}},
		"an empty list":                       {[]page{{whole: true}}, []access.Principal{}},
		"no list":                             {[]page{{}}, nil},
		"truncated, no marker":                {[]page{{whole: true, truncated: true}}, nil},
		"truncated, an empty marker":          {[]page{{whole: true, truncated: true, marker: aws.String("")}}, nil},
		"a marker that comes again":           {[]page{{whole: true, truncated: true, marker: token}, {whole: true, truncated: true, marker: token}}, nil},
		"a principal without ARN":             {[]page{{whole: true, items: []access.Principal{without(func(p *access.Principal) { p.ARN = "" })}}}, nil},
		"a principal without id":              {[]page{{whole: true, items: []access.Principal{without(func(p *access.Principal) { p.ID = "" })}}}, nil},
		"a principal without time":            {[]page{{whole: true, items: []access.Principal{without(func(p *access.Principal) { p.CreatedAt = time.Time{} })}}}, nil},
		"a second page that lacks its list":   {[]page{{whole: true, items: []access.Principal{ann}, truncated: true, marker: token}, {}}, nil},
	} {
		asked := 0
		got, err := principals(func(marker *string) (page, error) {
			if (marker == nil) != (asked == 0) {
				t.Errorf("%s: page %d is asked for by %v", name, asked, marker)
			}
			asked++
			return tt.pages[asked-1], nil
		})
		if (err != nil) != (tt.want == nil) || err == nil && cmp.Diff(append([]access.Principal{}, tt.want...), append([]access.Principal{}, got...)) != "" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := principals(func(*string) (page, error) { return page{whole: true}, errors.New("403") }); err == nil {
		t.Error("an error is no list")
	}
}

func TestAListThatDoesNotEndIsGivenUp(t *testing.T) {
	asked := 0
	_, err := pages(func(*string) ([]int, *string, error) {
		asked++
		return nil, aws.String(time.Duration(asked).String()), nil
	})
	if err == nil || asked != mostPages {
		t.Errorf("%d pages, %v", asked, err)
	}
	all, err := pages(func(token *string) ([]int, *string, error) {
		if token == nil {
			return []int{1}, aws.String("x"), nil
		}
		return []int{2}, aws.String(""), nil
	})
	if d := cmp.Diff([]int{1, 2}, all); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestAnEntryIsReadAsItIs(t *testing.T) {
	answer := func(change func(*types.AccessEntry)) *types.AccessEntry {
		e := &types.AccessEntry{PrincipalArn: aws.String("p"), Type: aws.String("STANDARD"), Username: aws.String("u"), KubernetesGroups: []string{"b", "a"},
			AccessEntryArn: aws.String("arn"), CreatedAt: aws.Time(march.In(time.FixedZone("x", 3600))), Tags: map[string]string{"k": "v"}}
		change(e)
		return e
	}
	got, err := entryOf(answer(func(*types.AccessEntry) {}), "p")
	want := &access.Entry{Principal: "p", Type: access.Standard, Username: "u", Groups: []string{"b", "a"}, ARN: "arn", CreatedAt: march, Tags: map[string]string{"k": "v"}}
	if d := cmp.Diff(want, got); d != "" || err != nil || got.CreatedAt.Location() != time.UTC {
		t.Error(d, err)
	}
	if got, err := entryOf(answer(func(e *types.AccessEntry) { e.Tags = map[string]string{} }), "p"); err != nil || got.Tags != nil {
		t.Errorf("no tags are %#v, %v", got.Tags, err)
	}
	for name, change := range map[string]func(*types.AccessEntry){
		"another principal's": func(e *types.AccessEntry) { e.PrincipalArn = aws.String("q") },
		"no type":             func(e *types.AccessEntry) { e.Type = nil },
		"a type to come":      func(e *types.AccessEntry) { e.Type = aws.String("LATER") },
	} {
		if got, err := entryOf(answer(change), "p"); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, err := entryOf(nil, "p"); err == nil {
		t.Error("no entry")
	}
}

func TestAScopeIsReadAsItIsOrNotAtAll(t *testing.T) {
	one := func(policy string, scope *types.AccessScope) []types.AssociatedAccessPolicy {
		return []types.AssociatedAccessPolicy{{PolicyArn: aws.String(policy), AccessScope: scope}}
	}
	got, err := associationsOf(append(one("p", &types.AccessScope{Type: "cluster"}), one("q", &types.AccessScope{Type: "namespace", Namespaces: []string{"b", "a", "b"}})...))
	if d := cmp.Diff([]access.Association{{Policy: "p", Scope: access.ClusterScope()}, {Policy: "q", Scope: access.NamespaceScope("a", "b")}}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if got, err := associationsOf([]types.AssociatedAccessPolicy{}); err != nil || len(got) > 0 {
		t.Error(got, err)
	}
	for name, list := range map[string][]types.AssociatedAccessPolicy{
		"no list": nil, "no policy": one("", &types.AccessScope{Type: "cluster"}), "no scope": one("p", nil),
		"no type": one("p", &types.AccessScope{}), "a type to come": one("p", &types.AccessScope{Type: "region"}),
	} {
		if got, err := associationsOf(list); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAccountsThatCannotBeAskedAreALineEachOrOneForAll(t *testing.T) {
	same, other := errors.New("no credentials"), errors.New("no such host")
	for want, errs := range map[string][]error{
		"no credentials": {same},
		"no account could be asked: no credentials":    {same, same},
		"no credentials\nno such host\nno credentials": {same, other, same},
	} {
		e := &CouldNotAskError{Errs: errs}
		if e.Error() != want || !errors.Is(e, same) {
			t.Errorf("%q, want %q", e, want)
		}
	}
}

func TestAPartsRegionsAreThoseOfItsClustersInTheAccount(t *testing.T) {
	a := access.Account{ID: "1", Regions: []string{"b", "a", "b"}}
	in := func(account, region string) access.ClusterKey {
		return access.ClusterKey{Account: account, Region: region, Name: "x"}
	}
	for name, tt := range map[string]struct {
		part *access.Part
		want []string
	}{
		"no part":           {nil, []string{"a", "b"}},
		"some people":       {&access.Part{Only: []string{"user/a"}}, []string{"a", "b"}},
		"some clusters":     {&access.Part{Clusters: []access.ClusterKey{in("1", "d"), in("2", "e"), in("1", "c"), in("1", "d")}}, []string{"c", "d"}},
		"another account's": {&access.Part{Clusters: []access.ClusterKey{in("2", "e")}}, nil},
	} {
		r := &reading{options: Options{Part: tt.part}}
		if d := cmp.Diff(tt.want, r.regions(a)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if d := cmp.Diff([]string{"b", "a", "b"}, a.Regions); d != "" {
		t.Error("the account was changed: " + d)
	}
}

func TestASnapshotIsSortedInAllItsLists(t *testing.T) {
	r := &reading{}
	r.snapshot.Accounts = []access.HaveAccount{{Account: access.Account{Name: "b"}}, {Account: access.Account{Name: "a"}}}
	r.snapshot.Clusters = []access.HaveCluster{{Key: access.ClusterKey{Name: "b"}}, {Key: access.ClusterKey{Name: "a"}, Entries: []access.Entry{{Principal: "q"}, {Principal: "p"}}}}
	r.snapshot.Gaps = []access.Gap{{Account: "2"}, {Account: "1"}}
	r.normalize()
	s := &r.snapshot
	if s.Accounts[0].Account.Name != "a" || s.Clusters[0].Key.Name != "a" || s.Clusters[0].Entries[0].Principal != "p" || s.Gaps[0].Account != "1" {
		t.Errorf("%+v", s)
	}
}
