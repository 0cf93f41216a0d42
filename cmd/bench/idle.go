package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"talkbridge/internal/rig"
)

// Idle: how soon a bridge is at work that was started anew, and what it costs while nothing happens.

const (
	idleFor   = 10 * time.Second // each round
	idleFirst = 5_000_000
)

// quiet figures, one of each a round.
type quiet struct {
	start   []float64 // seconds from the start of the process to its first call
	core    []float64 // % of a core
	queries []float64 // a second, on the source
	dumps   []float64 // threads of the source that send the log
}

func idle(ctx context.Context, b *bench) ([]result, error) {
	s, err := newStage(ctx, b)
	if err != nil {
		return nil, err
	}
	defer s.close()
	from, err := s.place(ctx)
	if err != nil {
		return nil, err
	}
	bridge, err := s.newBridge("redis", 8, plain(), begin(from))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.empty(ctx), bridge.listens(ctx), bridge.Stop()); err != nil { // it has a position now
		return nil, err
	}
	var q quiet
	for round := range b.rounds {
		if err := s.idleOnce(ctx, bridge, idleFirst+round, &q); err != nil {
			return nil, err
		}
		b.say("round %d: first call after %.3f s; idle %.2f %% of a core, %.2f queries/s, %.0f dump threads", round+1, q.start[round], q.core[round],
			q.queries[round], q.dumps[round])
	}
	program, err := os.Stat(filepath.Join(s.programs, "talkbridge"))
	if err != nil {
		return nil, fmt.Errorf("look at the program: %w", err)
	}
	return []result{
		against("start of the process to the first record at the platform, against 0.5 s", "s", median(q.start), 0.5, atMost(1)),
		against("idle, against 0.5 % of a core", "%", median(q.core), 0.5, atMost(1)),
		against("idle, queries on the source, against one a second", "queries/s", median(q.queries), 1, atMost(1)),
		against("threads of the source that send the log, against one", "threads", median(q.dumps), 1, atMost(1)),
		against("the program, stripped, against 30 MB", "MB", float64(program.Size())/megabyte, 30, atMost(1)),
	}, nil
}

// idleOnce starts the bridge with one record waiting in the log, and watches it when that is sent.
func (s *stage) idleOnce(ctx context.Context, b talkbridge, id int, q *quiet) error {
	if err := errors.Join(s.sink.reset(ctx, 0, false), s.submit(ctx, plainInsert, plainRow, id, 1)); err != nil {
		return err
	}
	begun := time.Now().UnixNano()
	if err := b.Start(ctx); err != nil {
		return err
	}
	defer b.Kill()
	if err := s.sink.await(ctx, 1); err != nil {
		return err
	}
	_, times, err := s.sink.times(ctx)
	if err != nil {
		return err
	}
	rig.Pause(ctx, 2*time.Second) // settled, and the statements of the start are over
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("ask the source: %w", err)
	}
	defer conn.Close() //nolint:errcheck // only read
	asked, err := status(ctx, conn, "Questions")
	if err != nil {
		return err
	}
	before, err := computed(b.Pid())
	if err != nil {
		return err
	}
	watched := time.Now()
	rig.Pause(ctx, idleFor)
	took := time.Since(watched).Seconds()
	after, errComputed := computed(b.Pid())
	askedAfter, errAsked := status(ctx, conn, "Questions")
	var dumps float64
	errDumps := conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'").Scan(&dumps)
	if err := errors.Join(errComputed, errAsked, errDumps); err != nil {
		return err
	}
	q.start = append(q.start, float64(times[0]-begun)/1e9)
	q.core = append(q.core, (after-before).Seconds()/took*100)
	q.queries = append(q.queries, (askedAfter-asked-1)/took) // the second question about it is one too
	q.dumps = append(q.dumps, dumps)
	return b.Stop()
}

// status asks for one of the server's counters.
func status(ctx context.Context, conn *sql.Conn, name string) (float64, error) {
	var value float64
	if err := conn.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(&name, &value); err != nil {
		return 0, fmt.Errorf("ask the source: %w", err)
	}
	return value, nil
}
