package state

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"talkbridge/internal/bridge"
)

// A record's statuses as both back ends keep them. "Sending" is not one: it is pending with a lease that has not run out, so
// that a crash needs no repair.
const (
	pending   = 'p'
	rejected  = 'r'
	delivered = 'd'
	discarded = 'x'

	// leased is no status but an index: the records under a lease, by its end.
	leased = 's'
)

// The verdicts of settle.
const (
	verdictDelivered = 'd'
	verdictRetry     = 't'
	verdictRejected  = 'r'
)

const (
	recVersion = 1
	identSize  = 96
	tokenSize  = 8
	// headSize is everything up to the outcome's text.
	headSize = 1 + 1 + 4 + 4 + 8 + 8 + 8 + tokenSize + identSize + 4
)

// leaseToken names a lease; all zero is none.
type leaseToken [tokenSize]byte

// A rec is a record as it is kept: one packed value, little-endian, the same bytes in both back ends. One value, because in
// Redis a hash with fields of more than 64 bytes costs some 60 bytes for each field, which for a record of 2 KB would be more
// than half of it; this head is 142.
//
//	byte version, byte status, u32 seq, u32 attempts, u64 since, u64 due, u64 until, 8 token, 96 ident, u32 n, n outcome, content
//
// Times are milliseconds of the store's clock. lua/common.lua reads and writes the same.
type rec struct {
	status   byte
	seq      uint32 // grows with every submission
	attempts uint32 // leases given for this submission
	since    int64  // when it got this status; for a pending record, when it was submitted
	due      int64  // when it may be leased
	until    int64  // the end of its lease; 0: it is not leased
	token    leaseToken
	ident    ident
	outcome  []byte // JSON of outcome; empty: none
	content  []byte // sealed; empty: gone
}

var errDamaged = errors.New("the record is damaged")

func (r *rec) encode() []byte {
	b := make([]byte, 0, headSize+len(r.outcome)+len(r.content))
	b = append(b, recVersion, r.status)
	b = binary.LittleEndian.AppendUint32(b, r.seq)
	b = binary.LittleEndian.AppendUint32(b, r.attempts)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.since))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.due))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.until))
	b = append(b, r.token[:]...)
	b = append(b, r.ident[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.outcome)))
	b = append(b, r.outcome...)
	return append(b, r.content...)
}

// decodeRec reads what encode wrote. The result shares nothing with b.
func decodeRec(b []byte) (*rec, error) {
	r, err := readRec(b)
	if err != nil {
		return nil, err
	}
	r.outcome, r.content = slices.Clone(r.outcome), slices.Clone(r.content)
	return r, nil
}

// readRec is decodeRec for bytes that nobody else uses: the result's texts are pieces of them.
func readRec(b []byte) (*rec, error) {
	if len(b) < headSize || b[0] != recVersion {
		return nil, errDamaged
	}
	r := &rec{
		status:   b[1],
		seq:      binary.LittleEndian.Uint32(b[2:]),
		attempts: binary.LittleEndian.Uint32(b[6:]),
		since:    int64(binary.LittleEndian.Uint64(b[10:])),
		due:      int64(binary.LittleEndian.Uint64(b[18:])),
		until:    int64(binary.LittleEndian.Uint64(b[26:])),
	}
	copy(r.token[:], b[34:])
	copy(r.ident[:], b[42:])
	n, rest := binary.LittleEndian.Uint32(b[headSize-4:]), b[headSize:]
	if uint64(n) > uint64(len(rest)) {
		return nil, errDamaged
	}
	r.outcome, r.content = rest[:n:n], rest[n:]
	return r, nil
}

// leasedAt tells whether a lease is on the record at now.
func (r *rec) leasedAt(now int64) bool { return r.until > now }

// statusAt is the record's status as the world sees it.
func (r *rec) statusAt(now int64) bridge.Status {
	switch r.status {
	case pending:
		if r.leasedAt(now) {
			return bridge.StatusSending
		}
		return bridge.StatusPending
	case rejected:
		return bridge.StatusRejected
	case delivered:
		return bridge.StatusDelivered
	default:
		return bridge.StatusDiscarded
	}
}

// An outcome is how the last call ended. The back ends keep it unread.
type outcome struct {
	Stage    bridge.Stage     `json:"stage,omitempty"`
	Code     string           `json:"code,omitempty"`
	Message  string           `json:"message,omitempty"`
	Problems []bridge.Problem `json:"problems,omitempty"`
}

// public is what the ledger shows of the record.
func (r *rec) public(id string, now int64) (bridge.Record, error) {
	route, key, _ := bridge.SplitRecordID(id)
	out := bridge.Record{
		ID: id, Route: route, Key: key, Status: r.statusAt(now), Attempts: int(r.attempts),
		CommittedAt: r.ident.committedAt(), CapturedAt: r.ident.capturedAt(),
	}
	switch r.status {
	case pending:
		out.DueAt = shown(time.UnixMilli(max(r.due, r.until)))
	case delivered:
		out.DeliveredAt = shown(time.UnixMilli(r.since))
	}
	if len(r.outcome) == 0 {
		return out, nil
	}
	var o outcome
	if err := json.Unmarshal(r.outcome, &o); err != nil {
		return out, fmt.Errorf("read the outcome of record %s: %w", id, err)
	}
	out.Stage, out.Code, out.Message, out.Problems = o.Stage, o.Code, o.Message, o.Problems
	return out, nil
}
