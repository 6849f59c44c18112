package desired

import (
	"errors"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/presets"
)

// presets are those that a workload uses, each once.
func (c *compiler) presets(doc workloadDoc) []access.WorkloadPreset {
	var out []access.WorkloadPreset
	for i, p := range doc.Value.Spec.Role.Presets {
		at := doc.At("spec", "role", "presets", i)
		known, ok := presets.Find(p.Name)
		if !ok {
			var names []string
			for _, q := range presets.All() {
				names = append(append(names, q.Name), q.Aliases...)
			}
			c.fault(at, documents.Suggest(p.Name, names), "there is no preset %s", quoted(p.Name))
			continue
		}
		if j := slices.IndexFunc(out, func(o access.WorkloadPreset) bool { return o.Name == known.Name }); j >= 0 {
			c.fault(at, "give it its parameters once", "preset %s stands twice, first at %s", known.Name, out[j].Place)
			continue
		}
		out = append(out, access.WorkloadPreset{Name: known.Name, Version: known.Version, Confidence: string(known.Confidence), Place: at})
	}
	return out
}

// preset is what the i-th preset of a workload comes to in a partition. What
// is weak there is pointed out.
func (c *compiler) preset(doc workloadDoc, i int, partition string) []placed {
	p, at := doc.Value.Spec.Role.Presets[i], doc.At("spec", "role", "presets", i)
	known, ok := presets.Find(p.Name)
	again := slices.ContainsFunc(doc.Value.Spec.Role.Presets[:i], func(o v1alpha1.Preset) bool {
		other, _ := presets.Find(o.Name)
		return other.Name == known.Name
	})
	if !ok || again {
		return nil // said before
	}
	given := presetParameters(known, p)
	if _, ok := given["partition"]; !ok {
		given["partition"] = partition
	}
	list, err := known.Statements(given)
	if err != nil {
		c.presetFaults(doc, i, known, err)
		return nil
	}
	for _, weak := range known.Weak(access.Credentials(doc.Value.Spec.Credentials), list) {
		c.noteOnce(at, "weak-preset", "preset %s: %s", known.Name, weak)
	}
	var out []placed
	for _, s := range list {
		out = append(out, placed{v1alpha1.Statement{Sid: s.Sid, Actions: s.Actions, Resources: s.Resources, Conditions: s.Conditions}, at})
	}
	return out
}

// presetParameters gives parameters the types that their preset wants of them;
// what fits none stays, and the preset says so.
func presetParameters(known presets.Preset, p v1alpha1.Preset) map[string]any {
	given := map[string]any{}
	for name, values := range p.Parameters {
		q, _ := known.Parameter(name)
		switch {
		case len(values) == 1 && q.Kind == presets.Bool && (values[0] == "true" || values[0] == "false"):
			given[name] = values[0] == "true"
		case len(values) == 1 && !q.List:
			given[name] = values[0]
		default:
			given[name] = []string(values)
		}
	}
	return given
}

// presetFaults are the faults of a preset's parameters, each at its own.
func (c *compiler) presetFaults(doc workloadDoc, i int, known presets.Preset, err error) {
	at := doc.At("spec", "role", "presets", i)
	wrong := (*presets.ParameterError)(nil)
	if !errors.As(err, &wrong) {
		c.faultOnce(at, "", "preset %s: %s", known.Name, documents.Escape(err.Error()))
		return
	}
	for _, f := range wrong.Faults {
		place, said, hint := at, f.Problem, ""
		if f.Parameter != "" {
			said = f.Parameter + " " + f.Problem
			place = doc.At("spec", "role", "presets", i, "parameters", f.Parameter)
			if _, ok := known.Parameter(f.Parameter); !ok {
				var names []string
				for _, q := range known.Parameters {
					names = append(names, q.Name)
				}
				if near, ok := access.Nearest(f.Parameter, names); ok {
					hint = "did you mean " + near + "?"
				}
			}
		}
		c.fault(place, hint, "preset %s: %s", known.Name, documents.Escape(said))
	}
}

// noteOnce is note for what would be said again in each partition.
func (c *compiler) noteOnce(p access.Place, slug, format string, args ...any) {
	before := len(c.state.Notes)
	c.note(p, slug, format, args...)
	if last := c.state.Notes[before]; slices.Contains(c.state.Notes[:before], last) {
		c.state.Notes = c.state.Notes[:before]
	}
}
