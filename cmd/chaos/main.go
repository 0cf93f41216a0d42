// Command chaos tries to make talkbridge break its promise, and judges what came of it: see package chaos. `make chaos` builds and runs it.
//
// The exit code is 0 where every promise was kept, 1 where one was broken or the run could not be made.
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
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"talkbridge/internal/chaos"
	"talkbridge/internal/rig"
)

func main() {
	o := chaos.Settings{Out: os.Stdout}
	flag.DurationVar(&o.Duration, "duration", 10*time.Minute, "how long faults happen")
	flag.Uint64Var(&o.Seed, "seed", uint64(time.Now().Unix()), "what the schedule follows from; the time when left out")
	flag.StringVar(&o.Source, "source", "mariadb", "mariadb, mysql, or a server by its name, as in MariaDB-11.8")
	flag.StringVar(&o.Store, "store", chaos.StoreRedis, "redis (two bridges) or embedded (one)")
	flag.IntVar(&o.Records, "records", 300, "records that are submitted again and again")
	flag.Float64Var(&o.Rate, "rate", 40, "operations a second")
	flag.DurationVar(&o.Patience, "patience", 2*time.Minute, "how long after the last fault everything may take to arrive")
	flag.BoolVar(&o.Keep, "keep", false, "keep the folder with logs, files and journals")
	flag.Func("only", "only faults whose names hold this; may be given several times", func(part string) error {
		o.Only = append(o.Only, part)
		return nil
	})
	schedule := flag.Bool("schedule", false, "print the schedule and do nothing")
	flag.Parse()
	_ = mysql.SetLogger(&mysql.NopLogger{}) // connections break here all the time, and that is the point
	redis.SetLogger(&logging.VoidLogger{})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, *schedule)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n✘ %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o chaos.Settings, schedule bool) (err error) {
	if schedule {
		plan, err := o.Schedule()
		if err == nil {
			plan.Print(os.Stdout)
		}
		return err
	}
	if o.Programs, err = rig.Programs(); err != nil {
		return err
	}
	report, err := chaos.Run(ctx, o)
	if err != nil {
		return err
	}
	report.Print(os.Stdout)
	if len(report.Violations) > 0 {
		return errors.New("a promise was broken: see above")
	}
	return nil
}
