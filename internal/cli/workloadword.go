package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// accountFlags say which of a workload's ServiceAccounts is meant.
type accountFlags struct{ namespace, serviceAccount string }

func (o *accountFlags) addAccount(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.namespace, "namespace", "n", "", "the ServiceAccount's `namespace`; needed where the document has several or a pattern")
	f.StringVar(&o.serviceAccount, "service-account", "", "the ServiceAccount's `name`; needed where the document has several or a pattern")
}

// serviceAccountOf is one ServiceAccount of a workload, on one cluster.
type serviceAccountOf struct {
	workload        *access.WantWorkload
	role            string // ARN
	cluster         access.ClusterKey
	namespace, name string
	pod             string // whose token is meant; empty: any of its
}

// chosen settles which workload, cluster and ServiceAccount are meant. command
// is for messages.
func (o *accountFlags) chosen(f *flow, command, word string) (*serviceAccountOf, error) {
	s, err := f.workloadOn(command, word)
	if err != nil {
		return nil, err
	}
	return s, o.choose(s)
}

// workloadOn settles which workload and cluster are meant.
func (f *flow) workloadOn(command, word string) (*serviceAccountOf, error) {
	who, err := documents.ParseWho(word)
	if err != nil {
		return nil, wordError(err)
	}
	if who.Kind != access.WhoWorkload {
		return nil, usage("as in: workload/yace", "%s takes a workload, and %s is none", command, word)
	}
	i := slices.IndexFunc(f.want.Workloads, func(w access.WantWorkload) bool { return w.Name == who.Name })
	if i < 0 {
		var names []string
		for _, w := range f.want.Workloads {
			names = append(names, "workload/"+w.Name)
		}
		return nil, usage(didYouMean(word, names), "there is no Workload %s", who.Name)
	}
	s := &serviceAccountOf{workload: &f.want.Workloads[i]}
	clusters := s.workload.Clusters
	if keys, err := f.clusters(); err != nil {
		return nil, err
	} else if len(keys) > 0 {
		clusters = slices.DeleteFunc(slices.Clone(clusters), func(k access.ClusterKey) bool { return !slices.Contains(keys, k) })
	}
	switch len(clusters) {
	case 0:
		return nil, usage("", "workload %s is not on such a cluster", who.Name)
	case 1:
		s.cluster = clusters[0]
	default:
		return nil, usage("say which with --cluster", "workload %s is on %d clusters", who.Name, len(clusters))
	}
	for _, r := range s.workload.Roles {
		if r.Cluster == s.cluster {
			s.role = r.ARN
		}
	}
	return s, nil
}

// choose settles the ServiceAccount.
func (o *accountFlags) choose(s *serviceAccountOf) error {
	var fit []access.WorkloadAccount
	for _, a := range s.workload.Accounts {
		if o.namespace != "" && !access.MatchPattern(a.Namespace, o.namespace) || o.serviceAccount != "" && !access.MatchPattern(a.Name, o.serviceAccount) {
			continue
		}
		if o.namespace != "" {
			a.Namespace = o.namespace
		}
		if o.serviceAccount != "" {
			a.Name = o.serviceAccount
		}
		fit = append(fit, a)
	}
	fit = slices.CompactFunc(fit, func(a, b access.WorkloadAccount) bool { return a.Namespace == b.Namespace && a.Name == b.Name })
	switch {
	case len(fit) == 0:
		var all []string
		for _, a := range s.workload.Accounts {
			all = append(all, a.Namespace+"/"+a.Name+" ("+a.Place.String()+")")
		}
		return usage("its document has "+strings.Join(all, ", "), "workload %s has no ServiceAccount %s/%s", s.workload.Name, star(o.namespace), star(o.serviceAccount))
	case len(fit) > 1 || strings.Contains(fit[0].Namespace+fit[0].Name, "*"):
		var all []string
		for _, a := range fit {
			all = append(all, a.Namespace+"/"+a.Name)
		}
		return usage("say which with -n and --service-account", "workload %s has the ServiceAccounts %s", s.workload.Name, strings.Join(all, ", "))
	}
	s.namespace, s.name = fit[0].Namespace, fit[0].Name
	return nil
}

func star(word string) string {
	if word == "" {
		return "*"
	}
	return word
}

func didYouMean(word string, words []string) string {
	if n := nearest(word, words); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}

// again is a command about the ServiceAccount, in short: PATH is what it is in the
// command that says it.
func (s *serviceAccountOf) again(command string) []string {
	line := []string{"atlas-iam", command, "workload/" + s.workload.Name, "-n", s.namespace}
	if fit := slices.DeleteFunc(slices.Clone(s.workload.Accounts), func(a access.WorkloadAccount) bool {
		return !access.MatchPattern(a.Namespace, s.namespace)
	}); len(fit) > 1 || len(fit) == 1 && fit[0].Name != s.name {
		line = append(line, "--service-account", s.name)
	}
	if len(s.workload.Clusters) > 1 {
		line = append(line, "--cluster", s.cluster.Name)
	}
	return line
}

// byPattern reports whether the document means the ServiceAccount by a pattern
// alone, so that by Pod Identity it has the role only once it is bound.
func (s *serviceAccountOf) byPattern() bool {
	return !slices.ContainsFunc(s.workload.Accounts, func(a access.WorkloadAccount) bool {
		return a.Namespace == s.namespace && a.Name == s.name
	})
}
