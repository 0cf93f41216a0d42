package state

import "context"

// setClock reads the time from a key beside the store's own, so that a test moves it for every process at once, waits for
// nothing, and sees the same times in every back end.
const setClock = `
local function clock()
  return tonumber(redis.call('GET', string.match(KEYS[1], '^talkbridge:{[^}]*}:') .. 'test-clock'))
end
`

// OpenAtClock opens a store whose Redis clock is the milliseconds in ClockKey.
func OpenAtClock(ctx context.Context, o Options) (*Store, error) { return open(ctx, o, setClock) }

// ClockKey is where OpenAtClock finds the time.
func ClockKey(namespace string) string { return keyring{namespace}.key("test-clock") }
