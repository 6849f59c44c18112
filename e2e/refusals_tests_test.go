//go:build e2e

package e2e

import (
	"github.com/atlas-iam/atlas-iam/internal/cli"
)

// accessTest is an AccessTest document with one test.
func accessTest(test string) string {
	return `apiVersion: atlas-iam.dev/v1alpha1
kind: AccessTest
metadata: {name: lanes}
spec:
  tests:
    - ` + test + "\n"
}

// testRefusals are what access tests hold and what they do not let pass.
func testRefusals() []refusal {
	const mira = `
		CreateAccessEntry test 492000000148:user/mira
		AssociateAccessPolicy test 492000000148:user/mira View more`
	more := func(w *world) {
		w.write("more.yaml", team("more", "{user: mira}", "{policy: View, namespaces: [more]}"))
	}
	return []refusal{
		{guards: []string{"test"}, name: "an access test that would fail", code: cli.Held,
			danger: func(w *world) ran {
				more(w)
				w.write("tests.yaml", accessTest("{who: team/more, namespace: more, cannot: list pods}"))
				return w.seeded().apply()
			}, says: []string{"team/more cannot list pods in more ", "tests.yaml:6:49", "user/mira on test is allowed by AmazonEKSViewPolicy on more"},
			twin: func(w *world) ran {
				more(w)
				w.write("tests.yaml", accessTest("{who: team/more, namespace: more, cannot: delete pods}"))
				return w.seeded().apply()
			}, twinWrites: mira},
		{rows: []int{52}, guards: []string{"test"}, name: "a test of somebody whom nobody knows", code: cli.Held,
			danger: func(w *world) ran {
				more(w)
				w.write("tests.yaml", accessTest("{who: user/miar, namespace: more, cannot: list pods}"))
				return w.seeded().apply()
			}, says: []string{"account 492000000148 has no user/miar", "did you mean user/mira?"},
			twin: func(w *world) ran {
				more(w)
				w.write("tests.yaml", accessTest("{who: user/mira, namespace: more, cannot: delete pods}"))
				return w.seeded().apply()
			}, twinWrites: mira},
		{rows: []int{52}, name: "a test of a team and of a cluster that no document makes", code: cli.Usage,
			danger: func(w *world) ran {
				w.write("tests.yaml", accessTest("{who: team/moer, clusters: {names: [tset]}, cannot: list pods}"))
				return w.run("test", ".")
			}, says: []string{`there is no Team "moer"`, "tset"},
			twin: func(w *world) ran {
				w.write("tests.yaml", accessTest("{who: team/qa, clusters: {names: [test]}, cannot: list nodes}"))
				return w.run("test", ".")
			}, twinSays: []string{"1 passed, 0 failed, 0 undetermined"}},
		{rows: []int{27}, name: "a test about a policy whose rules are not published", code: cli.Undetermined,
			danger: func(w *world) ran {
				w.write("more.yaml", team("more", "{user: mira}", "{policy: AmazonEKSACKPolicy, namespaces: [more]}"))
				w.write("tests.yaml", accessTest("{who: team/more, namespace: more, cannot: list pods}"))
				return w.run("test", ".")
			}, says: []string{"0 passed, 0 failed, 1 undetermined", "AWS does not publish the rules of AmazonEKSACKPolicy", "to settle it: "},
			twin: func(w *world) ran {
				w.write("more.yaml", team("more", "{user: mira}", "{policy: View, namespaces: [more]}"))
				w.write("tests.yaml", accessTest("{who: team/more, namespace: more, cannot: create pods}"))
				return w.run("test", ".")
			}, twinSays: []string{"1 passed"}},
	}
}
