package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"talkbridge/internal/rig"
)

// Alterations are the DBA: he changes the watched table while it is written to, in columns that no route uses.
type alterations struct {
	s      *stage
	random *rand.Rand
	done   int
	failed int // the table was busy, or the server away
}

func newAlterations(s *stage) *alterations {
	return &alterations{s: s, random: rand.New(rand.NewPCG(s.Seed, 99))} //nolint:gosec // repeatable on purpose
}

// run alters the table every few seconds until enough ends.
func (a *alterations) run(enough context.Context) error {
	for enough.Err() == nil {
		rig.Pause(enough, 2*time.Second+time.Duration(a.random.IntN(3000))*time.Millisecond)
		if err := a.alter(context.WithoutCancel(enough)); err != nil {
			a.failed++
		} else {
			a.done++
		}
	}
	return nil
}

func (a *alterations) alter(ctx context.Context) error {
	conn, err := a.s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	// A prepared transaction holds the table: what cannot have it soon is for another time, for it holds up everybody behind it.
	if _, err := conn.ExecContext(ctx, "SET lock_wait_timeout = 2"); err != nil {
		return err
	}
	rows, err := conn.QueryContext(ctx, `SELECT column_name FROM information_schema.columns
		WHERE table_schema = ? AND table_name = 'xl_gzth' ORDER BY ordinal_position`, rig.Database)
	if err != nil {
		return err
	}
	defer rows.Close()
	var columns []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		columns = append(columns, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, a.statement(columns))
	return err
}

// statement chooses what to change, by what is there.
func (a *alterations) statement(columns []string) string {
	has := func(name string) bool { return slices.Contains(columns, name) }
	pick := func(a, b string, first bool) string {
		if first {
			return a
		}
		return b
	}
	switch a.random.IntN(7) {
	case 0:
		places := []string{"FIRST", "AFTER id", "AFTER bt", ""}
		return pick("ALTER TABLE xl_gzth DROP COLUMN beizhu",
			"ALTER TABLE xl_gzth ADD COLUMN beizhu VARCHAR(40) DEFAULT '备注' "+places[a.random.IntN(len(places))], has("beizhu"))
	case 1:
		return pick("ALTER TABLE xl_gzth DROP COLUMN fenshu, DROP COLUMN banben",
			"ALTER TABLE xl_gzth ADD COLUMN fenshu DECIMAL(6,2) AFTER kssj, ADD COLUMN banben INT UNSIGNED DEFAULT 7 FIRST", has("fenshu"))
	case 2:
		types := []string{"INT UNSIGNED", "BIGINT UNSIGNED", "INT"}
		return fmt.Sprintf("ALTER TABLE xl_gzth MODIFY COLUMN bb %s NOT NULL DEFAULT 1", types[a.random.IntN(len(types))])
	case 3:
		return pick("ALTER TABLE xl_gzth CHANGE COLUMN sb_id sb_bh VARCHAR(64)", "ALTER TABLE xl_gzth CHANGE COLUMN sb_bh sb_id VARCHAR(80)", has("sb_id"))
	case 4:
		return pick("ALTER TABLE xl_gzth MODIFY COLUMN cjsj DATETIME NULL AFTER dd", "ALTER TABLE xl_gzth MODIFY COLUMN cjsj DATETIME NULL FIRST",
			a.random.IntN(2) == 0)
	case 5:
		return "ALTER TABLE xl_gzth ENGINE = InnoDB, COMMENT = '跟踪谈话记录'"
	default:
		return "RENAME TABLE xl_gzth TO xl_gzth_away, xl_gzth_away TO xl_gzth"
	}
}
