package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shows: item S21
func TestAdoptAddsTagsAndNeverNarrows(t *testing.T) {
	const other = " tag:atlas-iam.dev/environment=old tag:atlas-iam.dev/id=x"
	key := "entry/test/" + arn("user/ann")
	for name, c := range map[string]struct {
		want, have string
		keys       []string
		plan       []string
		says       string
	}{
		"equal":                           {want: "Edit:a", have: "Edit:a", plan: []string{"update entry/test/user/ann"}},
		"by its key":                      {want: "Edit:a", have: "Edit:a", keys: []string{key}, plan: []string{"update entry/test/user/ann"}},
		"by its long key":                 {want: "Edit:a", have: "Edit:a", keys: []string{annID}, plan: []string{"update entry/test/user/ann"}},
		"gives less than is wanted":       {want: "Edit:a* View:b group:g", have: "Edit:ab", plan: []string{"update entry/test/user/ann"}},
		"gives a policy that is unwanted": {want: "Edit:a", have: "Edit:a View:b", plan: []string{"update entry/test/user/ann !adopt-narrows"}, says: "policy View on b"},
		"gives more scope":                {want: "Edit:a", have: "Edit:cluster", plan: []string{"update entry/test/user/ann !adopt-narrows"}, says: "policy Edit on the whole cluster; let them want that too, adopt it, then narrow them"},
		"gives a group more":              {want: "group:g", have: "group:g group:h", plan: []string{"update entry/test/user/ann !adopt-narrows"}, says: "group h"},
		"has another username":            {want: "", have: "username:u", plan: []string{"update entry/test/user/ann !adopt-narrows"}, says: "username u"},
		"has another type":                {want: "", have: "type:EC2_LINUX", plan: []string{"update entry/test/user/ann !adopt-narrows"}, says: "type is EC2_LINUX"},
		"another tool's mark would stay":  {want: "", have: "tag:created-by=terraform", plan: []string{"update entry/test/user/ann !adopt-narrows"}, says: "tag created-by=terraform"},
		"another environment's, unnamed":  {want: "", have: other, plan: []string{"update entry/test/user/ann !adopt-narrows"}, says: "it belongs to environment old: release it there, or take it over all the same by its key: atlas-iam adopt " + key},
		"another environment's, named":    {want: "", have: other, keys: []string{key}, plan: []string{"update entry/test/user/ann"}},
	} {
		t.Run(name, func(t *testing.T) {
			want := wants(wantCluster(test, wantEntry("user/ann", c.want)))
			have := sees(haveCluster(test, foreignEntry("user/ann", c.have), foreignEntry("user/bob", "Edit:a")))
			p, err := Adoptions(want, have, c.keys)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.plan, lines(p)); diff != "" {
				t.Error(diff)
			}
			if c.says != "" && !strings.Contains(p.Changes[0].Held[0].Reason, c.says) {
				t.Errorf("reason %q does not say %q", p.Changes[0].Held[0].Reason, c.says)
			}
			for _, ch := range p.Changes {
				from, to := ch.From.(Entry), ch.To.(Entry)
				if !to.SameIdentity(&from.Entry) || len(ch.Gained)+len(ch.Lost) > 0 {
					t.Error("adopting changes more than tags")
				}
				if len(ch.Held) == 0 && !owner.OwnerOf(to.Tags, want.ForeignTags).Ours {
					t.Error("the entry would not be ours")
				}
			}
		})
	}
}

func TestAdoptRefusesKeysThatNameNothing(t *testing.T) {
	want := wants(wantCluster(test, wantEntry("user/ann", "")))
	have := sees(haveCluster(test, foreignEntry("user/ann", ""), foreignEntry("user/bob", ""), haveEntry("user/cid", "")))
	_, err := Adoptions(want, have, []string{"entry/test/" + arn("user/ann"), "entry/test/" + arn("user/bob"), "entry/test/" + arn("user/zoe"), "ann"})
	var a *AdoptError
	if !errors.As(err, &a) {
		t.Fatalf("error %v", err)
	}
	for _, words := range []string{"user/bob: the entry is there, but no document wants it", "user/zoe: no such entry was seen", "adopt ann: want entry/CLUSTER/ARN"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q is not said in:\n%v", words, err)
		}
	}
	if strings.Contains(err.Error(), "user/ann:") {
		t.Error("ann can be adopted")
	}
}

func TestWhatIsOursNeedsNoAdopting(t *testing.T) {
	p, err := Adoptions(wants(wantCluster(test, wantEntry("user/ann", "Edit:a"))), sees(haveCluster(test, haveEntry("user/ann", ""))), []string{annID})
	if err != nil || len(p.Changes) != 0 {
		t.Errorf("%v, %v", lines(p), err)
	}
}
