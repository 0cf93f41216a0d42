package state

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the workers say while an append that has taken their wish is under way holds, not what they said before.
func TestAWishIsOfItsMoment(t *testing.T) {
	wanted := wish{limit: 8, ttl: time.Minute}
	given := []held{{id: "one/1"}}
	for name, c := range map[string]struct {
		meanwhile func(e *expected)
		given     []held
		late      int
		ready     int
		stands    bool
	}{
		"nothing said, nothing leased": {func(*expected) {}, nil, 0, 0, true},
		"nothing said, one leased":     {func(*expected) {}, given, 0, 1, false},
		"withdrawn, nothing leased":    {func(e *expected) { _ = e.expect(t.Context(), nil, wish{}) }, nil, 0, 0, false},
		"withdrawn, one leased":        {func(e *expected) { _ = e.expect(t.Context(), nil, wish{}) }, given, 1, 0, false},
		"a lease, nothing leased":      {func(e *expected) { e.collect(8) }, nil, 0, 0, false},
		"a lease, one leased":          {func(e *expected) { e.collect(8) }, given, 0, 1, false},
		"wished anew":                  {func(e *expected) { _ = e.expect(t.Context(), nil, wanted) }, given, 0, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := &expected{}
			require.NoError(t, e.expect(t.Context(), nil, wanted))
			w, told := e.take()
			require.Equal(t, wanted, w)
			c.meanwhile(e)
			require.Len(t, e.fulfil(w, told, c.given), c.late)
			require.Len(t, e.ready, c.ready)
			require.Equal(t, c.stands, e.wish.limit > 0)
		})
	}
	e := &expected{}
	require.NoError(t, e.expect(t.Context(), nil, wanted))
	e.collect(8)
	require.Zero(t, e.wish.limit, "the wish was for what came before this lease")
}
