package guard

import (
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// systemNames are namespaces in which Kubernetes and AWS's add-ons run with
// rights over the whole cluster: who may write there has those.
var systemNames = [...]string{"kube-system", "kube-public", "kube-node-lease", "amazon-cloudwatch", "amazon-guardduty"}

// systemPrefixes are kept by Kubernetes and used by AWS for namespaces of
// their own. (Kubernetes, Namespaces: avoid the prefix kube-)
var systemPrefixes = [...]string{"kube-", "amazon-"}

// systemNamespaces looks at the patterns that a change newly gives. It holds a
// policy that writes, or whose rules AWS does not publish, where a pattern
// reaches the cluster's own namespaces; a policy that only reads is pointed
// out. "*" alone cannot be meant by mistake: it is pointed out, and is still
// less than the whole cluster.
//
// It also points out patterns that no namespace can match, as "reach".
func systemNamespaces() plan.Guard {
	return plan.Guard{
		Slug:    "system-namespaces",
		About:   "A namespace pattern newly reaches kube-system or another namespace of Kubernetes or AWS, under a policy that writes or whose rules are not published.",
		Instead: "Write a pattern that does not match them, such as `*-backend` for `*e*`.",
		Check: func(in *plan.Input) plan.Findings {
			var f plan.Findings
			for i := range in.Plan.Changes {
				c := &in.Plan.Changes[i]
				if _, to := associations(c); to != nil && !to.Scope.Cluster {
					judgePatterns(c, to.Policy, observedScope(in, c, to.Policy).Minus(to.Scope), &f)
				}
			}
			return f
		},
	}
}

// judgePatterns judges the patterns in which a change newly gives a policy.
func judgePatterns(c *plan.Change, policy string, patterns []string, f *plan.Findings) {
	warn := func(slug, text string) {
		f.Warnings = append(f.Warnings, plan.Warning{Slug: slug, Change: c.ID, Text: text, Source: c.Source})
	}
	known, ok := access.PolicyNamed(policy)
	writes := !ok || !known.Published || known.Writes
	name := access.ShortPolicy(policy)
	for _, p := range patterns {
		reached := systemReach(p)
		switch {
		case strings.Trim(p, "*") == "":
			warn("system-namespaces", name+` on "*" reaches every namespace of `+c.Cluster.Name+", kube-system too")
		case !matchesSomething(p):
			warn("reach", name+` on "`+p+`" reaches nothing: no namespace can have such a name`)
		case reached == "":
		case writes:
			f.Holds = append(f.Holds, plan.Finding{Change: c.ID, Reason: name + ` on "` + p + `" reaches ` + reached + ", where the cluster's own workloads run"})
		default:
			warn("system-namespaces", name+` on "`+p+`" reaches `+reached)
		}
	}
}

// systemReach names what a pattern reaches of the cluster's own namespaces;
// empty if nothing.
func systemReach(pattern string) string {
	var reached []string
	for _, n := range systemNames {
		if access.MatchPattern(pattern, n) {
			reached = append(reached, n)
		}
	}
	if len(reached) > 0 {
		return list(reached)
	}
	for _, prefix := range systemPrefixes {
		if strings.HasPrefix(pattern, prefix) {
			return "namespaces of " + prefix + "*"
		}
	}
	return ""
}

// matchesSomething reports whether some namespace can match: names are at most
// 63 of a-z, 0-9 and "-", and begin and end with none of the last. (RFC 1123
// label, Kubernetes object names)
func matchesSomething(pattern string) bool {
	literal := strings.ReplaceAll(pattern, "*", "")
	foreign := strings.ContainsFunc(literal, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
	return pattern != "" && !foreign && len(literal) <= 63 &&
		!strings.HasPrefix(pattern, "-") && !strings.HasSuffix(pattern, "-")
}
