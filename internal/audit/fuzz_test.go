package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fuzzed"
	"talkbridge/state"
)

const fuzzKey bridge.Secret = "MDEyMzQ1Njc4OWFiY2RlZg=="

// one keeps the anchor of one log.
type one struct{ kept []state.AuditAnchor }

func (o *one) AuditAnchors(context.Context) ([]state.AuditAnchor, error) { return o.kept, nil }

func (o *one) SetAuditAnchor(_ context.Context, a state.AuditAnchor) error {
	o.kept = []state.AuditAnchor{a}
	return nil
}

// aTrail is a log of five events, anchored.
func aTrail(tb testing.TB) (l *Log, file []byte, events []Event) {
	tb.Helper()
	l, err := New(filepath.Join(tb.TempDir(), "audit.log"), fuzzKey, &one{})
	require.NoError(tb, err)
	for _, e := range []Event{
		{Actor: "zhang", Role: "operator", From: "10.0.0.1", Action: "login", Result: Done},
		{Actor: "zhang", Action: "records.retry", Object: "one/1001", Result: Done, Reason: "学校改了数据"},
		{Actor: "cli:root", Action: "position.set", Object: "binlog.000003:4", Result: Failed, Reason: "a bridge runs"},
		{Actor: "nobody", From: "10.0.0.9", Action: "login", Result: Refused},
		{Actor: "bridge", Action: "start", Result: Done},
	} {
		require.NoError(tb, l.Append(tb.Context(), e))
	}
	file, err = os.ReadFile(l.path)
	require.NoError(tb, err)
	events, err = l.Read(Query{})
	require.NoError(tb, err)
	return l, file, events
}

// FuzzTrail: of a trail in which anything was changed, put in or taken out, either Verify says so, or what is read is what was written.
// Reading any file ends in events or an error, within bounds.
func FuzzTrail(f *testing.F) {
	l, file, events := aTrail(f)
	lines := bytes.SplitAfter(file, []byte("\n"))
	f.Add(uint16(0), uint16(0), []byte{})
	f.Add(uint16(len(lines[0])), uint16(len(lines[1])), []byte{})
	f.Add(uint16(len(lines[0])), uint16(0), lines[0])
	f.Add(uint16(0), uint16(len(lines[0])+len(lines[1])), slices.Concat(lines[1], lines[0]))
	f.Add(uint16(len(file)), uint16(0), []byte(`{"n":6,"at":"2026-`))
	f.Add(uint16(40), uint16(5), []byte(fuzzed.Name))
	f.Add(uint16(len(file)-2), uint16(2), []byte{})
	f.Add(uint16(1), uint16(5), []byte(`"N":1,"n":1`))
	f.Add(uint16(9), uint16(1), bytes.Repeat([]byte("x"), lineLimit+1))
	f.Fuzz(func(t *testing.T, at, without uint16, with []byte) {
		i := min(int(at), len(file))
		j := min(i+int(without), len(file))
		changed := slices.Concat(file[:i], with, file[j:])
		require.NoError(t, os.WriteFile(l.path, changed, 0o600))
		fuzzed.Within(t, 4<<20, 200, len(changed), func() {
			report, err := l.Verify(t.Context())
			if err != nil {
				return // a line that is too long
			}
			for _, fault := range report.Faults {
				fuzzed.Silent(t, fault.Fault)
			}
			if read, err := l.Read(Query{}); err == nil && report.Whole() {
				require.Equal(t, events, read, "a changed trail was taken for whole: %q", changed)
			}
		})
	})
}

// FuzzEvent: whatever texts somebody gives, the event stands in one line of bounded length, is read as it was cleaned, breaks no chain
// and holds nothing that a terminal obeys.
func FuzzEvent(f *testing.F) {
	f.Add("zhang", "operator", "10.0.0.1:4", "login", "one/1001", "why", int64(0))
	f.Add("a\nb", "\x1b[31m", "\xff\xfe", "\u202e", strings.Repeat("谈", 5000), `{"n":1}`, int64(1<<60))
	f.Add("\u2028", "\x00", "\ufffd", "<script>", "a\"b\\", strings.Repeat("\x01", 9999), int64(-62135596800000))
	f.Fuzz(func(t *testing.T, actor, role, from, action, object, reason string, ms int64) {
		l := &Log{key: []byte("key"), now: time.Now}
		e := Event{Actor: actor, Role: role, From: from, Action: action, Object: object, Reason: reason, Result: Done, N: 1, At: time.UnixMilli(ms).UTC()}
		if year := e.At.Year(); year < 0 || year > 9999 {
			return // JSON has no such times, and no clock either
		}
		e.clean()
		for _, text := range []string{e.Actor, e.Role, e.From, e.Action, e.Object, e.Reason} {
			require.LessOrEqual(t, len(text), textLimit+len("…"))
			require.True(t, utf8.ValidString(text))
			require.False(t, strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", text)
		}
		text, err := l.sealed(&line{Event: e, Log: "log"})
		require.NoError(t, err)
		require.Less(t, len(text), lineLimit)
		require.Equal(t, 1, bytes.Count(text, []byte("\n")))
		v := verification{log: l, macs: map[uint64]string{}}
		require.NoError(t, walk(bytes.NewReader(text), func(n int, read *line) error {
			require.NotNil(t, read)
			require.Equal(t, e, read.Event)
			return v.line(n, read)
		}))
		require.Empty(t, v.report.Faults)
		require.True(t, json.Valid(text))
	})
}
