package chaos

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"

	"talkbridge/internal/rig"
)

// draft saves without submitting.
func (w *writer) draft(ctx context.Context, id int) error {
	v := w.fresh(id)
	versions := []Version{{Record: id, Version: v, How: "draft", Outcome: Draft, Begun: time.Now()}}
	err := w.tx(ctx, func(tx *sql.Tx) error { return w.edit(ctx, tx, id, v) })
	return w.settle(ctx, err, versions, id, v)
}

// touch changes a column that no route reads, whatever the flag says: no submission.
func (w *writer) touch(ctx context.Context, id int) error {
	err := w.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE xl_gzth SET gxsj = NOW(3) WHERE id = ?", id)
		return err
	})
	_ = err // whether it was committed makes no difference
	return nil
}

// mostRecords bounds the new ones.
const mostRecords = 150

// newRecord inserts a record with the flag set already.
func (w *writer) newRecord(ctx context.Context, id int) error {
	if len(w.ids) >= mostRecords {
		return w.together(ctx, id)
	}
	id = w.next
	w.next += writersAtOnce
	v := w.fresh(id)
	versions := []Version{{Record: id, Version: v, How: "new record", Outcome: Submitted, Begun: time.Now()}}
	err := w.tx(ctx, func(tx *sql.Tx) error { return w.insert(ctx, tx, id, v, "1") })
	if err := w.settle(ctx, err, versions, id, v); err != nil {
		return err
	}
	if versions[0].Outcome == Submitted {
		w.ids = append(w.ids, id)
	}
	return nil
}

// again deletes a record and inserts it with the same key, flag set.
func (w *writer) again(ctx context.Context, id int) error {
	v := w.fresh(id)
	versions := []Version{{Record: id, Version: v, How: "delete and insert again", Outcome: Submitted, Begun: time.Now()}}
	err := w.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM xl_gzth WHERE id = ?", id); err != nil {
			return err
		}
		return w.insert(ctx, tx, id, v, "1")
	})
	return w.settle(ctx, err, versions, id, v)
}

// xa submits in two phases, with a while in between, and takes it back now and then.
func (w *writer) xa(ctx context.Context, id int) error {
	v := w.fresh(id)
	commit := w.random.IntN(10) < 7
	wait := time.Duration(w.random.IntN(2000)) * time.Millisecond
	version := Version{Record: id, Version: v, How: "XA, taken back", Outcome: RolledBack, Begun: time.Now()}
	if commit {
		version.How = "XA"
	}
	name := fmt.Sprintf("'%d-%d'", id, v)
	conn, err := w.conn(ctx)
	if err != nil {
		w.note(version)
		return nil //nolint:nilerr // the server is away; the version was not written
	}
	err = w.prepare(ctx, conn, name, id, v)
	if err == nil {
		rig.Pause(ctx, wait)
		version.Begun = time.Now()
		end := "XA ROLLBACK "
		if commit {
			end = "XA COMMIT "
		}
		_, err = conn.ExecContext(ctx, end+name)
	}
	if err != nil {
		// The session is in a state of its own: it must not go back to the pool.
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = conn.Close()
	if err != nil {
		if commit, err = w.afterXA(ctx, name, commit, id, v); err != nil {
			return err
		}
	}
	if commit {
		version.Outcome = Submitted
	}
	version.Done = time.Now()
	w.note(version)
	return nil
}

// afterXA brings a transaction to its end whose session is gone, and asks whether it was committed.
func (w *writer) afterXA(ctx context.Context, name string, commit bool, id, v int) (committed bool, err error) {
	if err := w.endXA(ctx, name, commit); err != nil {
		return false, err
	}
	now, _, err := w.holds(ctx, id)
	return now == v, err
}

// prepare does the first phase.
func (w *writer) prepare(ctx context.Context, conn *sql.Conn, name string, id, v int) error {
	if _, err := conn.ExecContext(ctx, "XA START "+name); err != nil {
		return err
	}
	if err := errors.Join(w.edit(ctx, conn, id, v), w.press(ctx, conn, id)); err != nil {
		return err
	}
	for _, phase := range []string{"XA END ", "XA PREPARE "} {
		if _, err := conn.ExecContext(ctx, phase+name); err != nil {
			return err
		}
	}
	return nil
}

// endXA ends a prepared transaction whose session is gone, if it was prepared.
func (w *writer) endXA(ctx context.Context, name string, commit bool) error {
	end := "XA ROLLBACK "
	if commit {
		end = "XA COMMIT "
	}
	return rig.Until(ctx, 2*time.Minute, func() error {
		prepared, err := w.prepared(ctx)
		if err != nil {
			return err
		}
		if !slices.Contains(prepared, name) {
			return nil
		}
		if _, err := w.c.s.db.ExecContext(ctx, end+name); err != nil {
			return err // the session that prepared it may not be gone yet
		}
		return errors.New("it is looked at once more")
	})
}

// prepared lists the transactions that wait for their second phase.
func (w *writer) prepared(ctx context.Context) ([]string, error) {
	rows, err := w.c.s.db.QueryContext(ctx, "XA RECOVER")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var format, length, branch int
		var name string
		if err := rows.Scan(&format, &length, &branch, &name); err != nil {
			return nil, err
		}
		names = append(names, "'"+name+"'")
	}
	return names, rows.Err()
}
