package guard

import (
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// What an end of a chain lacks is pointed out as long as it lacks it, also where
// nothing is to be done any more. Where the target was not read, or nobody has
// the chain yet, nothing is said without a change.
//
// shows: item S192
func TestAChainThatIsRefusedIsPointedOutInEveryPlan(t *testing.T) {
	const far = "arn:aws:iam::" + home + ":role/data"
	lets := `{"Effect":"Allow","Principal":{"AWS":"` + arn("role/loki") + `"},"Action":["sts:AssumeRole","sts:TagSession"]}`
	to := allows("sts:AssumeRole sts:TagSession on " + far)
	applied := func(target string, statements ...string) *world {
		w := hosts().hasRole(t, "role/loki", true, ownSid("PI", podTrust), statements...).change(associates("loki")).runs(t, "PodIdentity loki/loki role/loki target="+far, statements...)
		w.want.Workloads[0].Target = far
		w.cluster(test).PodIdentities[0].TargetRole = far
		if target != "" {
			w.hasRole(t, "role/data", false, target)
		}
		return w
	}
	for name, c := range map[string]struct {
		world *world
		says  string // empty: nothing
	}{
		"it does not let the role in":     {applied(podTrust, to), "target role data of " + home + " does not let " + arn("role/loki") + " in; add to its trust policy: {"},
		"the role may not ask":            {applied(lets), "role loki of " + home + " may not do sts:AssumeRole and sts:TagSession on " + far},
		"twin: both are as they should":   {applied(lets, to), ""},
		"twin: the target was not read":   {applied("", to), ""},
		"twin: it is said with a change":  {applied(podTrust, to).change(func(w *world) { w.cluster(test).PodIdentities = nil }), ""},
		"twin: the chain goes":            {applied(podTrust, to).change(func(w *world) { w.want.Clusters[0].PodIdentities[0].TargetRole = "" }), ""},
		"twin: another cluster is looked": {applied(podTrust, to).change(func(w *world) { w.have.Part = &access.Part{Clusters: []access.ClusterKey{prod}} }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var said []string
			for _, x := range c.world.plan().Warnings {
				if x.Slug == "target" && x.Change == "" {
					said = append(said, x.Text)
				}
			}
			if c.says == "" && len(said) > 0 || c.says != "" && (len(said) != 1 || !strings.HasPrefix(said[0], c.says)) {
				t.Errorf("said is %q, want %q", said, c.says)
			}
		})
	}
}
