// Command load submits a million records and sends them all through one bridge, with a real MariaDB, a real Redis and the stand-in
// platform, and prints what that took: rates, lag, the bridge's memory, and the store's size per record. `make load` builds and runs it.
//
// Every record is counted at the platform, from its own journal. The exit code is 1 where one is missing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	l := &load{}
	flag.IntVar(&l.records, "n", 1_000_000, "records")
	flag.Float64Var(&l.rate, "rate", 0, "platform.rate, calls a second; 0: no limit")
	flag.IntVar(&l.concurrency, "concurrency", 8, "platform.concurrency, calls in flight")
	flag.StringVar(&l.store, "store", "redis", "redis or embedded")
	flag.DurationVar(&l.every, "every", 30*time.Second, "how often a line is printed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := l.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n✘ %v\n", err)
		os.Exit(1)
	}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }
