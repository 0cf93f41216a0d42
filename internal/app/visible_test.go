package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A form saves who took part and submits the talk, in one transaction. The server sends that transaction before it shows it: what is looked up
// in between is what was there before, with a student who was taken out.
func TestATalkIsSentWithTheStudentsOfItsOwnTransaction(t *testing.T) {
	t.Parallel()
	c := newCollege(t, "file:state.db")
	c.run(t)
	c.press(t, "2001")
	require.Contains(t, c.taken(t, "multi", "2001", 1), `"2024010206"`)

	require.NoError(t, c.mariadb.StallCommits(1500*time.Millisecond))
	require.NoError(t, c.mariadb.Exec(`USE xgxt_demo; BEGIN; UPDATE xl_gzth_cy SET scbz = '1' WHERE th_id = 2001 AND xh = '2024010206';
		UPDATE xl_gzth SET tj_zt = '0' WHERE id = 2001; UPDATE xl_gzth SET tj_zt = '1', tjsj = NOW() WHERE id = 2001; COMMIT`))
	payload := c.taken(t, "multi", "2001", 2)
	require.NotContains(t, payload, `"2024010206"`, "a student who was taken out of the talk")
	require.Contains(t, payload, `"2024010205"`)
}
