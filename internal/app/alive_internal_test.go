package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/canal"
)

func TestAListenerWithoutASignOfLifeStandsStill(t *testing.T) {
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	long, lately, never := now.Add(-2*stuckAfter), now.Add(-time.Second), time.Time{}
	for name, c := range map[string]struct {
		connected, leading bool
		event, answered    time.Time
		still              bool
	}{
		"hears the server":                 {true, true, lately, long, false},
		"waits for a store that refuses":   {true, true, long, lately, false},
		"hears nothing":                    {true, true, long, long, true},
		"hears nothing, and wrote nothing": {true, true, long, never, true},
		"is not connected":                 {false, true, long, long, false},
		"stands by":                        {true, false, long, long, false},
		"has only begun":                   {true, true, never, never, false},
	} {
		t.Run(name, func(t *testing.T) {
			silent, still := standsStill(canal.Status{Connected: c.connected, LastEventAt: c.event}, c.leading, c.answered, now)
			require.Equal(t, c.still, still)
			if still {
				require.Equal(t, 2*stuckAfter, silent)
			}
		})
	}
}
