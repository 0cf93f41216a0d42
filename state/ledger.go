package state

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"talkbridge/internal/bridge"
)

// A Filter chooses records. The zero Filter is all of them.
type Filter struct {
	Status bridge.Status
	Route  string
	After  string // what the page before gave as next
	Limit  int    // 0: 100
}

// Record is what the ledger knows of a record; false: nothing.
func (s *Store) Record(ctx context.Context, id string) (bridge.Record, bool, error) {
	recs, now, err := s.back.load(ctx, []string{id})
	if err != nil {
		return bridge.Record{}, false, fmt.Errorf("read record %s: %w", id, err)
	}
	if recs[0] == nil {
		return bridge.Record{}, false, nil
	}
	r, err := recs[0].public(id, now)
	return r, true, err
}

// Records lists records, those that got their status last first (sending ones by the end of their lease). next is empty after
// the last page. The order within a status is fixed; a record that changes its status between two pages moves to the front, so
// a walk over everything may miss it or see it twice.
func (s *Store) Records(ctx context.Context, f Filter) (records []bridge.Record, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	w, err := s.walk(f)
	if err != nil {
		return nil, "", err
	}
	for len(records) < f.Limit {
		marks, err := w.next(ctx, f.Limit-len(records))
		if err != nil {
			return nil, "", fmt.Errorf("list records: %w", err)
		}
		if len(marks) == 0 {
			return records, "", nil
		}
		page, err := s.show(ctx, marks, f.Status)
		if err != nil {
			return nil, "", fmt.Errorf("list records: %w", err)
		}
		records = append(records, page...)
		last := marks[len(marks)-1]
		next = strconv.FormatInt(last.at, 10) + ":" + last.id
	}
	return records, next, nil
}

// show reads the records at marks and leaves out those that are not in the status (any more); an empty status is any.
func (s *Store) show(ctx context.Context, marks []mark, status bridge.Status) ([]bridge.Record, error) {
	ids := make([]string, len(marks))
	for i, m := range marks {
		ids[i] = m.id
	}
	recs, now, err := s.back.load(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out []bridge.Record
	for i, r := range recs {
		if r == nil || status != "" && r.statusAt(now) != status {
			continue
		}
		shown, err := r.public(ids[i], now)
		if err != nil {
			return nil, err
		}
		out = append(out, shown)
	}
	return out, nil
}

// A walk merges indexes, newest first, and keeps the marks of one route.
type walk struct {
	back   ledger
	prefix string // of the ids wanted
	heads  []*indexHead
}

// An indexHead is how far a walk is in one index.
type indexHead struct {
	index byte
	after *mark
	ready []mark
	done  bool
}

func (s *Store) walk(f Filter) (*walk, error) {
	var after *mark
	if f.After != "" {
		at, id, ok := strings.Cut(f.After, ":")
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil || !ok {
			return nil, fmt.Errorf("list records: %q is not a place in the list; give what the page before called next", f.After)
		}
		after = &mark{ms, id}
	}
	w := &walk{back: s.back}
	if f.Route != "" {
		w.prefix = bridge.RecordID(f.Route, "")
	}
	indexes, err := indexesOf(f.Status)
	if err != nil {
		return nil, err
	}
	for _, index := range indexes {
		w.heads = append(w.heads, &indexHead{index: index, after: after})
	}
	return w, nil
}

func indexesOf(status bridge.Status) ([]byte, error) {
	switch status {
	case "":
		return []byte{pending, rejected, delivered, discarded}, nil
	case bridge.StatusPending:
		return []byte{pending}, nil
	case bridge.StatusSending:
		return []byte{leased}, nil
	case bridge.StatusDelivered:
		return []byte{delivered}, nil
	case bridge.StatusRejected:
		return []byte{rejected}, nil
	case bridge.StatusDiscarded:
		return []byte{discarded}, nil
	default:
		return nil, fmt.Errorf("list records: unknown status %q; there are %v", status, bridge.Statuses())
	}
}

// next gives at most limit marks, fewer only at the end.
func (w *walk) next(ctx context.Context, limit int) ([]mark, error) {
	var out []mark
	for len(out) < limit {
		var newest *indexHead
		for _, h := range w.heads {
			if err := w.fill(ctx, h, limit); err != nil {
				return nil, err
			}
			if len(h.ready) > 0 && (newest == nil || newestFirst(h.ready[0], newest.ready[0]) < 0) {
				newest = h
			}
		}
		if newest == nil {
			return out, nil
		}
		out = append(out, newest.ready[0])
		newest.ready = newest.ready[1:]
	}
	return out, nil
}

// fill reads on in h's index until something of the route is ready or the index ends.
func (w *walk) fill(ctx context.Context, h *indexHead, limit int) error {
	chunk := limit
	if w.prefix != "" {
		chunk = max(limit, 1000) // most may be of other routes
	}
	for len(h.ready) == 0 && !h.done {
		marks, err := w.back.scan(ctx, h.index, h.after, chunk)
		if err != nil {
			return err
		}
		if h.done = len(marks) < chunk; len(marks) > 0 {
			last := marks[len(marks)-1]
			h.after = &last
		}
		h.ready = slices.DeleteFunc(marks, func(m mark) bool { return !strings.HasPrefix(m.id, w.prefix) })
	}
	return nil
}

// newestFirst orders marks as the indexes do: by time, then by id, both descending.
func newestFirst(a, b mark) int { return -cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) }

// Counts gives how many records there are in each status, and when the one that waits longest was submitted (zero: none waits),
// by the store's clock. It costs the same for a thousand records and for a million.
func (s *Store) Counts(ctx context.Context) (map[bridge.Status]int, time.Time, error) {
	t, err := s.back.counts(ctx)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("count records: %w", err)
	}
	var oldest time.Time
	if t.oldest != 0 {
		oldest = time.UnixMilli(t.oldest).UTC()
	}
	return map[bridge.Status]int{
		bridge.StatusPending:   t.pending - t.sending,
		bridge.StatusSending:   t.sending,
		bridge.StatusDelivered: t.delivered,
		bridge.StatusRejected:  t.rejected,
		bridge.StatusDiscarded: t.discarded,
	}, oldest, nil
}

// Retry makes a rejected record pending again, and one that waits due at once. One that is being sent is left alone.
// ErrNotFound; ErrNoContent after delivery or Discard.
func (s *Store) Retry(ctx context.Context, id string) error {
	if err := s.back.retry(ctx, id); err != nil {
		return fmt.Errorf("retry %s: %w", id, err)
	}
	s.hint()
	return nil
}

// Discard gives a record up: its content is gone at once, and it is not sent until it is submitted again.
// ErrNotFound; ErrNoContent after delivery; ErrSending while a call is in flight.
func (s *Store) Discard(ctx context.Context, id string) error {
	if err := s.back.discard(ctx, id); err != nil {
		return fmt.Errorf("discard %s: %w", id, err)
	}
	return nil
}
