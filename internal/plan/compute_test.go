package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

func TestComputeDecidesEachEntryByWhatIsWantedAndThere(t *testing.T) {
	for name, c := range map[string]struct {
		want []access.WantEntry
		have []access.Entry
		plan []string
	}{
		"a wanted entry that is not there is made, then its policies": {
			want: []access.WantEntry{wantEntry("user/ann", "Edit:a,b View:cluster group:g")},
			plan: []string{
				"create entry/test/user/ann",
				"create association/test/user/ann/Edit after entry/test/user/ann",
				"create association/test/user/ann/View after entry/test/user/ann",
			},
		},
		"an equal entry of ours needs nothing": {
			want: []access.WantEntry{wantEntry("user/ann", "Edit:a,b group:g")},
			have: []access.Entry{haveEntry("user/ann", "Edit:b,a group:g tag:more=x")},
		},
		"groups that differ are an update": {
			want: []access.WantEntry{wantEntry("user/ann", "group:g")},
			have: []access.Entry{haveEntry("user/ann", "group:h")},
			plan: []string{"update entry/test/user/ann"},
		},
		"policies are changes of their own": {
			want: []access.WantEntry{wantEntry("user/ann", "Edit:a View:b")},
			have: []access.Entry{haveEntry("user/ann", "Edit:a,c Admin:d")},
			plan: []string{
				"create association/test/user/ann/View",
				"update association/test/user/ann/Edit",
				"delete association/test/user/ann/Admin",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := Compute(wants(wantCluster(test, c.want...)), sees(haveCluster(test, c.have...)), Options{})
			if diff := cmp.Diff(c.plan, lines(p)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}
