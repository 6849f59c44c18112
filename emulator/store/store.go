// Package store keeps the lab's state: JSON values under ordered keys, in one
// bbolt file that survives kill -9.
//
// A write is acknowledged (DB.Update returns nil) only after its commit has
// been synced to disk. Writers that come at the same time share one commit,
// so that the number of writes a second is not bounded by the disk's syncs; a
// lone writer waits for nobody.
package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// DB is an open store.
type DB struct {
	bolt   *bbolt.DB
	remove string // a folder to remove on Close: the store was a temporary one
	keep   time.Duration

	mu      sync.Mutex
	queue   []*update
	leading bool
}

// Options of Open.
type Options struct {
	// History is how long older versions of values stay readable through
	// Tx.AsOf. Zero keeps none.
	History time.Duration
	// NoSync skips the sync after each commit. Then a crash of the machine
	// may lose acknowledged writes.
	NoSync bool
}

// ErrInUse is the error of Open when another process holds the file.
var ErrInUse = errors.New("is in use by another process")

// Open opens or makes the store at path. With an empty path the store lives
// in a temporary file without syncs and goes with Close.
func Open(path string, o Options) (*DB, error) {
	db := &DB{keep: o.History}
	if path == "" {
		dir, err := os.MkdirTemp("", "atlas-iam-lab-")
		if err != nil {
			return nil, fmt.Errorf("make a temporary store: %w", err)
		}
		db.remove, path, o.NoSync = dir, filepath.Join(dir, "lab.db"), true
	}
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:        time.Millisecond, // tried once: a held file is an error at once
		NoSync:         o.NoSync,
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		err = ErrInUse
	}
	if err != nil {
		if db.remove != "" {
			os.RemoveAll(db.remove)
		}
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	db.bolt = bolt
	return db, nil
}

// Close waits for the transactions under way and closes the file.
func (db *DB) Close() error {
	err := db.bolt.Close()
	if db.remove != "" {
		err = errors.Join(err, os.RemoveAll(db.remove))
	}
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// View runs f on a consistent picture of the last commit. Views run beside
// each other and beside writes. The error is f's, or that of a value that
// could not be decoded.
func (db *DB) View(f func(*Tx) error) error {
	return db.bolt.View(func(b *bbolt.Tx) error {
		tx := &Tx{bolt: b, keep: db.keep}
		return errors.Join(f(tx), tx.err)
	})
}

// update is an Update under way.
type update struct {
	f     func(*Tx) error
	tx    *Tx
	err   error
	panic any
	done  chan struct{}
}

// Update runs f alone among writers and returns after its changes are on
// disk. If f returns an error nothing of it is kept. f is run exactly once,
// maybe by another goroutine that also waits in Update; it must not block.
// The functions handed to Tx.OnCommit have run when Update returns nil.
//
// The first writer leads: it runs the queue, commits once, and goes on while
// there is a queue. The others wait for their batch's commit.
func (db *DB) Update(f func(*Tx) error) error {
	w := &update{f: f, done: make(chan struct{})}
	db.mu.Lock()
	db.queue = append(db.queue, w)
	lead := !db.leading
	db.leading = true
	db.mu.Unlock()
	if lead {
		db.lead()
	}
	<-w.done
	if w.panic != nil {
		panic(w.panic)
	}
	return w.err
}

func (db *DB) lead() {
	for {
		db.mu.Lock()
		batch := db.queue
		db.queue = nil
		if len(batch) == 0 {
			db.leading = false
			db.mu.Unlock()
			return
		}
		db.mu.Unlock()
		db.commit(batch)
	}
}

// commit runs a batch in one transaction. Each write sees those before it; one
// that fails leaves nothing, for its changes were only in its own overlay.
func (db *DB) commit(batch []*update) {
	err := db.bolt.Update(func(b *bbolt.Tx) error {
		for _, w := range batch {
			w.run(b, db.keep)
		}
		return nil
	})
	for _, w := range batch {
		switch {
		case w.panic != nil || w.err != nil:
		case err != nil:
			w.err = fmt.Errorf("commit to store: %w", err)
		default:
			for _, f := range w.tx.committed {
				f()
			}
		}
		close(w.done)
	}
}

func (w *update) run(b *bbolt.Tx, keep time.Duration) {
	defer func() { w.panic = recover() }()
	w.tx = &Tx{bolt: b, keep: keep, writable: true}
	if w.err = errors.Join(w.f(w.tx), w.tx.err); w.err == nil {
		w.err = w.tx.flush()
	}
}
