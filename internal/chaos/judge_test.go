package chaos

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/platformsim"
)

// A story is evidence that a test makes up, a second between any two moments.
type story struct {
	now time.Time
	e   Evidence
}

func newStory() *story { return &story{now: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)} }

func (s *story) next() time.Time {
	s.now = s.now.Add(time.Second)
	return s.now
}

func (s *story) later(d time.Duration) *story {
	s.now = s.now.Add(d)
	return s
}

func (s *story) wrote(outcome Outcome, id, v int) *story {
	s.e.Versions = append(s.e.Versions, Version{
		Record: id, Version: v, Outcome: outcome, How: "test", Begun: s.next(), Done: s.now.Add(time.Millisecond),
	})
	return s
}

func (s *story) arrived(id, v int) *story {
	payload, _ := json.Marshal(map[string]string{"recordId": strconv.Itoa(id), "talkTitle": title(v), "talkContent": body(id, v)})
	return s.got(platformsim.Arrival{Endpoint: endpointOf(id), RecordID: strconv.Itoa(id), Applied: true, Payload: payload})
}

func (s *story) got(a platformsim.Arrival) *story {
	a.Seq, a.At = len(s.e.Arrivals)+1, s.next()
	s.e.Arrivals = append(s.e.Arrivals, a)
	return s
}

// forgot is a fault in which the store loses what it confirmed since the moment before.
func (s *story) forgot() *story {
	from := s.now
	s.e.Events = append(s.e.Events, Event{Planned: Planned{Group: 1, Kind: "redis loses its last second"}, Forgets: from, Begun: from, Ended: s.next()})
	return s
}

// The judge finds what is wrong in journals that were made wrong, and only that.
func TestTheJudgeCanFail(t *testing.T) {
	const one, multi = 5002, 5001
	for _, c := range []struct {
		name  string
		story *story
		kinds []string
	}{
		{"nothing is wrong", newStory().wrote(Submitted, one, 1).arrived(one, 1).wrote(Submitted, one, 2).arrived(one, 2), nil},
		{"a newer one takes the place of an older", newStory().wrote(Submitted, one, 1).wrote(Submitted, one, 2).arrived(one, 2), nil},
		{"twice is only counted", newStory().wrote(Submitted, one, 1).arrived(one, 1).arrived(one, 1), nil},
		{"never arrived", newStory().wrote(Submitted, one, 1), []string{Lost}},
		{"the last never arrived", newStory().wrote(Submitted, one, 1).arrived(one, 1).wrote(Submitted, one, 2), []string{Lost}},
		{
			"older after newer, and it stays",
			newStory().wrote(Submitted, one, 1).wrote(Submitted, one, 2).arrived(one, 2).arrived(one, 1),
			[]string{Stale, Stale},
		},
		{
			"older after newer, and the newer again",
			newStory().wrote(Submitted, one, 1).wrote(Submitted, one, 2).arrived(one, 2).arrived(one, 1).arrived(one, 2),
			[]string{Stale},
		},
		{
			"older after newer, where the store had lost the newer",
			newStory().wrote(Submitted, one, 1).wrote(Submitted, one, 2).arrived(one, 2).forgot().arrived(one, 1).arrived(one, 2),
			nil,
		},
		{
			"the store lost something, but the older stays",
			newStory().wrote(Submitted, one, 1).wrote(Submitted, one, 2).arrived(one, 2).forgot().arrived(one, 1),
			[]string{Stale},
		},
		{
			"the store lost something, but not this, which was long ago",
			newStory().wrote(Submitted, one, 1).wrote(Submitted, one, 2).arrived(one, 2).
				wrote(Submitted, multi, 1).arrived(multi, 1).forgot().arrived(one, 1).arrived(one, 2),
			[]string{Stale},
		},
		{
			"the store lost something, and the newer comes again too late",
			newStory().wrote(Submitted, one, 1).wrote(Submitted, one, 2).arrived(one, 2).forgot().arrived(one, 1).later(2*time.Minute).arrived(one, 2),
			[]string{Stale},
		},
		{"rolled back, and yet it arrives", newStory().wrote(RolledBack, one, 1).arrived(one, 1), []string{Phantom}},
		{"a draft arrives", newStory().wrote(Submitted, one, 1).arrived(one, 1).wrote(Draft, one, 2).arrived(one, 2).arrived(one, 1), []string{Phantom, Stale}},
		{"a version that nobody wrote", newStory().wrote(Submitted, one, 1).arrived(one, 1).arrived(one, 9).arrived(one, 1), []string{Phantom, Stale}},
		{"a record of nobody", newStory().got(platformsim.Arrival{Endpoint: "one", RecordID: "17", Applied: true, Payload: []byte(`{"recordId":"17"}`)}), []string{Phantom}},
		{"before it was committed", newStory().arrived(one, 1).wrote(Submitted, one, 1), []string{Early}},
		{
			"at the wrong endpoint",
			newStory().wrote(Submitted, multi, 1).got(platformsim.Arrival{
				Endpoint: "one", RecordID: "5001", Applied: true, Payload: newStory().arrived(multi, 1).e.Arrivals[0].Payload,
			}),
			[]string{Altered},
		},
		{
			"with the content of another record",
			newStory().wrote(Submitted, one, 1).got(platformsim.Arrival{
				Endpoint: "one", RecordID: "5002", Applied: true,
				Payload: []byte(strings.Replace(string(newStory().arrived(multi, 1).e.Arrivals[0].Payload), "5001", "5002", 1)),
			}),
			[]string{Altered},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdict := Judge(c.story.e)
			var kinds []string
			for _, v := range verdict.Violations {
				kinds = append(kinds, v.Kind)
			}
			require.Equal(t, c.kinds, kinds, "%v", verdict.Violations)
		})
	}
}

func TestTheJudgeCounts(t *testing.T) {
	s := newStory().wrote(Submitted, 5002, 1).wrote(RolledBack, 5002, 2).wrote(Submitted, 5002, 3).arrived(5002, 3).forgot().
		arrived(5002, 1).arrived(5002, 3).arrived(5002, 3).wrote(Submitted, 5003, 1).arrived(5003, 1)
	v := Judge(s.e)
	require.Empty(t, v.Violations)
	require.Equal(t, 2, v.Records)
	require.Equal(t, 3, v.Submitted)
	require.Equal(t, 1, v.Withheld)
	require.Equal(t, 5, v.Taken)
	require.Equal(t, 2, v.Duplicates)
	require.Equal(t, 1, v.Overtaken)
	require.Len(t, v.Recoveries, 1)
	require.Zero(t, v.Recoveries[0].Took, "everything had arrived before")
}

// A recovery ends when everything that was submitted before the end of the fault is there, in this version or a later one.
func TestARecoveryIsMeasured(t *testing.T) {
	s := newStory().wrote(Submitted, 5002, 1).wrote(Submitted, 5003, 1)
	s.e.Events = []Event{{Planned: Planned{Kind: "x"}, Begun: s.now, Ended: s.now.Add(time.Second)}}
	end := s.e.Events[0].Ended
	s.next()
	s.arrived(5003, 1).wrote(Submitted, 5002, 2).arrived(5002, 2)
	v := Judge(s.e)
	require.Equal(t, s.now.Sub(end), v.Recoveries[0].Took)
}

func TestATimelineTellsWhatIsKnown(t *testing.T) {
	s := newStory().wrote(Submitted, 5002, 1).arrived(5002, 1).forgot().wrote(RolledBack, 5002, 2).wrote(Submitted, 5003, 1).arrived(5003, 1).arrived(5002, 1)
	var out strings.Builder
	s.e.Timeline(&out, 5002)
	for _, want := range []string{"version 1 submitted", "version 2 rolled back", "version 1 taken (call 1)", "redis loses its last second"} {
		require.Contains(t, out.String(), want)
	}
	require.NotContains(t, out.String(), "call 2", "that is another record's")
}
