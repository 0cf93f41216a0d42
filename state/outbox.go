package state

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"talkbridge/internal/bridge"
)

// What one Append may hold. Redis runs nothing else while it writes a batch (20 to 40 ms for each thousand changes of 2 KB),
// takes no more than 1,048,576 arguments (a change is four) and has the batch in its memory twice meanwhile. The script walks
// its arguments by number and never unpacks them onto Lua's stack, which would end at some 8,000. A larger transaction goes in
// chunks, the checkpoint with the last; a few hundred changes at a time let others in between.
const (
	MaxBatch      = 20_000
	MaxBatchBytes = 128 << 20 // of sealed content
)

// Append submits changes, in order, and saves the checkpoint that covers them; a nil cp saves changes only. queued is how many
// changes were taken: not those that the record holds already as its latest event, nor those older than what it holds, nor a
// scanned one whose columns are what the record already holds, in whatever status.
//
// A submission supersedes one that waits, and makes a record that was delivered, rejected or discarded pending again. While a
// call for the record is in flight it stays leased, and is due as soon as that lease ends.
//
// Invariant 1: changes and position are one atomic write of the back end, all of it or nothing.
// Invariant 7: a process that does not hold the leadership of this epoch writes nothing and gets ErrFenced.
//
// After any other error it is not known whether the write arrived. To call Append again with the same changes is safe.
func (s *Store) Append(ctx context.Context, epoch uint64, changes []bridge.Change, cp *bridge.Checkpoint) (queued int, err error) {
	if len(changes) == 0 && cp == nil {
		return 0, nil
	}
	entries, err := s.sealAll(changes)
	if err != nil {
		return 0, fmt.Errorf("append outbox: %w", err)
	}
	var position []byte
	if cp != nil {
		if position, err = json.Marshal(cp); err != nil {
			return 0, fmt.Errorf("append outbox: encode checkpoint: %w", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.lead.next(epoch)
	if err != nil {
		return 0, fmt.Errorf("append outbox: %w", err)
	}
	queued, err = s.back.append(ctx, f, entries, position)
	if err != nil {
		return 0, fmt.Errorf("append outbox: %w", err)
	}
	s.lead.arrived(f)
	if queued > 0 {
		s.hint()
	}
	return queued, nil
}

func (s *Store) sealAll(changes []bridge.Change) ([]entry, error) {
	if len(changes) > MaxBatch {
		return nil, fmt.Errorf("%w: %d changes, %d are allowed: hand them over in chunks", ErrBatchTooLarge, len(changes), MaxBatch)
	}
	size := 0
	entries := make([]entry, len(changes))
	for i, c := range changes {
		text, columns, err := encodeChange(make([]byte, sealHead), c)
		if err != nil {
			return nil, err
		}
		id, ident := c.ID(), s.seal.ident(c, columns)
		sealed, err := s.seal.sealInPlace(purposeContent, id, text)
		if err != nil {
			return nil, err
		}
		if size += len(sealed); size > MaxBatchBytes {
			return nil, fmt.Errorf("%w: more than %d bytes: hand them over in chunks", ErrBatchTooLarge, MaxBatchBytes)
		}
		entries[i] = entry{id: id, scanned: c.Origin == bridge.OriginScan, ident: ident, content: sealed, change: c}
	}
	return entries, nil
}

// Lease gives out at most limit records that are due, each to nobody else until ttl is over. A lease that runs out makes its
// record due again by itself; the call that it was given for counts as an attempt.
//
// A record whose content does not open (damaged, or sealed with another key) is rejected, with its content kept: it is neither
// given out nor lost.
func (s *Store) Lease(ctx context.Context, limit int, ttl time.Duration) ([]bridge.Lease, error) {
	if limit <= 0 {
		return nil, nil
	}
	var token leaseToken
	if _, err := rand.Read(token[:]); err != nil {
		return nil, fmt.Errorf("lease: draw a token: %w", err)
	}
	// Invariant 3: the deadline that the worker gets is counted from before the store gave the lease, so by any clock that runs
	// at the same pace it is over before the store gives the record to another.
	until := s.now().Add(ttl)
	given, err := s.back.lease(ctx, limit, ttl, token)
	if err != nil {
		return nil, fmt.Errorf("lease: %w", err)
	}
	leases := make([]bridge.Lease, 0, len(given))
	for _, h := range given {
		change, err := s.unseal(h)
		if err != nil {
			if err := s.rejectUnreadable(ctx, h); err != nil {
				return leases, fmt.Errorf("lease: put aside the unreadable record %s: %w", h.id, err)
			}
			continue
		}
		leases = append(leases, bridge.Lease{
			ID: h.id, Token: hex.EncodeToString(h.token[:]), Seq: uint64(h.seq), Change: change,
			Attempts: int(h.attempts) - 1, Until: until,
		})
		if !h.end.IsZero() {
			leases[len(leases)-1].Until = h.end
		}
	}
	return leases, nil
}

// Expect says that workers of this process wait: the next Append may lease up to limit records to them, in its own write, and the next
// Lease gives them out, with as much of their time as is left (see Until of each). It spares a submission its second way to Redis, or its
// second wait for the disk. 0 takes it back, as must whoever will not lease for a while.
func (s *Store) Expect(ctx context.Context, limit int, ttl time.Duration) error {
	var token leaseToken
	if _, err := rand.Read(token[:]); err != nil {
		return fmt.Errorf("expect: draw a token: %w", err)
	}
	if err := s.back.expect(ctx, limit, ttl, token); err != nil {
		return fmt.Errorf("expect: %w", err)
	}
	return nil
}

func (s *Store) unseal(h held) (bridge.Change, error) {
	if h.change != nil {
		return *h.change, nil
	}
	plain, err := s.seal.openInPlace(purposeContent, h.id, h.content)
	if err != nil {
		return bridge.Change{}, err
	}
	return decodeChange(plain)
}

// CodeUnreadable is the code of a record that was rejected because its sealed content does not open.
const CodeUnreadable = "content_unreadable"

func (s *Store) rejectUnreadable(ctx context.Context, h held) error {
	const why = "记录内容无法解密：密钥 state.key 不对，或存储的数据已损坏。请恢复原密钥后重试，或在学工系统中重新递交。"
	o, err := json.Marshal(outcome{
		Stage: bridge.StageMapping, Code: CodeUnreadable, Message: why,
		Problems: []bridge.Problem{{Rule: CodeUnreadable, Message: why}},
	})
	if err != nil {
		return err
	}
	_, err = s.settling.settle(ctx, s.back, ending{leaseRef: leaseRef{h.id, h.token, h.seq}, verdict: verdictRejected, outcome: o})
	return err
}

// Settle ends a lease with what came of the call. If a newer submission arrived meanwhile, the record is due at once with that,
// whatever the verdict: what became of older content counts nothing.
//
// Only the lease that the record is under can be settled, else ErrLeaseLost. A lease that ran out but was given to nobody else
// still settles: the call it was for has ended. A settlement that comes twice, because the reply to the first got lost, is
// accepted and changes nothing.
//
// Settlements that arrive while one is being written are written together, after it: see settlements. Settle returns when its own is
// written, on the disk where the store is a file.
func (s *Store) Settle(ctx context.Context, l bridge.Lease, v bridge.Settlement) error {
	ref, err := refer(l)
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	var verdict byte
	switch v.Verdict {
	case bridge.VerdictDelivered:
		verdict = verdictDelivered
	case bridge.VerdictRetry:
		verdict = verdictRetry
	case bridge.VerdictRejected:
		verdict = verdictRejected
	default:
		return fmt.Errorf("settle: unknown verdict %q", v.Verdict)
	}
	o, err := json.Marshal(outcome{Stage: v.Stage, Code: v.Code, Message: v.Message, Problems: v.Problems})
	if err != nil {
		return fmt.Errorf("settle: encode outcome: %w", err)
	}
	dueNow, err := s.settling.settle(ctx, s.back, ending{ref, verdict, max(v.After, 0), o})
	if err != nil {
		return fmt.Errorf("settle %s: %w", l.ID, err)
	}
	if dueNow || verdict == verdictRetry { // a worker that sleeps until NextDue may have to get up earlier
		s.hint()
	}
	return nil
}

// Release gives a lease back unused: the record is due at once, and the call that was not made does not count.
func (s *Store) Release(ctx context.Context, l bridge.Lease) error {
	ref, err := refer(l)
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if err := s.back.release(ctx, ref); err != nil {
		return fmt.Errorf("release %s: %w", l.ID, err)
	}
	s.hint()
	return nil
}

func refer(l bridge.Lease) (leaseRef, error) {
	ref := leaseRef{id: l.ID, seq: uint32(l.Seq)}
	raw, err := hex.DecodeString(l.Token)
	if err != nil || len(raw) != tokenSize {
		return ref, ErrLeaseLost
	}
	ref.token = leaseToken(raw)
	if ref.token == (leaseToken{}) {
		return ref, ErrLeaseLost
	}
	return ref, nil
}

// NextDue is how long until a record is due, 0 for now; false: nothing waits. A record under a lease counts as due at its end.
func (s *Store) NextDue(ctx context.Context) (time.Duration, bool, error) {
	d, ok, err := s.back.nextDue(ctx)
	if err != nil {
		return 0, false, fmt.Errorf("look for the next due record: %w", err)
	}
	return max(d, 0), ok, nil
}
