// Command awsmodel makes the lab's table of a Query service (IAM, STS) from
// botocore's model of it:
//
//	go run ./awsmodel -model .../data/iam/2010-05-08/service-2.json.gz -out ../emulator/iam/model.json
//
// The table holds the operations, the shapes of what goes in and comes out, in
// the model's order, and the codes and HTTP statuses of the errors. The text
// of the documentation is left out. Package emulator/query reads it.
package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	model := flag.String("model", "", "botocore's service-2.json or service-2.json.gz")
	out := flag.String("out", "", "the table to write")
	flag.Parse()
	if *model == "" || *out == "" {
		flag.Usage()
		os.Exit(64)
	}
	if err := generate(*model, *out); err != nil {
		log.Fatal("awsmodel: ", err)
	}
}

// service is botocore's model, as far as the table needs it.
type service struct {
	Metadata struct {
		APIVersion   string `json:"apiVersion"`
		XMLNamespace string `json:"xmlNamespace"`
		Protocol     string `json:"protocol"`
	} `json:"metadata"`
	Operations map[string]struct {
		Input  *struct{ Shape string } `json:"input"`
		Output *struct {
			Shape         string
			ResultWrapper string `json:"resultWrapper"`
		} `json:"output"`
		Errors   []struct{ Shape string } `json:"errors"`
		AuthType string                   `json:"authtype"`
	} `json:"operations"`
	Shapes map[string]struct {
		Type     string                  `json:"type"`
		Members  members                 `json:"members"`
		Required []string                `json:"required"`
		Member   *struct{ Shape string } `json:"member"`
		Key      *struct{ Shape string } `json:"key"`
		Value    *struct{ Shape string } `json:"value"`
		Min      *int                    `json:"min"`
		Max      *int                    `json:"max"`
		Pattern  string                  `json:"pattern"`
		Enum     []string                `json:"enum"`
		// Of an error. One without the trait has its shape's name as code.
		Exception bool `json:"exception"`
		Error     struct {
			Code   string `json:"code"`
			Status int    `json:"httpStatusCode"`
		} `json:"error"`
	} `json:"shapes"`
}

// members keeps the order that the model gives them; answers are written in it.
type members [][2]string

func (m *members) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var ref struct{ Shape, LocationName string }
		if err := d.Decode(&ref); err != nil {
			return err
		}
		if ref.LocationName != "" {
			return fmt.Errorf("member %v has another name on the wire, %s: the table cannot say that", name, ref.LocationName)
		}
		*m = append(*m, [2]string{name.(string), ref.Shape})
	}
	return nil
}

// The table's parts; package emulator/query has the same.
type (
	operation struct {
		Input   string   `json:"input,omitempty"`
		Output  string   `json:"output,omitempty"`
		Wrapper string   `json:"wrapper,omitempty"`
		Errors  []string `json:"errors,omitempty"`
		// Unsigned operations take calls without a signature.
		Unsigned bool `json:"unsigned,omitempty"`
	}
	shape struct {
		Type     string   `json:"type"`
		Members  members  `json:"members,omitempty"`
		Required []string `json:"required,omitempty"`
		Element  string   `json:"element,omitempty"`
		Key      string   `json:"key,omitempty"`
		Min      *int     `json:"min,omitempty"`
		Max      *int     `json:"max,omitempty"`
		Pattern  string   `json:"pattern,omitempty"` // as AWS prints it
		Regexp   string   `json:"regexp,omitempty"`  // the same for Go
		Enum     []string `json:"enum,omitempty"`
	}
)

func generate(model, out string) error {
	s, err := read(model)
	if err != nil {
		return fmt.Errorf("read model %s: %w", model, err)
	}
	if s.Metadata.Protocol != "query" {
		return fmt.Errorf("model %s: protocol %q, want query", model, s.Metadata.Protocol)
	}
	operations, shapes, status := map[string]operation{}, map[string]shape{}, map[string]int{}
	for name, sh := range s.Shapes {
		if sh.Exception {
			status[cmp.Or(sh.Error.Code, name)] = cmp.Or(sh.Error.Status, 400)
			continue
		}
		t := shape{Type: sh.Type, Members: sh.Members, Required: sh.Required, Min: sh.Min, Max: sh.Max, Pattern: sh.Pattern, Enum: sh.Enum}
		switch {
		case sh.Member != nil:
			t.Element = sh.Member.Shape
		case sh.Key != nil:
			t.Key, t.Element = sh.Key.Shape, sh.Value.Shape
		}
		if t.Regexp = goRegexp(sh.Pattern); t.Regexp == "" && sh.Pattern != "" {
			log.Printf("awsmodel: %s: Go has no such pattern, it is not checked: %s", name, sh.Pattern)
		}
		shapes[name] = t
	}
	for name, op := range s.Operations {
		t := operation{Unsigned: op.AuthType == "none"}
		if op.Input != nil {
			t.Input = op.Input.Shape
		}
		if op.Output != nil {
			t.Output, t.Wrapper = op.Output.Shape, op.Output.ResultWrapper
		}
		for _, e := range op.Errors {
			t.Errors = append(t.Errors, cmp.Or(s.Shapes[e.Shape].Error.Code, e.Shape))
		}
		operations[name] = t
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"version\":%q,\"namespace\":%q,\n", s.Metadata.APIVersion, s.Metadata.XMLNamespace)
	err = errors.Join(section(&b, "operations", operations, ","), section(&b, "shapes", shapes, ","), section(&b, "errors", status, "}"))
	if err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}

// section writes a map with one line a key, so that differences are readable.
func section[V any](b *bytes.Buffer, name string, all map[string]V, end string) error {
	fmt.Fprintf(b, "%q:{", name)
	for i, key := range slices.SortedFunc(maps.Keys(all), cmp.Compare[string]) {
		v, err := json.Marshal(all[key])
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%s\n%q:%s", strings.Repeat(",", min(i, 1)), key, v)
	}
	fmt.Fprintf(b, "\n}%s\n", end)
	return nil
}

var unicodeEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// goRegexp rewrites a pattern of Java's to match whole strings in Go; empty if
// it cannot be.
func goRegexp(pattern string) string {
	if pattern == "" {
		return ""
	}
	p := "^(?:" + unicodeEscape.ReplaceAllString(pattern, `\x{$1}`) + ")$"
	if _, err := regexp.Compile(p); err != nil {
		return ""
	}
	return p
}

func read(path string) (*service, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	s := &service{}
	return s, json.NewDecoder(r).Decode(s)
}
