package mapper_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fixture"
	"talkbridge/internal/sqlrow"
	"talkbridge/internal/testserver"
	"talkbridge/mapper"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", os.Getenv("UPDATE_GOLDEN") != "", "write the golden files anew; read every line of the difference")

const goldenFile = "testdata/fixture.golden"

// routeOf is the route whose where selects the row.
func routeOf(thLX string) string {
	return map[string]string{"1": "one", "2": "multi", "3": "patriarch"}[thLX]
}

func startFixture(tb testing.TB) (*testserver.MariaDB, *sql.DB) {
	tb.Helper()
	server := testserver.StartMariaDB(tb)
	require.NoError(tb, server.Exec(fixture.Database))
	db := server.DB("")
	tb.Cleanup(func() { db.Close() })
	return server, db
}

func newMapper(tb testing.TB, o mapper.Options) *mapper.Mapper {
	tb.Helper()
	m, err := mapper.New(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, m.Close()) })
	return m
}

// readTalks reads all talk records, as the listener would hand them over.
func readTalks(ctx context.Context, tb testing.TB, db *sql.DB) []map[string]bridge.Value {
	tb.Helper()
	rows, err := db.QueryContext(ctx, "SELECT * FROM xgxt_demo.xl_gzth ORDER BY th_lx, id")
	require.NoError(tb, err)
	defer rows.Close()
	talks, err := sqlrow.Read(rows, 100, nil)
	require.NoError(tb, err)
	return talks
}

// change keeps only the columns that the route asks for: nothing else leaves the listener.
func change(m *mapper.Mapper, route string, row map[string]bridge.Value) bridge.Change {
	c := bridge.Change{Route: route, Key: row["id"].Text, KeyColumns: []string{"id"}, Columns: map[string]bridge.Value{}}
	for _, name := range m.Columns(route) {
		c.Columns[name] = row[name]
	}
	return c
}

// TestFixture maps every talk record of the fixture. The golden file is meant to be read: each payload is what the configuration
// means, each refusal what a person who knows the record would say.
func TestFixture(t *testing.T) {
	_, db := startFixture(t)
	o := specOptions(t)
	o.DB = db
	m := newMapper(t, o)
	require.NoError(t, m.Preflight(t.Context()))
	talks := readTalks(t.Context(), t, db)
	require.Len(t, talks, 35)
	var got strings.Builder
	for _, row := range talks {
		route := routeOf(row["th_lx"].Text)
		payload, problems, err := m.Map(t.Context(), change(m, route, row))
		require.NoError(t, err)
		title := []rune(row["bt"].Text)
		fmt.Fprintf(&got, "# %s/%s %s%s\n", route, row["id"].Text, string(title[:min(30, len(title))]), whyNotSubmitted(row))
		if len(problems) > 0 {
			require.Nil(t, payload)
		} else {
			fmt.Fprintf(&got, "%s\n", payload)
		}
		for _, p := range problems {
			requireNothingOf(t, row, p.Message)
			fmt.Fprintf(&got, "%s [%s] %s: %s\n", p.Field, p.Column, p.Rule, p.Message)
		}
		got.WriteByte('\n')
	}
	compareGolden(t, got.String())
}

// whyNotSubmitted tells which rows the bridge never maps: those that where or the flag leave out.
func whyNotSubmitted(row map[string]bridge.Value) string {
	switch {
	case row["scbz"].Text != "0":
		return " (soft-deleted: where leaves it out)"
	case row["tj_zt"].Text != "1":
		return " (flag " + row["tj_zt"].Text + ": not submitted)"
	default:
		return ""
	}
}

// requireNothingOf holds sentences to invariant 8.
func requireNothingOf(tb testing.TB, row map[string]bridge.Value, sentence string) {
	tb.Helper()
	for column, v := range row {
		if len(v.Text) > 4 { // codes and flags are too short to tell
			require.NotContains(tb, sentence, v.Text, column)
		}
	}
}

func compareGolden(tb testing.TB, got string) {
	tb.Helper()
	if *update {
		require.NoError(tb, os.MkdirAll("testdata", 0o755))
		require.NoError(tb, os.WriteFile(goldenFile, []byte(got), 0o644))
	}
	want, err := os.ReadFile(goldenFile)
	require.NoError(tb, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		tb.Errorf("the fixture maps differently (-want +got); if that is meant, run with -update and read the difference:\n%s", diff)
	}
}
