package state

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"
)

// setClock reads the time from a key beside the store's own, so that a test moves it for every process at once, waits for
// nothing, and sees the same times in every back end.
const setClock = `
local function clock()
  return tonumber(redis.call('GET', string.match(KEYS[1], '^talkbridge:{[^}]*}:') .. 'test-clock'))
end
`

// OpenAtClock opens a store whose Redis clock is the milliseconds in ClockKey.
func OpenAtClock(ctx context.Context, o Options) (*Store, error) { return open(ctx, o, setClock) }

// ClockKey is where OpenAtClock finds the time.
func ClockKey(namespace string) string { return newKeyring(namespace).key("test-clock") }

// Twin is what another process would have: a Store of its own over the same back end. It is not closed.
func (s *Store) Twin() *Store {
	return &Store{back: s.back, seal: s.seal, namespace: s.namespace, backupKey: s.backupKey, now: s.now, wake: make(chan struct{}, 1)}
}

// Memory is what a process knows of its leadership.
type Memory = leadership

// Memory gives it away.
func (s *Store) Memory() Memory { return s.lead }

// Remember puts it back.
func (s *Store) Remember(m Memory) { s.lead = m }

// Hurry leaves out the fsync of an embedded store, for tests that look at rules and not at disks.
func (s *Store) Hurry() {
	if b, ok := s.back.(*embedded); ok {
		b.db.NoSync = true
	}
}

// A Peek is what a test sees of a record beyond what the ledger shows.
type Peek struct {
	Status        byte
	Seq, Attempts uint32
	Due, Until    int64
	Token         string
}

// Peek looks at records; one that is not there has no status. now is the store's clock.
func (s *Store) Peek(ctx context.Context, ids ...string) (out []Peek, now int64, err error) {
	recs, now, err := s.back.load(ctx, ids)
	for _, r := range recs {
		if r == nil {
			out = append(out, Peek{})
			continue
		}
		out = append(out, Peek{r.status, r.seq, r.attempts, r.due, r.until, hex.EncodeToString(r.token[:])})
	}
	return out, now, err
}

// Pages is everything in an embedded store.
type Pages map[string]map[string]string

// Pages copies everything out of an embedded store.
func (s *Store) Pages() (Pages, error) {
	out := Pages{}
	err := s.back.(*embedded).db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			page := map[string]string{}
			out[string(name)] = page
			return b.ForEach(func(k, v []byte) error {
				page[string(k)] = string(v)
				return nil
			})
		})
	})
	return out, err
}

// SetPages puts everything back.
func (s *Store) SetPages(p Pages) error {
	return s.back.(*embedded).db.Update(func(tx *bolt.Tx) error {
		for name, page := range p {
			b := tx.Bucket([]byte(name))
			c := b.Cursor()
			for k, _ := c.First(); k != nil; k, _ = c.First() {
				if err := c.Delete(); err != nil {
					return err
				}
			}
			for k, v := range page {
				if err := b.Put([]byte(k), []byte(v)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// A Loss is what happens to one operation on its way to the back end and back.
type Loss int

// The losses.
const (
	LossNone    Loss = iota
	LossRequest      // it never arrives
	LossReply        // it arrives and works, and nobody hears of it
)

// ErrLost is what the caller of a lost operation sees.
var ErrLost = errors.New("connection lost")

// Lossy asks next about each append, lease, take, settle, release and lead.
func (s *Store) Lossy(next func() Loss) { s.back = lossy{s.back, next} }

type lossy struct {
	backend
	next func() Loss
}

func (l lossy) do(op func() error) error {
	switch l.next() {
	case LossRequest:
		return ErrLost
	case LossReply:
		_ = op()
		return ErrLost
	default:
		return op()
	}
}

func (l lossy) append(ctx context.Context, f fence, entries []entry, checkpoint []byte) (queued int, err error) {
	err = l.do(func() (err error) { queued, err = l.backend.append(ctx, f, entries, checkpoint); return err })
	return queued, err
}

func (l lossy) lease(ctx context.Context, limit int, ttl time.Duration, token leaseToken) (out []held, err error) {
	err = l.do(func() (err error) { out, err = l.backend.lease(ctx, limit, ttl, token); return err })
	return out, err
}

func (l lossy) take(ctx context.Context, id string, change *entry, ttl time.Duration, token leaseToken) (out held, err error) {
	err = l.do(func() (err error) { out, err = l.backend.take(ctx, id, change, ttl, token); return err })
	return out, err
}

func (l lossy) settle(ctx context.Context, list []ending) (out []ended, err error) {
	err = l.do(func() (err error) { out, err = l.backend.settle(ctx, list); return err })
	return out, err
}

func (l lossy) release(ctx context.Context, ref leaseRef) error {
	return l.do(func() error { return l.backend.release(ctx, ref) })
}

func (l lossy) lead(ctx context.Context, c claim) (g grant, err error) {
	err = l.do(func() (err error) { g, err = l.backend.lead(ctx, c); return err })
	return g, err
}
