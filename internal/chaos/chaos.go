// Package chaos tries to make the bridge break its promise. It runs real bridges, a real source, a real Redis and the stand-in platform as
// processes of their own; lets counsellors edit, submit, change their minds and roll back, and a DBA alter the table; lets all kinds of
// faults happen meanwhile, alone and several at once, as a schedule says that follows from a seed; and in the end compares what the
// source committed with what the platform took.
//
// The judge never asks the bridge. He has the writers' journal, which says what the database committed, and the platform's, which says
// what arrived and in which order.
package chaos

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"talkbridge/internal/platformsim"
	"talkbridge/internal/rig"
)

// The stores.
const (
	StoreRedis    = "redis"    // two bridges share it
	StoreEmbedded = "embedded" // one bridge with a file
)

// Settings of a run.
type Settings struct {
	Duration time.Duration // of the faults; a run takes some 20 s more
	Seed     uint64
	Source   string // mariadb, mysql, or the name of a server that this machine has, as in MariaDB-11.8
	Store    string
	Records  int     // there at the beginning
	Rate     float64 // operations a second
	Programs string  // folder with talkbridge and platformsim
	Keep     bool    // leave the folder with logs and journals, whatever comes of the run; else only where a promise was broken
	Dir      string  // where that folder is made; empty: where the system has its temporary files
	Out      io.Writer
	Patience time.Duration // how long after the last fault everything may take to arrive; 2 minutes when 0
	Calm     bool          // no faults
	Only     []string      // kinds whose names hold one of these; empty: all

	// Between puts something between the bridges and the platform, for the tests of the judge. It gives host:port.
	Between func(platformURL string) (addr string, end func(), err error)
}

func (o Settings) withDefaults() (Settings, error) {
	o.Duration, o.Source, o.Store = cmp.Or(o.Duration, 10*time.Minute), cmp.Or(o.Source, "mariadb"), cmp.Or(o.Store, StoreRedis)
	o.Records, o.Rate, o.Patience = cmp.Or(o.Records, 300), cmp.Or(o.Rate, 40), cmp.Or(o.Patience, 2*time.Minute)
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Store != StoreRedis && o.Store != StoreEmbedded {
		return o, fmt.Errorf("store %q is unknown: %s or %s", o.Store, StoreRedis, StoreEmbedded)
	}
	if o.Records < writersAtOnce || o.Rate <= 0 {
		return o, fmt.Errorf("there must be at least %d records, and a rate", writersAtOnce)
	}
	return o, nil
}

// Run is a whole run. Its error says that the run could not be made; what the bridge did wrong is in the report.
func Run(ctx context.Context, o Settings) (report *Report, err error) {
	o, err = o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &stage{Settings: o}
	defer func() { s.tearDown(s.Keep || err != nil || len(report.Violations) > 0) }()
	fmt.Fprintf(s.Out, "Starting %s, the store, the stand-in platform and the bridges …\n", s.Source)
	if err := s.setUp(ctx); err != nil {
		return nil, err
	}
	fmt.Fprintf(s.Out, "  logs, files and journals in %s\n", s.dir)
	return s.run(ctx)
}

// kinds are the kinds of faults that may happen.
func (o Settings) kinds() ([]Kind, error) {
	kinds := slices.DeleteFunc(Kinds(o.Store), func(k Kind) bool {
		return len(o.Only) > 0 && !slices.ContainsFunc(o.Only, func(part string) bool { return strings.Contains(k.Name, part) })
	})
	if len(kinds) == 0 {
		return nil, errors.New("no kind of fault has such a name: see the schedule for what there is")
	}
	return kinds, nil
}

// Schedule is what Run lets happen.
func (o Settings) Schedule() (Schedule, error) {
	kinds, err := o.kinds()
	if err != nil {
		return Schedule{}, err
	}
	return Plan(o.Seed, o.Duration, kinds), nil
}

func (s *stage) run(ctx context.Context) (*Report, error) {
	versions, err := newJournal[Version](filepath.Join(s.dir, "submissions.jsonl"))
	if err != nil {
		return nil, err
	}
	defer versions.close()
	events, err := newJournal[Event](filepath.Join(s.dir, "faults.jsonl"))
	if err != nil {
		return nil, err
	}
	defer events.close()
	c := newCounsellors(s, versions)
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := s.happen(ctx, c, events); err != nil {
		return nil, err
	}
	fmt.Fprintf(s.Out, "No more faults, no more submissions. Waiting until everything has arrived …\n")
	a := &audience{journal: rig.Journal{Path: s.platform.Journal}}
	late := s.arrives(ctx, a, versions.all())
	if late != nil {
		fmt.Fprintf(s.Out, "  %v\n", late)
	}
	problems := s.finish()
	if _, err := a.listen(); err != nil {
		return nil, err
	}
	r := &Report{
		Evidence: Evidence{versions.all(), a.arrivals, events.all()}, Settings: s.Settings, Tally: c.tally, TableAltered: c.ddl.done,
		Source: map[string]string{"mysql": "MySQL ", "mariadb": "MariaDB "}[s.source.Flavor] + s.source.Version, Took: time.Since(begun),
	}
	r.Verdict = Judge(r.Evidence)
	s.inspect(r, late, problems)
	return r, nil
}

// happen lets the writers work and the faults happen. When it gives nil both have ended, and the last word on every record is a submission.
func (s *stage) happen(ctx context.Context, c *counsellors, events *journal[Event]) error {
	kinds, err := s.kinds()
	if err != nil {
		return err
	}
	enough, cancel := context.WithCancel(ctx)
	defer cancel()
	worked := make(chan error, 1)
	go func() { worked <- c.work(enough) }()
	rig.Pause(ctx, 2*time.Second) // traffic as usual
	if s.Calm {
		rig.Pause(ctx, s.Duration)
	} else {
		schedule := Plan(s.Seed, s.Duration, kinds)
		schedule.Print(s.Out)
		err = s.storm(ctx, schedule, kinds, events)
	}
	cancel()
	if err := errors.Join(err, <-worked, ctx.Err()); err != nil {
		return err
	}
	return c.finish(ctx)
}

// An audience follows the platform's journal.
type audience struct {
	journal  rig.Journal
	arrivals []platformsim.Arrival
	holds    map[int]int
}

// listen takes in what arrived, and gives what the platform holds of each record.
func (a *audience) listen() (map[int]int, error) {
	more, err := a.journal.Next()
	a.arrivals = append(a.arrivals, more...)
	if a.holds == nil {
		a.holds = map[int]int{}
	}
	for _, m := range more {
		if r, ok := read(m.Payload); ok && m.Applied {
			a.holds[r.record] = r.version
		}
	}
	return a.holds, err
}

// arrives waits until the platform holds the last submission of every record and the bridge has nothing more to do.
func (s *stage) arrives(ctx context.Context, a *audience, versions []Version) error {
	last := map[int]int{}
	for _, v := range versions {
		if v.Outcome == Submitted {
			last[v.Record] = max(last[v.Record], v.Version)
		}
	}
	return rig.Until(ctx, s.Patience, func() error {
		holds, err := a.listen()
		if err != nil {
			return err
		}
		missing := 0
		for id, v := range last {
			if holds[id] != v {
				missing++
			}
		}
		if missing > 0 {
			return fmt.Errorf("the last submission of %d records has not arrived", missing)
		}
		return s.idle(ctx)
	})
}

// idle asks a bridge whether anything waits.
func (s *stage) idle(ctx context.Context) error {
	var status struct {
		Records map[string]int `json:"records"`
	}
	if err := rig.GetJSON(ctx, s.bridges[0].Admin+"/api/v1/status", &status); err != nil {
		return err
	}
	for _, name := range []string{"pending", "sending", "rejected"} {
		if n := status.Records[name]; n > 0 {
			return fmt.Errorf("%d records are %s", n, name)
		}
	}
	return nil
}

// inspect looks at how the bridges ended and what their logs say.
func (s *stage) inspect(r *Report, late, problems error) {
	if late != nil && len(r.Violations) == 0 {
		r.Violations = append(r.Violations, Violation{Kind: Unsettled, Text: late.Error()})
	}
	if problems != nil {
		r.Violations = append(r.Violations, Violation{Kind: Crashed, Text: problems.Error()})
	}
	for _, k := range s.bridges {
		r.Endings = append(r.Endings, k.ends()...)
		text, err := os.ReadFile(k.Log)
		if err != nil {
			r.Violations = append(r.Violations, Violation{Kind: Crashed, Text: err.Error()})
		}
		for _, bad := range []string{"DATA RACE", "panic:", "fatal error:"} {
			if at := bytes.Index(text, []byte(bad)); at >= 0 {
				r.Violations = append(r.Violations, Violation{Kind: Crashed, Text: k.Name + ": " + string(text[at:min(len(text), at+3000)])})
			}
		}
	}
}

// why is the bridge's own reason for ending, without what differs from time to time.
func (e ending) why() string {
	var line struct {
		Message string `json:"msg"`
		Error   string `json:"error"`
	}
	if json.Unmarshal([]byte(e.how), &line) == nil && line.Message != "" {
		return strings.TrimSpace(line.Message + " " + line.Error)
	}
	return e.how
}
