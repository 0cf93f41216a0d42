package sqlrow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fixture"
	"talkbridge/internal/sqlrow"
	"talkbridge/internal/testserver"
)

func TestReadGivesWhatTheServerPrints(t *testing.T) {
	m := testserver.StartMariaDB(t)
	require.NoError(t, m.Exec(fixture.Database))
	db := m.DB("xgxt_demo")
	defer db.Close()
	stmt, err := db.PrepareContext(t.Context(), "SELECT xh, xm, nj, xjzt, gkcj, sfdsr, csrq, gxsj, bz, x'00ff' AS bin FROM xg_xsxx WHERE xh IN (?, ?) ORDER BY xh")
	require.NoError(t, err)
	defer stmt.Close()
	rows, err := stmt.QueryContext(t.Context(), "2024010203", "2024010211")
	require.NoError(t, err)
	defer rows.Close()
	got, err := sqlrow.Read(rows, 2, map[string]bridge.Kind{"sfdsr": bridge.KindBool})
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, bridge.Value{Kind: bridge.KindText, Text: "𠮷田㛃"}, got[0]["xm"])
	require.Equal(t, bridge.Value{Kind: bridge.KindYear, Text: "2024"}, got[0]["nj"])
	require.Equal(t, bridge.Value{Kind: bridge.KindEnum, Text: "在读"}, got[0]["xjzt"])
	require.Equal(t, bridge.Value{Kind: bridge.KindDecimal, Text: "555.5"}, got[0]["gkcj"])
	require.Equal(t, bridge.Value{Kind: bridge.KindBool, Text: "0"}, got[0]["sfdsr"])
	require.Equal(t, bridge.Value{Kind: bridge.KindBinary, Text: "\x00\xff"}, got[0]["bin"])
	require.Equal(t, bridge.Value{Kind: bridge.KindDate, Text: "2006-00-00"}, got[1]["csrq"])
	require.Equal(t, bridge.Value{Kind: bridge.KindDateTime, Text: "2025-01-01 00:00:00.000"}, got[1]["gxsj"])
}

func TestReadRefusesMoreRowsThanAllowed(t *testing.T) {
	m := testserver.StartMariaDB(t)
	db := m.DB("")
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT 1 UNION SELECT 2")
	require.NoError(t, err)
	defer rows.Close()
	_, err = sqlrow.Read(rows, 1, nil)
	require.ErrorIs(t, err, sqlrow.ErrTooMany)
}
