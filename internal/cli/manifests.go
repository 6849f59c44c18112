package cli

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

func addManifests(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "manifests", "", "write the bindings, ServiceAccounts and Secrets of each cluster that has kubernetes: {via: Render} to a file in this `folder`")
}

// checkManifests refuses what would leave a file half said.
func (c *common) checkManifests(dir string) error {
	if dir != "" && len(c.only) > 0 {
		return usage("leave one of them out", "--manifests with --only: a file has all bindings of its cluster")
	}
	return nil
}

// manifests writes the files of the clusters whose bindings somebody else
// applies, and says so of those that are not written.
func (f *flow) manifests(dir string) error {
	for i := range f.want.Clusters {
		w := &f.want.Clusters[i]
		if w.Via != access.ViaRender || !f.have.Part.HasCluster(w.Key) {
			continue
		}
		bindings, open := f.rendered(w)
		if dir == "" {
			if n := len(bindings) + len(open); n > 0 && !f.c.quiet {
				f.p.say("cluster %s: bindings of %s are for a file and are not made; --manifests FOLDER writes it", w.Document, count(len(w.Bindings), "role", "roles"))
			}
			if n := len(w.ServiceAccounts); n > 0 && !f.c.quiet {
				f.p.say("cluster %s: %s for a file and not made; --manifests FOLDER writes it", w.Document, count(n, "ServiceAccount is", "ServiceAccounts are"))
			}
			if n := len(plan.ArgoSecrets(f.want, f.have, w.Key)); n > 0 && !f.c.quiet {
				f.p.say("cluster %s: %s for a file and not made; --manifests FOLDER writes it", w.Document, count(n, "Secret of Argo CD is", "Secrets of Argo CD are"))
			}
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return usage("", "write the manifests: %w", err)
		}
		file := filepath.Join(dir, w.Document+".yaml")
		comments := []string{"Written by atlas-iam for cluster " + w.Document + " of environment " + f.want.Owner.Environment + ": do not edit.",
			"Whoever applies it also deletes what is no longer in it."}
		for _, p := range open {
			comments = append(comments, "NOT IN HERE: "+p.Role.String()+" of team "+p.Want.Team+" in namespaces that match "+p.Namespace+": they could not be read.")
		}
		objects, missing := f.renderedObjects(w)
		text := append(kube.Manifests(append(comments, missing...), bindings), kube.ObjectManifests(objects)...)
		if err := writeFile(file, text, 0o644); err != nil {
			return usage("", "write the manifests: %w", err)
		}
		if !f.c.quiet {
			what := count(len(bindings), "binding", "bindings")
			if n := len(objects); n > 0 {
				what += " and " + count(n, "other object", "other objects")
			}
			f.p.say("cluster %s: wrote %s to %s", w.Document, what, file)
		}
	}
	return nil
}

// renderedObjects are the ServiceAccounts and the Secrets of Argo CD of a
// cluster's file, and comments on those that cannot be in it.
func (f *flow) renderedObjects(w *access.WantCluster) (objects []access.WrittenObject, missing []string) {
	for _, a := range w.ServiceAccounts {
		if a.Manage != access.ManageCreate {
			missing = append(missing, "NOT IN HERE: annotation "+access.AnnotationRole+": "+a.Role+" of ServiceAccount "+a.Namespace+"/"+a.Name+", which somebody else makes: let them set it.")
			continue
		}
		o := access.WrittenObject{Kind: access.ServiceAccountObject, Namespace: a.Namespace, Name: a.Name, Labels: f.want.Owner.Labels()}
		if a.Role != "" {
			o.Annotations = map[string]string{access.AnnotationRole: a.Role}
		}
		objects = append(objects, o)
	}
	for _, s := range plan.ArgoSecrets(f.want, f.have, w.Key) {
		switch {
		case s.Hold != nil:
			missing = append(missing, "NOT IN HERE: the Secret that registers cluster "+s.Cluster+" with the Argo CD in "+s.Namespace+": "+s.Hold.Reason+".")
		case s.Server == "":
			missing = append(missing, "NOT IN HERE: the Secret that registers cluster "+s.Cluster+" with the Argo CD in "+s.Namespace+": this run did not look at that cluster.")
		default:
			objects = append(objects, *s.Written())
		}
	}
	return objects, missing
}

// rendered are the bindings of a cluster's file, and the wishes whose
// namespaces are not known.
func (f *flow) rendered(w *access.WantCluster) (bindings []access.Binding, open []plan.WantedBinding) {
	for _, b := range plan.Rendered(w, f.want.Owner, f.have) {
		if b.Pattern {
			open = append(open, b)
			continue
		}
		bindings = append(bindings, b.Binding)
	}
	return bindings, open
}
