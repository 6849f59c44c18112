package oracle

import (
	"maps"
	"slices"
)

// shrink takes away from a case what can go while the test still holds.
func shrink(d *draft, holds func(*draft) bool) *draft {
	for {
		smaller := false
		for _, change := range d.reductions() {
			c := d.clone()
			change(c)
			if holds(c) {
				d, smaller = c, true
				break
			}
		}
		if !smaller {
			return d
		}
	}
}

// reductions are the ways to make a case smaller by one thing.
func (d *draft) reductions() []func(*draft) {
	var out []func(*draft)
	add := func(change func(*draft)) { out = append(out, change) }
	for in, list := range d.gates {
		for i := range list {
			add(func(c *draft) { c.gates[in] = slices.Delete(c.gates[in], i, i+1) })
		}
	}
	for i := range d.scp {
		add(func(c *draft) { c.scp = slices.Delete(c.scp, i, i+1) })
		for j := range d.scp[i] {
			if len(d.scp[i]) > 1 {
				add(func(c *draft) { c.scp[i] = slices.Delete(c.scp[i], j, j+1) })
			}
		}
	}
	for i, p := range d.all() {
		same := func(c *draft) *doc { return c.all()[i] }
		for j, s := range p.parts {
			add(func(c *draft) { same(c).parts = slices.Delete(same(c).parts, j, j+1) })
			at := func(c *draft) *part { return &same(c).parts[j] }
			if !slices.Equal(s.actions, []string{"*"}) || s.notAction {
				add(func(c *draft) { at(c).actions, at(c).notAction = []string{"*"}, false })
			}
			if s.resources != nil && !slices.Equal(s.resources, []string{"*"}) || s.notResource {
				add(func(c *draft) { at(c).resources, at(c).notResource = []string{"*"}, false })
			}
			for k := range s.actions {
				if len(s.actions) > 1 {
					add(func(c *draft) { at(c).actions = slices.Delete(at(c).actions, k, k+1) })
				}
			}
			for k := range s.resources {
				if len(s.resources) > 1 {
					add(func(c *draft) { at(c).resources = slices.Delete(at(c).resources, k, k+1) })
				}
			}
			for k := range s.principals {
				if len(s.principals) > 1 {
					add(func(c *draft) { at(c).principals = slices.Delete(at(c).principals, k, k+1) })
				}
			}
			for k, x := range s.conditions {
				add(func(c *draft) { at(c).conditions = slices.Delete(at(c).conditions, k, k+1) })
				for l := range x.values {
					if len(x.values) > 1 {
						add(func(c *draft) {
							v := &at(c).conditions[k].values
							*v = slices.Delete(*v, l, l+1)
						})
					}
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Context)) {
		if d.others {
			break // what is not told would be unknown
		}
		add(func(c *draft) { delete(c.Context, name) })
		if len(d.Context[name].Values) > 1 {
			add(func(c *draft) {
				k := c.Context[name]
				k.Values = k.Values[:len(k.Values)-1]
				c.Context[name] = k
			})
		}
	}
	return out
}
