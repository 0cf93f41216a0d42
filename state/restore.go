package state

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// RestoreOptions of Restore.
type RestoreOptions struct {
	Replace  bool // what is in the store goes away
	Progress Progress
}

const (
	// restoreTTL is how long a restore that died keeps bridges from listening.
	restoreTTL = time.Minute

	// importRecords is how many records go into the store at once. Their ids are random, so in a full embedded file each of them touches
	// pages of its own, which the transaction holds in memory.
	importRecords = 1000
	importBytes   = 8 << 20
)

// Restore puts a backup into the store, whichever back end wrote it. The file is read twice: nothing is changed before all of it
// is found to be whole. A store that is not empty is ErrNotEmpty unless o.Replace.
//
// No bridge may listen meanwhile (ErrInUse): the restore takes the lead itself, so that none begins to, and the next listener gets
// a new epoch and reads from the restored position. Delivery is paused, and stays so until Resume. A restore that dies leaves the
// store paused in a way that Resume refuses; restoring again, with Replace, mends it.
func (s *Store) Restore(ctx context.Context, in io.ReadSeeker, o RestoreOptions) (Summary, error) {
	sum, position, err := s.readThrough(ctx, in)
	if err != nil {
		return Summary{}, err
	}
	run := &restore{store: s, owner: "restore/" + rand.Text()[:8], total: sum.Records, progress: o.Progress}
	if err := run.begin(ctx, o.Replace); err != nil {
		return Summary{}, err
	}
	if err := run.fill(ctx, in, position); err != nil {
		return Summary{}, fmt.Errorf("restore: %w", errors.Join(err, s.Resign(context.WithoutCancel(ctx), run.owner)))
	}
	reason := fmt.Sprintf("restored from a backup of %s", sum.CreatedAt.Format(time.RFC3339))
	if _, err := s.putPause(ctx, pauseNote{PausedRestored, reason}, true); err != nil {
		return Summary{}, fmt.Errorf("restore: %w", err)
	}
	return sum, s.Resign(ctx, run.owner)
}

// readThrough reads the whole file before anything is changed.
func (s *Store) readThrough(ctx context.Context, in io.ReadSeeker) (Summary, []byte, error) {
	b, err := newBackupReader(in, s.backupKey)
	if err != nil {
		return Summary{}, nil, err
	}
	if b.header.Namespace != s.namespace { // contents are sealed to their namespace
		return Summary{}, nil, fmt.Errorf("the backup is of namespace %q and state.namespace is %q: restore it under its own name",
			b.header.Namespace, s.namespace)
	}
	var sum Summary
	sum, err = b.summarize(&sum, func(string, []byte) error { return ctx.Err() })
	if err != nil {
		return Summary{}, nil, err
	}
	var position []byte
	if sum.Position != nil {
		if position, err = json.Marshal(sum.Position); err != nil {
			return Summary{}, nil, fmt.Errorf("restore: encode checkpoint: %w", err)
		}
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return Summary{}, nil, fmt.Errorf("restore: read the backup a second time: %w", err)
	}
	return sum, position, nil
}

// A restore is one run of Restore.
type restore struct {
	store    *Store
	owner    string
	epoch    uint64
	renewed  time.Time
	total    int
	done     int
	progress Progress
	batch    []item
	size     int
}

// begin takes the lead, makes room and pauses.
func (r *restore) begin(ctx context.Context, replace bool) error {
	s := r.store
	if err := r.lead(ctx); err != nil {
		return err
	}
	empty, err := s.empty(ctx)
	if err == nil && !empty && !replace {
		err = fmt.Errorf("%w: restore with --replace to put the backup in the place of everything that is there", ErrNotEmpty)
	}
	if err == nil {
		_, err = s.putPause(ctx, pauseNote{PausedRestoring, "a restore began and has not ended"}, true)
	}
	if err == nil && !empty {
		err = s.back.clear(ctx)
	}
	if err != nil {
		return fmt.Errorf("restore: %w", errors.Join(err, s.Resign(context.WithoutCancel(ctx), r.owner)))
	}
	return nil
}

// empty tells whether neither a record nor a position is there.
func (s *Store) empty(ctx context.Context) (bool, error) {
	n, err := s.back.counts(ctx)
	if err != nil {
		return false, err
	}
	position, _, err := s.back.checkpoint(ctx)
	return n.pending+n.rejected+n.delivered+n.discarded == 0 && position == nil, err
}

// lead takes the lead or renews it, now and then.
func (r *restore) lead(ctx context.Context) error {
	if time.Since(r.renewed) < restoreTTL/4 {
		return nil
	}
	epoch, ok, err := r.store.Lead(ctx, r.owner, restoreTTL)
	switch {
	case err != nil:
		return fmt.Errorf("restore: %w", err)
	case !ok || r.epoch != 0 && epoch != r.epoch:
		return fmt.Errorf("restore: %w: stop every bridge of this namespace first (one that was killed counts for 10 s more, a restore "+
			"for %v)", ErrInUse, restoreTTL)
	}
	r.epoch, r.renewed = epoch, time.Now()
	return nil
}

func (r *restore) fill(ctx context.Context, in io.Reader, position []byte) error {
	b, err := newBackupReader(in, r.store.backupKey)
	if err != nil {
		return err
	}
	none := func([]byte) error { return nil }
	if err := b.all(none, func(id string, packed []byte) error { return r.put(ctx, id, packed) }); err != nil {
		return err
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	r.progress.tell(r.done, r.total, true)
	if position == nil {
		return nil
	}
	// Invariant 1, the other way round: the position comes when everything that it covers is there.
	return r.store.savePosition(ctx, r.epoch, position)
}

func (r *restore) put(ctx context.Context, id string, packed []byte) error {
	plain := voidLease(packed).encode()
	r.batch = append(r.batch, item{id, plain})
	if r.size += len(plain); len(r.batch) < importRecords && r.size < importBytes {
		return nil
	}
	return r.flush(ctx)
}

func (r *restore) flush(ctx context.Context) error {
	if len(r.batch) == 0 {
		return nil
	}
	if err := r.lead(ctx); err != nil {
		return err
	}
	if err := r.store.back.imports(ctx, r.owner, r.epoch, r.batch); err != nil {
		return fmt.Errorf("after %d records: %w", r.done, err)
	}
	for range r.batch {
		r.done++
		r.progress.tell(r.done, r.total, false)
	}
	r.batch, r.size = r.batch[:0], 0
	return nil
}

// savePosition is an Append of a position alone.
func (s *Store) savePosition(ctx context.Context, epoch uint64, position []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.lead.next(epoch)
	if err != nil {
		return err
	}
	if _, err := s.back.append(ctx, f, nil, position); err != nil {
		return err
	}
	s.lead.arrived(f)
	return nil
}
