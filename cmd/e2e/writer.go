package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"talkbridge/internal/rig"
)

// A writer is the counsellors: it edits and submits records without a pause, each time with a higher version in the title.
type writer struct {
	s *stage

	mu        sync.Mutex // guards what follows
	version   map[int]int
	submitted int
	writing   bool
}

const firstRecord = 5000

func newWriter(s *stage) *writer { return &writer{s: s, version: map[int]int{}} }

// prepare makes the records. Nobody has submitted them yet.
func (w *writer) prepare(ctx context.Context) error {
	for i := range w.s.records {
		if _, err := w.s.db.ExecContext(ctx, `INSERT INTO xl_gzth (id, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, thnr, gh, tj_zt)
			SELECT ?, gzdx_id, th_lx, th_fs, th_zt, '第 0 次', kssj, jssj, sc, thnr, gh, '0' FROM xl_gzth WHERE id = 1001`, firstRecord+i); err != nil {
			return fmt.Errorf("make a record: %w", err)
		}
	}
	return nil
}

// run submits until ctx ends. A database that is away is waited for: the counsellor presses again.
func (w *writer) run(ctx context.Context) error {
	w.goes(true)
	defer w.goes(false)
	tick := time.NewTicker(time.Duration(float64(time.Second) / w.s.rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := w.submit(ctx, firstRecord+rand.IntN(w.s.records)); err != nil { //nolint:gosec // any record will do
			return err
		}
	}
}

// submit edits one record and presses 递交. It counts when the database has said yes to both; a submission that was begun is brought
// to its end even if ctx ends meanwhile, so that the count and the database agree.
func (w *writer) submit(ctx context.Context, id int) error {
	ctx = context.WithoutCancel(ctx)
	w.mu.Lock()
	version := w.version[id] + 1
	w.mu.Unlock()
	err := rig.Until(ctx, time.Minute, func() error {
		call, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		title := fmt.Sprintf("第 %d 次", version)
		if _, err := w.s.db.ExecContext(call, "UPDATE xl_gzth SET bt = ?, tj_zt = '0' WHERE id = ?", title, id); err != nil {
			return err
		}
		_, err := w.s.db.ExecContext(call, "UPDATE xl_gzth SET tj_zt = '1', tjsj = NOW() WHERE id = ?", id)
		return err
	})
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version[id] = version
	w.submitted++
	return nil
}

// versions is what has been submitted by now.
func (w *writer) versions() map[int]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.version)
}

// submittedNow is how often something was submitted; running tells whether it goes on.
func (w *writer) submittedNow() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.submitted
}

func (w *writer) running() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writing
}

func (w *writer) goes(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing = on
}
