package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"talkbridge/internal/rig"
)

// A sample is how things stand at one moment.
type sample struct {
	at       time.Duration
	arrived  int
	pending  float64 // records that wait in the store, the ones being sent too
	lag      float64 // of reading, seconds
	lagBytes float64
	oldest   float64 // age of the oldest record that waits, seconds
	resident int64   // of the bridge, bytes
	peak     int64   // ever, bytes
	store    int64   // size of the store, bytes
}

// sample asks the bridge's own metrics, the kernel, and the store.
func (l *load) sample(ctx context.Context) (s sample, err error) {
	if err := l.count(); err != nil {
		return s, err
	}
	s.arrived = l.distinct
	metrics, err := l.metrics(ctx)
	if err != nil {
		return s, err
	}
	s.pending = metrics[`talkbridge_outbox_records{status="pending"}`] + metrics[`talkbridge_outbox_records{status="sending"}`]
	s.lag, s.lagBytes, s.oldest = metrics["talkbridge_source_lag_seconds"], metrics["talkbridge_source_lag_bytes"], metrics["talkbridge_outbox_oldest_seconds"]
	if s.resident, s.peak, err = rig.Memory(l.bridge.Pid()); err != nil {
		return s, err
	}
	s.store, err = l.storeSize(ctx)
	return s, err
}

func (l *load) metrics(ctx context.Context) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.bridge.Admin+"/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("ask for metrics: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for metrics: %w", err)
	}
	defer resp.Body.Close()
	values := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, text, ok := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); ok && err == nil {
			values[name] = value
		}
	}
	return values, lines.Err()
}

// storeSize is Redis' used memory, or the size of the file.
func (l *load) storeSize(ctx context.Context) (int64, error) {
	if l.redis == nil {
		info, err := os.Stat(filepath.Join(l.dir, "talkbridge.db"))
		if err != nil {
			return 0, fmt.Errorf("look at the store: %w", err)
		}
		return info.Size(), nil
	}
	client := redis.NewClient(&redis.Options{Addr: l.redis.Addr, DisableIdentity: true})
	defer client.Close() //nolint:errcheck // only read
	text, err := client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("look at the store: %w", err)
	}
	_, rest, _ := strings.Cut(text, "used_memory:")
	used, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.ParseInt(used, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("look at the store: %w", err)
	}
	return n, nil
}

// A watch follows a run.
type watch struct {
	l     *load
	begun time.Time
	empty sample // before anything was submitted

	samples []sample
	written time.Duration // when the last was committed
	read    time.Duration // when the last was in the store
}

// until watches until everything was submitted and has arrived.
func (w *watch) until(ctx context.Context, written <-chan error) error {
	say("      time    arrived    waiting  reading lags   oldest waits  resident      store")
	next := time.Duration(0)
	for still := time.Now(); ; {
		select {
		case err := <-written:
			if err != nil {
				return err
			}
			w.written, written = time.Since(w.begun), nil
			say("  all %d are committed after %v", w.l.records, w.written.Round(time.Second))
		default:
		}
		s, err := w.l.sample(ctx)
		if err != nil {
			return err
		}
		s.at = time.Since(w.begun)
		if len(w.samples) == 0 || s.arrived > w.samples[len(w.samples)-1].arrived {
			still = time.Now()
		}
		w.samples = append(w.samples, s)
		if written == nil && w.read == 0 && s.lagBytes == 0 {
			w.read = s.at
		}
		done := written == nil && s.arrived == w.l.records
		if s.at >= next || done {
			next += w.l.every
			say("%10v %10d %10.0f %11.1f s %12.0f s %6.1f MB %7.0f MB", s.at.Round(time.Second), s.arrived, s.pending, s.lag, s.oldest,
				float64(s.resident)/(1<<20), float64(s.store)/(1<<20))
		}
		if done {
			return nil
		}
		if time.Since(still) > 2*time.Minute {
			return fmt.Errorf("nothing arrives any more: %d of %d", s.arrived, w.l.records)
		}
		rig.Pause(ctx, time.Second)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// summary prints the figures.
func (w *watch) summary() {
	last := w.samples[len(w.samples)-1]
	var most, lag sample
	resident := int64(0)
	for _, s := range w.samples {
		if s.pending > most.pending {
			most = s
		}
		if s.lag > lag.lag {
			lag = s
		}
		resident = max(resident, s.resident)
	}
	per := func(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }
	rate := "no limit"
	if w.l.rate > 0 {
		rate = fmt.Sprintf("%v a second", w.l.rate)
	}
	say("\nplatform.rate: %s, platform.concurrency: %d, store: %s", rate, w.l.concurrency, w.l.store)
	say("committed:       %d records in %v, %.0f a second", w.l.records, w.written.Round(time.Second), per(w.l.records, w.written))
	say("read:            all in the store after %v, %.0f a second; reading lagged %.1f s at most", w.read.Round(time.Second), per(w.l.records, w.read), lag.lag)
	say("delivered:       after %v, %.0f a second", last.at.Round(time.Second), per(w.l.records, last.at))
	say("bridge resident: %.1f MB at most (%.1f MB before), ever %.1f MB", float64(resident)/(1<<20), float64(w.empty.resident)/(1<<20), float64(last.peak)/(1<<20))
	if most.pending > 0 {
		say("store:           %.0f MB with %.0f records waiting and %d delivered: %.0f bytes a record", float64(most.store)/(1<<20), most.pending,
			most.arrived, float64(most.store-w.empty.store)/(most.pending+float64(most.arrived)))
	}
	say("                 %.0f MB with all delivered: %.0f bytes a record", float64(last.store)/(1<<20), float64(last.store-w.empty.store)/float64(w.l.records))
}
