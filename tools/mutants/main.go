// Mutants measures the tests: it changes one thing in a package, runs the
// tests that should notice, and counts how many changes were noticed.
//
//	mutants -seed 1 -n 200 PACKAGE=TESTS,TESTS ...
//
// Each argument names a package folder and the packages whose tests judge it;
// -n 0 judges every change there is, and
// -only those of a file or a line, after tests of them were written. Files on disk are never touched: the
// compiler reads the changed ones through an overlay.
//
// Most changes are woven into one test binary, which makes the one that the
// environment asks for; the rest (a constant, a change of type) are compiled
// alone, and one that does not compile does not count and another is drawn.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"sort"
	"sync"
	"time"
)

type verdict int

const (
	killed verdict = iota
	survived
	broken // did not compile
)

func main() {
	seed := flag.Uint64("seed", 1, "seed of the sample")
	n := flag.Int("n", 200, "size of the sample; 0 for all")
	least := flag.Int("least", 85, "percentage that must be killed")
	workers := flag.Int("workers", 2, "how many run at once")
	limit := flag.Duration("timeout", time.Minute, "a test run longer than this counts as killed")
	skip := flag.String("skip", "", "tests to leave out, a regular expression: a stricter look, and quicker")
	only := flag.String("only", "", "judge the changes that match, a regular expression of FILE:LINE: CHANGE")
	flag.Parse()
	score, err := measure(flag.Args(), *only, *seed, *n, *workers, trial{*limit, *skip})
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if *only == "" && score.total() < *n || score.kills*100 < *least*score.total() {
		fmt.Printf("want %d changes and %d %% of them killed\n", *n, *least)
		os.Exit(1)
	}
}

// measure draws the sample, judges it and prints what survived.
func measure(args []string, only string, seed uint64, n, workers int, t trial) (tally, error) {
	matches, err := regexp.Compile(only)
	if err != nil {
		return tally{}, err
	}
	var all []*mutant
	for _, arg := range args {
		p, err := readPackage(arg)
		if err != nil {
			return tally{}, err
		}
		chosen := slices.DeleteFunc(slices.Clone(p.mutants), func(m *mutant) bool { return !matches.MatchString(m.String()) })
		if len(chosen) == 0 {
			continue
		}
		dir, err := os.MkdirTemp("", "mutants")
		if err != nil {
			return tally{}, err
		}
		defer os.RemoveAll(dir)
		if err := p.weave(dir, t); err != nil {
			return tally{}, err
		}
		all = append(all, chosen...)
	}
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if n == 0 {
		n = len(all)
	}
	fmt.Printf("seed %d: %d places, a sample of %d\n", seed, len(all), n)
	byPackage := sample(all, n, workers, t)
	var sum tally
	for _, arg := range args {
		score := byPackage[packageOf(arg)]
		fmt.Printf("%s: killed %s\n", packageOf(arg), score)
		sum.kills += score.kills
		sum.survivors = append(sum.survivors, score.survivors...)
	}
	sort.Strings(sum.survivors)
	for _, s := range sum.survivors {
		fmt.Println("survived", s)
	}
	fmt.Println("killed", sum)
	return sum, nil
}

type tally struct {
	kills     int
	survivors []string
}

func (t tally) total() int { return t.kills + len(t.survivors) }

func (t tally) String() string {
	return fmt.Sprintf("%d of %d, %.1f %%", t.kills, t.total(), 100*float64(t.kills)/float64(max(t.total(), 1)))
}

// sample judges changes in order until n of them compiled.
func sample(all []*mutant, n, workers int, t trial) map[string]tally {
	scores := map[string]tally{}
	var mu sync.Mutex
	next, counted := 0, 0
	take := func() *mutant {
		mu.Lock()
		defer mu.Unlock()
		if counted >= n || next >= len(all) {
			return nil
		}
		next++
		counted++
		return all[next-1]
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for m := take(); m != nil; m = take() {
				v := m.judge(t)
				mu.Lock()
				score := scores[m.pkg.dir]
				switch v {
				case killed:
					score.kills++
				case survived:
					score.survivors = append(score.survivors, m.String())
					fmt.Fprintln(os.Stderr, "survived", m) // at once: a run is long
				case broken:
					counted--
				}
				scores[m.pkg.dir] = score
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return scores
}
