package store

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// change is what a key held before it was changed.
type change struct {
	At     time.Time       `json:"at"`
	Before json.RawMessage `json:"before,omitempty"` // empty: there was nothing
}

func historyOf(bucket string) string { return bucket + separator + "history" }

// SetTime tells when the transaction's changes are made; Options.History
// needs it.
func (tx *Tx) SetTime(t time.Time) { tx.now = t }

// AsOf is a picture of the store at an earlier time, within
// Options.History; without history it is the transaction itself.
func (tx *Tx) AsOf(t time.Time) Reader {
	if tx.keep <= 0 {
		return tx
	}
	return past{tx, t}
}

// remember notes what key held before the change being flushed, and forgets
// what is too old to be asked for.
func (tx *Tx) remember(bucket, key string, before []byte) error {
	b, err := tx.bolt.CreateBucketIfNotExists([]byte(historyOf(bucket)))
	if err != nil {
		return err
	}
	changes, err := decodeHistory(b.Get([]byte(key)))
	if err != nil {
		return err
	}
	changes = slices.DeleteFunc(changes, func(c change) bool { return tx.now.Sub(c.At) > tx.keep })
	out, err := json.Marshal(append(changes, change{At: tx.now, Before: slices.Clone(before)}))
	if err != nil {
		return err
	}
	return b.Put([]byte(key), out)
}

func decodeHistory(b []byte) ([]change, error) {
	if b == nil {
		return nil, nil
	}
	var changes []change
	if err := json.Unmarshal(b, &changes); err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	return changes, nil
}

// past is a Reader of an earlier time.
type past struct {
	tx *Tx
	at time.Time
}

func (p past) fail(err error) { p.tx.fail(err) }

func (p past) raw(bucket, key string) []byte {
	if h := p.bucket(bucket); h != nil && key != "" {
		changes, err := decodeHistory(h.Get([]byte(key)))
		if err != nil {
			p.fail(err)
		}
		for _, c := range changes {
			if c.At.After(p.at) {
				return c.Before
			}
		}
	}
	return p.tx.raw(bucket, key)
}

// keys also gives keys that held something then and hold nothing now.
func (p past) keys(bucket, prefix, after string) iter.Seq[string] {
	all := slices.Collect(p.tx.keys(bucket, prefix, after))
	if p.bucket(bucket) != nil {
		all = slices.AppendSeq(all, p.tx.keys(historyOf(bucket), prefix, after))
	}
	slices.Sort(all)
	return slices.Values(slices.Compact(all))
}

func (p past) bucket(bucket string) *bbolt.Bucket {
	return p.tx.bolt.Bucket([]byte(historyOf(bucket)))
}
