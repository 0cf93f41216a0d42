package fuzzed_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/fuzzed"
)

// recorder is a test that may fail.
type recorder struct {
	testing.TB

	said string
}

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// said is what a check says when it fails, "" when it does not.
func said(check func(t testing.TB)) string {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(r)
	}()
	<-done
	return r.said
}

// Each check fails on what it is for; one that cannot fail would make every fuzz target blind.
//
//nolint:thelper // the functions are what is tested, no helpers
func TestEachCheckCanFail(t *testing.T) {
	for _, c := range fuzzed.Canaries() {
		require.Contains(t, said(func(tb testing.TB) { fuzzed.Silent(tb, "row "+c) }), c)
	}
	require.NotEmpty(t, said(func(tb testing.TB) { fuzzed.Silent(tb, "\xff") }))
	require.Empty(t, said(func(tb testing.TB) { fuzzed.Silent(tb, "at binlog.000001:4: 列 body") }))
	require.NotEmpty(t, said(func(tb testing.TB) { fuzzed.Faithful(tb, "a\ufffd", []byte("a\xff")) }))
	require.NotEmpty(t, said(func(tb testing.TB) { fuzzed.Faithful(tb, "a\xff", []byte("a\xff")) }))
	require.Empty(t, said(func(tb testing.TB) { fuzzed.Faithful(tb, "a\ufffd", []byte("a\xef\xbf\xbd")) }))
	var sink []byte
	require.NotEmpty(t, said(func(tb testing.TB) { fuzzed.Within(tb, 1<<20, 10, 10, func() { sink = make([]byte, 4<<20) }) }))
	require.Empty(t, said(func(tb testing.TB) { fuzzed.Within(tb, 1<<20, 10, 10, func() { sink = make([]byte, 1<<10) }) }))
	require.NotEmpty(t, sink)
}
