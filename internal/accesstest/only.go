package accesstest

import (
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// only asks on one cluster whether exactly those whom the test names may do
// something. Kubernetes' own, which every cluster has, do not count: users and
// groups that begin with system:, unless the group is everybody, and the
// ServiceAccounts of kube-system. Of a group it is its people who count, where
// they are known.
func (c *Case) only(w *question.World, cluster *question.Cluster) error {
	named := map[string]bool{}
	for _, who := range c.Only {
		subjects, err := existing(w, who, cluster)
		if err != nil {
			return err
		}
		for _, s := range subjects {
			c.Subjects++
			named[s.Principal] = true
			for _, also := range s.Also {
				named[also.Principal] = true
			}
			if s.Identity != nil {
				named[s.Identity.Username] = true
			}
			e, err := cluster.Explain(s, c.Asked)
			if err != nil {
				return err
			}
			if e.Verdict != authz.Allow {
				c.Findings = append(c.Findings, Finding{Cluster: cluster.Facts.Name, Key: cluster.Facts.Cluster, Subject: s.Name, Verdict: e.Verdict, Explanation: &e})
			}
		}
	}
	delete(named, "")
	holders, err := cluster.WhoCan(c.Asked)
	if err != nil {
		return err
	}
	for _, list := range []struct {
		verdict authz.Verdict
		holders []question.Holder
	}{{authz.Allow, holders.Certain}, {authz.Undetermined, holders.Possible}} {
		for i := range list.holders {
			h := &list.holders[i]
			if h.Kind == authz.PrincipalHolder && named[h.Name] || named[h.Identity.Username] || h.KubernetesOwn() || h.Peopled {
				continue
			}
			c.Findings = append(c.Findings, Finding{Cluster: cluster.Facts.Name, Key: cluster.Facts.Cluster,
				Subject: question.HolderName(&h.Holder, cluster.Facts.Cluster), Verdict: list.verdict, Explanation: &h.Why, TooMany: true})
		}
	}
	if len(holders.Unknown) > 0 {
		c.Findings = append(c.Findings, Finding{Cluster: cluster.Facts.Name, Key: cluster.Facts.Cluster, Subject: "others", Verdict: authz.Undetermined,
			Explanation: &authz.Explanation{Verdict: authz.Undetermined, Unknown: holders.Unknown}, TooMany: true})
	}
	return nil
}
