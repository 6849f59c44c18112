package question

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/effect"
)

// Level is one of the three things a cell of the matrix tells of.
type Level int

// The levels: to read, to write, and to act as somebody else or inside
// something: exec, impersonate, bind.
const (
	Read Level = iota
	Write
	Act
	levels
)

// Share is how much of a level is given.
type Share int

// The shares, by how much they say: of several verbs and members Unknown
// outweighs the rest, for it could be any of them.
const (
	None  Share = iota
	Some        // some verbs, or some members
	All         // every verb, for every member
	Maybe       // not known
)

// Cell is what is given on one resource in one column.
type Cell [levels]Share

// Row is a resource.
type Row struct {
	Resource   string // pods, deployments.apps
	Namespaced bool
	Cells      []Cell // one for each column
}

// Column is a part of a cluster: the namespaces that match a pattern and are
// in no narrower one, the other namespaces, or the whole cluster.
type Column struct {
	Pattern string // empty for other and for cluster
	Cluster bool   // all namespaces at once, and what is in none
}

// String is the column's head.
func (c Column) String() string {
	switch {
	case c.Cluster:
		return "cluster"
	case c.Pattern == "":
		return "other"
	}
	return c.Pattern
}

// namespace is a namespace that stands for the column: a star is a letter that
// no pattern has, so only what takes in the whole column takes it in.
func (c Column) namespace() string {
	if c.Cluster {
		return ""
	}
	if c.Pattern == "" {
		return stranger
	}
	return strings.ReplaceAll(c.Pattern, "*", stranger)
}

// stranger is a letter that no namespace and no pattern has.
const stranger = "~"

// Matrix is what a subject may on a cluster.
type Matrix struct {
	Who      access.Who
	Cluster  *Cluster
	Columns  []Column
	Rows     []Row
	Unknown  []authz.Unknown // what the unknown cells wait for
	Subjects int
	Missing  []string // why subjects do not seem to exist
}

// reviewed are the resources of the matrix, those that people ask about first.
var reviewed = []string{
	"pods", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch", "services", "ingresses.networking.k8s.io",
	"configmaps", "secrets", "serviceaccounts", "persistentvolumeclaims", "networkpolicies.networking.k8s.io", "resourcequotas", "limitranges",
	"roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io", "events",
	"namespaces", "nodes", "persistentvolumes", "storageclasses.storage.k8s.io", "customresourcedefinitions.apiextensions.k8s.io",
	"clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io",
}

// acts are what Act asks of a resource: the verb, and the subresource if there
// is one.
var acts = map[string][][2]string{
	"pods":                {{"create", "exec"}, {"create", "attach"}, {"create", "portforward"}},
	"serviceaccounts":     {{"impersonate", ""}, {"create", "token"}},
	"roles":               {{"bind", ""}, {"escalate", ""}},
	"clusterroles":        {{"bind", ""}, {"escalate", ""}},
	"nodes":               {{"get", "proxy"}, {"create", "proxy"}},
	"clusterrolebindings": nil,
}

// questions are those behind a level of a resource.
func questions(a Asked, l Level) []Asked {
	var verbs [][2]string
	switch l {
	case Read:
		verbs = [][2]string{{"get", ""}, {"list", ""}, {"watch", ""}}
	case Write:
		verbs = [][2]string{{"create", ""}, {"update", ""}, {"patch", ""}, {"delete", ""}}
	default:
		verbs = acts[a.Resource]
	}
	out := make([]Asked, 0, len(verbs))
	for _, v := range verbs {
		q := a
		q.Verb, q.Subresource = v[0], v[1]
		out = append(out, q)
	}
	return out
}

// Matrix asks everything that the matrix of one subject on one cluster shows.
// patterns are the columns' namespaces.
func (w *World) Matrix(who access.Who, c *Cluster, patterns []string) (*Matrix, error) {
	subjects, err := w.Subjects(who, c.Facts.Cluster)
	if err != nil {
		return nil, err
	}
	m := &Matrix{Who: who, Cluster: c, Subjects: len(subjects)}
	for _, s := range subjects {
		if s.Missing != "" {
			m.Missing = append(m.Missing, s.Missing)
		}
	}
	for _, p := range patterns {
		m.Columns = append(m.Columns, Column{Pattern: p})
	}
	if !slices.Contains(patterns, "*") { // which leaves no other
		m.Columns = append(m.Columns, Column{})
	}
	m.Columns = append(m.Columns, Column{Cluster: true})
	for _, word := range reviewed {
		a, err := Parse(Ask{Verb: "get", Resource: word})
		if err != nil {
			return nil, err
		}
		row := Row{Resource: a.ResourceWords(), Namespaced: a.Namespaced, Cells: make([]Cell, len(m.Columns))}
		for i, col := range m.Columns {
			if !a.Namespaced && !col.Cluster {
				continue
			}
			for l := range levels {
				at := a
				at.Namespace = col.namespace()
				if row.Cells[i][l], err = m.share(subjects, questions(at, l)); err != nil {
					return nil, err
				}
			}
		}
		m.Rows = append(m.Rows, row)
	}
	return m, nil
}

// share folds what every subject may of some questions.
func (m *Matrix) share(subjects []effect.Subject, asked []Asked) (Share, error) {
	yes, no := 0, 0
	for _, s := range subjects {
		for _, r := range asked {
			v, err := m.Cluster.Decide(s, r)
			if err != nil {
				return None, err
			}
			switch v {
			case authz.Allow:
				yes++
			case authz.Deny:
				no++
			default:
				e, err := m.Cluster.Explain(s, r)
				if err != nil {
					return None, err
				}
				for _, u := range e.Unknown {
					if !slices.Contains(m.Unknown, u) {
						m.Unknown = append(m.Unknown, u)
					}
				}
				return Maybe, nil
			}
		}
	}
	switch {
	case yes == 0:
		return None, nil
	case no == 0:
		return All, nil
	}
	return Some, nil
}

// Columns are the namespace patterns that matter to subjects on a cluster:
// those of what they have there.
func (w *World) Columns(c *Cluster, whos ...access.Who) ([]string, error) {
	engine, err := c.compiled()
	if err != nil {
		return nil, err
	}
	var patterns []string
	for _, who := range whos {
		subjects, err := w.Subjects(who, c.Facts.Cluster)
		if err != nil {
			return nil, err
		}
		for _, s := range subjects {
			for _, one := range append([]effect.Subject{s}, s.Also...) {
				id, _ := identity(engine, one)
				if id.Username == "" {
					continue
				}
				for _, r := range engine.Rights(id) {
					patterns = append(patterns, r.Scope.Namespaces...)
				}
			}
		}
	}
	slices.Sort(patterns)
	return slices.Compact(patterns), nil
}
