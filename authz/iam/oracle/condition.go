package oracle

import "strings"

// An operator is a condition operator taken apart.
type operator struct {
	set      string // "", ForAllValues or ForAnyValue
	base     string // the positive comparison
	negated  bool
	ifExists bool
}

// bases are the operators of section 4's table, as their positive comparison;
// ArnEquals is ArnLike.
var bases = map[string]operator{
	"StringEquals":              {base: "StringEquals"},
	"StringNotEquals":           {base: "StringEquals", negated: true},
	"StringEqualsIgnoreCase":    {base: "StringEqualsIgnoreCase"},
	"StringNotEqualsIgnoreCase": {base: "StringEqualsIgnoreCase", negated: true},
	"StringLike":                {base: "StringLike"},
	"StringNotLike":             {base: "StringLike", negated: true},
	"NumericEquals":             {base: "NumericEquals"},
	"NumericNotEquals":          {base: "NumericEquals", negated: true},
	"NumericLessThan":           {base: "NumericLessThan"},
	"NumericLessThanEquals":     {base: "NumericLessThanEquals"},
	"NumericGreaterThan":        {base: "NumericGreaterThan"},
	"NumericGreaterThanEquals":  {base: "NumericGreaterThanEquals"},
	"DateEquals":                {base: "DateEquals"},
	"DateNotEquals":             {base: "DateEquals", negated: true},
	"DateLessThan":              {base: "DateLessThan"},
	"DateLessThanEquals":        {base: "DateLessThanEquals"},
	"DateGreaterThan":           {base: "DateGreaterThan"},
	"DateGreaterThanEquals":     {base: "DateGreaterThanEquals"},
	"Bool":                      {base: "Bool"},
	"BinaryEquals":              {base: "BinaryEquals"},
	"IpAddress":                 {base: "IpAddress"},
	"NotIpAddress":              {base: "IpAddress", negated: true},
	"ArnEquals":                 {base: "ArnLike"},
	"ArnLike":                   {base: "ArnLike"},
	"ArnNotEquals":              {base: "ArnLike", negated: true},
	"ArnNotLike":                {base: "ArnLike", negated: true},
	"Null":                      {base: "Null"},
}

// readOperator takes an operator's name apart; names are exact (U-1).
func readOperator(name string) (operator, bool) {
	set := ""
	for _, prefix := range []string{"ForAllValues", "ForAnyValue"} {
		if rest, ok := strings.CutPrefix(name, prefix+":"); ok {
			set, name = prefix, rest
			break
		}
	}
	name, ifExists := strings.CutSuffix(name, "IfExists")
	o, ok := bases[name]
	o.set, o.ifExists = set, ifExists
	if o.base == "Null" && ifExists {
		return o, false // R4.5
	}
	return o, ok
}

// holds decides one operator on one key.
func (w *world) holds(c condition, variables bool) bool {
	o, ok := readOperator(c.operator)
	if !ok {
		return w.maybe()
	}
	have, _ := w.key(c.key)
	if o.base == "Null" {
		return w.null(o, c, have)
	}
	if len(have) == 0 {
		switch {
		case o.ifExists:
			return true // R4.5, U-10
		case o.set != "":
			return o.set == "ForAllValues" // R4.6
		}
		return o.negated // R4.2
	}
	if o.set != "" && onlyEmpty(have) {
		return o.set == "ForAllValues" // R4.6, U-16
	}
	if len(c.values) == 0 && (o.set != "" || o.ifExists) {
		return false // R4.9
	}
	if o.set == "" && len(have) > 1 {
		return w.maybe() // U-9
	}
	// R4.1: values are OR, under a negated operator NOR; of none too (U-17).
	satisfied := func(request string) bool {
		for _, value := range c.values {
			if w.compare(o.base, request, value, variables) {
				return !o.negated
			}
		}
		return o.negated
	}
	switch o.set {
	case "ForAllValues": // R4.6
		for _, request := range have {
			if !satisfied(request) {
				return false
			}
		}
		return true
	case "ForAnyValue": // R4.6
		for _, request := range have {
			if satisfied(request) {
				return true
			}
		}
		return false
	}
	return satisfied(have[0])
}

// onlyEmpty is a null data set: only empty strings (R4.6).
func onlyEmpty(values []string) bool {
	for _, v := range values {
		if v != "" {
			return false
		}
	}
	return true
}

// null is R4.8: is the key absent, as one of the values says?
func (w *world) null(o operator, c condition, have []string) bool {
	switch o.set {
	case "ForAllValues":
		return true
	case "ForAnyValue":
		return false
	}
	absent := len(have) == 0
	if !absent && onlyEmpty(have) { // U-16
		absent = w.maybe()
	}
	for _, value := range c.values {
		switch strings.ToLower(value) { // U-13
		case "true", "false":
			if absent == (strings.ToLower(value) == "true") {
				return true
			}
		default: // U-12
			if w.maybe() {
				return true
			}
		}
	}
	return false
}
