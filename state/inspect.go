package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/redis/go-redis/v9"

	"talkbridge/internal/bridge"
)

// An Inspection is what Inspect found in a store.
type Inspection struct {
	Where    string // the file, or the hosts; no password
	Embedded bool
	New      bool // nothing has been written there yet
	Locked   bool // the file is held by a bridge that runs; nothing more is known of it

	Checkpoint    bridge.Checkpoint
	HasCheckpoint bool
	Token         bridge.Token
	HasToken      bool
	Warnings      []string // as of Store.Warnings
}

// Inspect looks at a store as Open would, and writes nothing: it makes no file and leaves no mark in Redis. Its error says why Open
// would refuse.
func Inspect(ctx context.Context, o Options) (Inspection, error) {
	seal, err := newSealer(o.Namespace, o.Key)
	if err != nil {
		return Inspection{}, err
	}
	t, err := parseTarget(o.URL, o.Dir)
	if err != nil {
		return Inspection{}, err
	}
	s := &Store{seal: seal, namespace: o.Namespace, now: time.Now}
	if t.path != "" {
		return s.inspectFile(ctx, t)
	}
	return s.inspectRedis(ctx, t, o)
}

func (s *Store) inspectRedis(ctx context.Context, t target, o Options) (Inspection, error) {
	found := Inspection{Where: t.where()}
	back, err := openRedis(ctx, t, o.Namespace, o.Retention, redisClock)
	if err != nil {
		return found, err
	}
	defer back.close() //nolint:errcheck,contextcheck // only read; nothing is leased by it
	canary, err := back.client.Get(ctx, back.keys.canary()).Bytes()
	if errors.Is(err, redis.Nil) {
		found.New, found.Warnings = true, back.warnings(ctx)
		return found, nil
	}
	if err != nil {
		return found, fmt.Errorf("state.url: read from Redis at %s: %w", found.Where, err)
	}
	s.back = back
	return found, s.inspect(ctx, canary, &found)
}

func (s *Store) inspectFile(ctx context.Context, t target) (Inspection, error) {
	found := Inspection{Where: t.path, Embedded: true}
	if _, err := os.Stat(t.path); errors.Is(err, fs.ErrNotExist) {
		found.New = true
		return found, writable(filepath.Dir(t.path))
	}
	db, err := bolt.Open(t.path, 0o600, &bolt.Options{Timeout: lockWait, ReadOnly: true})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		found.Locked = true
		return found, nil
	case err != nil:
		return found, fmt.Errorf("state.url: open %s: %w. It is not a store of talkbridge, or it is damaged, or this account may not read "+
			"it: put a backup in its place, correct its owner, or name another file", t.path, err)
	}
	back := &embedded{db: db, clock: time.Now}
	defer back.close() //nolint:errcheck,contextcheck // only read; nothing is leased by it
	s.back = back
	var canary, owner []byte
	err = back.view(ctx, func(tx *bolt.Tx) error {
		if b := tx.Bucket([]byte(bucketSingles)); b != nil {
			canary, owner = append(canary, b.Get([]byte(singleCanary))...), append(owner, b.Get([]byte("namespace"))...)
		}
		return nil
	})
	switch {
	case err != nil:
		return found, fmt.Errorf("state.url: read %s: %w", t.path, err)
	case len(owner) > 0 && string(owner) != s.namespace:
		return found, fmt.Errorf("state.url: %s holds the namespace %s, state.namespace is %s: name another file, or the former namespace",
			t.path, owner, s.namespace)
	case len(canary) == 0:
		found.New = true
		return found, nil
	}
	return found, s.inspect(ctx, canary, &found)
}

// inspect proves the key and reads what a check wants to know.
func (s *Store) inspect(ctx context.Context, canary []byte, found *Inspection) (err error) {
	if text, openErr := s.seal.open(purposeCanary, "", canary); openErr != nil || string(text) != canaryText {
		return fmt.Errorf("%w: the store at %s, namespace %s, was written with another one, or by another version. Put the former key back "+
			"into state.key; if it is lost, start with an empty store (another state.namespace, or another file)", ErrWrongKey, found.Where, s.namespace)
	}
	if found.Checkpoint, found.HasCheckpoint, err = s.Checkpoint(ctx); err != nil {
		return err
	}
	if found.Token, found.HasToken, err = s.Token(ctx); err != nil {
		return err
	}
	found.Warnings = s.back.warnings(ctx)
	return nil
}

// writable tells whether a new file could be made in a folder, without making one.
func writable(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("state.url: the folder %s does not exist; make it: mkdir -p %s", dir, dir)
	case !info.IsDir():
		return fmt.Errorf("state.url: %s is no folder", dir)
	case !mayWrite(dir):
		return fmt.Errorf("state.url: this account may not write into %s; correct the folder's owner or mode", dir)
	}
	return nil
}
