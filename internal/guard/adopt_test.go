package guard

import (
	"slices"
	"testing"

	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Row 21: adopting retags a protected entry, so it is held; what is not
// protected is adopted.
func TestAdoptingAProtectedEntryIsHeld(t *testing.T) {
	w := newWorld().theirs(test, "role/ops/break-glass", "ClusterAdmin:cluster").theirs(test, "user/ann", "Edit:a").
		wants(test, "devops", "role/ops/break-glass", "ClusterAdmin:cluster").wants(test, "devops", "user/ann", "Edit:a").protects(test, "role/break-glass")
	p, err := plan.Adoptions(w.want, w.have, nil, Adopting()...)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"update entry/test/role/ops/break-glass !protected", "update entry/test/user/ann"}
	if got := judged(p); !slices.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
}
