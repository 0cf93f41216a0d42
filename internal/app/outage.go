package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// An outage remembers whether the store answers, so that a long one is said twice, not once a second.
type outage struct {
	mu    sync.Mutex // guards since
	since time.Time  // zero: it answers
}

// note takes in how an attempt went: whether an outage begins or ends with it, and how long it was.
func (o *outage) note(err error) (begun, ended bool, length time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err != nil && o.since.IsZero():
		o.since = time.Now()
		return true, false, 0
	case err == nil && !o.since.IsZero():
		length = time.Since(o.since)
		o.since = time.Time{}
		return false, true, length
	default:
		return false, false, 0
	}
}

// wayOut is what an operator does about an answer of Redis.
type wayOut struct{ said, advice string }

func waysOut() []wayOut {
	return []wayOut{
		{"OOM ", "Redis is at its memory limit and takes nothing new; what waits in it goes on being delivered. Raise maxmemory, or wait until enough is delivered"},
		{"READONLY", "This Redis is a replica and takes no writes. Point state.url at the master, or make this one the master (REPLICAOF NO ONE)"},
		{"MISCONF", "Redis cannot write to its disk and takes nothing new. Look into its log and at the space on its disk"},
		{"LOADING", "Redis has just started and reads its file; it answers when it is done"},
		{"NOREPLICAS", "Redis waits for its replicas (min-replicas-to-write). See that they run and are connected"},
		{"MASTERDOWN", "This Redis is a replica that has lost its master. It answers when the master is back or another one is elected"},
		{"CLUSTERDOWN", "The Redis Cluster lacks a master for some of its slots. See that its nodes run"},
		{"BUSY ", "Redis is busy with another client's script. Look with SLOWLOG GET who runs it"},
		{"NOAUTH", "Check user and password in state.url"},
		{"WRONGPASS", "Check user and password in state.url"},
		{"NOPERM", "The account in state.url lacks a right; ACL LOG on the server names it"},
		{"all sentinels specified in configuration are unreachable", "No Sentinel answers. See that they run"},
	}
}

// explained adds to an error of the store what to do about it, where that is not plain from what the store said.
func explained(err error) error {
	if err == nil || errors.Is(err, state.ErrFenced) || errors.Is(err, state.ErrLeaseLost) {
		return err
	}
	text := err.Error()
	for _, w := range waysOut() {
		if strings.Contains(text, w.said) {
			return fmt.Errorf("%w. %s", err, w.advice)
		}
	}
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w. Redis did not answer in time, or this machine stood still: see that Redis runs and is not overloaded; the bridge goes on by itself", err)
	case errors.As(err, &network) || strings.HasSuffix(text, "EOF"):
		return fmt.Errorf("%w. Redis cannot be reached: see that it runs and that nothing is in the way; the bridge goes on by itself", err)
	}
	return err
}

// deliveries is the store as the delivery sees it: the same, with errors that say what to do.
type deliveries struct{ *state.Store }

func (d deliveries) Lease(ctx context.Context, n int, ttl time.Duration) ([]bridge.Lease, error) {
	leases, err := d.Store.Lease(ctx, n, ttl)
	return leases, explained(err)
}

func (d deliveries) Settle(ctx context.Context, l bridge.Lease, s bridge.Settlement) error {
	return explained(d.Store.Settle(ctx, l, s))
}

func (d deliveries) Expect(ctx context.Context, n int, ttl time.Duration) error {
	return explained(d.Store.Expect(ctx, n, ttl))
}

func (d deliveries) Release(ctx context.Context, l bridge.Lease) error {
	return explained(d.Store.Release(ctx, l))
}

func (d deliveries) NextDue(ctx context.Context) (time.Duration, bool, error) {
	due, ok, err := d.Store.NextDue(ctx)
	return due, ok, explained(err)
}
