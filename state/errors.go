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
	// ErrBatchTooLarge says that Append was given more than one atomic write may hold.
	ErrBatchTooLarge = errors.New("too much for one atomic write")
)
