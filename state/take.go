package state

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"talkbridge/internal/bridge"
)

// Take leases one record by name, due or not, for somebody who wants it sent now. It is ErrPaused while delivery is paused, ErrNotFound
// for a record that is not there, ErrSending while another has it, and ErrNotWaiting where it was delivered, rejected or discarded.
//
// With a change, which has to be of this record, that is submitted first, in the same atomic step, so that no other worker comes in
// between: as Append does it, but for a change with the content that the record holds already, which is taken too: who asks for a record
// by name wants it sent. A newer event that the record holds stays, and is what the lease gives. While a call is in flight the change
// waits, and is due at once when that call ends. No position is saved, so no lead is needed: what orders a change is its place in the
// log, whoever writes it (Invariants 4 and 7).
//
// The lease is one like any other: what holds for Lease, Settle and Release holds for it.
func (s *Store) Take(ctx context.Context, id string, change *bridge.Change, ttl time.Duration) (bridge.Lease, error) {
	lease, err := s.take(ctx, id, change, ttl)
	if err != nil {
		return bridge.Lease{}, fmt.Errorf("take the record %s: %w", id, err)
	}
	return lease, nil
}

func (s *Store) take(ctx context.Context, id string, change *bridge.Change, ttl time.Duration) (bridge.Lease, error) {
	var submission *entry
	if change != nil {
		if change.ID() != id {
			return bridge.Lease{}, fmt.Errorf("the change is one of %s", change.ID())
		}
		sealed, err := s.sealAll([]bridge.Change{*change})
		if err != nil {
			return bridge.Lease{}, err
		}
		submission = &sealed[0]
		submission.scanned = false // taken even if it says nothing new
	}
	var token leaseToken
	if _, err := rand.Read(token[:]); err != nil {
		return bridge.Lease{}, fmt.Errorf("draw a token: %w", err)
	}
	until := s.now().Add(ttl) // Invariant 3: counted from before the store gave the lease, as in Lease
	h, err := s.back.take(ctx, id, submission, ttl, token)
	if err != nil {
		return bridge.Lease{}, err
	}
	got, err := s.unseal(h)
	if err != nil {
		return bridge.Lease{}, fmt.Errorf("%w: its content does not open, and it is put aside", errors.Join(err, s.rejectUnreadable(ctx, h)))
	}
	return bridge.Lease{
		ID: id, Token: hex.EncodeToString(h.token[:]), Seq: uint64(h.seq), Change: got, Attempts: int(h.attempts) - 1, Until: until,
	}, nil
}
