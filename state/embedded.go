package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The buckets of the file.
const (
	bucketRecords = "rec"    // id → packed rec
	bucketDue     = "due"    // time, id: when a pending record may be leased next; under a lease, the lease's end
	bucketLeased  = "leased" // time, id: the ends of the leases
	bucketIndex   = "index"  // status, the time since when, id
	bucketCounts  = "counts" // status → how many
	bucketSingles = "single" // checkpoint, leader, token, lock, canary
)

// lockWait is how long Open waits for the file: as long as a process takes that is about to end.
const lockWait = 500 * time.Millisecond

// embedded keeps everything in one bbolt file. Every method is one transaction, and a transaction that writes is on the disk
// (fsync of its pages, then of the page that makes them valid) before the method returns.
type embedded struct {
	db        *bolt.DB
	retention time.Duration
	clock     func() time.Time
	expected  expected
}

// openEmbedded opens the file, locked to this process. A file holds one namespace.
func openEmbedded(path, namespace string, retention time.Duration, clock func() time.Time) (*embedded, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout: lockWait, FreelistType: bolt.FreelistMapType, InitialMmapSize: roomToGrow(),
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("state.url: %w: %s is held by another talkbridge. Stop that one first; two bridges need two files, or a "+
			"Redis that they share", ErrLocked, path)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("state.url: open %s: the directory does not exist; make it: mkdir -p %s", path, filepath.Dir(path))
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("state.url: open %s: no permission; the file and its directory have to be writable for this account", path)
	case err != nil:
		return nil, fmt.Errorf("state.url: open %s: %w. It is not a store of talkbridge, or it is damaged: put a backup in its place, or name "+
			"another file", path, err)
	}
	b := &embedded{db: db, retention: retention, clock: clock}
	if err := b.prepare(namespace); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("state.url: prepare %s: %w", path, err)
	}
	return b, nil
}

// roomToGrow is how much address space is set aside for the file. A file that outgrows it has to be mapped anew, and a write that
// needs that waits for every read to end: for a whole backup, and reading the source with it. Address space costs nothing, but on
// Windows, where the file takes the size at once, and on 32 bits, where there is little.
func roomToGrow() int {
	if runtime.GOOS == "windows" || strconv.IntSize < 64 {
		return 0
	}
	return 4 << 30
}

// prepare makes the buckets, and takes the leadership from whoever had it: that process is gone, or we had not got the file.
func (b *embedded) prepare(namespace string) error {
	return b.db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{bucketRecords, bucketDue, bucketLeased, bucketIndex, bucketCounts, bucketSingles} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		singles := tx.Bucket([]byte(bucketSingles))
		const key = "namespace"
		if owner := singles.Get([]byte(key)); owner != nil && string(owner) != namespace {
			return fmt.Errorf("it holds the namespace %s, state.namespace is %s: name another file, or the former namespace", owner, namespace)
		}
		if err := singles.Put([]byte(key), []byte(namespace)); err != nil {
			return err
		}
		var l leaderRow
		if ok, err := getJSON(tx, singleLeader, &l); err != nil || !ok {
			return err
		}
		l.Owner = ""
		return putJSON(tx, singleLeader, l)
	})
}

// ms is the store's clock in milliseconds.
func (b *embedded) ms() int64 { return b.clock().UnixMilli() }

// update runs fn in a transaction that is durable when update returns.
func (b *embedded) update(ctx context.Context, fn func(tx *bolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.db.Update(fn)
}

func (b *embedded) view(ctx context.Context, fn func(tx *bolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.db.View(fn)
}

// watch has nothing to watch: the file has one process.
func (b *embedded) watch(func()) {}

func (b *embedded) warnings(context.Context) []string { return nil }

func (b *embedded) close() error {
	_ = b.expected.giveBack(context.Background(), b) // else they are due again when their leases end
	if err := b.db.Close(); err != nil {
		return fmt.Errorf("close the store's file: %w", err)
	}
	return nil
}

// getJSON reads a single value; false: there is none.
func getJSON(tx *bolt.Tx, name string, v any) (bool, error) {
	raw := tx.Bucket([]byte(bucketSingles)).Get([]byte(name))
	if raw == nil {
		return false, nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	return true, nil
}

func putJSON(tx *bolt.Tx, name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(bucketSingles)).Put([]byte(name), raw)
}
