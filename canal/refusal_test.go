package canal

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

// What a session may do under whatever global settings is refused where it happens, by what stands in the log.
func TestRefusalsPerEvent(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		cases := map[string][]string{ // statement, then what the error says
			"SET SESSION binlog_format=STATEMENT; UPDATE talk SET flag='1'": {"talk", "binlog_format is not ROW"},
		}
		if m.Flavor == "mysql" {
			cases[`SET SESSION binlog_row_value_options=PARTIAL_JSON; UPDATE talk SET j=JSON_SET(j, '$.a', '1'), flag='1'`] = []string{
				"talk", "PARTIAL_JSON", "SET GLOBAL binlog_row_value_options = ''",
			}
		}
		for sql, want := range cases {
			schema := database(t, m, `CREATE TABLE talk (id INT PRIMARY KEY, flag CHAR(1), body VARCHAR(9), j JSON);
INSERT INTO talk VALUES (1, '0', '', JSON_OBJECT('a', REPEAT('x', 100), 'b', REPEAT('y', 100)))`)
			out := &memory{}
			r := startRun(t, options(t, m, out, talkRoute(schema))).connected()
			run1(t, m, schema, sql)
			requireAll(t, r.wait(), want...)
			require.Empty(t, out.all())
		}
	})
}
