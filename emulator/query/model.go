// Package query speaks AWS's Query protocol by a table of a service's model:
// it reads and checks what comes in as a form, and writes what goes out as
// XML, so that all members have the model's names, order and limits. The
// tables are made by tools/awsmodel.
package query

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// Model is the table of one service.
type Model struct {
	Version    string               `json:"version"`
	Namespace  string               `json:"namespace"`
	Operations map[string]Operation `json:"operations"`
	Shapes     map[string]*Shape    `json:"shapes"`
	Errors     map[string]int       `json:"errors"` // HTTP status by code

	// Wording says, by a string's pattern, how the service words the fault of
	// a value that does not match; %s is the member's name. Others are worded
	// as AWS's common validation does.
	Wording map[string]string `json:"-"`
}

// Operation names the shapes of one operation.
type Operation struct {
	Input   string   `json:"input"`
	Output  string   `json:"output"`
	Wrapper string   `json:"wrapper"` // element around the output
	Errors  []string `json:"errors"`  // codes that the model lists

	Unsigned bool `json:"unsigned"` // takes calls without a signature
}

// Shape is the type of a value.
type Shape struct {
	Type     string      `json:"type"`    // structure, list, map, string, integer, boolean, timestamp, ...
	Members  [][2]string `json:"members"` // name and shape, in the order of the model
	Required []string    `json:"required"`
	Element  string      `json:"element"` // of a list; the values of a map
	Key      string      `json:"key"`     // of a map
	Min      *int        `json:"min"`
	Max      *int        `json:"max"`
	Pattern  string      `json:"pattern"`
	Regexp   string      `json:"regexp"`
	Enum     []string    `json:"enum"`

	regexp *regexp.Regexp
}

// Load reads a table.
func Load(table []byte) (*Model, error) {
	m := &Model{}
	if err := json.Unmarshal(table, m); err != nil {
		return nil, fmt.Errorf("read the service's table: %w", err)
	}
	for name, s := range m.Shapes {
		if s.Regexp == "" {
			continue
		}
		var err error
		if s.regexp, err = regexp.Compile(s.Regexp); err != nil {
			return nil, fmt.Errorf("read the service's table: pattern of %s: %w", name, err)
		}
	}
	return m, nil
}

// Object is a structure's value: string, int, bool, time.Time, []string,
// []Object or Object by member. A member that is not there was not given.
type Object map[string]any

// Has reports whether a member was given.
func (o Object) Has(name string) bool { _, ok := o[name]; return ok }

// Text gives a string member, "" if it was not given.
func (o Object) Text(name string) string { s, _ := o[name].(string); return s }

// Int gives an integer member, or the fallback.
func (o Object) Int(name string, fallback int) int {
	if n, ok := o[name].(int); ok {
		return n
	}
	return fallback
}

// Bool gives a boolean member, false if it was not given.
func (o Object) Bool(name string) bool { b, _ := o[name].(bool); return b }

// Texts gives a member that is a list of strings.
func (o Object) Texts(name string) []string { l, _ := o[name].([]string); return l }

// Objects gives a member that is a list of structures.
func (o Object) Objects(name string) []Object { l, _ := o[name].([]Object); return l }
