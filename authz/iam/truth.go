package iam

// truth is Kleene's logic: what holds for every value of the unknowns, for
// none, or for some. It is sound, not complete: "a key is a, or is not a" of
// an unknown key is maybe; there Decide tries the key's cells.
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
