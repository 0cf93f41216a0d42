package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"talkbridge/internal/rig"
)

// writersAtOnce is how many counsellors work at the same time. Each has records of its own.
const writersAtOnce = 4

// The counsellors edit, submit and change their minds, on a server that may die under them. Each version of each record is in the
// journal once it is known what the database made of it.
type counsellors struct {
	s       *stage
	journal *journal[Version]
	writers []*writer
	ddl     *alterations

	mu    sync.Mutex
	tally map[string]int // operations by name
}

// A writer is one of them.
type writer struct {
	c      *counsellors
	number int
	random *rand.Rand

	ids  []int
	last map[int]int     // by record: the version that was used last
	now  map[int]Outcome // by record: what became of the newest version that was committed
	next int             // id of the next new record
}

func newCounsellors(s *stage, j *journal[Version]) *counsellors {
	c := &counsellors{s: s, journal: j, tally: map[string]int{}, ddl: newAlterations(s)}
	for n := range writersAtOnce {
		w := &writer{
			c: c, number: n, random: rand.New(rand.NewPCG(s.Seed, uint64(1+n))), last: map[int]int{}, now: map[int]Outcome{}, //nolint:gosec // repeatable
			next: firstRecord + s.Records + n,
		}
		for id := firstRecord + n; id < firstRecord+s.Records; id += writersAtOnce {
			w.ids = append(w.ids, id)
		}
		// New records keep out of the way of those of others.
		for w.next%writersAtOnce != (firstRecord+n)%writersAtOnce {
			w.next++
		}
		c.writers = append(c.writers, w)
	}
	return c
}

// prepare makes the records. Nobody has submitted them yet.
func (c *counsellors) prepare(ctx context.Context) error {
	for _, w := range c.writers {
		for _, id := range w.ids {
			if err := w.tx(ctx, func(tx *sql.Tx) error { return w.insert(ctx, tx, id, 0, "0") }); err != nil {
				return fmt.Errorf("make a record: %w", err)
			}
		}
	}
	return nil
}

// work lets them work until enough ends, and then submits what is left as a draft.
func (c *counsellors) work(enough context.Context) error {
	ctx := context.WithoutCancel(enough) // what was begun is brought to an end, so that journal and database agree
	group, _ := errgroup.WithContext(ctx)
	group.Go(func() error { return c.ddl.run(enough) })
	for _, w := range c.writers {
		group.Go(func() error {
			tick := time.NewTicker(time.Duration(writersAtOnce * float64(time.Second) / c.s.Rate))
			defer tick.Stop()
			for {
				select {
				case <-enough.Done():
					return nil
				case <-tick.C:
					if err := w.act(ctx); err != nil {
						return err
					}
				}
			}
		})
	}
	return group.Wait()
}

// finish submits what was committed without the flag, so that the last word on every record is a submission: of one that was submitted
// and taken back while nobody could read it, a bridge that lost its place cannot know.
func (c *counsellors) finish(ctx context.Context) error {
	for _, w := range c.writers {
		for _, id := range w.ids {
			for w.now[id] == Draft {
				if err := w.editThenSubmit(ctx, id); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *counsellors) count(op string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally[op]++
}

// note writes what became of versions into the journal.
func (w *writer) note(versions ...Version) {
	w.c.journal.add(versions...)
	for _, v := range versions {
		if v.Outcome != RolledBack {
			w.now[v.Record] = v.Outcome
		}
	}
}

// fresh is the next version of a record. A number is never used again.
func (w *writer) fresh(id int) int {
	w.last[id]++
	return w.last[id]
}

// tx runs a transaction. Its error says that it was not committed, or, where it wraps errUnknown, that nobody knows.
func (w *writer) tx(ctx context.Context, do func(tx *sql.Tx) error) error {
	conn, err := w.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	return nil
}

// errUnknown says that a commit was sent and nothing came back. A writer never gives up waiting for a server that lives, so the server is
// dead, and its sessions with it: what it says when it is back is final.
var errUnknown = errors.New("nobody knows whether it was committed")

// conn takes a connection, with the clock that the server is to believe in just now.
func (w *writer) conn(ctx context.Context) (*sql.Conn, error) {
	conn, err := w.c.s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	set := "SET timestamp = DEFAULT"
	if jump := time.Duration(w.c.s.clock.Load()); jump != 0 {
		set = fmt.Sprintf("SET timestamp = %d", time.Now().Add(jump).Unix())
	}
	if _, err := conn.ExecContext(ctx, set); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// holds asks the database, when it is back, which version of a record it holds and whether the flag is set.
func (w *writer) holds(ctx context.Context, id int) (version int, flagged bool, err error) {
	err = rig.Until(ctx, 2*time.Minute, func() error {
		var text, flag string
		err := w.c.s.db.QueryRowContext(ctx, "SELECT bt, tj_zt FROM xl_gzth WHERE id = ?", id).Scan(&text, &flag)
		if errors.Is(err, sql.ErrNoRows) {
			version, flagged = 0, false
			return nil
		}
		if err != nil {
			return err
		}
		flagged = flag != "0"
		_, err = fmt.Sscanf(text, "第 %d 次", &version)
		return err
	})
	return version, flagged, err
}
