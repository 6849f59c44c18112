//go:build e2e || soak

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// effect is a write that took effect, without what differs between runs: ids,
// times, tokens.
func effect(w call.Write) string {
	var p map[string]any
	if err := json.Unmarshal(w.Params, &p); err != nil {
		return err.Error()
	}
	delete(p, "clientRequestToken")
	if arn, ok := p["resourceArn"].(string); ok {
		p["resourceArn"] = arn[:strings.LastIndexByte(arn, '/')]
	}
	b, _ := json.Marshal(p) // decoded JSON: cannot fail
	return w.Operation + " " + string(b)
}

func effects(journal []call.Write) []string {
	var all []string
	for _, w := range journal {
		all = append(all, effect(w))
	}
	slices.Sort(all)
	return all
}

// object is what a write was about: operation, cluster, principal and policy.
func object(w call.Write) string {
	var p written
	_ = json.Unmarshal(w.Params, &p) // the checker reports it
	if p.ResourceArn != "" {         // access-entry/CLUSTER/KIND/ACCOUNT/NAME/ID
		parts := strings.Split(p.ResourceArn[strings.Index(p.ResourceArn, ":access-entry/")+1:], "/")
		return w.Operation + " " + parts[1] + " " + parts[2] + "/" + parts[4]
	}
	return strings.TrimSpace(w.Operation + " " + p.ClusterName + p.Name + " " + bareName(p.PrincipalArn) + " " + short(p.PolicyArn))
}

func objectOf(w apply.Write) string {
	return strings.TrimSpace(w.Operation + " " + w.Cluster + " " + bareName(w.Principal) + " " + short(w.Policy))
}

// bareName is a principal's kind and name, without its path.
func bareName(arn string) string {
	_, rest, _ := strings.Cut(arn, ":"+faultAccount+":")
	kind, name, _ := strings.Cut(rest, "/")
	return strings.TrimSuffix(kind+"/"+name[strings.LastIndexByte(name, '/')+1:], "/")
}

// recorded reads the writes of a record.
func recorded(record []byte) (lines []apply.Write, err error) {
	for d := json.NewDecoder(bytes.NewReader(record)); ; {
		var w apply.Write
		switch err := d.Decode(&w); {
		case err == io.EOF:
			return lines, nil
		case err != nil:
			return nil, err
		}
		if w.Line == "write" || w.Line == "settled" {
			lines = append(lines, w)
		}
	}
}

// compareRecord holds a run's record against the server's journal of it: what
// was answered by its request id, what was not by its object.
func compareRecord(record []byte, journal []call.Write) (faults []string) {
	lines, err := recorded(record)
	if err != nil {
		return []string{err.Error()}
	}
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	byID, unseen := map[string]*call.Write{}, map[string]int{}
	for i := range journal {
		byID[journal[i].RequestID] = &journal[i]
		if journal[i].Fault != "" {
			unseen[object(journal[i])]++
		}
	}
	seen, told := map[string]bool{}, map[string]int{}
	for i, l := range lines {
		w := byID[l.RequestID]
		switch {
		case l.Line == "write" && l.Outcome == apply.WriteDone:
			if w == nil || object(*w) != objectOf(l) {
				fault("the record says %s was done by request %q, the journal has no such", objectOf(l), l.RequestID)
			}
			seen[l.RequestID] = true
		case l.Line == "write" && l.Outcome == apply.WriteRefused && w != nil:
			fault("the record says %s was refused, the journal has it", objectOf(l))
		case l.Line == "write" && l.Outcome == apply.WriteUnknown:
			if w != nil {
				seen[l.RequestID] = true
			}
			if i+1 == len(lines) || !slices.ContainsFunc(lines[i+1:], func(n apply.Write) bool { return n.Line == "settled" && n.Change == l.Change }) {
				fault("%s is unknown and was not settled", objectOf(l))
			}
		case l.Line == "settled" && l.Outcome == apply.WriteDone:
			told[objectOf(l)]++
		case l.Line == "settled" && l.Outcome == apply.WriteUnknown:
			unseen[objectOf(l)] = told[objectOf(l)] // either is true to it
		}
	}
	for _, w := range journal {
		if w.Fault == "" && !seen[w.RequestID] {
			fault("the journal has %s by request %s, the record has not", object(w), w.RequestID)
		}
	}
	for _, o := range sortedKeys(unseen) {
		if told[o] != unseen[o] {
			fault("%s took effect %d times without an answer, the record tells of %d", o, unseen[o], told[o])
		}
	}
	for _, o := range sortedKeys(told) {
		if unseen[o] == 0 {
			fault("the record says %s was settled as done, the journal has no such", o)
		}
	}
	return faults
}

// compareResult holds each outcome against the journal of the run and the
// state it left.
func compareResult(res *apply.Result, journal []call.Write, modes map[string]string, is state) (faults []string) {
	touched := map[string]int{} // writes by "CLUSTER KIND/NAME POLICY"
	for _, w := range journal {
		_, o, _ := strings.Cut(object(w), " ")
		touched[o]++
	}
	for _, o := range res.Outcomes {
		c := o.Change
		about := strings.TrimSpace(c.Cluster.Name + " " + bareName(c.Principal))
		key, have := c.Cluster.Name+" "+c.Principal, (*held)(nil)
		have = is[key]
		reached, writes := false, touched[about]
		switch to := c.To.(type) {
		case plan.Mode:
			reached = modes[c.Cluster.Name] == string(to.AuthenticationMode)
		case plan.Entry:
			reached = have != nil && have.Type == string(to.Type) && (have.Username == to.Username || to.Username == "") &&
				(to.Type != "STANDARD" || slices.Equal(have.Groups, slices.Sorted(slices.Values(to.Groups))))
			for k, v := range to.Tags {
				reached = reached && have.Tags[k] == v
			}
		case plan.Association:
			reached = have != nil && have.Policies[short(to.Policy)] == scopeText(to.Scope.Type(), to.Scope.Namespaces)
			writes = touched[about+" "+short(to.Policy)]
		case nil:
			reached = have == nil
			if from, ok := c.From.(plan.Association); ok {
				reached = have == nil || have.Policies[short(from.Policy)] == ""
				writes = touched[about+" "+short(from.Policy)]
			}
		}
		said := fmt.Sprintf("%s is %s (%s%v)", c.ID, o.Status, o.Skip, o.Err)
		switch {
		case o.Status == apply.Done && (!reached || writes == 0):
			faults = append(faults, said+", but the server did not make it")
		case o.Status == apply.Failed && reached && writes > 0:
			faults = append(faults, said+", but the server made it")
		case (o.Status == apply.Skipped || o.Status == apply.Already) && writes > 0:
			faults = append(faults, said+", but the server was written to")
		case o.Status == apply.Already && !reached:
			faults = append(faults, said+", but it is not as wanted")
		}
	}
	return faults
}
