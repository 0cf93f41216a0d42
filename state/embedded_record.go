package state

import (
	"bytes"
	"encoding/binary"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// shelf reads and writes records within a transaction and keeps the indexes true to them.
type shelf struct {
	tx  *bolt.Tx
	now int64
}

func (s shelf) bucket(name string) *bolt.Bucket { return s.tx.Bucket([]byte(name)) }

// get is nil for a record that is not there, and for one that cannot be read.
func (s shelf) get(id string) *rec {
	r, err := decodeRec(s.bucket(bucketRecords).Get([]byte(id)))
	if err != nil {
		return nil
	}
	return r
}

// entries are the index entries of a record: all of them follow from the record itself.
type entries struct {
	due, leased, index []byte
	status             byte
}

func entriesOf(id string, r *rec) entries {
	var e entries
	if r == nil {
		return e
	}
	e.status = r.status
	e.index = append([]byte{r.status}, timeKey(r.since, id)...)
	if r.status == pending {
		e.due = timeKey(r.due, id)
		if r.until > 0 {
			e.due, e.leased = timeKey(r.until, id), timeKey(r.until, id)
		}
	}
	return e
}

// put replaces old by r; a nil r removes the record.
func (s shelf) put(id string, old, r *rec) error {
	if old == nil && s.bucket(bucketRecords).Get([]byte(id)) != nil {
		if err := s.sweep(id); err != nil {
			return err
		}
	}
	was, is := entriesOf(id, old), entriesOf(id, r)
	if err := move(s.bucket(bucketDue), was.due, is.due); err != nil {
		return err
	}
	if err := move(s.bucket(bucketLeased), was.leased, is.leased); err != nil {
		return err
	}
	if err := move(s.bucket(bucketIndex), was.index, is.index); err != nil {
		return err
	}
	if was.status != is.status {
		if err := s.count(was.status, -1); err != nil {
			return err
		}
		if err := s.count(is.status, 1); err != nil {
			return err
		}
	}
	if r == nil {
		return s.bucket(bucketRecords).Delete([]byte(id))
	}
	return s.bucket(bucketRecords).Put([]byte(id), r.encode())
}

// sweep takes away every index entry of a record that cannot be read, and so does not tell where they are.
func (s shelf) sweep(id string) error {
	for _, name := range []string{bucketDue, bucketLeased, bucketIndex} {
		before := 8
		if name == bucketIndex {
			before = 1 + 8
		}
		c := s.bucket(name).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			if string(k[before:]) != id {
				continue
			}
			if name == bucketIndex {
				if err := s.count(k[0], -1); err != nil {
					return err
				}
			}
			if err := s.bucket(name).Delete(bytes.Clone(k)); err != nil {
				return err
			}
			break // one entry of a record in each
		}
	}
	return nil
}

func move(b *bolt.Bucket, was, is []byte) error {
	if bytes.Equal(was, is) {
		return nil
	}
	if was != nil {
		if err := b.Delete(was); err != nil {
			return err
		}
	}
	if is == nil {
		return nil
	}
	return b.Put(is, nil)
}

func (s shelf) count(status byte, by int64) error {
	if status == 0 {
		return nil
	}
	return s.bucket(bucketCounts).Put([]byte{status}, binary.BigEndian.AppendUint64(nil, uint64(s.counted(status)+by)))
}

func (s shelf) counted(status byte) int64 {
	raw := s.bucket(bucketCounts).Get([]byte{status})
	if len(raw) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(raw))
}

// change applies fn to a copy of the record and keeps what it makes of it, unless it fails.
func (s shelf) change(id string, fn func(r *rec) error) error {
	old := s.get(id)
	if old == nil {
		return fn(nil)
	}
	r := *old
	if err := fn(&r); err != nil {
		return err
	}
	return s.put(id, old, &r)
}

// timeKey orders by time, then by id. Times are not negative.
func timeKey(ms int64, id string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(ms)), id...)
}

func cutTimeKey(k []byte) (int64, string) {
	return int64(binary.BigEndian.Uint64(k)), string(k[8:])
}

// upTo lists at most limit keys of a bucket ordered by time, behind prefix, that are not after ms.
func upTo(b *bolt.Bucket, prefix []byte, ms int64, limit int) []mark {
	var out []mark
	c := b.Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && len(out) < limit; k, _ = c.Next() {
		at, id := cutTimeKey(k[len(prefix):])
		if at > ms {
			break
		}
		out = append(out, mark{at, id})
	}
	return slices.Clip(out)
}
