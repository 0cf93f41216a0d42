package canal

import (
	"encoding/binary"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/stretchr/testify/require"
)

// Room for 2^55 bytes ends the process: what an event promises is held against what is there. What real servers write is in the seeds of
// FuzzEvents.
func TestAPromiseIsHeldAgainstWhatIsThere(t *testing.T) {
	small, large := "\x81\x20"+"0123456789", "\x87\x7f\xff\xff\xff\xff\xff\xff"+"0123456789"
	query := string(make([]byte, 8)) + "\x01\x00\x00\x02\x00" + "vv" + "s\x00"
	rows := "\x01\x00\x00\x00\x00\x00\x01\x00" + "\x0a"
	list := string(binary.LittleEndian.AppendUint32(nil, 1|1<<28)) + string(make([]byte, 16))
	for _, c := range []struct {
		kind replication.EventType
		body string
		ok   bool
	}{
		{replication.MARIADB_QUERY_COMPRESSED_EVENT, query + small, true},
		{replication.MARIADB_QUERY_COMPRESSED_EVENT, query + large, false},
		{replication.MARIADB_QUERY_COMPRESSED_EVENT, query, false},
		{replication.MARIADB_QUERY_COMPRESSED_EVENT, "short", false},
		{replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1, rows + "\xff\x03" + small, true},
		{replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1, rows + "\xff\x03" + large, false},
		{replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1, rows + "\xff\x03\xff\x03" + small, true},
		{replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1, rows + "\xff\x03\xff\x03" + large, false},
		{replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1, rows[:8] + "\xfe\xff\xff\xff\xff\xff\xff\xff\xff", false},
		{replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1, rows[:8] + "\xfb" + small, true},
		{replication.MARIADB_GTID_LIST_EVENT, list, true},
		{replication.MARIADB_GTID_LIST_EVENT, "\xff\xff\xff\x0f" + list, false},
		{replication.QUERY_EVENT, "", true},
	} {
		require.Equal(t, c.ok, promises(c.kind, []byte(c.body)) == nil, "%s %q", c.kind, c.body)
	}
}
