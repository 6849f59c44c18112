package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// separator stands between the parts of a key. It sorts before every other
// byte, so that keys sort as paths do, and names may hold slashes and colons.
const separator = "\x00"

// Key joins parts to a key: Key(account, region, "cluster", name).
func Key(parts ...string) string { return strings.Join(parts, separator) }

// Split gives the parts of a key.
func Split(key string) []string { return strings.Split(key, separator) }

// Reader is what can be read from: a transaction, or its picture of an
// earlier time (Tx.AsOf).
type Reader interface {
	// raw gives a value's JSON, nil if there is none.
	raw(bucket, key string) []byte
	// keys gives the keys beneath prefix that come after the key after, in
	// order.
	keys(bucket, prefix, after string) iter.Seq[string]
	fail(error)
}

// Tx is a transaction. Its methods report no errors: a value that cannot be
// encoded or decoded fails the whole transaction when its function returns.
type Tx struct {
	bolt      *bbolt.Tx
	writable  bool
	keep      time.Duration
	now       time.Time
	overlay   map[string]map[string][]byte // bucket -> key -> JSON; nil JSON is a deletion
	committed []func()
	err       error
}

// Get reads the value under key and reports whether there is one.
func Get[T any](r Reader, bucket, key string) (T, bool) {
	var v T
	b := r.raw(bucket, key)
	if b == nil {
		return v, false
	}
	if err := json.Unmarshal(b, &v); err != nil {
		r.fail(fmt.Errorf("read %s %q: %w", bucket, key, err))
	}
	return v, true
}

// Has reports whether there is a value under key.
func Has(r Reader, bucket, key string) bool { return r.raw(bucket, key) != nil }

// List gives the values whose keys have the parts of prefix and at least one
// more, in the order of their keys, beginning after the key after (empty: at
// the first). The transaction may be written to meanwhile; whether List sees
// that is not said.
func List[T any](r Reader, bucket, prefix, after string) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for key := range r.keys(bucket, prefix, after) {
			v, ok := Get[T](r, bucket, key)
			if ok && !yield(key, v) {
				return
			}
		}
	}
}

// Count counts the keys that List would give, without reading their values.
func (tx *Tx) Count(bucket, prefix string) int {
	n := 0
	for range tx.keys(bucket, prefix, "") {
		n++
	}
	return n
}

// Put writes v, as JSON, under key.
func (tx *Tx) Put(bucket, key string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		tx.fail(fmt.Errorf("write %s %q: %w", bucket, key, err))
		return
	}
	tx.set(bucket, key, b)
}

// Delete removes the value under key, if there is one.
func (tx *Tx) Delete(bucket, key string) { tx.set(bucket, key, nil) }

// OnCommit has f run after the transaction is on disk, before Update returns.
// The functions of all transactions run one after another, in the order of
// the commits.
func (tx *Tx) OnCommit(f func()) { tx.committed = append(tx.committed, f) }

// Changed reports whether anything was written in this transaction.
func (tx *Tx) Changed() bool { return len(tx.overlay) > 0 }

func (tx *Tx) set(bucket, key string, value []byte) {
	if !tx.writable {
		tx.fail(fmt.Errorf("write %s %q: the transaction is for reading", bucket, key))
		return
	}
	if key == "" {
		tx.fail(fmt.Errorf("write %s: the key is empty", bucket))
		return
	}
	if tx.overlay == nil {
		tx.overlay = map[string]map[string][]byte{}
	}
	if tx.overlay[bucket] == nil {
		tx.overlay[bucket] = map[string][]byte{}
	}
	tx.overlay[bucket][key] = value
}

func (tx *Tx) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

func (tx *Tx) raw(bucket, key string) []byte {
	if v, ok := tx.overlay[bucket][key]; ok {
		return v
	}
	b := tx.bolt.Bucket([]byte(bucket))
	if b == nil || key == "" {
		return nil
	}
	return b.Get([]byte(key))
}

// keys merges the file's keys with those of the overlay.
func (tx *Tx) keys(bucket, prefix, after string) iter.Seq[string] {
	return func(yield func(string) bool) {
		within := prefix + separator
		if prefix == "" {
			within = ""
		}
		var mine []string
		for _, k := range slices.Sorted(maps.Keys(tx.overlay[bucket])) {
			if strings.HasPrefix(k, within) && k > after {
				mine = append(mine, k)
			}
		}
		if b := tx.bolt.Bucket([]byte(bucket)); b != nil {
			c := b.Cursor()
			for k, _ := c.Seek([]byte(max(within, after))); k != nil && strings.HasPrefix(string(k), within); k, _ = c.Next() {
				key := string(k)
				for len(mine) > 0 && mine[0] < key {
					if !yield(mine[0]) {
						return
					}
					mine = mine[1:]
				}
				if len(mine) > 0 && mine[0] == key {
					mine = mine[1:]
				}
				if key > after && !yield(key) {
					return
				}
			}
		}
		for _, k := range mine {
			if !yield(k) {
				return
			}
		}
	}
}

// flush writes the overlay to the file's transaction.
func (tx *Tx) flush() error {
	for _, bucket := range slices.Sorted(maps.Keys(tx.overlay)) {
		b, err := tx.bolt.CreateBucketIfNotExists([]byte(bucket))
		if err != nil {
			return fmt.Errorf("write %s: %w", bucket, err)
		}
		for _, key := range slices.Sorted(maps.Keys(tx.overlay[bucket])) {
			if tx.keep > 0 {
				err = tx.remember(bucket, key, b.Get([]byte(key)))
			}
			if err = errors.Join(err, put(b, key, tx.overlay[bucket][key])); err != nil {
				return fmt.Errorf("write %s %q: %w", bucket, key, err)
			}
		}
	}
	return nil
}

func put(b *bbolt.Bucket, key string, value []byte) error {
	if value == nil {
		return b.Delete([]byte(key))
	}
	return b.Put([]byte(key), value)
}
