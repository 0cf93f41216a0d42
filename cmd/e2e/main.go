// Command e2e shows that talkbridge keeps its promise when everything around it dies. Two bridges on one configuration, Redis with a
// replica under three Sentinels, a real MariaDB and the stand-in platform run as processes of their own, while records are edited and
// submitted without a pause. Each of them is killed in turn with SIGKILL and started again a while later; the listener is also put to
// sleep past its lead and woken.
//
// In the end the platform must hold every record's latest content, and no older content may have come after a newer one. What was
// submitted, taken, taken twice, lost and stale is printed, with how long each recovery took. The exit code is 1 otherwise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

func main() {
	s := settings{}
	flag.Float64Var(&s.rate, "rate", 40, "submissions a second")
	flag.IntVar(&s.records, "records", 300, "records that are submitted again and again")
	flag.BoolVar(&s.keep, "keep", false, "keep the folder with logs, files and journal")
	flag.Parse()
	_ = mysql.SetLogger(&mysql.NopLogger{}) // connections break here all the time, and that is the point
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n✘ %v\n", err)
		os.Exit(1)
	}
}

// settings are what the command line says.
type settings struct {
	rate    float64
	records int
	keep    bool
}

func run(ctx context.Context, o settings) (err error) {
	s := &stage{settings: o}
	defer func() {
		s.tearDown(err != nil)
	}()
	if err := s.setUp(ctx); err != nil {
		return err
	}
	w := newWriter(s)
	if err := w.prepare(ctx); err != nil {
		return err
	}
	writing, enough := context.WithCancel(ctx)
	written := make(chan error, 1)
	go func() { written <- w.run(writing) }()
	report := &report{}
	err = s.faults(ctx, w, report)
	enough()
	if err := errors.Join(err, <-written, ctx.Err()); err != nil {
		return err
	}
	say("\nNo more submissions. Waiting until everything has arrived …")
	if err := s.settled(ctx, w, w.versions(), time.Minute); err != nil {
		say("  %v", err) // the table says what is missing
	}
	if err := s.finish(ctx, report); err != nil {
		return err
	}
	return report.print(w.versions(), s.journal)
}

// say prints a line of the story.
func say(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }
