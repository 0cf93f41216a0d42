package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/internal/rig"
	"talkbridge/state"
)

// Memory, and whether a record costs the same however many wait: namespaces of one Redis in which 1,000 to 1,000,000 records wait. In
// each round a bridge is started on each of them in turn, rests while delivery is paused, and then sends some thousands. What it sent
// is put back before the next round.

const (
	backlogSent = 5000            // calls of a round that count, each level
	restFor     = 3 * time.Second // how long a bridge is watched at rest
	megabyte    = 1e6
)

// levels are a thousand and ten times as many, up to most.
func levels(most int) (all []int) {
	for waiting := 1000; waiting <= most; waiting *= 10 {
		all = append(all, waiting)
	}
	return all
}

// A level is a namespace with so many records waiting.
type level struct {
	waiting int
	next    int // key of the next record to put in
	store   *state.Store
	epoch   uint64

	rates, own, redis []float64 // of each round: records/s, microseconds of computing a record
	rest, drain       []float64 // bytes resident at most
}

func (l *level) namespace() string { return "waits" + strconv.Itoa(l.waiting) }

func backlog(ctx context.Context, b *bench) ([]result, error) {
	s, err := newStage(ctx, b)
	if err != nil {
		return nil, err
	}
	defer s.close()
	template, err := s.captured(ctx)
	if err != nil {
		return nil, err
	}
	var all []*level
	var bytes float64
	for _, waiting := range levels(max(b.waiting, 1000)) {
		l := &level{waiting: waiting, next: 1_000_000_000}
		all = append(all, l)
		if bytes, err = s.filled(ctx, l, template); err != nil {
			return nil, err
		}
		defer l.store.Close() //nolint:errcheck // nothing is left in it
	}
	sealed, err := s.sealedSize(ctx, all[len(all)-1].namespace())
	if err != nil {
		return nil, err
	}
	b.say("%d records wait; %.0f bytes of Redis each, %.0f sealed", all[len(all)-1].waiting, bytes, sealed)
	for round := range b.rounds {
		for _, l := range all {
			if err := s.watch(ctx, l, template); err != nil {
				return nil, fmt.Errorf("with %d waiting: %w", l.waiting, err)
			}
			b.say("round %d, %d waiting: %.0f/s, each for %.0f µs of its own computing and %.0f µs of Redis'; resident %.1f MB at rest, %.1f MB sending",
				round+1, l.waiting, l.rates[round], l.own[round], l.redis[round], l.rest[round]/megabyte, l.drain[round]/megabyte)
		}
	}
	return backlogResults(all, bytes, sealed), nil
}

func backlogResults(all []*level, bytes, sealed float64) []result {
	least, most := all[0], all[len(all)-1]
	results := []result{
		against(fmt.Sprintf("resident at rest, %d waiting in Redis, against 40 MB", most.waiting), "MB", slices.Max(most.rest)/megabyte, 40, atMost(1)),
		against(fmt.Sprintf("resident in a drain, %d waiting in Redis, against 40 MB", most.waiting), "MB", slices.Max(most.drain)/megabyte, 40, atMost(1)),
		against("Redis for each record that waits, against its sealed size", "bytes", bytes, sealed, atMost(1.6)),
	}
	cost := func(l *level) float64 { return median(l.own) + median(l.redis) }
	for _, l := range all {
		results = append(results, against(fmt.Sprintf("computing for each record, bridge and Redis, %d waiting, against 1,000", l.waiting), "µs", cost(l), cost(least),
			atMost(1.25)))
	}
	for _, l := range all {
		results = append(results, against(fmt.Sprintf("drain with %d waiting, against 1,000", l.waiting), "records/s", median(l.rates), median(least.rates), target{}))
	}
	return results
}

// captured gives a record of the plain table as the listener leaves it in the store.
func (s *stage) captured(ctx context.Context) (change bridge.Change, err error) {
	from, err := s.place(ctx)
	if err != nil {
		return change, err
	}
	if err := s.submit(ctx, plainInsert, plainRow, plainFirst, 1); err != nil {
		return change, err
	}
	process, err := s.waiting("bridge", 1, 1, plain()).begin(ctx, from)
	if err != nil {
		return change, err
	}
	process.Kill()
	if err := process.release(ctx); err != nil {
		return change, err
	}
	store, err := s.open(ctx, "nbufe")
	if err != nil {
		return change, err
	}
	defer store.Close() //nolint:errcheck // only read
	leases, err := store.Lease(ctx, 1, time.Minute)
	if err != nil || len(leases) != 1 {
		return change, fmt.Errorf("take a record out of the store: %d came: %w", len(leases), err)
	}
	return leases[0].Change, s.empty(ctx)
}

// open opens a namespace of Redis as a bridge does.
func (s *stage) open(ctx context.Context, namespace string) (*state.Store, error) {
	store, err := state.Open(ctx, state.Options{URL: s.redis.URL(), Namespace: namespace, Key: bridge.Secret(s.secrets.State)})
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	return store, nil
}

// filled fills a level and gives how many bytes of Redis that took for each record.
func (s *stage) filled(ctx context.Context, l *level, template bridge.Change) (bytes float64, err error) {
	if l.store, err = s.open(ctx, l.namespace()); err != nil {
		return 0, err
	}
	before, _, err := s.stored(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.fill(ctx, l, template, l.waiting); err != nil {
		return 0, err
	}
	after, _, err := s.stored(ctx)
	return (after - before) / float64(l.waiting), err
}

// fill puts n more records into a namespace.
func (s *stage) fill(ctx context.Context, l *level, template bridge.Change, n int) error {
	if err := rig.Until(ctx, time.Minute, func() (err error) {
		ok := false
		if l.epoch, ok, err = l.store.Lead(ctx, "bench", time.Minute); err == nil && !ok {
			err = errors.New("a bridge leads")
		}
		return err
	}); err != nil {
		return err
	}
	for at := 0; at < n; at += 1000 {
		changes := make([]bridge.Change, 0, 1000)
		for range min(1000, n-at) {
			change := template
			change.Key = strconv.Itoa(l.next)
			l.next++
			change.EventID = "bench-" + change.Key
			change.Columns = maps.Clone(template.Columns)
			change.Columns["id"] = bridge.Value{Kind: template.Columns["id"].Kind, Text: change.Key}
			changes = append(changes, change)
		}
		queued, err := l.store.Append(ctx, l.epoch, changes, nil)
		if err != nil || queued != len(changes) {
			return fmt.Errorf("put records in: %d of %d: %w", queued, len(changes), err)
		}
	}
	return l.store.Resign(ctx, "bench")
}

// watch measures a bridge on a level once.
func (s *stage) watch(ctx context.Context, l *level, template bridge.Change) error {
	from, err := s.place(ctx)
	if err != nil {
		return err
	}
	b, err := s.newBridge("redis", drainWorkers, plain(), begin(from), setting{"namespace: nbufe ", "namespace: " + l.namespace() + " "})
	if err != nil {
		return err
	}
	defer b.Kill()
	if err := errors.Join(b.command(ctx, "pause"), b.listens(ctx)); err != nil {
		return err
	}
	waiting, err := b.pending(ctx)
	if err != nil {
		return err
	}
	if more := l.waiting + backlogSent - waiting; more > 0 {
		// The bridge leads, so what is missing goes in before it starts: stop, fill, start again.
		if err := errors.Join(b.Stop(), s.fill(ctx, l, template, more), b.listens(ctx)); err != nil {
			return err
		}
	}
	rest, err := most(ctx, b.Pid(), restFor, nil)
	if err != nil {
		return err
	}
	if err := s.send(ctx, l, b); err != nil {
		return err
	}
	l.rest = append(l.rest, rest)
	return b.Stop()
}

// send lets the bridge send some thousands, and measures it.
func (s *stage) send(ctx context.Context, l *level, b talkbridge) error {
	if err := s.sink.reset(ctx, 0, true); err != nil {
		return err
	}
	own, errOwn := computed(b.Pid())
	redis, errRedis := computed(s.redis.Pid())
	if err := errors.Join(errOwn, errRedis, b.command(ctx, "resume")); err != nil {
		return err
	}
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var calls int
	var failed error
	drain, err := most(sending, b.Pid(), 2*time.Minute, func() bool {
		calls, failed = s.sink.calls(ctx)
		return failed != nil || calls >= backlogSent
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	ownAfter, errOwn := computed(b.Pid())
	redisAfter, errRedis := computed(s.redis.Pid())
	_, times, err := s.sink.times(ctx)
	if err := errors.Join(errOwn, errRedis, err); err != nil {
		return err
	}
	slices.Sort(times)
	times = times[:backlogSent]
	took := time.Duration(times[len(times)-1] - times[0])
	l.rates = append(l.rates, float64(len(times)-1)/took.Seconds())
	l.own = append(l.own, float64((ownAfter-own).Microseconds())/float64(calls))
	l.redis = append(l.redis, float64((redisAfter-redis).Microseconds())/float64(calls))
	l.drain = append(l.drain, drain)
	return nil
}

// most watches what a process holds resident, until it is told to stop or the time is over, and gives the most.
func most(ctx context.Context, pid int, lasts time.Duration, done func() bool) (float64, error) {
	var highest float64
	for end := time.Now().Add(lasts); time.Now().Before(end) && ctx.Err() == nil; {
		now, _, err := rig.Memory(pid)
		if err != nil {
			return 0, err
		}
		highest = max(highest, float64(now))
		if done != nil && done() {
			break
		}
		rig.Pause(ctx, 20*time.Millisecond)
	}
	return highest, nil
}

// sealedSize is the size of what is sealed in a record that waits: all of it but the head, which state/record.go describes.
func (s *stage) sealedSize(ctx context.Context, namespace string) (float64, error) {
	const head, version = 142, 1
	keys, _, err := s.client.Scan(ctx, 0, "talkbridge:{"+namespace+"}:rec:*", 10_000).Result()
	if err != nil || len(keys) == 0 {
		return 0, fmt.Errorf("look for records in Redis: %d found: %w", len(keys), err)
	}
	raw, err := s.client.Get(ctx, keys[0]).Bytes()
	if err != nil {
		return 0, fmt.Errorf("read a record: %w", err)
	}
	if len(raw) <= head || raw[0] != version {
		return 0, errors.New("records are packed in another way than this measurement knows: see state/record.go")
	}
	return float64(len(raw) - head - int(binary.LittleEndian.Uint32(raw[head-4:]))), nil
}
