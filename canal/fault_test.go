package canal

import (
	"errors"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/stretchr/testify/require"
)

// Invariant 8: a fault of the program at an event stops reading there, and says of the event only where the fault was.
func TestAPanicAtAnEventStopsReadingAndSaysNothingOfIt(t *testing.T) {
	tr, err := newTracker(nil, nil, 6*time.Second)
	require.NoError(t, err)
	r := &reader{status: tr, place: place{file: "b.1"}, reached: 4711, flows: func(place) { panic(errors.New("李明 33000020060718003X")) }}
	err = r.HandleEvent(&replication.BinlogEvent{Header: &replication.EventHeader{}, Event: &replication.XIDEvent{}})
	require.True(t, stops(err))
	require.Equal(t, err, r.failure, "go-mysql keeps only the text")
	require.ErrorContains(t, err, "b.1:4711")
	require.ErrorContains(t, err, "fault_test.go:")
	for _, canary := range []string{"李明", "33000020060718003X"} {
		require.NotContains(t, err.Error(), canary)
	}
}
