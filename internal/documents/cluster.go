package documents

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// cluster judges what a Cluster says by itself.
func (d *decoder) cluster(c *v1alpha1.Cluster) {
	d.metadata(c.Name, c.Labels)
	spec := []any{"spec"}
	hint := "want letters, digits, dashes and underscores, at most 100"
	if a, err := access.ParseARN(c.Spec.ClusterName); err == nil && a.Service == "eks" {
		hint = "write the cluster's name, without its ARN"
	}
	d.form(at(spec, "clusterName"), c.Spec.ClusterName, clusterName, hint)
	d.account(at(spec, "account"), c.Spec.Account)
	d.region(at(spec, "region"), c.Spec.Region)
	d.oneOf(at(spec, "authenticationMode"), c.Spec.AuthenticationMode, authenticationModes())
	for i, p := range c.Spec.Protect {
		d.principal(at(spec, "protect", i), p)
	}
	for i, p := range c.Spec.Remove {
		d.principal(at(spec, "remove", i), p)
	}

	for i, n := range c.Spec.NodeRoles {
		p := at(spec, "nodeRoles", i)
		d.iamEntity(at(p, "role"), "role", n.Role)
		d.oneOf(at(p, "type"), n.Type, nodeTypes())
	}
	if k := c.Spec.Kubernetes; k != nil {
		d.oneOf(at(spec, "kubernetes", "via"), k.Via, ways())
	}
	if a := c.Spec.ArgoCD; a != nil {
		p := at(spec, "argocd")
		d.form(at(p, "hub"), a.Hub, dnsLabel, "want the metadata.name of the Cluster that Argo CD runs on")
		d.form(at(p, "namespace"), a.Namespace, dnsLabel, labelForm)
		d.existingRole(at(p, "roleARN"), a.RoleARN)
		if a.Hub != "" && a.Hub == c.Name {
			d.bad(at(p, "hub"), "leave argocd out", "an Argo CD knows the cluster that it runs on")
		}
	}
}

// ways are how a cluster's Kubernetes objects are written.
func ways() []string {
	return []string{string(access.ViaDirect), string(access.ViaRender), string(access.ViaNone)}
}

func authenticationModes() []string {
	return []string{string(access.ModeConfigMap), string(access.ModeAPIAndConfigMap), string(access.ModeAPI)}
}

// nodeTypes are the types of entries that nodes have: all but STANDARD.
func nodeTypes() []string {
	var out []string
	for _, t := range access.EntryTypes() {
		if t != access.Standard {
			out = append(out, string(t))
		}
	}
	return out
}

// oneOf checks a word against those there are.
func (d *decoder) oneOf(path []any, s string, words []string) {
	if s == "" || slices.Contains(words, s) {
		return
	}
	hint := "want " + list(words, "or")
	if c, ok := access.Nearest(s, words); ok {
		hint = "did you mean " + c + "?"
	}
	if s == string(access.Standard) && strings.HasPrefix(pathString(path), "spec.nodeRoles") {
		hint = "STANDARD is for people and programs: put the role in a Team"
	}
	d.bad(path, hint, "%s cannot be %s", pathString(path), quoted(s))
}
