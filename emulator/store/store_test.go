package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

type thing struct{ N int }

func open(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func keysOf(r Reader, prefix, after string) []string {
	var keys []string
	for k := range List[thing](r, "b", prefix, after) {
		keys = append(keys, fmt.Sprint(Split(k)))
	}
	return keys
}

func TestListMergesWhatIsStoredWithWhatTheTransactionWrote(t *testing.T) {
	db := open(t, "")
	must(t, db.Update(func(tx *Tx) error {
		for _, n := range []string{"a", "c", "e", "a-b"} {
			tx.Put("b", Key("x", n), thing{1})
		}
		tx.Put("b", Key("x-y", "a"), thing{1})
		return nil
	}))
	must(t, db.Update(func(tx *Tx) error {
		tx.Put("b", Key("x", "b"), thing{2})
		tx.Put("b", Key("x", "f"), thing{2})
		tx.Delete("b", Key("x", "c"))
		want := []string{"[x a]", "[x a-b]", "[x b]", "[x e]", "[x f]"}
		if d := cmp.Diff(want, keysOf(tx, "x", "")); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{"[x e]", "[x f]"}, keysOf(tx, "x", Key("x", "b"))); d != "" {
			t.Error("after b:", d)
		}
		return nil
	}))
}

func TestAFailedUpdateLeavesNothingAndItsNeighboursStay(t *testing.T) {
	db := open(t, "")
	bad := errors.New("bad")
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			err := db.Update(func(tx *Tx) error {
				tx.Put("b", Key("x", fmt.Sprintf("%02d", i)), thing{i})
				if i%2 == 1 {
					return bad
				}
				return nil
			})
			if (i%2 == 1) != errors.Is(err, bad) {
				t.Errorf("write %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	must(t, db.View(func(tx *Tx) error {
		if n := len(keysOf(tx, "x", "")); n != 25 {
			t.Errorf("%d values, want the 25 whose writes succeeded", n)
		}
		return nil
	}))
}

func TestConcurrentIncrementsAreNotLost(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "lab.db"))
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			must(t, db.Update(func(tx *Tx) error {
				v, _ := Get[thing](tx, "b", "n")
				tx.Put("b", "n", thing{v.N + 1})
				return nil
			}))
		})
	}
	wg.Wait()
	must(t, db.View(func(tx *Tx) error {
		if v, _ := Get[thing](tx, "b", "n"); v.N != 200 {
			t.Errorf("counted %d of 200", v.N)
		}
		return nil
	}))
}

func TestAPanicReachesItsOwnCallerOnly(t *testing.T) {
	db := open(t, "")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		db.Update(func(*Tx) error { panic("oh") })
	}()
	must(t, db.Update(func(tx *Tx) error { tx.Put("b", "k", thing{1}); return nil }))
}

func TestWritingInAViewIsAnError(t *testing.T) {
	db := open(t, "")
	if err := db.View(func(tx *Tx) error { tx.Put("b", "k", thing{1}); return nil }); err == nil {
		t.Error("a view wrote")
	}
}

func TestAHeldFileIsRefusedAndAFreedOneOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.db")
	db, err := Open(path, Options{})
	must(t, err)
	if _, err := Open(path, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("second Open: %v, want ErrInUse", err)
	}
	must(t, db.Update(func(tx *Tx) error { tx.Put("b", "k", thing{7}); return nil }))
	must(t, db.Close())
	db = open(t, path)
	must(t, db.View(func(tx *Tx) error {
		if v, _ := Get[thing](tx, "b", "k"); v.N != 7 {
			t.Errorf("read %d, want 7", v.N)
		}
		return nil
	}))
}

func TestTheStoreRunsInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t, "")
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				must(t, db.Update(func(tx *Tx) error { tx.Put("b", Key("x", fmt.Sprint(i)), thing{i}); return nil }))
			})
		}
		wg.Wait()
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestAsOfShowsWhatWasThere(t *testing.T) {
	db, err := Open("", Options{History: time.Minute})
	must(t, err)
	defer db.Close()
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds int, f func(*Tx)) {
		must(t, db.Update(func(tx *Tx) error {
			tx.SetTime(t0.Add(time.Duration(seconds) * time.Second))
			f(tx)
			return nil
		}))
	}
	at(0, func(tx *Tx) { tx.Put("b", Key("x", "a"), thing{1}) })
	at(10, func(tx *Tx) { tx.Put("b", Key("x", "a"), thing{2}); tx.Put("b", Key("x", "c"), thing{1}) })
	at(20, func(tx *Tx) { tx.Delete("b", Key("x", "a")) })
	for _, c := range []struct {
		seconds int
		want    map[string]int
	}{
		{-1, map[string]int{}},
		{5, map[string]int{"a": 1}},
		{15, map[string]int{"a": 2, "c": 1}},
		{25, map[string]int{"c": 1}},
	} {
		must(t, db.View(func(tx *Tx) error {
			got := map[string]int{}
			for k, v := range List[thing](tx.AsOf(t0.Add(time.Duration(c.seconds)*time.Second)), "b", "x", "") {
				got[Split(k)[1]] = v.N
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("at second %d: %s", c.seconds, d)
			}
			return nil
		}))
	}
}
