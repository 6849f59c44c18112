package iam

// truth is Kleene's logic: what holds for every value of the unknowns, for
// none, or for some. It is sound, not complete: "a key is a, or is not a" of
// an unknown key is maybe.
type truth int

const (
	no truth = iota
	maybe
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth { return yes - t }

func and(ts ...truth) truth {
	all := yes
	for _, t := range ts {
		all = min(all, t)
	}
	return all
}

func or(ts ...truth) truth {
	any := no
	for _, t := range ts {
		any = max(any, t)
	}
	return any
}

// Context is what is known of a request's condition keys. Names of keys are
// compared regardless of case. The zero value knows that no key is present.
type Context struct {
	values  map[string][]string
	unknown map[string]bool
	// OthersUnknown says that keys which were not Set may have any value or
	// none; otherwise they are absent.
	OthersUnknown bool
}

// Set tells the values of a key; no values tell that it is absent.
func (c *Context) Set(key string, values ...string) {
	if c.values == nil {
		c.values = map[string][]string{}
	}
	c.values[fold(key)] = values
}

// SetUnknown tells that a key may have any value or none.
func (c *Context) SetUnknown(key string) {
	if c.unknown == nil {
		c.unknown = map[string]bool{}
	}
	c.unknown[fold(key)] = true
}

// get gives a key's values, none if it is absent; known is false if nothing
// is known of it.
func (c *Context) get(key string) (values []string, known bool) {
	values, ok := c.values[fold(key)]
	return values, ok || !c.OthersUnknown && !c.unknown[fold(key)]
}
