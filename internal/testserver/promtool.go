package testserver

import (
	"os"
	"path/filepath"
	"testing"
)

// Promtool finds Prometheus' own checker of rules, on the search path or where install.sh unpacks it, or ends the test.
func Promtool(tb testing.TB) (path string) {
	tb.Helper()
	path, err := find("promtool")
	if err == nil {
		return path
	}
	if cache, failed := os.UserCacheDir(); failed == nil {
		unpacked := filepath.Join(cache, "talkbridge", "promtool", "promtool")
		if info, failed := os.Stat(unpacked); failed == nil && info.Mode()&0o111 != 0 {
			return unpacked
		}
	}
	skipOrFail(tb, err)
	return ""
}
