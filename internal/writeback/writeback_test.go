package writeback_test

import (
	"database/sql"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fixture"
	"talkbridge/internal/sqlrow"
	"talkbridge/internal/testserver"
	"talkbridge/internal/writeback"
)

func captured(t *testing.T, db *sql.DB, id string) bridge.Change {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT id, tj_zt, bt, thnr, kssj, jssj, sc FROM xl_gzth WHERE id = "+id)
	require.NoError(t, err)
	defer rows.Close()
	all, err := sqlrow.Read(rows, 1, nil)
	require.NoError(t, err)
	require.Len(t, all, 1)
	return bridge.Change{Route: "one", Key: id, KeyColumns: []string{"id"}, Columns: all[0]}
}

func flag(t *testing.T, db *sql.DB, id string) (state, message string) {
	t.Helper()
	var text sql.NullString
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT tj_zt, sb_xx FROM xl_gzth WHERE id = "+id).Scan(&state, &text))
	return state, text.String
}

func TestARowIsMarkedOnlyWhileItHoldsWhatWasSubmitted(t *testing.T) {
	m := testserver.StartMariaDB(t)
	require.NoError(t, m.Exec(fixture.Database))
	db := m.DB("xgxt_demo")
	defer db.Close()
	route := writeback.Route{
		Name: "one", Schema: "xgxt_demo", Table: "xl_gzth",
		Delivered: map[string]string{"tj_zt": "3", "sb_xx": ""}, Rejected: map[string]string{"tj_zt": "4", "sb_xx": "{message}"},
	}
	w := writeback.New(db, []writeback.Route{route})
	require.NoError(t, w.Preflight(t.Context()))
	delivered := bridge.Settlement{Verdict: bridge.VerdictDelivered}

	for _, id := range []string{"1001", "1005", "1007", "1010", "18446744073709551615"} { // NULLs, zero and partial dates, a key of 64 bits
		require.NoError(t, w.Write(t.Context(), captured(t, db, id), delivered))
		state, _ := flag(t, db, id)
		require.Equal(t, "3", state, "row %s", id)
	}

	stale := captured(t, db, "1006")
	stale.Columns = maps.Clone(stale.Columns)
	_, err := db.ExecContext(t.Context(), "UPDATE xl_gzth SET bt = CONCAT(bt, ' ') WHERE id = 1006") // a trailing blank is an edit too
	require.NoError(t, err)
	require.NoError(t, w.Write(t.Context(), stale, delivered))
	state, _ := flag(t, db, "1006")
	require.Equal(t, "1", state, "an edited row must not be marked")

	refused := bridge.Settlement{Verdict: bridge.VerdictRejected, Problems: []bridge.Problem{{Message: "谈话内容不能为空"}, {Message: "结束时间早于开始时间"}}}
	require.NoError(t, w.Write(t.Context(), captured(t, db, "1008"), refused))
	state, message := flag(t, db, "1008")
	require.Equal(t, "4", state)
	require.Equal(t, "谈话内容不能为空；结束时间早于开始时间", message)
}

func TestPreflightNamesWhatIsMissing(t *testing.T) {
	m := testserver.StartMariaDB(t)
	require.NoError(t, m.Exec(fixture.Database))
	db := m.DB("")
	defer db.Close()
	w := writeback.New(db, []writeback.Route{{Name: "one", Schema: "xgxt_demo", Table: "xl_gzth", Delivered: map[string]string{"tj_zzt": "3"}}})
	require.ErrorContains(t, w.Preflight(t.Context()), "routes.one.writeback: table xgxt_demo.xl_gzth shows no column tj_zzt")
}
