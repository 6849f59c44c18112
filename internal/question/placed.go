package question

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// ways are the requests that a question may come to on the cluster. Of a
// resource that is none of Kubernetes' own, and of which the cluster was not
// asked, out is the one that it comes to if the resource is in no namespace:
// what is allowed in one namespace is not allowed there.
func (c *Cluster) ways(a Asked) (in authz.Request, out *authz.Request) {
	in = a.Request
	if !a.Unplaced || a.Namespace == "" {
		return in, nil
	}
	outside := a.Request
	outside.Namespace = ""
	i, ok := slices.BinarySearchFunc(c.resources, access.KubernetesResource{Group: a.Group, Name: a.Resource}, access.KubernetesResource.Compare)
	switch {
	case !ok:
		return in, &outside
	case c.resources[i].Namespaced:
		return in, nil
	}
	return outside, nil
}

// unplaced is what is not known where the ways of a question differ.
func (c *Cluster) unplaced(a Asked) authz.Unknown {
	u := authz.Unknown{Part: authz.UnknownResource, Why: a.ResourceWords() + " is none of Kubernetes' own; if it is in no namespace, a right in one is none to it",
		Settle: "ask cluster " + c.Facts.Name + " with --observed"}
	if c.resources != nil {
		u.Settle = "install what brings " + a.ResourceWords() + ", which cluster " + c.Facts.Name + " does not serve"
	}
	return u
}

// explain is the engine's answer where every way of a question comes to the
// same, and else undetermined.
func (c *Cluster) explain(engine *authz.Cluster, id authz.Identity, a Asked) authz.Explanation {
	in, out := c.ways(a)
	e := engine.Explain(id, in)
	if out == nil || e.Verdict == authz.Undetermined {
		return e
	}
	o := engine.Explain(id, *out)
	if o.Verdict == e.Verdict {
		return e
	}
	unknown := []authz.Unknown{c.unplaced(a)}
	for _, u := range slices.Concat(e.Unknown, o.Unknown) {
		if !slices.Contains(unknown, u) {
			unknown = append(unknown, u)
		}
	}
	e.Verdict, e.Reasons, e.Misses, e.Remedies, e.Unknown = authz.Undetermined, nil, o.Misses, nil, unknown
	return e
}

// AnyUnplaced reports whether a test asks in a namespace for what only the
// clusters know to be in one.
func AnyUnplaced(tests []access.WantTest) bool {
	return slices.ContainsFunc(tests, func(t access.WantTest) bool {
		return len(t.Namespaces) > 0 && slices.ContainsFunc(slices.Concat(t.Can, t.Cannot), func(ask access.Ask) bool {
			a, err := Parse(Ask{Verb: ask.Verb, Resource: ask.Resource})
			return err == nil && a.Unplaced
		})
	})
}

// Noted is a question with a note where clusters say that its resource is in no
// namespace, so that they are asked without one, and of clusters that documents
// name and that are not there.
func (w *World) Noted(a Asked) Asked {
	var on []string
	for _, c := range w.Clusters {
		if in, _ := c.ways(a); in.Namespace != a.Namespace {
			on = append(on, c.Facts.Name)
		}
	}
	if len(on) > 0 {
		a.Notes = append(slices.Clone(a.Notes), a.ResourceWords()+" are not in namespaces on "+strings.Join(on, ", ")+"; the namespace is left out")
	}
	if gone := w.Gone(); len(gone) > 0 {
		a.Notes = append(slices.Clone(a.Notes), "there is no cluster "+strings.Join(gone, ", ")+", so it was not asked")
	}
	return a
}
