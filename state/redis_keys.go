package state

import "slices"

// A keyring names the keys of one namespace. All have the namespace as hash tag, so that a Cluster keeps them in one slot and
// a script may use them together; an account needs rights on ~talkbridge:{NAMESPACE}:* only.
type keyring struct {
	namespace string
	shelf     []string // see records
}

func newKeyring(namespace string) keyring {
	k := keyring{namespace: namespace}
	k.shelf = []string{
		k.due(), k.leased(), k.status(pending), k.status(rejected), k.status(delivered), k.status(discarded),
	}
	return k
}

func (k keyring) key(name string) string { return "talkbridge:{" + k.namespace + "}:" + name }

// record starts the key of a record; the id follows. String: see rec.
func (k keyring) record() string { return k.key("rec:") }

// due is a sorted set: the ids of pending records by the time they may be leased.
func (k keyring) due() string { return k.key("due") }

// leased is a sorted set: the ids of records under a lease by its end.
func (k keyring) leased() string { return k.key("leased") }

// status is a sorted set: the ids of the records in a status by the time they got it.
func (k keyring) status(index byte) string {
	switch index {
	case pending:
		return k.key("pending")
	case rejected:
		return k.key("failed")
	case delivered:
		return k.key("delivered")
	case leased:
		return k.leased()
	default:
		return k.key("discarded")
	}
}

// leader is a hash: see lua/append.lua.
func (k keyring) leader() string { return k.key("leader") }

// checkpoint is a hash: see lua/append.lua.
func (k keyring) checkpoint() string { return k.key("checkpoint") }

// token is a string: a print of the token and the sealed token.
func (k keyring) token() string { return k.key("token") }

// lock is a hash: see lua/lock.lua.
func (k keyring) lock() string { return k.key("token-lock") }

// canary is a string: a sealed text that proves the key.
func (k keyring) canary() string { return k.key("canary") }

// audit is a hash: see lua/anchor.lua.
func (k keyring) audit() string { return k.key("audit") }

// reconciled is a hash: route → what the last run over its flagged rows found, as JSON.
func (k keyring) reconciled() string { return k.key("reconciled") }

// paused is a hash: see lua/pause.lua.
func (k keyring) paused() string { return k.key("paused") }

// life is a hash: see lua/grant.lua.
func (k keyring) life() string { return k.key("life") }

// wake is a channel: something was appended.
func (k keyring) wake() string { return k.key("wake") }

// records are KEYS 1 to 6 of every script that touches records, and what further keys it takes.
func (k keyring) records(more ...string) []string {
	return append(slices.Clip(k.shelf), more...)
}
