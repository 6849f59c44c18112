package oracle

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/atlas-iam/atlas-iam/authz/iam"
)

var (
	seed  = flag.Uint64("seed", 20261122, "of the random cases")
	cases = flag.Int("cases", 5_000, "how many random cases")
)

// whole is how many cases a whole run has.
const whole = 1_000_000

// enough decisive cases of one class of conditions, on each processor: no more
// are looked for.
const enough = 120

// A mix counts what a run consisted of.
type mix struct {
	asked int
	large int // cases with too much to try
	// unfinished: the first says undetermined and that it did not try all.
	unfinished int
	verdicts   map[string]int
	admins     int // allows by a statement of an identity policy that allows all
	decisive   map[string]int
}

func (m *mix) add(o *mix) {
	m.asked += o.asked
	m.large += o.large
	m.unfinished += o.unfinished
	m.admins += o.admins
	for k, n := range o.verdicts {
		m.verdicts[k] += n
	}
	for k, n := range o.decisive {
		m.decisive[k] += n
	}
}

func newMix() *mix {
	return &mix{verdicts: map[string]int{}, decisive: map[string]int{}}
}

// count adds a case with its verdict.
func (m *mix) count(d *draft, verdict string) {
	m.asked++
	m.verdicts[verdict]++
	if verdict == string(Allow) && byAdministrator(d) {
		m.admins++
	}
	of := class(d.focus.name, d.focus.form, d.focus.presence)
	if m.decisive[of] >= enough {
		return
	}
	var yes, no Verdict
	if small(func() {
		yes, _ = Decide(d.forced(true))
		no, _ = Decide(d.forced(false))
	}) && yes != no {
		m.decisive[of]++
		m.decisive[fmt.Sprint("gate ", d.focus.in, " ", d.focus.effect)]++
		m.decisive["caller "+string(d.Caller.Kind)]++
	}
}

// small does what asks the second evaluator, and reports whether there was not
// too much to try.
func small(ask func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, large := r.(TooLarge); !large {
				panic(r)
			}
			ok = false
		}
	}()
	ask()
	return true
}

// class is a condition's operator, form and presence, as counted.
func class(operator, form, presence string) string {
	return "condition " + strings.Join([]string{operator, form, presence}, "/")
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
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // small cases, much garbage
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

// poor says what a run lacks: a verdict that hardly came up, allows that are
// administrators', a kind of condition on which no verdict hung.
func (m *mix) poor() []string {
	var out []string
	if m.large*1000 > m.asked {
		out = append(out, fmt.Sprintf("%d of %d cases are too large", m.large, m.asked))
	}
	if m.unfinished*2000 > m.asked+10_000 {
		out = append(out, fmt.Sprintf("%d of %d cases the first did not finish", m.unfinished, m.asked))
	}
	verdicts := map[string]int{}
	for k, n := range m.verdicts {
		verdicts[strings.TrimSuffix(strings.TrimSuffix(k, "-e"), "-i")] += n
	}
	for _, v := range []Verdict{Allow, Deny, Undetermined} {
		if verdicts[string(v)]*100 < m.asked*15 {
			out = append(out, fmt.Sprintf("%d of %d cases are %s", verdicts[string(v)], m.asked, v))
		}
	}
	if m.admins*2 > verdicts["allow"] {
		out = append(out, fmt.Sprintf("%d of %d allows are by a statement that allows all", m.admins, verdicts["allow"]))
	}
	least := min(100, m.asked*100/whole)
	for _, name := range operatorNames {
		for _, form := range forms {
			for _, presence := range presences {
				if name == "Null" && form == "IfExists" {
					continue // no operator
				}
				if c := class(name, form, presence); m.decisive[c] < least {
					out = append(out, fmt.Sprintf("%d verdicts hang on %s", m.decisive[c], c))
				}
			}
		}
	}
	for _, in := range []gate{identity, boundary, session, attached, scp} {
		for _, effect := range []string{"Allow", "Deny"} {
			if c := fmt.Sprint("gate ", in, " ", effect); m.decisive[c] < least {
				out = append(out, fmt.Sprintf("%d verdicts hang on %s", m.decisive[c], c))
			}
		}
	}
	for kind := range callerKinds {
		if c := "caller " + string(kind); m.decisive[c] < least {
			out = append(out, fmt.Sprintf("%d verdicts hang on a condition of a %s", m.decisive[c], kind))
		}
	}
	return out
}

// A pair puts one case to both evaluators.
type pair struct {
	d        *draft
	first    iam.Question
	refused  int // documents that the first does not read
	verdict  Verdict
	explicit bool
	worlds   int
}

// pose asks the second evaluator; false: there is too much to try.
func pose(d *draft) (p *pair, ok bool) {
	if severalOfATag(d) {
		return nil, false
	}
	p = &pair{d: d}
	var second Case
	p.first, second, p.refused = firstOn(d)
	if !small(func() { p.verdict, p.explicit, p.worlds = decide(second) }) {
		return nil, false
	}
	return p, true
}

// severalOfATag reports whether a tag that has not one value stands beside one
// whose key differs in case: the first cannot be told that it has one of the two.
func severalOfATag(d *draft) bool {
	for name, k := range d.Context {
		for other := range d.Context {
			if name != other && strings.EqualFold(name, other) && !k.Unknown && len(k.Values) > 1 {
				return true
			}
		}
	}
	return false
}

// unfinished is the first's answer where it says that it did not try all values
// of what is unknown, and the second, which did, has a verdict.
const unfinished = "unfinished"

// outcomes are the first's answer to a question and the second's to the case.
func (p *pair) outcomes(q iam.Question) (one, two string) {
	got := iam.Decide(q)
	if got.Unfinished && p.verdict != Undetermined {
		return unfinished, string(p.verdict)
	}
	// A denial that is certain may be of either kind where a key is unknown: then
	// there are several worlds, or the first does not tell of a statement.
	if p.worlds > 1 || slices.ContainsFunc(got.Reasons, func(r iam.Reason) bool { return !r.Certain }) {
		return string(got.Verdict), string(p.verdict)
	}
	return outcome(Verdict(got.Verdict), got.Explicit), outcome(p.verdict, p.explicit)
}

// finds says whether a fault in the first evaluator shows. A fault that makes
// policies which the first refuses to read shows nothing.
func (p *pair) finds(w wrong) bool {
	c := p.d.clone()
	w.change(c)
	q, _, refused := firstOn(c)
	if refused > p.refused {
		return false
	}
	one, two := p.outcomes(q)
	return one != two && one != unfinished
}

// both are the answers of both evaluators; none if there is too much to try.
func both(d *draft) (one, two string, ok bool) {
	p, ok := pose(d)
	if !ok {
		return "", "", false
	}
	one, two = p.outcomes(p.first)
	return one, two, true
}

// differ says that the evaluators differ on a case, as small as it can be made.
func differ(d *draft, one, two string) string {
	small := shrink(d, func(c *draft) bool {
		if c.Kind != Ordinary && len(c.gates[attached]) == 0 {
			return false // which the first takes for one that was not read
		}
		x, y, _ := both(c)
		return x == one && y == two
	})
	return fmt.Sprintf("the first says %s, the second %s: %s", one, two, describe(small.written()))
}

// Two evaluators, written apart from the same rules, say the same of random
// cases: -cases of them, a million by make evaluators.
//
// shows: item S81
func TestTheEvaluatorsAgree(t *testing.T) {
	var differences atomic.Int32
	m, err := run(*seed, *cases, func(m *mix, d *draft, i int) error {
		one, two, ok := both(d)
		if !ok {
			m.large++
			return nil
		}
		if one == unfinished {
			m.unfinished++
			m.asked++
			return nil
		}
		if one != two {
			t.Errorf("seed %d, case %d: %s", *seed, i, differ(d, one, two))
			if differences.Add(1) == 10 {
				return errors.New("ten differences are enough")
			}
			return nil
		}
		m.count(d, two)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d, %d cases: %v, %d of the allows by a statement that allows all, %d unfinished", *seed, m.asked, m.verdicts, m.admins, m.unfinished)
	for _, k := range slices.Sorted(maps.Keys(m.decisive)) {
		t.Logf("%6d %s", m.decisive[k], k)
	}
	for _, lack := range m.poor() {
		t.Errorf("seed %d: poor mix: %s", *seed, lack)
	}
}
