package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"talkbridge/internal/rig"
)

// Drain: 20,000 records wait, and are sent as fast as it goes. They wait in the source's log, where the floors and the bridge read the
// same stretch of it from the same place; or, for the bridge, in its outbox. The rate is that of the calls at the sink, from the first
// to the last.
const (
	drainRecords = 20_000
	drainWorkers = 16 // calls in flight, of every subject
	plainFirst   = 2_000_000
	lookedFirst  = 3_000_000
)

// A drained subject: records a second, and what each of them cost: microseconds of computing, bytes of Redis' memory when all are
// delivered, and bytes of its append-only file. Peak is the most that it held
// resident, bytes.
type drained struct {
	rates, own, redis, kept, written, peak []float64
}

func drain(ctx context.Context, b *bench) ([]result, error) {
	s, err := newStage(ctx, b)
	if err != nil {
		return nil, err
	}
	defer s.close()
	subjects, err := s.drainSubjects(ctx)
	if err != nil {
		return nil, err
	}
	var limit []float64
	all := make([]drained, len(subjects))
	for round := range b.rounds {
		for i, subject := range subjects {
			if err := s.drainOnce(ctx, subject, &all[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", subject.name, err)
			}
			b.say("round %d, %s: %.0f/s, each for %.0f µs of its own computing and %.0f µs of Redis'", round+1, subject.name,
				all[i].rates[round], all[i].own[round], all[i].redis[round])
		}
		alone, err := s.lookups(ctx)
		if err != nil {
			return nil, err
		}
		b.say("round %d, three look-ups and nothing else: %.0f/s", round+1, alone)
		limit = append(limit, alone)
	}
	return drainResults(all, median(limit)), nil
}

// A drainSubject is a subject, and from where in the log it has what it sends.
type drainSubject struct {
	subject

	from place
}

// drainSubjects writes what is sent: records that need look-ups, and then plain ones, behind which nothing follows.
func (s *stage) drainSubjects(ctx context.Context) ([]drainSubject, error) {
	looked, err := s.place(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.submit(ctx, lookedUpInsert, lookedUpRow, lookedFirst, drainRecords); err != nil {
		return nil, err
	}
	written, err := s.place(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.submit(ctx, plainInsert, plainRow, plainFirst, drainRecords); err != nil {
		return nil, err
	}
	return []drainSubject{
		{s.floor("bare floor", "", drainWorkers), written},
		{s.floor("durable floor", "redis", drainWorkers), written},
		{s.bridge("bridge, from the log", "redis", drainWorkers, plain()), written},
		{s.waiting("bridge, from the outbox", drainRecords, drainWorkers, plain()), written},
		{s.waiting("bridge, three look-ups each", drainRecords, drainWorkers), looked},
	}, nil
}

func drainResults(all []drained, limit float64) []result {
	rate := func(i int) float64 { return median(all[i].rates) }
	own := func(i int) float64 { return median(all[i].own) }
	from := func(list func(drained) []float64, i int) float64 { return median(list(all[i])) }
	kept := func(d drained) []float64 { return d.kept }
	written := func(d drained) []float64 { return d.written }
	const what, cost = "drain of 20,000, ", "computing for each record of a drain, "
	return []result{
		against(what+"bare floor", "records/s", rate(0), 0, target{}),
		against(what+"durable floor against bare", "records/s", rate(1), rate(0), target{}),
		against(what+"bridge from the log against durable floor", "records/s", rate(2), rate(1), atLeast(0.6)),
		against(what+"bridge from its outbox against durable floor", "records/s", rate(3), rate(1), atLeast(0.6)),
		against(what+"three look-ups each, against 3,000/s or the look-ups' own limit", "records/s", rate(4), min(3000, limit), atLeast(1)),
		against(what+"three look-ups alone, nothing sent", "records/s", limit, 0, target{}),
		against(cost+"bridge from the log against durable floor", "µs", own(2), own(1), target{}),
		against(cost+"bridge from its outbox against durable floor", "µs", own(3), own(1), target{}),
		against(cost+"Redis, bridge from the log against durable floor", "µs", median(all[2].redis), median(all[1].redis), target{}),
		against(cost+"Redis, bridge from its outbox against durable floor", "µs", median(all[3].redis), median(all[1].redis), target{}),
		against("resident at most while it reads and sends, bridge from the log against durable floor", "MB", median(all[2].peak)/megabyte,
			median(all[1].peak)/megabyte, target{}),
		against("Redis for each record that is delivered, against durable floor", "bytes", from(kept, 2), from(kept, 1), target{}),
		against("append-only file for each record, against durable floor", "bytes", from(written, 2), from(written, 1), target{}),
	}
}

// A reading is what was used up to now.
type reading struct {
	own, redis   time.Duration // computing of the subject and of Redis
	memory, file float64       // of Redis, bytes
	peak         float64       // the most that the subject ever held resident, bytes
}

// read takes a reading; pid 0 is a subject that does not run yet.
func (s *stage) read(ctx context.Context, pid int) (r reading, err error) {
	if pid != 0 {
		if r.own, err = computed(pid); err != nil {
			return r, err
		}
		_, peak, err := rig.Memory(pid)
		if err != nil {
			return r, err
		}
		r.peak = float64(peak)
	}
	if r.redis, err = computed(s.redis.Pid()); err != nil {
		return r, err
	}
	r.memory, r.file, err = s.stored(ctx)
	return r, err
}

// drainOnce lets a subject send all that waits, and sees that all of it came.
func (s *stage) drainOnce(ctx context.Context, subject drainSubject, into *drained) error {
	if err := errors.Join(s.sink.reset(ctx, 0, false), s.empty(ctx)); err != nil {
		return err
	}
	empty, err := s.read(ctx, 0)
	if err != nil {
		return err
	}
	before := empty
	process, err := subject.begin(ctx, subject.from)
	if err != nil {
		return err
	}
	defer process.Kill()
	if process.release != nil { // what it did to have them waiting is not part of it
		if before, err = s.read(ctx, process.Pid()); err != nil {
			return err
		}
		if err := process.release(ctx); err != nil {
			return err
		}
	}
	if err := s.sink.await(ctx, drainRecords); err != nil {
		return err
	}
	rig.Pause(ctx, 200*time.Millisecond) // what came last is settled
	after, err := s.read(ctx, process.Pid())
	if err != nil {
		return err
	}
	first, all, err := s.sink.times(ctx)
	if err != nil {
		return err
	}
	if len(first) != drainRecords {
		return fmt.Errorf("%d of %d records came", len(first), drainRecords)
	}
	into.add(all, empty, before, after)
	return nil
}

// add takes a round in.
func (d *drained) add(times []int64, empty, before, after reading) {
	took := time.Duration(slices.Max(times) - slices.Min(times))
	d.rates = append(d.rates, float64(len(times)-1)/took.Seconds())
	d.own = append(d.own, float64((after.own-before.own).Microseconds())/drainRecords)
	d.redis = append(d.redis, float64((after.redis-before.redis).Microseconds())/drainRecords)
	d.peak = append(d.peak, after.peak)
	d.kept = append(d.kept, (after.memory-empty.memory)/drainRecords)
	d.written = append(d.written, (after.file-empty.file)/drainRecords)
}
