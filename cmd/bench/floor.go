package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"golang.org/x/sync/errgroup"

	"talkbridge/internal/testserver"
)

// The floors: what it costs to read a row from the log and post it, with nothing that a bridge is for.
//
//	bare      reads the log, makes JSON of the row, posts it. What is under way when it dies is lost.
//	durable   the same with one Redis script before the call, which keeps the payload and the position, and one after it, which
//	          marks it as sent. Whatever waits for a script goes with the next one.
//	embedded  the same with two transactions of bbolt, each on the disk before it goes on.
//
// None of them encrypts, checks a contract, maps, retries, orders, takes leases or keeps a ledger. Each is a process of its own, as
// the bridge is, with the same libraries for the log, for HTTP, Redis and the file.

// A floorplan is what a floor is told.
type floorplan struct {
	source, file string
	pos          uint
	sink         string // address of its endpoint
	store        string // empty | redis:ADDRESS | file:PATH
	workers      int
}

func (p *floorplan) flags() *flag.FlagSet {
	flags := flag.NewFlagSet("floor", flag.ExitOnError)
	flags.StringVar(&p.source, "source", "", "address of the server")
	flags.StringVar(&p.file, "file", "", "file of the log to begin with")
	flags.UintVar(&p.pos, "pos", 4, "place in that file")
	flags.StringVar(&p.sink, "sink", "", "where to post")
	flags.StringVar(&p.store, "store", "", "redis:ADDRESS or file:PATH; nothing is kept without")
	flags.IntVar(&p.workers, "workers", 8, "calls in flight")
	return flags
}

// args are the same as an argument list.
func (p *floorplan) args() []string {
	return []string{
		"floor", "-source", p.source, "-file", p.file, "-pos", fmt.Sprint(p.pos), "-sink", p.sink, "-store", p.store,
		"-workers", fmt.Sprint(p.workers),
	}
}

// A keeper makes a floor durable.
type keeper interface {
	before(ctx context.Context, records []posting) error // kept, and the position with them
	after(ctx context.Context, records []posting) error  // sent
	Close() error
}

func floorMain(ctx context.Context, args []string) error {
	var plan floorplan
	_ = plan.flags().Parse(args) // it exits
	keeper, err := openKeeper(plan.store)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	rows := make(chan posting, 1024)
	group.Go(func() error {
		defer close(rows)
		return readLog(ctx, plan, rows)
	})
	poster := newPoster(plan.sink, plan.workers)
	if keeper == nil {
		group.Go(func() error { return poster.post(ctx, rows, nil) })
		return group.Wait()
	}
	defer keeper.Close() //nolint:errcheck // it ends by being killed
	kept, sent := make(chan posting, batchLimit), make(chan posting, 1024)
	group.Go(func() error {
		defer close(kept)
		return batched(ctx, rows, kept, keeper.before)
	})
	group.Go(func() error {
		defer close(sent)
		return poster.post(ctx, kept, sent)
	})
	group.Go(func() error { return batched(ctx, sent, nil, keeper.after) })
	return group.Wait()
}

// batchLimit is how many records go with one script at most.
const batchLimit = 256

// batched does something with whatever waits, and passes it on.
func batched(ctx context.Context, in <-chan posting, out chan<- posting, do func(context.Context, []posting) error) error {
	batch := make([]posting, 0, batchLimit)
	for first := range in {
		batch = append(batch[:0], first)
	more:
		for len(batch) < batchLimit {
			select {
			case next, ok := <-in:
				if !ok {
					break more
				}
				batch = append(batch, next)
			default:
				break more
			}
		}
		if err := do(ctx, batch); err != nil {
			return err
		}
		if out == nil {
			continue
		}
		for _, p := range batch {
			select {
			case out <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// readLog gives every row of the table from the log, in order.
func readLog(ctx context.Context, plan floorplan, rows chan<- posting) error {
	host, port, err := net.SplitHostPort(plan.source)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	var number uint16
	if _, err := fmt.Sscan(port, &number); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: 4_294_000_002, Flavor: "mariadb", Host: host, Port: number, User: "root", Password: testserver.RootPassword,
		SynchronousEventHandler: &rowReader{ctx: ctx, rows: rows, file: plan.file}, DisableRetrySync: true, HeartbeatPeriod: 2 * time.Second,
		ReadTimeout: 20 * time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	defer syncer.Close()
	streamer, err := syncer.StartSync(mysql.Position{Name: plan.file, Pos: uint32(plan.pos)})
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	fmt.Fprintln(os.Stdout, floorReads)
	_, err = streamer.GetEvent(ctx)
	return err
}

// A rowReader takes rows as they come.
type rowReader struct {
	ctx  context.Context //nolint:containedctx // the interface has no place for it
	rows chan<- posting
	file string
}

// HandleEvent implements replication.EventHandler.
func (r *rowReader) HandleEvent(e *replication.BinlogEvent) error {
	event, ok := e.Event.(*replication.RowsEvent)
	if !ok || string(event.Table.Table) != plainTable {
		return nil
	}
	for _, row := range event.Rows {
		p, err := newPosting(row, e.Header.LogPos)
		if err != nil {
			return err
		}
		select {
		case r.rows <- p:
		case <-r.ctx.Done():
			return errors.New("stopped")
		}
	}
	return nil
}

// floorReads is a line of a floor's log: it reads from now on.
const floorReads = "reads"
