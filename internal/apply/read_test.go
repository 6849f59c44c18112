package apply

import (
	"context"
	"strings"
	"testing"
)

// An answer that says less than AWS always says is no list without policies
// and no entry: nothing is written on it, and nothing is called done by it.
func TestACutAnswerIsNeitherAnEmptyListNorAnEntry(t *testing.T) {
	const list, entryOf = "ListAssociatedAccessPolicies", "DescribeAccessEntry"
	for name, c := range map[string]struct{ operation, body, says string }{
		"no list of policies":     {list, `{}`, "without the object"},
		"a list that is null":     {list, `{"associatedAccessPolicies":null}`, "without the object"},
		"a scope without type":    {list, `{"associatedAccessPolicies":[{"policyArn":"p","accessScope":{}}]}`, "without the object"},
		"a scope of another type": {list, `{"associatedAccessPolicies":[{"policyArn":"p","accessScope":{"type":"galaxy"}}]}`, "without the object"},
		"a policy without scope":  {list, `{"associatedAccessPolicies":[{"policyArn":"p"}]}`, "without the object"},
		"pages that repeat":       {list, `{"associatedAccessPolicies":[],"nextToken":"again"}`, "repeats"},
		"no entry":                {entryOf, `{}`, "without the object"},
		"an entry that is empty":  {entryOf, `{"accessEntry":{}}`, "without the object"},
		"another's entry":         {entryOf, `{"accessEntry":{"principalArn":"x","type":"STANDARD"}}`, "without the object"},
		"the twin, nothing wrong": {list, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.put("test", with(entry("ann"), on("View", "a")))
			f.put("test", entry("cid"))
			p := newPlan()
			p.policy("test", "ann", ptr(on("View", "a")), nil)
			p.entry("test", f.put("test", entry("bob")), nil)
			p.policy("test", "cid", nil, ptr(on("Edit", "b")))
			f.instead = func(op string) string {
				if op == c.operation {
					return c.body
				}
				return ""
			}
			res, err := Run(context.Background(), f.open(t), &p.Plan, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if c.says == "" {
				if res.Counts.Done != 3 {
					t.Errorf("done %d of 3: %v", res.Counts.Done, statuses(res))
				}
				return
			}
			for _, o := range res.Outcomes {
				if o.Status != Failed || !strings.Contains(o.Err.Error(), c.says) {
					t.Errorf("%s is %s, %v", o.Change.ID, o.Status, o.Err)
				}
			}
			if len(f.journal) > 0 {
				t.Errorf("%v was written", f.journal)
			}
		})
	}
}

// A mark of another tool that was put on an entry after the plan was saved
// keeps it from being written to: the plan knows the Environment's marks.
func TestASavedPlanKnowsTheMarksOfOtherTools(t *testing.T) {
	for _, marked := range []bool{true, false} {
		f := newFake()
		e := f.put("test", entry("ann"))
		p := newPlan()
		p.policy("test", "ann", nil, ptr(on("Edit", "b")))
		made := &p.Plan
		made.ForeignTags = map[string]string{"created-by": "terraform"}
		made = saved(t, made)
		if marked {
			e.Tags["created-by"] = "terraform"
		}
		res, err := Run(context.Background(), f.open(t), made, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if wrote := len(f.journal) > 0; wrote == marked {
			t.Errorf("marked %v, and %v was written: %v", marked, f.journal, statuses(res))
		}
	}
}
