// Package app is where the stages meet. It turns the configuration into each package's Options, checks that all of it can work,
// and runs it until it is told to stop or something happens that does not mend itself. Nothing else in the program knows all the
// parts, and nothing here knows what they do inside.
package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"talkbridge/canal"
	"talkbridge/internal/access"
	"talkbridge/internal/admin"
	"talkbridge/internal/audit"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/internal/console"
	"talkbridge/internal/sourcedb"
	"talkbridge/internal/writeback"
	"talkbridge/mapper"
	"talkbridge/pusher"
	"talkbridge/state"
)

// Options of Run.
type Options struct {
	Config  *config.Config
	Version string
	Logger  *zap.Logger
	Ready   func(adminAddr string) // called once everything runs; nil: not called
}

// preflightLimit bounds all checks at start together.
const preflightLimit = time.Minute

// Run is the bridge. It ends with nil when ctx ends, and with an error that says what to do when it cannot start or go on.
func Run(ctx context.Context, o Options) (err error) {
	var done closers
	defer func() { err = errors.Join(err, done.close()) }()
	b, err := assemble(ctx, o, &done)
	if err != nil {
		return err
	}
	if err := b.preflight(ctx); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Config.Admin.Listen)
	if err != nil {
		return fmt.Errorf("admin.listen: %w", err)
	}
	cert, err := b.certificate()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := b.began(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { b.ended(ctx, err) }()
	// One errgroup: the first part that ends with an error ends the others. The order of stopping inside each part is its own.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return admin.Serve(ctx, listener, b.pages(ctx), cert) })
	group.Go(func() error { return b.console.Run(ctx) })
	group.Go(func() error { return b.reconciler.Run(ctx) })
	manager := newNotifier(o.Logger.Named("notify"))
	group.Go(func() error { return manager.watch(ctx, b.alive) })
	group.Go(func() error { return b.leader.Run(ctx) })
	group.Go(func() error { return b.workers.Run(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		manager.tell(context.WithoutCancel(ctx), "STOPPING=1")
		o.Logger.Info("stopping: calls under way are finished or given back, and the position is saved")
		return nil
	})
	o.Logger.Info("talkbridge runs", zap.String("version", o.Version), zap.String("admin", scheme(cert)+listener.Addr().String()),
		zap.Int("routes", len(o.Config.Routes)))
	b.sayPaused(ctx)
	manager.tell(ctx, "READY=1\nSTATUS=listening on "+scheme(cert)+listener.Addr().String())
	if o.Ready != nil {
		o.Ready(listener.Addr().String())
	}
	err = group.Wait()
	o.Logger.Info("talkbridge has stopped")
	return err
}

// bridgeParts are all the parts, wired.
type bridgeParts struct {
	options    Options
	registry   *prometheus.Registry
	store      *state.Store
	mapper     *mapper.Mapper
	client     *pusher.Client
	source     *canal.Source
	guard      *access.Guard
	console    *console.Console
	trail      *audit.Log
	reconciler *reconciler
	writer     *writeback.Writer // nil: no route writes back
	ahead      *ahead
	workers    *pusher.Workers
	leader     *leader
	leading    *atomic.Uint64 // the epoch; 0: not leading
	answered   atomic.Int64   // see outbox
}

// assemble makes the parts in the order in which they need each other, each with its clean-up on the next line.
func assemble(ctx context.Context, o Options, done *closers) (*bridgeParts, error) {
	c := o.Config
	b := &bridgeParts{options: o, registry: prometheus.NewRegistry(), leading: &atomic.Uint64{}}
	b.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	adoptRedisLog(o.Logger.Named("redis"))
	var err error
	if b.store, err = state.Open(ctx, storeOptions(c)); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	done.add(b.store.Close)
	b.registry.MustRegister(&outboxCollector{store: b.store, leading: b.leading}, &pauseCollector{b.store})

	db, err := openSource(c)
	if err != nil {
		return nil, err
	}
	done.add(db.Close)
	if b.mapper, err = newMapper(c, db, b.visible, o.Logger); err != nil {
		return nil, err
	}
	done.add(b.mapper.Close)
	b.ahead = newAhead(b.mapper, func() bool { return b.workers.InFlight() > 0 })
	done.add(b.ahead.Close)

	push := pusherOptions(c, b.store)
	push.Logger, push.Registry = o.Logger.Named("pusher"), b.registry
	if b.client, err = pusher.New(push); err != nil {
		return nil, err
	}
	done.add(func() error { b.client.Close(); return nil })

	listen := canalOptions(c, b.mapper)
	listen.Logger, listen.Registry = o.Logger.Named("canal"), b.registry
	me := owner()
	scan := &scanCount{store: b.store, log: o.Logger.Named("reconcile"), routes: routeNames(c)}
	listen.Outbox, listen.Instance, listen.OnScan = outbox{store: b.store, ahead: b.ahead, epoch: b.leading, answered: &b.answered, scan: scan}, me, scan.begins
	if b.source, err = canal.New(listen); err != nil {
		return nil, err
	}
	done.add(b.source.Close)

	if writesBack(c) {
		b.writer = writeback.New(db, writebackRoutes(c))
	}
	if b.workers, err = pusher.NewWorkers(b.workerOptions(b.ahead)); err != nil {
		return nil, err
	}
	b.reconciler, err = newReconciler(b.operator(), c.Source.ReconcileEvery, b.isLeader, o.Logger.Named("reconcile"), b.registry)
	if err != nil {
		return nil, err
	}
	if err := b.people(); err != nil {
		return nil, err
	}
	b.leader = &leader{store: b.store, owner: me, source: b.source, epoch: b.leading, scan: scan, log: o.Logger.Named("leader")}
	return b, nil
}

func (b *bridgeParts) workerOptions(m pusher.Mapper) pusher.WorkersOptions {
	p := b.options.Config.Platform
	w := pusher.WorkersOptions{
		Outbox: deliveries{b.store}, Mapper: m, Client: b.client, Endpoints: map[string]string{},
		Concurrency: p.Concurrency, Rate: p.Rate, CallTimeout: p.Timeout,
		Retry:     pusher.Backoff{Initial: p.Retry.Initial, Max: p.Retry.Max, Jitter: p.Retry.Jitter},
		Breaker:   pusher.BreakerOptions{Failures: p.Breaker.Failures, OpenFor: p.Breaker.OpenFor},
		LeaseLost: func(err error) bool { return errors.Is(err, state.ErrLeaseLost) },
		Logger:    b.options.Logger.Named("delivery"), Registry: b.registry,
	}
	for _, r := range b.options.Config.Routes {
		w.Endpoints[r.Name] = r.Endpoint
	}
	if b.writer != nil {
		w.Writeback = b.writer
	}
	return w
}

// openSource opens the pool for look-ups and write-back. As many connections as there are calls in flight: one delivery uses one.
func openSource(c *config.Config) (*sql.DB, error) {
	return sourcedb.Open(sourcedb.Options{
		Addr: c.Source.Addr, User: c.Source.User, Password: c.Source.Password, TLSMode: c.Source.TLS.Mode, CA: c.Source.TLS.CA,
		ServerName: c.Source.TLS.ServerName, Location: c.Source.Location, MaxConns: c.Platform.Concurrency,
	})
}

// visible is the source's, which is made after the mapper: it needs to know what the mapper reads.
func (b *bridgeParts) visible(ctx context.Context, change bridge.Change) error {
	return b.source.Visible(ctx, change)
}

// newMapper makes the mapper. visible may be nil where no change of the log is mapped.
func newMapper(c *config.Config, db *sql.DB, visible func(context.Context, bridge.Change) error, log *zap.Logger) (*mapper.Mapper, error) {
	o := mapperOptions(c)
	o.DB, o.Visible, o.Logger = db, visible, log.Named("mapper")
	return mapper.New(o)
}

// owner names this process among the bridges that share a store.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
}

func scheme(cert *tls.Certificate) string {
	if cert != nil {
		return "https://"
	}
	return "http://"
}
