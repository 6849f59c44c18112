//go:build e2e

package e2e

import "github.com/atlas-iam/atlas-iam/internal/cli"

// heldForWorkloads are dangers of workloads; those that rest on an API server,
// and the quotas, are judged in internal/plan and internal/guard with their twins.
func heldForWorkloads() []refusal {
	const far = `apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: far}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: ops, name: far}]
  credentials: PodIdentity
  role: {existing: "arn:aws:iam::492000000148:role/other"}
`
	const app = `apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: app}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: "preview-*", name: app}]
  credentials: PodIdentity
  role: {name: app, statements: [{actions: ["s3:ListAllMyBuckets"], resources: ["*"]}]}
`
	bind := func(w *world) ran { return w.aws("bind", "workload/app", ".", "-n", "preview-1", "--yes") }
	return []refusal{
		{guards: []string{"unapplied"}, name: "a role that is given before it is made", code: cli.Held,
			danger: func(w *world) ran {
				w.write("app.yaml", app)
				return bind(w)
			}, says: []string{"role app is not made yet"}, writes: "",
			twin: func(w *world) ran {
				w.write("app.yaml", app)
				w.apply()
				return bind(w)
			}, twinWrites: "any"},
		{guards: []string{"trust"}, name: "a role of another's that trusts nobody of ours", code: cli.Held,
			danger: func(w *world) ran {
				w.makeRole(smallAccount, "/", "other")
				w.write("far.yaml", far)
				return w.apply()
			}, says: []string{"does not trust ops/far of cluster test"}, writes: "",
			twin: func(w *world) ran {
				w.write("far.yaml", far)
				w.seeded()
				return w.apply()
			}, twinWrites: "any"},
	}
}
