package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// act does one thing that counsellors do.
func (w *writer) act(ctx context.Context) error {
	id := w.ids[w.random.IntN(len(w.ids))]
	type op struct {
		name   string
		weight int
		do     func(ctx context.Context, id int) error
	}
	ops := []op{
		{"edit, then submit", 40, w.editThenSubmit},
		{"edit and submit in one transaction", 15, w.together},
		{"submit several times in one transaction", 8, w.severalTimes},
		{"roll back", 8, w.rollBack},
		{"back to a savepoint", 8, w.savepoint},
		{"bulk", 2, w.bulk},
		{"XA", 5, w.xa},
		{"new record", 4, w.newRecord},
		{"delete and insert again", 3, w.again},
		{"draft", 4, w.draft},
		{"change something else", 3, w.touch},
	}
	total := 0
	for _, o := range ops {
		total += o.weight
	}
	for dice := w.random.IntN(total); ; {
		if dice < ops[0].weight {
			w.c.count(ops[0].name)
			return ops[0].do(ctx, id)
		}
		dice -= ops[0].weight
		ops = ops[1:]
	}
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// edit writes a version without submitting it.
func (w *writer) edit(ctx context.Context, to execer, id, v int) error {
	_, err := to.ExecContext(ctx, "UPDATE xl_gzth SET bt = ?, thnr = ?, tj_zt = '0', bb = bb + 1 WHERE id = ?", title(v), body(id, v), id)
	return err
}

// press sets the flag: 递交.
func (w *writer) press(ctx context.Context, to execer, ids ...int) error {
	_, err := to.ExecContext(ctx, "UPDATE xl_gzth SET tj_zt = '1', tjsj = NOW() WHERE id IN ("+list(ids)+")")
	return err
}

func list(ids []int) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(ids)), ","), "[]")
}

func (w *writer) insert(ctx context.Context, to execer, id, v int, flag string) error {
	if _, err := to.ExecContext(ctx, `INSERT INTO xl_gzth (id, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, thnr, gh, jtcy_id, tj_zt)
		SELECT ?, gzdx_id, th_lx, th_fs, th_zt, ?, kssj, jssj, sc, ?, gh, jtcy_id, ? FROM xl_gzth WHERE id = ?`,
		id, title(v), body(id, v), flag, templateOf(id)); err != nil {
		return err
	}
	_, err := to.ExecContext(ctx, `INSERT INTO xl_gzth_cy (th_id, xh, sx, js) SELECT ?, xh, sx, js FROM xl_gzth_cy WHERE th_id = ? AND
		NOT EXISTS (SELECT 1 FROM (SELECT th_id FROM xl_gzth_cy) x WHERE x.th_id = ?)`, id, templateOf(id), id)
	return err
}

// settle asks the database about an answer that got lost, and gives the outcome of versions that stand or fall together. The last of
// them is what the record holds if they stand.
func (w *writer) settle(ctx context.Context, err error, versions []Version, record, holds int) error {
	done := err == nil
	if errors.Is(err, errUnknown) {
		now, _, err := w.holds(ctx, record)
		if err != nil {
			return err
		}
		done = now == holds
	}
	for i := range versions {
		if !done {
			versions[i].Outcome = RolledBack
		}
		versions[i].Done = time.Now()
	}
	w.note(versions...)
	return nil
}

// editThenSubmit is what most do: save, and press the button a moment later. Two transactions.
func (w *writer) editThenSubmit(ctx context.Context, id int) error {
	v := w.fresh(id)
	version := Version{Record: id, Version: v, How: "edit, then submit", Outcome: RolledBack, Begun: time.Now()}
	err := w.tx(ctx, func(tx *sql.Tx) error { return w.edit(ctx, tx, id, v) })
	if errors.Is(err, errUnknown) {
		now, _, asked := w.holds(ctx, id)
		if asked != nil {
			return asked
		}
		if now == v {
			err = nil
		}
	}
	if err == nil {
		version.Outcome, version.Begun = Draft, time.Now()
		err = w.tx(ctx, func(tx *sql.Tx) error { return w.press(ctx, tx, id) })
		flagged := err == nil
		if errors.Is(err, errUnknown) {
			// The bridge may have marked the row meanwhile: any mark but 0 says that the button was pressed.
			if _, flagged, err = w.holds(ctx, id); err != nil {
				return err
			}
		}
		if flagged {
			version.Outcome = Submitted
		}
	}
	version.Done = time.Now()
	w.note(version)
	return nil
}

func (w *writer) together(ctx context.Context, id int) error {
	v := w.fresh(id)
	versions := []Version{{Record: id, Version: v, How: "one transaction", Outcome: Submitted, Begun: time.Now()}}
	err := w.tx(ctx, func(tx *sql.Tx) error {
		return errors.Join(w.edit(ctx, tx, id, v), w.press(ctx, tx, id))
	})
	return w.settle(ctx, err, versions, id, v)
}

func (w *writer) severalTimes(ctx context.Context, id int) error {
	var versions []Version
	for range 2 + w.random.IntN(2) {
		versions = append(versions, Version{Record: id, Version: w.fresh(id), How: "several in one transaction", Outcome: Submitted, Begun: time.Now()})
	}
	err := w.tx(ctx, func(tx *sql.Tx) error {
		for _, v := range versions {
			if err := errors.Join(w.edit(ctx, tx, id, v.Version), w.press(ctx, tx, id)); err != nil {
				return err
			}
		}
		return nil
	})
	return w.settle(ctx, err, versions, id, versions[len(versions)-1].Version)
}

var errChangedMind = errors.New("rolled back on purpose")

func (w *writer) rollBack(ctx context.Context, id int) error {
	v := w.fresh(id)
	versions := []Version{{Record: id, Version: v, How: "roll back", Outcome: RolledBack, Begun: time.Now()}}
	err := w.tx(ctx, func(tx *sql.Tx) error {
		return errors.Join(w.edit(ctx, tx, id, v), w.press(ctx, tx, id), errChangedMind)
	})
	return w.settle(ctx, err, versions, id, v)
}

// savepoint submits one version, goes back behind it, and submits another.
func (w *writer) savepoint(ctx context.Context, id int) error {
	dropped, kept := w.fresh(id), w.fresh(id)
	how := "back to a savepoint"
	versions := []Version{
		{Record: id, Version: dropped, How: how, Outcome: RolledBack, Begun: time.Now()},
		{Record: id, Version: kept, How: how, Outcome: Submitted, Begun: time.Now()},
	}
	err := w.tx(ctx, func(tx *sql.Tx) error {
		_, begun := tx.ExecContext(ctx, "SAVEPOINT here")
		err := errors.Join(begun, w.edit(ctx, tx, id, dropped), w.press(ctx, tx, id))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT here"); err != nil {
			return err
		}
		return errors.Join(w.edit(ctx, tx, id, kept), w.press(ctx, tx, id))
	})
	return w.settle(ctx, err, versions, id, kept)
}

// bulk submits many records with one statement.
func (w *writer) bulk(ctx context.Context, _ int) error {
	ids := slices.Clone(w.ids)
	w.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	ids = ids[:min(len(ids), 10+w.random.IntN(50))]
	slices.Sort(ids)
	versions := make([]Version, 0, len(ids))
	for _, id := range ids {
		versions = append(versions, Version{Record: id, Version: w.fresh(id), How: "bulk", Outcome: Submitted, Begun: time.Now()})
	}
	err := w.tx(ctx, func(tx *sql.Tx) error {
		for _, v := range versions {
			if err := w.edit(ctx, tx, v.Record, v.Version); err != nil {
				return err
			}
		}
		return w.press(ctx, tx, ids...)
	})
	return w.settle(ctx, err, versions, versions[0].Record, versions[0].Version)
}
