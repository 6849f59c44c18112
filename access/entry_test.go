package access

import (
	"slices"
	"testing"
	"time"
)

func TestANormalEntryIsSortedWithoutDoublesAndEqualHoweverItWasWritten(t *testing.T) {
	e := Entry{Groups: []string{"b", "a", "b"}, Associations: []Association{
		{"policy/view", NamespaceScope("x")},
		{"policy/edit", Scope{Namespaces: []string{"qa", "dev", "qa"}}},
		{"policy/admin", ClusterScope()},
	}}
	e.Normalize()
	if !slices.Equal(e.Groups, []string{"a", "b"}) {
		t.Error(e.Groups)
	}
	var policies []string
	for _, a := range e.Associations {
		policies = append(policies, a.Policy+" on "+a.Scope.String())
	}
	if want := []string{"policy/admin on cluster", "policy/edit on dev, qa", "policy/view on x"}; !slices.Equal(policies, want) {
		t.Error(policies)
	}
	bare := Entry{Groups: []string{}}
	if bare.Normalize(); bare.Groups != nil {
		t.Errorf("no groups are %#v, want nil as EKS's answer without them", bare.Groups)
	}
}

func TestAnEntryFindsItsAssociationByPolicy(t *testing.T) {
	e := Entry{Associations: []Association{{"a", NamespaceScope("x")}, {"c", ClusterScope()}}}
	if a, ok := e.Association("c"); !ok || a.Policy != "c" || !a.Scope.Cluster {
		t.Error(a, ok)
	}
	for _, p := range []string{"b", "d", ""} {
		if a, ok := e.Association(p); ok || a.Policy != "" {
			t.Errorf("%q is there: %v", p, a)
		}
	}
}

func TestEntriesGiveTheSameAccessIfAllButTagsAndTimesIsEqual(t *testing.T) {
	entry := func(change func(*Entry)) *Entry {
		e := &Entry{Principal: "p", Type: Standard, Username: "u", Groups: []string{"g"}, Tags: map[string]string{"k": "v"},
			Associations: []Association{{"policy", NamespaceScope("qa")}}}
		change(e)
		return e
	}
	for what, tt := range map[string]struct {
		change           func(*Entry)
		identity, access bool
	}{
		"nothing":         {func(*Entry) {}, true, true},
		"a tag":           {func(e *Entry) { e.Tags["k"] = "w" }, true, true},
		"the time":        {func(e *Entry) { e.CreatedAt = time.Unix(1, 0) }, true, true},
		"the principal":   {func(e *Entry) { e.Principal = "q" }, false, false},
		"the type":        {func(e *Entry) { e.Type = EC2Linux }, false, false},
		"the username":    {func(e *Entry) { e.Username = "v" }, false, false},
		"a group":         {func(e *Entry) { e.Groups = nil }, false, false},
		"a policy":        {func(e *Entry) { e.Associations[0].Policy = "other" }, true, false},
		"a policy's area": {func(e *Entry) { e.Associations[0].Scope = ClusterScope() }, true, false},
		"one policy less": {func(e *Entry) { e.Associations = nil }, true, false},
	} {
		a, b := entry(func(*Entry) {}), entry(tt.change)
		if a.SameIdentity(b) != tt.identity || b.SameIdentity(a) != tt.identity || a.SameAccess(b) != tt.access || b.SameAccess(a) != tt.access {
			t.Errorf("%s differs: the same identity %v, the same access %v", what, a.SameIdentity(b), a.SameAccess(b))
		}
	}
}

func TestAChangeOfACloneIsNotSeenInTheEntry(t *testing.T) {
	e := Entry{Groups: []string{"g"}, Tags: map[string]string{"k": "v"}, Associations: []Association{{"policy", NamespaceScope("qa")}}}
	c := e.Clone()
	if !c.SameAccess(&e) || c.Tags["k"] != "v" {
		t.Errorf("%+v", c)
	}
	c.Groups[0], c.Tags["k"], c.Associations[0].Scope.Namespaces[0] = "h", "w", "dev"
	c.Associations[0].Policy = "other"
	if e.Groups[0] != "g" || e.Tags["k"] != "v" || e.Associations[0].Policy != "policy" || e.Associations[0].Scope.Namespaces[0] != "qa" {
		t.Errorf("%+v", e)
	}
}

// EKS best practices, "Cluster access management": one way, step by step.
func TestModesAreStepsInOneDirection(t *testing.T) {
	for mode, want := range map[AuthMode]struct {
		step    int
		entries bool
	}{
		ModeConfigMap: {0, false}, ModeAPIAndConfigMap: {1, true}, ModeAPI: {2, true}, "": {-1, false}, "LATER": {-1, false},
	} {
		if mode.Step() != want.step || mode.TakesEntries() != want.entries {
			t.Errorf("%s: step %d, takes entries %v", mode, mode.Step(), mode.TakesEntries())
		}
	}
}

func TestClustersAreOrderedByAccountRegionAndName(t *testing.T) {
	sorted := []ClusterKey{{"1", "b", "z"}, {"2", "a", "y"}, {"2", "a", "z"}, {"2", "b", "x"}}
	for i, a := range sorted {
		for j, b := range sorted {
			if got := a.Compare(b); got != max(-1, min(1, i-j)) {
				t.Errorf("%s and %s compare as %d", a, b, got)
			}
		}
	}
	if got := sorted[1].String(); got != "2/a/y" {
		t.Error(got)
	}
}
