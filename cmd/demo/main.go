// Command demo shows talkbridge's main job on real servers: a private MariaDB with an invented college, the stand-in platform and
// the bridge, as three processes. It submits records the way the student-affairs system does, by an UPDATE of the flag column, and
// tells what arrived, decrypted, and what was refused and why. Every step is checked; the first that is not as it should be ends
// the demonstration with exit code 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	once := flag.Bool("once", false, "end after the scenario instead of staying up")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *once)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "\n✘ the demonstration failed: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, once bool) error {
	s, err := setUp(ctx)
	if err != nil {
		return err
	}
	defer s.tearDown()
	if err := scenario(ctx, s); err != nil {
		s.showLogTail()
		return err
	}
	say("\nEverything arrived as it should.")
	if once {
		return nil
	}
	s.showAddresses()
	say("\nCtrl-C ends everything and deletes %s.", s.dir)
	<-ctx.Done()
	return nil
}

// say prints a line of the story.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stdout, format+"\n", args...)
}
