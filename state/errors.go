package state

import "errors"

// What a caller branches on.
var (
	// ErrFenced says that this process does not lead any more, or that the store lost its tail since it last wrote. Nothing was
	// written. The way on is Lead again and, under the new epoch, to resume from Checkpoint.
	ErrFenced = errors.New("not the leader of this store any more")
	// ErrLeaseLost says that the lease is not the record's any more: it ran out and another has the record, or it was given back.
	ErrLeaseLost = errors.New("the lease on the record is lost")
	// ErrLocked says that another process holds the embedded store's file.
	ErrLocked = errors.New("the store's file is in use by another process")
	// ErrWrongKey says that the store was written with another state.key.
	ErrWrongKey = errors.New("state.key is not this store's key")
	// ErrNotFound says that the ledger has no record of that id.
	ErrNotFound = errors.New("no such record")
	// ErrNoContent says that the record's content is gone: it was delivered or discarded.
	ErrNoContent = errors.New("the record was delivered or discarded and its content is gone; only a new submission at the source sends it again")
	// ErrSending says that a call for the record is in flight.
	ErrSending = errors.New("the record is being sent just now, try again in a moment")
	// ErrNotWaiting says that the record was delivered, rejected or discarded.
	ErrNotWaiting = errors.New("the record does not wait to be sent")
	// ErrPaused says that delivery is paused.
	ErrPaused = errors.New("delivery is paused")
	// ErrNotCaughtUp says that nothing was read from the source since a restore, so that what waits may be out of date.
	ErrNotCaughtUp = errors.New("nothing was read from the source since the restore: what waits may be older than what the platform has")
	// ErrHalfRestored says that a restore began and did not come to its end.
	ErrHalfRestored = errors.New("a restore into this store was begun and did not end: run it again, with --replace")
	// ErrNotEmpty says that a restore would replace what is there.
	ErrNotEmpty = errors.New("the store is not empty")
	// ErrInUse says that a bridge listens into the store that is to be replaced.
	ErrInUse = errors.New("a bridge listens into this store")
	// ErrNotBackup says that a file is no backup of talkbridge.
	ErrNotBackup = errors.New("not a backup of talkbridge")
	// ErrTruncated says that a backup ends early.
	ErrTruncated = errors.New("the backup is cut off")
	// ErrAltered says that a backup is not as it was written.
	ErrAltered = errors.New("the backup was altered or is damaged")
	// ErrBatchTooLarge says that Append was given more than one atomic write may hold.
	ErrBatchTooLarge = errors.New("too much for one atomic write")
)
