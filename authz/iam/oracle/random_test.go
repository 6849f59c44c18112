package oracle

import (
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/atlas-iam/atlas-iam/authz/iam"
)

var (
	seed  = flag.Uint64("seed", 20261122, "of the random cases")
	cases = flag.Int("cases", 100_000, "how many random cases")
)

// enough decisive cases of one class of conditions, on each processor: no more
// are looked for.
const enough = 120

// A mix counts what a run consisted of.
type mix struct {
	asked    int
	verdicts map[string]int
	admins   int // allows by a statement of an identity policy that allows all
	decisive map[string]int
	seen     map[string]int
}

func (m *mix) add(o *mix) {
	m.asked += o.asked
	m.admins += o.admins
	for k, n := range o.verdicts {
		m.verdicts[k] += n
	}
	for k, n := range o.seen {
		m.seen[k] += n
	}
	for k, n := range o.decisive {
		m.decisive[k] += n
	}
}

func newMix() *mix {
	return &mix{verdicts: map[string]int{}, decisive: map[string]int{}, seen: map[string]int{}}
}

// count adds a case with its verdict.
func (m *mix) count(d *draft, verdict Verdict, explicit bool) {
	m.asked++
	m.verdicts[outcome(verdict, explicit)]++
	if verdict == Allow && byAdministrator(d) {
		m.admins++
	}
	m.seen[class(d)]++
	if m.decisive["condition "+class(d)] >= enough {
		return
	}
	yes, _ := Decide(d.forced(true))
	no, _ := Decide(d.forced(false))
	if yes != no {
		m.decisive["condition "+class(d)]++
		m.decisive[fmt.Sprint("gate ", d.focus.in, " ", d.focus.effect)]++
		m.decisive["caller "+string(d.Caller.Kind)]++
	}
}

// class is operator, form and presence.
func class(d *draft) string {
	o := d.focus.operator
	form := o.set
	if form == "" && o.ifExists {
		form = "IfExists"
	}
	name := o.base
	if o.negated {
		name = "Not" + name
	}
	return strings.Join([]string{name, form, d.focus.presence}, "/")
}

func byAdministrator(d *draft) bool {
	for _, p := range d.gates[identity] {
		if p == nil {
			continue
		}
		for _, s := range p.parts {
			if s.effect == "Allow" && len(s.conditions) == 0 && !s.notAction && !s.notResource && slices.Contains(s.actions, "*") && slices.Contains(s.resources, "*") {
				return true
			}
		}
	}
	return false
}

// run gives every case to judge, on all processors; the first error ends it.
func run(seed uint64, n int, judge func(*mix, *draft, int) error) (*mix, error) {
	total := newMix()
	var lock sync.Mutex
	var failed error
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			m := newMix()
			for i := w; i < n; i += workers {
				if err := judge(m, generate(seed, uint64(i)), i); err != nil {
					lock.Lock()
					if failed == nil {
						failed = err
					}
					lock.Unlock()
					break
				}
			}
			lock.Lock()
			total.add(m)
			lock.Unlock()
		})
	}
	wg.Wait()
	return total, failed
}

// both are the outcomes of the first evaluator and of the second.
func both(d *draft) (string, string) {
	q, c, _ := first(d.written())
	got := iam.Decide(q)
	v, explicit, worlds := decide(c)
	if worlds > 1 { // in which denials that are certain may be of either kind
		return string(got.Verdict), string(v)
	}
	return outcome(Verdict(got.Verdict), got.Explicit), outcome(v, explicit)
}

func TestDifferences(t *testing.T) {
	var lock sync.Mutex
	kinds := map[string]int{}
	examples := map[string]*draft{}
	m, err := run(*seed, *cases, func(m *mix, d *draft, i int) error {
		m.asked++
		a, b := both(d)
		m.verdicts[b]++
		if a != b {
			d = shrink(d, func(c *draft) bool {
				x, y := both(c)
				if c.Kind != Ordinary && len(c.gates[attached]) == 0 {
					return false // the first takes it for not read
				}
				return x == a && y == b
			})
			lock.Lock()
			defer lock.Unlock()
			k := fmt.Sprint("first ", a, ", second ", b, ": ", d.Caller.Kind, " ", d.Kind)
			for _, p := range d.all() {
				for _, s := range p.parts {
					k += " " + s.effect
					for _, c := range s.conditions {
						k += " " + c.operator
					}
				}
			}
			kinds[k]++
			if examples[k] == nil {
				examples[k] = d
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sorted := slices.Sorted(maps.Keys(kinds))
	slices.SortStableFunc(sorted, func(a, b string) int { return kinds[b] - kinds[a] })
	t.Logf("seed %d, %d cases: %v, %d kinds", *seed, m.asked, m.verdicts, len(sorted))
	for _, k := range sorted[:min(len(sorted), 400)] {
		t.Logf("%6d %s\n%s\n", kinds[k], k, examples[k])
	}
}
