package desired

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
)

// No Region of the list is made up.
func TestTheKnownRegionsAreAWSs(t *testing.T) {
	out, err := exec.Command("python3", "-c",
		"import botocore, json, os; print(open(os.path.join(os.path.dirname(botocore.__file__), 'data', 'partitions.json')).read())").Output()
	if err != nil {
		if os.Getenv("ATLAS_REQUIRE_CLIENTS") != "" {
			t.Fatalf("python3 with botocore is needed: %v", err)
		}
		const why = "no python3 with botocore, so no Region was looked up"
		if f, err := os.OpenFile(os.Getenv("ATLAS_SKIPPED"), os.O_APPEND|os.O_WRONLY, 0); err == nil { // tools/stage shows it
			fmt.Fprintln(f, t.Name()+": "+why)
			f.Close()
		}
		t.Skip("SKIPPED: " + why)
	}
	var said struct {
		Partitions []struct {
			Regions map[string]json.RawMessage `json:"regions"`
		} `json:"partitions"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	var theirs []string
	for _, p := range said.Partitions {
		for r := range p.Regions {
			theirs = append(theirs, r)
		}
	}
	for _, r := range knownRegions {
		if !slices.Contains(theirs, r) {
			t.Errorf("%s is no Region of botocore's", r)
		}
	}
	if len(knownRegions) < 45 {
		t.Errorf("only %d Regions are known", len(knownRegions))
	}
}
