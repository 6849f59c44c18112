package diff

import (
	"slices"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// rulesOfFew are rules of one word of each kind, of all kinds of words that
// mean something of their own; requestsOfFew are of those words and of others.
func rulesOfFew() []access.Rule {
	var out []access.Rule
	for _, verb := range []string{"get", "*"} {
		for _, group := range []string{"", "apps", "*"} {
			for _, resource := range []string{"pods", "pods/log", "*/log", "*", "pods/*", "*/*"} {
				for _, names := range [][]string{nil, {"x"}} {
					out = append(out, access.Rule{Verbs: []string{verb}, APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: names})
				}
			}
		}
		for _, path := range []string{"/a", "/a/*", "/a*", "*", "/a/b", "/a/b*"} {
			out = append(out, access.Rule{Verbs: []string{verb}, NonResourceURLs: []string{path}})
		}
	}
	return out
}

func requestsOfFew() []authz.Request {
	var out []authz.Request
	for _, verb := range []string{"get", "list"} {
		for _, group := range []string{"", "apps", "batch"} {
			for _, resource := range []string{"pods", "jobs"} {
				for _, sub := range []string{"", "log", "exec"} {
					for _, name := range []string{"", "x", "y"} {
						out = append(out, authz.Request{Verb: verb, Group: group, Resource: resource, Subresource: sub, Name: name})
					}
				}
			}
		}
		for _, path := range []string{"/a", "/a/", "/a/b", "/a/bc", "/ab", "/b"} {
			out = append(out, authz.Request{Verb: verb, Path: path})
		}
	}
	return out
}

// Of two rules, and of two against one, exactly what the one gives and the
// others do not is gained, and the other way round lost.
func TestWhatRulesGiveMoreThanOthersIsGained(t *testing.T) {
	rules, requests := rulesOfFew(), requestsOfFew()
	gained, lost := 0, 0
	given := func(list []access.Rule, q authz.Request) bool {
		return slices.ContainsFunc(list, func(r access.Rule) bool { return ruleAllows(r, q) })
	}
	for i := range rules {
		for j := 0; j < len(rules); j += 1 + i%3 {
			before, after := []access.Rule{rules[i]}, []access.Rule{rules[j]}
			if (i+j)%4 == 0 {
				before = append(before, rules[(i*7+j)%len(rules)])
			}
			d := Compare([]authz.Right{role("b", access.ClusterScope(), before...)}, []authz.Right{role("a", access.ClusterScope(), after...)})
			for _, q := range requests {
				is := func(list []Access) bool {
					return slices.ContainsFunc(list, func(a Access) bool { return has(a, a.Places, q) })
				}
				had, gets := given(before, q), given(after, q)
				if is(d.Gained) != (gets && !had) || is(d.Lost) != (had && !gets) {
					t.Fatalf("from %+v to %+v: %+v was given: %t, is: %t; %v", before, after, q, had, gets, d)
				}
				if gets && !had {
					gained++
				}
				if had && !gets {
					lost++
				}
			}
		}
	}
	if gained < 10000 || lost < 10000 {
		t.Errorf("%d gained, %d lost: too few to tell", gained, lost)
	}
}
