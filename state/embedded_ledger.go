package state

import (
	"bytes"
	"context"

	bolt "go.etcd.io/bbolt"
)

func (b *embedded) scan(ctx context.Context, index byte, after *mark, limit int) (out []mark, err error) {
	err = b.view(ctx, func(tx *bolt.Tx) error {
		bucket, prefix := tx.Bucket([]byte(bucketIndex)), []byte{index}
		if index == leased {
			bucket, prefix = tx.Bucket([]byte(bucketLeased)), nil
		}
		end := append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, 8)...) // no time comes as late
		if after != nil {
			end = append(bytes.Clone(prefix), timeKey(after.at, after.id)...)
		}
		c := bucket.Cursor()
		k, _ := c.Seek(end) // the first that is not before the end
		if k == nil {
			k, _ = c.Last()
		} else {
			k, _ = c.Prev()
		}
		for ; k != nil && bytes.HasPrefix(k, prefix) && len(out) < limit; k, _ = c.Prev() {
			at, id := cutTimeKey(k[len(prefix):])
			out = append(out, mark{at, id})
		}
		return nil
	})
	return out, err
}

func (b *embedded) load(ctx context.Context, ids []string) (recs []*rec, now int64, err error) {
	err = b.view(ctx, func(tx *bolt.Tx) error {
		s := shelf{tx, b.ms()}
		now = s.now
		for _, id := range ids {
			r := s.get(id)
			if r != nil {
				r.content = nil
			}
			recs = append(recs, r)
		}
		return nil
	})
	return recs, now, err
}

func (b *embedded) counts(ctx context.Context) (t tally, err error) {
	err = b.view(ctx, func(tx *bolt.Tx) error {
		s := shelf{tx, b.ms()}
		t = tally{
			pending: int(s.counted(pending)), rejected: int(s.counted(rejected)),
			delivered: int(s.counted(delivered)), discarded: int(s.counted(discarded)),
		}
		c := s.bucket(bucketLeased).Cursor() // as many as calls are in flight
		for k, _ := c.Seek(timeKey(s.now+1, "")); k != nil; k, _ = c.Next() {
			t.sending++
		}
		if k, _ := s.bucket(bucketIndex).Cursor().Seek([]byte{pending}); len(k) > 0 && k[0] == pending {
			t.oldest, _ = cutTimeKey(k[1:])
		}
		return nil
	})
	return t, err
}

func (b *embedded) retry(ctx context.Context, id string) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		s := shelf{tx, b.ms()}
		return s.change(id, func(r *rec) error { return r.retry(s.now) })
	})
}

func (b *embedded) discard(ctx context.Context, id string) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		s := shelf{tx, b.ms()}
		return s.change(id, func(r *rec) error { return r.discard(s.now) })
	})
}
