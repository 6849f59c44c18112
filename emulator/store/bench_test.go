package store

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkUpdate writes, synced to disk: with one writer each write is a
// commit, with 32 they share commits.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 32} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			db := open(b, filepath.Join(b.TempDir(), "lab.db"))
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						must(b, db.Update(func(tx *Tx) error { tx.Put("b", fmt.Sprint(n%1000), thing{int(n)}); return nil }))
					}
				})
			}
			wg.Wait()
		})
	}
}
