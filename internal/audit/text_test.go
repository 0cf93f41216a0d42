package audit

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// What somebody types into a login page before anybody knows him is in the trail. It must not break the chain, fill the disk, or reach an
// auditor's terminal as anything but text.
func TestAStrangersTextDoesTheTrailNoHarm(t *testing.T) {
	l, _ := logIn(t)
	for _, text := range []string{"\xff\xfe", strings.Repeat("\x00", 60<<10), strings.Repeat("学", 30<<10), "\x1b[2J", "a\nb\u2028c\u202ed", "\ufffd", "<>&"} {
		require.NoError(t, l.Append(t.Context(), Event{Actor: text, Role: text, From: text, Action: text, Object: text, Result: Refused, Reason: text}))
	}
	fill(t, l, 1) // and goes on
	r := verified(t, l)
	require.True(t, r.Whole(), "%+v", r)
	require.Equal(t, 8, r.Events)
	events, err := l.Read(Query{})
	require.NoError(t, err)
	for _, e := range events {
		for _, text := range []string{e.Actor, e.Object, e.Reason} {
			require.LessOrEqual(t, len(text), textLimit+len("…"))
			require.True(t, utf8.ValidString(text))
			require.NotContains(t, text, "\u202e")
			require.False(t, strings.ContainsFunc(text, unicode.IsControl), "%q", text)
		}
	}
	require.Equal(t, "<>&", events[1].Actor)
}
