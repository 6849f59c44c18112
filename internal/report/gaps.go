package report

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// gapRows lists what was not read. The lists of one kind that failed for one
// reason become one row: a permission that is missing fails for every cluster.
func gapRows(gaps []access.Gap, unfold bool) []noteRow {
	type same struct {
		what            access.GapKind
		account, region string
		reason          string
	}
	at := map[same]int{}
	var rows []noteRow
	var number []int
	for _, g := range gaps {
		k := same{g.What, g.Account, g.Region, alike(g)}
		i, ok := at[k]
		if !ok || unfold {
			at[k] = len(rows)
			rows, number = append(rows, noteRow{what: gapWords(g), why: g.Reason}), append(number, 1)
			continue
		}
		number[i]++
	}
	for i, n := range number {
		if n > 1 {
			rows[i].what += fmt.Sprintf(" and %d more for the same reason (-v lists them)", n-1)
		}
	}
	return rows
}

// requestID is AWS's number of one request, which no other has.
var requestID = regexp.MustCompile(`(?i)request ?id:? [0-9a-f-]+`)

// alike is a gap's reason without what is of this object and call alone.
func alike(g access.Gap) string {
	r := requestID.ReplaceAllString(g.Reason, "")
	for _, name := range []string{g.Principal, g.Cluster} {
		if name != "" {
			r = strings.ReplaceAll(r, name, "*")
		}
	}
	return r
}
