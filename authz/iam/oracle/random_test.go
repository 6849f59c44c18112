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

func TestMix(t *testing.T) {
	m, err := run(*seed, *cases, func(m *mix, d *draft, i int) error {
		v, explicit := Decide(d.written())
		m.count(d, v, explicit)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d, %d cases: %v, %d by administrators", *seed, m.asked, m.verdicts, m.admins)
	for _, k := range slices.Sorted(maps.Keys(m.decisive)) {
		t.Logf("%6d %s", m.decisive[k], k)
	}
}
