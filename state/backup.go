package state

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"talkbridge/internal/bridge"
)

// A Summary is what a backup holds.
type Summary struct {
	Namespace string                `json:"namespace"`
	CreatedAt time.Time             `json:"created_at"`
	Records   int                   `json:"records"`
	Statuses  map[bridge.Status]int `json:"statuses"` // a record that was being sent counts as pending
	Position  *bridge.Checkpoint    `json:"-"`        // nil: none was saved
	Digest    string                `json:"digest"`   // over all records: equal where two stores of one state.key hold the same
	Bytes     int64                 `json:"bytes"`
	// Unreadable is how many contents do not open; in a store they are put aside when their turn comes.
	Unreadable int `json:"unreadable"`
}

// A Progress is told from time to time how many records are done of about how many.
type Progress func(done, total int)

// progressStep is how many records go by between two calls of a Progress.
const progressStep = 1000

func (p Progress) tell(done, total int, last bool) {
	if p != nil && (last || done%progressStep == 0) {
		p(done, max(done, total))
	}
}

// Backup writes the namespace to w while others go on working with it: position, outbox and ledger, without the token. A lease is
// void in it. The position is not later than any record, so what the bridge does meanwhile is done again after a restore, and
// nothing is missing. It holds one batch of records in memory (on Redis, 16 bytes of each besides).
func (s *Store) Backup(ctx context.Context, w io.Writer, progress Progress) (Summary, error) {
	out := bufio.NewWriterSize(w, chunkTarget)
	b, header, err := newBackupWriter(out, s.backupKey, s.namespace, s.now())
	if err != nil {
		return Summary{}, fmt.Errorf("backup: %w", err)
	}
	sum := Summary{Namespace: header.Namespace, CreatedAt: header.CreatedAt}
	total := 0
	begin := func(checkpoint []byte, n int) error {
		total = n
		if sum.Position, err = decodePosition(checkpoint); err != nil {
			return err
		}
		return b.position(checkpoint)
	}
	err = s.back.export(ctx, begin, func(id string, packed []byte) error {
		r := voidLease(packed)
		if !s.opens(id, r) {
			sum.Unreadable++
		}
		progress.tell(b.trailer.Records+1, total, false)
		return b.record(id, r)
	})
	if err != nil {
		return Summary{}, fmt.Errorf("backup: %w", err)
	}
	if err := b.end(); err != nil {
		return Summary{}, fmt.Errorf("backup: %w", err)
	}
	if err := out.Flush(); err != nil {
		return Summary{}, fmt.Errorf("backup: %w", err)
	}
	progress.tell(b.trailer.Records, total, true)
	sum.Records, sum.Statuses, sum.Digest, sum.Bytes = b.trailer.Records, statusCounts(b.trailer.Statuses), b.trailer.Digest, b.bytes
	return sum, nil
}

// voidLease reads a packed record and takes its lease away: whoever had it is not there when the backup is restored. What cannot
// be read is kept as a rejected record with its bytes, as Lease would have put it aside.
func voidLease(packed []byte) *rec {
	r, err := decodeRec(packed)
	if err != nil {
		return damaged(packed, 0)
	}
	r.until, r.token = 0, leaseToken{}
	return r
}

// opens tells whether a record's content, if it has one, can be read.
func (s *Store) opens(id string, r *rec) bool {
	if len(r.content) == 0 {
		return true
	}
	_, err := s.seal.open(purposeContent, id, r.content)
	return err == nil
}

func decodePosition(checkpoint []byte) (*bridge.Checkpoint, error) {
	if len(checkpoint) == 0 {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	var cp bridge.Checkpoint
	if err := json.Unmarshal(checkpoint, &cp); err != nil {
		return nil, fmt.Errorf("read the checkpoint: it is damaged: %w", err)
	}
	return &cp, nil
}

func statusCounts(counted map[string]int) map[bridge.Status]int {
	out := map[bridge.Status]int{}
	for _, status := range bridge.Statuses() {
		if status != bridge.StatusSending {
			out[status] = counted[string(status)]
		}
	}
	return out
}

// Verify reads a backup to its end and says what it holds. It needs the key, but no store. Its errors are ErrNotBackup,
// ErrWrongKey, ErrTruncated and ErrAltered, each with what to do.
func Verify(ctx context.Context, r io.Reader, key bridge.Secret, progress Progress) (Summary, error) {
	backupKey, err := DeriveKey(key, purposeBackup)
	if err != nil {
		return Summary{}, err
	}
	b, err := newBackupReader(r, backupKey)
	if err != nil {
		return Summary{}, err
	}
	seal, err := newSealer(b.header.Namespace, key)
	if err != nil {
		return Summary{}, err
	}
	s := &Store{seal: seal}
	var sum Summary
	return b.summarize(&sum, func(id string, packed []byte) error {
		if !s.opens(id, voidLease(packed)) {
			sum.Unreadable++
		}
		progress.tell(b.records, 0, false)
		return ctx.Err()
	})
}

// summarize reads everything, fills sum and returns it.
func (r *backupReader) summarize(sum *Summary, record func(id string, packed []byte) error) (Summary, error) {
	position := func(checkpoint []byte) (err error) {
		sum.Position, err = decodePosition(checkpoint)
		return err
	}
	if err := r.all(position, record); err != nil {
		return Summary{}, err
	}
	sum.Namespace, sum.CreatedAt = r.header.Namespace, r.header.CreatedAt
	sum.Records, sum.Statuses, sum.Digest, sum.Bytes = r.records, statusCounts(r.counted), r.set.String(), r.bytes
	return *sum, nil
}
