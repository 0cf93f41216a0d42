package state

import (
	"bytes"
	"context"
	"time"

	bolt "go.etcd.io/bbolt"
)

// The names of the single values.
const (
	singleCheckpoint = "checkpoint"
	singleLeader     = "leader"
	singleToken      = "token"
	singleLock       = "token-lock"
	singleCanary     = "canary"
	singlePaused     = "paused"
)

// leaderRow is who leads, until when, under which epoch, and how many writes the leaders have made.
type leaderRow struct {
	Owner  string `json:"owner"`
	Until  int64  `json:"until"`
	Epoch  uint64 `json:"epoch"`
	Writes uint64 `json:"writes"`
}

func (b *embedded) lead(ctx context.Context, c claim) (g grant, err error) {
	err = b.update(ctx, func(tx *bolt.Tx) error {
		now := b.ms()
		var l leaderRow
		if _, err := getJSON(tx, singleLeader, &l); err != nil {
			return err
		}
		if l.Owner != "" && l.Owner != c.owner && l.Until > now {
			return nil
		}
		renewed := l.Owner == c.owner && l.Epoch == c.epoch && c.low <= l.Writes && l.Writes <= c.high
		if !renewed {
			l.Epoch = max(l.Epoch, c.seen) + 1
		}
		l.Owner, l.Until = c.owner, now+c.ttl.Milliseconds()
		g = grant{ok: true, epoch: l.Epoch, writes: l.Writes}
		return putJSON(tx, singleLeader, l)
	})
	return g, err
}

func (b *embedded) resign(ctx context.Context, owner string) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		var l leaderRow
		if _, err := getJSON(tx, singleLeader, &l); err != nil || l.Owner != owner {
			return err
		}
		l.Owner = ""
		return putJSON(tx, singleLeader, l)
	})
}

func (b *embedded) single(ctx context.Context, name string) (value []byte, err error) {
	err = b.view(ctx, func(tx *bolt.Tx) error {
		value = bytes.Clone(tx.Bucket([]byte(bucketSingles)).Get([]byte(name)))
		return nil
	})
	return value, err
}

func (b *embedded) token(ctx context.Context) ([]byte, error) { return b.single(ctx, singleToken) }

func (b *embedded) saveToken(ctx context.Context, value []byte) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketSingles)).Put([]byte(singleToken), value)
	})
}

func (b *embedded) dropToken(ctx context.Context, meant [printSize]byte) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		singles := tx.Bucket([]byte(bucketSingles))
		if !bytes.HasPrefix(singles.Get([]byte(singleToken)), meant[:]) {
			return nil
		}
		return singles.Delete([]byte(singleToken))
	})
}

// lockRow is who has the lock, and until when.
type lockRow struct {
	Owner string `json:"owner"`
	Until int64  `json:"until"`
}

func (b *embedded) lockToken(ctx context.Context, owner string, ttl time.Duration) (ok bool, err error) {
	err = b.update(ctx, func(tx *bolt.Tx) error {
		now := b.ms()
		var l lockRow
		if _, err := getJSON(tx, singleLock, &l); err != nil {
			return err
		}
		if l.Owner != owner && l.Until > now {
			return nil
		}
		ok = true
		return putJSON(tx, singleLock, lockRow{owner, now + ttl.Milliseconds()})
	})
	return ok, err
}

func (b *embedded) unlockToken(ctx context.Context, owner string) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		var l lockRow
		if _, err := getJSON(tx, singleLock, &l); err != nil || l.Owner != owner {
			return err
		}
		return putJSON(tx, singleLock, lockRow{})
	})
}

func (b *embedded) keepCanary(ctx context.Context, value []byte) (kept []byte, err error) {
	if kept, err = b.single(ctx, singleCanary); kept != nil || err != nil {
		return kept, err
	}
	err = b.update(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketSingles)).Put([]byte(singleCanary), value)
	})
	return value, err
}

// singleAnchor starts the names of the audit logs' anchors; the log's own name follows.
const singleAnchor = "audit:"

func (b *embedded) anchor(ctx context.Context, log string, n uint64, row []byte) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		var kept struct {
			N uint64 `json:"n"`
		}
		if ok, err := getJSON(tx, singleAnchor+log, &kept); err != nil || ok && kept.N > n {
			return err
		}
		return tx.Bucket([]byte(bucketSingles)).Put([]byte(singleAnchor+log), row)
	})
}

func (b *embedded) anchors(ctx context.Context) (rows [][]byte, err error) {
	err = b.view(ctx, func(tx *bolt.Tx) error {
		cursor := tx.Bucket([]byte(bucketSingles)).Cursor()
		for key, row := cursor.Seek([]byte(singleAnchor)); bytes.HasPrefix(key, []byte(singleAnchor)); key, row = cursor.Next() {
			rows = append(rows, bytes.Clone(row))
		}
		return nil
	})
	return rows, err
}

// singleReconciled starts the names of what reconciling found; the route follows.
const singleReconciled = "reconciled:"

func (b *embedded) saveReconciled(ctx context.Context, rows map[string][]byte) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		for route, row := range rows {
			if err := tx.Bucket([]byte(bucketSingles)).Put([]byte(singleReconciled+route), row); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *embedded) reconciled(ctx context.Context) (rows map[string][]byte, err error) {
	err = b.view(ctx, func(tx *bolt.Tx) error {
		rows = reconciledRows(tx.Bucket([]byte(bucketSingles)))
		return nil
	})
	return rows, err
}

func reconciledRows(singles *bolt.Bucket) map[string][]byte {
	rows := map[string][]byte{}
	cursor := singles.Cursor()
	for key, row := cursor.Seek([]byte(singleReconciled)); bytes.HasPrefix(key, []byte(singleReconciled)); key, row = cursor.Next() {
		rows[string(key[len(singleReconciled):])] = bytes.Clone(row)
	}
	return rows
}
