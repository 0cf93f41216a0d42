package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	bolt "go.etcd.io/bbolt"
)

// pauseRow is a pause, there only while delivery is paused.
type pauseRow struct {
	Since int64           `json:"since"`
	Note  json.RawMessage `json:"note"`
}

// paused tells whether leases are granted.
func (s shelf) paused() bool { return s.bucket(bucketSingles).Get([]byte(singlePaused)) != nil }

func (b *embedded) pause(ctx context.Context, note []byte, replace bool) (changed bool, err error) {
	err = b.update(ctx, func(tx *bolt.Tx) error {
		s := shelf{tx, b.ms()}
		if s.paused() && !replace {
			return nil
		}
		changed = true
		return putJSON(tx, singlePaused, pauseRow{s.now, note})
	})
	return changed, err
}

func (b *embedded) resume(ctx context.Context, note []byte) (changed bool, err error) {
	err = b.update(ctx, func(tx *bolt.Tx) error {
		var p pauseRow
		if ok, err := getJSON(tx, singlePaused, &p); err != nil || !ok || !bytes.Equal(p.Note, note) {
			return err
		}
		changed = true
		return tx.Bucket([]byte(bucketSingles)).Delete([]byte(singlePaused))
	})
	return changed, err
}

func (b *embedded) paused(ctx context.Context) (note []byte, since int64, err error) {
	err = b.view(ctx, func(tx *bolt.Tx) error {
		var p pauseRow
		_, err := getJSON(tx, singlePaused, &p)
		note, since = p.Note, p.Since
		return err
	})
	return note, since, err
}

// export reads in one transaction: what it gives is of one moment. Pages that others replace meanwhile stay in the file until it
// ends, so that the file grows by as much as is written while a backup runs.
func (b *embedded) export(
	ctx context.Context, begin func(checkpoint []byte, total int) error, each func(id string, packed []byte) error,
) error {
	return b.view(ctx, func(tx *bolt.Tx) error {
		var p positionRow
		if _, err := getJSON(tx, singleCheckpoint, &p); err != nil {
			return err
		}
		s := shelf{tx, b.ms()}
		total := 0
		for _, status := range []byte{pending, rejected, delivered, discarded} {
			total += int(s.counted(status))
		}
		if err := begin(p.Position, total); err != nil {
			return err
		}
		c := s.bucket(bucketRecords).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := each(string(k), v); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *embedded) clear(ctx context.Context) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		for _, name := range []string{bucketRecords, bucketDue, bucketLeased, bucketIndex, bucketCounts} {
			if err := tx.DeleteBucket([]byte(name)); err != nil {
				return err
			}
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		singles := tx.Bucket([]byte(bucketSingles))
		for route := range reconciledRows(singles) {
			if err := singles.Delete([]byte(singleReconciled + route)); err != nil {
				return err
			}
		}
		return singles.Delete([]byte(singleCheckpoint))
	})
}

func (b *embedded) imports(ctx context.Context, owner string, epoch uint64, items []item) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		var l leaderRow
		if _, err := getJSON(tx, singleLeader, &l); err != nil {
			return err
		}
		if l.Owner != owner || l.Epoch != epoch { // Invariant 7
			return ErrFenced
		}
		s := shelf{tx, b.ms()}
		for _, i := range items {
			r, err := decodeRec(i.packed)
			if err != nil {
				return errors.New("a record of the backup cannot be read")
			}
			if err := s.put(i.id, s.get(i.id), r); err != nil {
				return err
			}
		}
		return nil
	})
}
