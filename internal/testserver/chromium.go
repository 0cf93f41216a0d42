package testserver

import "testing"

// Chromium finds the browser, or ends the test.
func Chromium(tb testing.TB) (path string) {
	tb.Helper()
	path, err := find("chromium")
	if err != nil {
		skipOrFail(tb, err)
	}
	return path
}
