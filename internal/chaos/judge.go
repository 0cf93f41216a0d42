package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"talkbridge/internal/platformsim"
)

// What the judge holds against a run.
const (
	Lost      = "lost"      // the platform never got the last submission of a record
	Stale     = "stale"     // older content arrived after newer
	Phantom   = "phantom"   // what arrived was never submitted: rolled back, a draft, or of nobody
	Early     = "early"     // it arrived before it was committed
	Altered   = "altered"   // what arrived is not what was written, or arrived at the wrong endpoint
	Unsettled = "unsettled" // the bridge says that it is done, and is not
	Crashed   = "crashed"   // a bridge ended in a way that is never right
)

// A Violation is a broken promise.
type Violation struct {
	Kind   string
	Record int // 0: of no record
	Text   string
}

// Evidence is all that the judge looks at: what the writers wrote, what the platform got, what went wrong and when. He never asks the
// bridge.
type Evidence struct {
	Versions []Version
	Arrivals []platformsim.Arrival
	Events   []Event
}

// A Verdict is what he finds.
type Verdict struct {
	Records    int // that were submitted at least once
	Submitted  int
	Withheld   int // drafts and what was rolled back
	Calls      int // that reached the platform
	Taken      int
	Superseded int           // submissions in whose place a newer one arrived
	Duplicates int           // content that was taken once more
	Overtaken  int           // older content after newer, where the store had lost what it had confirmed, and the newest after it again
	StaleFor   time.Duration // how long the platform held older content in such a case, at most
	Violations []Violation
	Recoveries []Recovery // by event
	Latencies  []time.Duration
}

// A Recovery is how long after the end of a fault everything that was submitted until then had arrived.
type Recovery struct {
	Event Event
	Took  time.Duration
}

// clockSlack is how far the readings of one clock by two processes may lie apart.
const clockSlack = 50 * time.Millisecond

// What Redis may forget, and how long it may show. With everysec, Redis writes to the disk every second, and under load it may take two.
// The listener notices within two seconds that the store went back; then it reads again what was lost, which waits for whatever else is
// broken at the time.
const (
	forgottenTail = 2 * time.Second
	forgetful     = time.Minute
)

// Judge compares the three journals.
//
// The rules. (1) The last that the platform took of a record is its last submission. (2) Nothing older is taken after something newer of
// the same record; the one exception is a store that lost what it had confirmed, see mayGoBack, and then the newer comes again within the
// same time. (3)
// Whatever reaches the platform was submitted: never what was rolled back or saved without the flag, and never before its commit
// was sent. (4) It is what was written, at its own endpoint. Content that arrives twice is counted.
func Judge(e Evidence) Verdict {
	j := judge{e: e, records: map[int]*file{}}
	for _, v := range e.Versions {
		j.version(v)
	}
	for _, a := range e.Arrivals {
		j.arrival(a)
	}
	for _, id := range sortedKeys(j.records) {
		j.close(id, j.records[id])
	}
	j.recoveries()
	return j.verdict
}

type judge struct {
	e       Evidence
	records map[int]*file
	verdict Verdict
}

// A file is what the judge has on one record.
type file struct {
	versions map[int]Version
	last     int // the last submission
	arrived  map[int]time.Time
	newest   int       // the newest that was taken
	holds    int       // what was taken last
	behind   time.Time // since when that is older than newest; zero: it is not
	limit    time.Time // until when it may be
}

func (j *judge) file(id int) *file {
	if j.records[id] == nil {
		j.records[id] = &file{versions: map[int]Version{}, arrived: map[int]time.Time{}}
	}
	return j.records[id]
}

func (j *judge) version(v Version) {
	f := j.file(v.Record)
	f.versions[v.Version] = v
	if v.Outcome != Submitted {
		j.verdict.Withheld++
		return
	}
	j.verdict.Submitted++
	f.last = max(f.last, v.Version)
}

func (j *judge) against(kind string, record int, format string, args ...any) {
	j.verdict.Violations = append(j.verdict.Violations, Violation{kind, record, fmt.Sprintf(format, args...)})
}

func (j *judge) arrival(a platformsim.Arrival) {
	j.verdict.Calls++
	if len(a.Payload) == 0 {
		return // the platform did not read it
	}
	r, ok := read(a.Payload)
	if !ok {
		j.against(Phantom, 0, "call %d: a record %q that nobody wrote", a.Seq, a.RecordID)
		return
	}
	f := j.file(r.record)
	v, known := f.versions[r.version]
	switch {
	case !r.faithful || a.RecordID != strconv.Itoa(r.record):
		j.against(Altered, r.record, "call %d: the content is not that of version %d", a.Seq, r.version)
	case a.Endpoint != endpointOf(r.record):
		j.against(Altered, r.record, "call %d: version %d at the endpoint %s", a.Seq, r.version, a.Endpoint)
	case !known:
		j.against(Phantom, r.record, "call %d: version %d, which nobody wrote", a.Seq, r.version)
	case v.Outcome != Submitted:
		j.against(Phantom, r.record, "call %d: version %d, which was never submitted: %s (%s)", a.Seq, r.version, v.Outcome, v.How)
	case a.At.Before(v.Begun.Add(-clockSlack)):
		j.against(Early, r.record, "call %d: version %d, %v before its commit was sent", a.Seq, r.version, v.Begun.Sub(a.At))
	}
	if a.Applied {
		j.taken(f, r, a)
	}
}

// taken is an arrival that changed what the platform holds.
func (j *judge) taken(f *file, r reading, a platformsim.Arrival) {
	j.verdict.Taken++
	_, before := f.arrived[r.version]
	if r.version < f.newest {
		limit := j.mayGoBack(f.arrived[f.newest], a.At)
		if limit.IsZero() {
			j.against(Stale, r.record, "call %d: version %d after version %d", a.Seq, r.version, f.newest)
		} else {
			j.verdict.Overtaken++
			if f.behind.IsZero() {
				f.behind, f.limit = a.At, limit
			}
		}
	} else {
		if before {
			j.verdict.Duplicates++
		}
		j.caughtUp(f, r, a)
	}
	if !before {
		f.arrived[r.version] = a.At
	}
	f.newest, f.holds = max(f.newest, r.version), r.version
}

// caughtUp is the newest content of a record, or newer, after an older one that was let pass.
func (j *judge) caughtUp(f *file, r reading, a platformsim.Arrival) {
	if f.behind.IsZero() {
		return
	}
	j.verdict.StaleFor = max(j.verdict.StaleFor, a.At.Sub(f.behind))
	if a.At.After(f.limit) {
		j.against(Stale, r.record, "call %d: version %d comes only now; older content was there since %v", a.Seq, r.version,
			f.behind.Format("15:04:05.000"))
	}
	f.behind = time.Time{}
}

// mayGoBack tells whether the store lost what it had confirmed, so that it may know an older content of a record and not the newer one
// that arrived at the time newer, and until when that may show. The newer one must have arrived in the part that was lost, or later:
// what was delivered before that, the store still knows. Zero: it may not.
func (j *judge) mayGoBack(newer, now time.Time) (limit time.Time) {
	for _, e := range j.e.Events {
		if !e.Forgets.IsZero() && newer.After(e.Forgets.Add(-forgottenTail)) && now.After(e.Forgets) && now.Before(e.Ended.Add(forgetful)) {
			limit = e.Ended.Add(forgetful)
		}
	}
	return limit
}

// close is the judge's last look at a record.
func (j *judge) close(id int, f *file) {
	if f.last == 0 {
		return
	}
	j.verdict.Records++
	for v, version := range f.versions {
		if _, arrived := f.arrived[v]; version.Outcome == Submitted && !arrived {
			if v < f.newest {
				j.verdict.Superseded++
			}
		}
	}
	switch {
	case f.newest < f.last:
		j.against(Lost, id, "the last submission, version %d, never arrived; the newest that did is version %d", f.last, f.newest)
	case f.holds != f.last:
		j.against(Stale, id, "the platform holds version %d; the last submission is version %d", f.holds, f.last)
	}
}

// recoveries finds for each event when everything submitted before its end had arrived.
func (j *judge) recoveries() {
	type span struct{ done, there time.Time }
	var spans []span
	for _, f := range j.records {
		var there time.Time // of this version or a later one
		versions := sortedKeys(f.versions)
		for _, v := range slices.Backward(versions) {
			if at, ok := f.arrived[v]; ok && (there.IsZero() || at.Before(there)) {
				there = at
			}
			if version := f.versions[v]; version.Outcome == Submitted && !there.IsZero() {
				spans = append(spans, span{version.Done, there})
				j.verdict.Latencies = append(j.verdict.Latencies, max(there.Sub(version.Done), 0))
			}
		}
	}
	slices.Sort(j.verdict.Latencies)
	for _, e := range j.e.Events {
		r := Recovery{Event: e}
		for _, s := range spans {
			if !s.done.After(e.Ended) {
				r.Took = max(r.Took, s.there.Sub(e.Ended))
			}
		}
		j.verdict.Recoveries = append(j.verdict.Recoveries, r)
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
