package state

import (
	"context"
	"time"

	"talkbridge/internal/bridge"
)

// A backend keeps the state machine. It sees ids, times, sealed texts and digests, never a row's content, and each of its
// methods is one atomic step. Where a rule is meant, Redis has it in lua/common.lua and the embedded store in rules.go; the
// two are the same rule twice, and storetest holds them together.
type backend interface {
	outbox
	ledger
	singles
	vault

	// watch calls hint when another process appended, until close.
	watch(hint func())
	warnings(ctx context.Context) []string
	close() error
}

// outbox is what waits, and who has it.
type outbox interface {
	// append submits entries in order and saves checkpoint (JSON; nil: none; forgotten: takes
	// the saved one away) in one write, if f is still the leader.
	append(ctx context.Context, f fence, entries []entry, checkpoint []byte) (queued int, err error)
	// submit submits entries in order, whoever leads; again: see Submit.
	submit(ctx context.Context, entries []entry, again bool) (queued int, err error)
	// lease gives out at most limit records that are due, and forgets a few whose retention is over.
	lease(ctx context.Context, limit int, ttl time.Duration, token leaseToken) ([]held, error)
	// expect lets the next append lease at most limit records that are due then, in its own write; the next lease gives them out. 0 takes
	// that back, and gives back what was leased so and not given out.
	expect(ctx context.Context, limit int, ttl time.Duration, token leaseToken) error
	// take leases one record that waits, due or not and unless delivery is paused, after submitting change, if there is one.
	take(ctx context.Context, id string, change *entry, ttl time.Duration, token leaseToken) (held, error)
	// settle ends leases in one write, each for itself: what became of list[i] is in ended[i]. After an error it is known of none.
	settle(ctx context.Context, list []ending) (ended []ended, err error)
	release(ctx context.Context, l leaseRef) error
	// nextDue is how long until the first record is due, 0 or less for now; false: nothing waits.
	nextDue(ctx context.Context) (time.Duration, bool, error)
}

// forgotten stands in the place of a checkpoint that is taken away.
const forgotten = "null"

// ledger is what became of each.
type ledger interface {
	// scan lists an index, newest first, from after on (nil: from the newest).
	scan(ctx context.Context, index byte, after *mark, limit int) ([]mark, error)
	// load reads records without their content. A missing one is nil. now is the store's clock.
	load(ctx context.Context, ids []string) (recs []*rec, now int64, err error)
	counts(ctx context.Context) (tally, error)
	retry(ctx context.Context, id string) error
	discard(ctx context.Context, id string) error
}

// singles are the values of which there is one.
type singles interface {
	checkpoint(ctx context.Context) (json []byte, savedAt int64, err error) // nil: none
	lead(ctx context.Context, c claim) (grant, error)
	resign(ctx context.Context, owner string) error
	// token values start with the print that dropToken compares.
	token(ctx context.Context) ([]byte, error) // nil: none
	saveToken(ctx context.Context, value []byte) error
	dropToken(ctx context.Context, meant [printSize]byte) error
	lockToken(ctx context.Context, owner string, ttl time.Duration) (bool, error)
	unlockToken(ctx context.Context, owner string) error
	// keepCanary keeps value if there is none yet, and returns the one that is kept.
	keepCanary(ctx context.Context, value []byte) ([]byte, error)
	// anchor keeps row (JSON with n) for an audit log, unless a row with a greater n is kept. anchors gives all rows.
	anchor(ctx context.Context, log string, n uint64, row []byte) error
	anchors(ctx context.Context) ([][]byte, error)
	// saveReconciled keeps rows (JSON by route) in the place of those of the same routes; reconciled gives all.
	saveReconciled(ctx context.Context, rows map[string][]byte) error
	reconciled(ctx context.Context) (map[string][]byte, error)
}

// vault is what stops delivery, and what carries a namespace away and back.
type vault interface {
	// pause stops leases; a note that is there stays unless replace. false: it was paused already.
	pause(ctx context.Context, note []byte, replace bool) (bool, error)
	// resume grants leases again if the pause has this note. false: it has not.
	resume(ctx context.Context, note []byte) (bool, error)
	paused(ctx context.Context) (note []byte, since int64, err error) // nil: not paused

	// export gives the position, and the number of records there are about now, to begin, then each record to each, once. The
	// position is not later than any record: what it covers is in the records.
	export(ctx context.Context, begin func(checkpoint []byte, total int) error, each func(id string, packed []byte) error) error
	// clear removes records, position and what reconciling them found. Who leads, the token and a pause stay.
	clear(ctx context.Context) error
	// imports puts records in, each in the place of what is there, if owner leads under epoch.
	imports(ctx context.Context, owner string, epoch uint64, items []item) error
}

// An item is a packed record on its way into or out of a backup.
type item struct {
	id     string
	packed []byte
}

// An entry is a sealed change on its way into the outbox.
type entry struct {
	id      string
	scanned bool // found by a scan: skipped when the record's newest content is the same
	ident   ident
	content []byte
	change  bridge.Change // what content holds
}

// A leaseRef names a lease in settle and release.
type leaseRef struct {
	id    string
	token leaseToken
	seq   uint32
}

// An ending is what a lease is settled with.
type ending struct {
	leaseRef

	verdict byte
	after   time.Duration // for a retry
	outcome []byte        // JSON
}

// ended is what became of an ending. dueNow: newer content waits already.
type ended struct {
	dueNow bool
	err    error // ErrLeaseLost
}

// held is a record that was just leased.
type held struct {
	id string
	*rec

	end    time.Time      // of the lease, by this process's clock; zero: it was given just now
	change *bridge.Change // what the content holds, where this process has sealed it a moment ago; else nil
}

// A mark is a place in an index: the index's time and the record there.
type mark struct {
	at int64 // milliseconds
	id string
}

// tally is the outbox in figures.
type tally struct {
	pending, rejected, delivered, discarded int // pending includes sending
	sending                                 int
	oldest                                  int64 // when the pending record that waits longest was submitted; 0: none
}

// A fence says who writes, and which of its writes this is. The store counts the writes of its leaders. This writer knows that
// write number low arrived and does not know of those between low and this one: replies get lost. A count below low means that
// the store went back in time (its last second was lost, an older copy was restored) and that positions and outbox of this
// writer's making went with it; a count that equals write means that this very write arrived before.
type fence struct {
	owner      string
	epoch      uint64
	low, write uint64
}

// A claim asks for leadership. epoch, low and high are what this process knows of its own leadership, zero if it has none;
// seen is the highest epoch that it ever saw, so that epochs grow even if the store forgot them.
type claim struct {
	owner     string
	ttl       time.Duration
	epoch     uint64
	low, high uint64
	seen      uint64
}

// A grant answers a claim. writes is the store's count of writes.
type grant struct {
	ok     bool
	epoch  uint64
	writes uint64
}
