// Package state is talkbridge's memory: the position in the source's log, the outbox of submissions that wait for the
// platform, the ledger of what became of each, the platform's token, and the lease of leadership.
//
// In come Changes with the Checkpoint that covers them, written in ONE atomic step (Append); out go Leases, one at a time for a
// record (Lease), each ended by a Settlement (Settle). That is the whole protocol of delivery: what was appended is delivered at
// least once, the newest content of a record last, whatever process dies at whatever moment.
//
// A Store seals row content and tokens before they leave the process and keeps the rules that need the key; a back end below it
// keeps the state machine: Redis, shared by several machines, by Lua scripts (folder lua), or one bbolt file, held by one
// process, by transactions. Both keep a record as the same packed bytes (record.go) and pass the same conformance suite
// (package storetest).
//
// A namespace can be paused (pause.go): then Lease grants nothing, in any process, while reading goes on. It can be written to one
// authenticated file and put back on either back end (backup.go, restore.go).
//
// The package never reads the source, never calls the platform, and never logs: what a person has to know is in its errors.
package state

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"time"

	"talkbridge/internal/bridge"
)

// Options say which store to open and how.
type Options struct {
	// URL is redis://, rediss://, redis+sentinel://h1,h2/master/db, redis+cluster://h1,h2 or file:PATH; empty is
	// file:talkbridge.db. See parseTarget for the whole grammar.
	URL string
	// Namespace keeps several bridges in one Redis apart: letters, digits, dot, underscore, hyphen.
	Namespace string
	// Key is Base64 of 16 bytes: it seals row content and tokens, and keys the digests.
	Key bridge.Secret
	// Retention is how long the ledger remembers a delivered or discarded record; zero is for ever. A record that waits or was
	// rejected never expires.
	Retention time.Duration
	// Dir is where a relative file: path starts; empty is the working directory.
	Dir string
	// Now is the embedded store's clock; nil is time.Now. Redis goes by its own clock.
	Now func() time.Time
}

// A Store is open until Close. Its methods may be called from several goroutines.
type Store struct {
	back      backend
	seal      *sealer
	namespace string
	backupKey []byte           // see newBackupKeys
	now       func() time.Time // of this process: for the deadline of a lease

	wake  chan struct{}
	watch sync.Once // starts the back end's own watching, at the first Wake

	settling settlements

	closing sync.Once

	mu   sync.Mutex // guards lead, and is held over each Append and Lead: writes of one leader are numbered in order
	lead leadership
}

// Open opens the store, and makes it where there is none yet.
func Open(ctx context.Context, o Options) (*Store, error) { return open(ctx, o, redisClock) }

// open takes the scripts' clock, which tests replace.
func open(ctx context.Context, o Options, clock string) (*Store, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`).MatchString(o.Namespace) {
		return nil, fmt.Errorf("state.namespace: %q must be 1 to 64 letters, digits, dots, underscores or hyphens", o.Namespace)
	}
	seal, err := newSealer(o.Namespace, o.Key)
	if err != nil {
		return nil, err
	}
	target, err := parseTarget(o.URL, o.Dir)
	if err != nil {
		return nil, err
	}
	backupKey, err := DeriveKey(o.Key, purposeBackup)
	if err != nil {
		return nil, err
	}
	s := &Store{seal: seal, namespace: o.Namespace, backupKey: backupKey, now: time.Now, wake: make(chan struct{}, 1)}
	if target.path != "" {
		if o.Now != nil {
			s.now = o.Now
		}
		s.back, err = openEmbedded(target.path, o.Namespace, o.Retention, s.now)
	} else {
		s.back, err = openRedis(ctx, target, o.Namespace, o.Retention, clock)
	}
	if err != nil {
		return nil, err
	}
	if err := s.proveKey(ctx, target.where()); err != nil {
		_ = s.back.close()
		return nil, err
	}
	return s, nil
}

// canaryText names the format of everything in the store. A later format gets another text, so that an older program refuses
// the store instead of misreading it.
const canaryText = "talkbridge state, format 1"

// proveKey finds out whether this key wrote the store, by a text that the first opener sealed and left there.
func (s *Store) proveKey(ctx context.Context, where string) error {
	sealed, err := s.seal.seal(purposeCanary, "", []byte(canaryText))
	if err != nil {
		return err
	}
	kept, err := s.back.keepCanary(ctx, sealed)
	if err != nil {
		return fmt.Errorf("prove the key of the store at %s: %w", where, err)
	}
	text, err := s.seal.open(purposeCanary, "", kept)
	if err != nil {
		return fmt.Errorf("%w: the store at %s, namespace %s, was written with another one. Put the former key back into state.key; "+
			"if it is lost, start with an empty store (another state.namespace, or another file)", ErrWrongKey, where, s.namespace)
	}
	if string(text) != canaryText {
		return fmt.Errorf("the store at %s was written by another version of talkbridge (%q, this one writes %q): run that version, or "+
			"start with an empty store", where, text, canaryText)
	}
	return nil
}

// Wake hints that something may be due, or due earlier than NextDue said: after an Append, a retry or a Release of this process
// and, on Redis, of any other. Hints are merged and may get lost with a connection, so a worker also polls NextDue.
func (s *Store) Wake() <-chan struct{} {
	s.watch.Do(func() { s.back.watch(s.hint) })
	return s.wake
}

func (s *Store) hint() {
	select {
	case s.wake <- struct{}{}:
	default: // a hint is waiting already
	}
}

// Warnings tells what about the store endangers what is in it, each with what to do; none is nil.
func (s *Store) Warnings(ctx context.Context) []string { return s.back.warnings(ctx) }

// Close ends what the store runs and releases its file or connections. Leases that are still held run out by themselves.
// A second Close does nothing.
func (s *Store) Close() (err error) {
	s.watch.Do(func() {}) // no watching from here on
	s.closing.Do(func() {
		err = s.back.close()
		s.settling.done.Wait() // a write that was under way has failed by now
	})
	return err
}
