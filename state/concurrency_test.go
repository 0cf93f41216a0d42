package state_test

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

func TestEmbeddedLosesNothingUnderWorkers(t *testing.T) {
	runWorkers(t, embeddedWorld(t))
}

func TestRedisLosesNothingUnderWorkers(t *testing.T) {
	r := testserver.StartRedis(t)
	runWorkers(t, redisWorld(t, r.URL(), r.URL(), "workers"))
}

const (
	records, versions = 10, 12
	workers           = 6
	leaseTTL          = time.Minute
)

// A plant is some workers, what they have in hand, and what they have seen.
type plant struct {
	t *testing.T
	w *storetest.World

	// moving is held for reading while a worker holds a lease, so that time moves only where every lease that is still there was
	// left behind by a crash.
	moving sync.RWMutex

	mu        sync.Mutex // guards the rest
	inHand    map[string]bool
	sent      map[string]int // the highest version that went out
	delivered map[string]int // the version of the last settlement as delivered
	appended  bool           // all of them
}

// runWorkers submits versions of a few records while workers deliver them, fail, crash, give back and reject. Afterwards the
// last content that was delivered of each record is the last that was submitted.
func runWorkers(t *testing.T, w *storetest.World) {
	t.Helper()
	p := &plant{t: t, w: w, inHand: map[string]bool{}, sent: map[string]int{}, delivered: map[string]int{}}
	var group sync.WaitGroup
	group.Go(p.submit)
	for range workers {
		group.Go(p.work)
	}
	group.Wait()
	for i := range records {
		require.Equal(t, versions, p.delivered[bridge.RecordID("one", strconv.Itoa(i))], "record %d", i)
	}
	counts, _, err := w.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, records, counts[bridge.StatusDelivered])
}

func (p *plant) submit() {
	defer func() {
		p.mu.Lock()
		p.appended = true
		p.mu.Unlock()
	}()
	epoch, _, err := p.w.Lead(p.t.Context(), "a", 10000*time.Hour)
	if err != nil {
		p.t.Error(err)
		return
	}
	next := map[int]int{}
	pos := uint64(0)
	for len(next) < records || !allAt(next, versions) {
		var changes []bridge.Change
		for range 1 + rand.IntN(3) {
			i := rand.IntN(records)
			if next[i] == versions {
				continue
			}
			next[i]++
			pos++
			at := bridge.Coordinates{Server: "s", File: "binlog.000001", Pos: pos}
			changes = append(changes, storetest.Change("one", strconv.Itoa(i), strconv.Itoa(next[i]), at, p.w.Now()))
		}
		queued, err := p.w.Append(p.t.Context(), epoch, changes, &bridge.Checkpoint{Pos: pos})
		if err != nil || queued != len(changes) {
			p.t.Errorf("%d of %d changes were taken: %v", queued, len(changes), err)
			return
		}
	}
}

func allAt(n map[int]int, want int) bool {
	for _, v := range n {
		if v != want {
			return false
		}
	}
	return true
}

func (p *plant) work() {
	limit := time.Now().Add(2 * time.Minute)
	for !p.done() {
		if !assert.True(p.t, time.Now().Before(limit), "the workers do not come to an end") {
			return
		}
		if p.turn() == 0 { // nothing due: let time pass, and with it the leases of those who crashed
			p.moving.Lock()
			p.w.Advance(leaseTTL)
			p.moving.Unlock()
		}
	}
}

func (p *plant) done() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.t.Failed() {
		return true
	}
	counts, _, err := p.w.Counts(p.t.Context())
	return !assert.NoError(p.t, err) || p.appended && counts[bridge.StatusDelivered] == records
}

// turn leases a few records and does something to each.
func (p *plant) turn() int {
	p.moving.RLock()
	defer p.moving.RUnlock()
	leases, err := p.w.Lease(p.t.Context(), 1+rand.IntN(3), leaseTTL)
	if err != nil {
		p.t.Error(err)
		return 0
	}
	for _, l := range leases {
		p.call(l)
	}
	return len(leases)
}

func (p *plant) call(l bridge.Lease) {
	ctx := p.t.Context()
	version, err := strconv.Atoi(l.Change.Columns["thnr"].Text)
	if err != nil {
		p.t.Error(err)
		return
	}
	p.mu.Lock()
	assert.False(p.t, p.inHand[l.ID], "%s is under two leases", l.ID)
	assert.GreaterOrEqual(p.t, version, p.sent[l.ID], "older content of %s goes out after newer", l.ID)
	p.inHand[l.ID] = true
	p.sent[l.ID] = version
	p.mu.Unlock()

	what := rand.IntN(10)
	p.mu.Lock()
	p.inHand[l.ID] = false // from the settlement on another may have it
	if what > 3 {
		p.delivered[l.ID] = version
	}
	p.mu.Unlock()
	switch what {
	case 0: // crash: the lease is never settled
	case 1:
		err = p.w.Settle(ctx, l, bridge.Settlement{Verdict: bridge.VerdictRetry, After: time.Duration(rand.IntN(3)) * time.Second})
	case 2:
		err = p.w.Release(ctx, l)
	case 3:
		err = p.w.Settle(ctx, l, bridge.Settlement{Verdict: bridge.VerdictRejected, Code: "1"})
		if err == nil {
			err = p.w.Retry(ctx, l.ID)
		}
		if err != nil && assert.ErrorIs(p.t, err, state.ErrNoContent, "delivered by another meanwhile") {
			err = nil
		}
	default:
		err = p.w.Settle(ctx, l, bridge.Settlement{Verdict: bridge.VerdictDelivered})
	}
	assert.NoError(p.t, err)
}
