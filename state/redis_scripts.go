package state

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// redisClock gives milliseconds of Redis' own clock. Tests put another in its place.
const redisClock = `
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
`

// The scripts. Each file begins with its contract.
var (
	//go:embed lua/common.lua
	luaCommon string
	//go:embed lua/grant.lua
	luaGrant string
	//go:embed lua/append.lua
	luaAppend string
	//go:embed lua/lease.lua
	luaLease string
	//go:embed lua/take.lua
	luaTake string
	//go:embed lua/settle.lua
	luaSettle string
	//go:embed lua/release.lua
	luaRelease string
	//go:embed lua/next.lua
	luaNext string
	//go:embed lua/scan.lua
	luaScan string
	//go:embed lua/look.lua
	luaLook string
	//go:embed lua/counts.lua
	luaCounts string
	//go:embed lua/retry.lua
	luaRetry string
	//go:embed lua/discard.lua
	luaDiscard string
	//go:embed lua/lead.lua
	luaLead string
	//go:embed lua/lock.lua
	luaLock string
	//go:embed lua/unlock.lua
	luaUnlock string
	//go:embed lua/drop.lua
	luaDrop string
	//go:embed lua/pause.lua
	luaPause string
	//go:embed lua/resume.lua
	luaResume string
	//go:embed lua/import.lua
	luaImport string
	//go:embed lua/anchor.lua
	luaAnchor string
	//go:embed lua/submit.lua
	luaSubmit string
)

// scripts are sent by their hash; the text goes over only where Redis does not have it (any more).
type scripts struct {
	append, lease, take, settle, release, next *redis.Script
	scan, look, counts, retry, discard         *redis.Script
	lead, lock, unlock, drop                   *redis.Script
	pause, resume, imports, anchor, submit     *redis.Script
}

func loadScripts(clock string) scripts {
	plain := func(body string) *redis.Script { return redis.NewScript(clock + body) }
	records := func(body string) *redis.Script { return redis.NewScript(clock + luaCommon + body) }
	return scripts{
		append: records(luaGrant + luaAppend), lease: records(luaGrant + luaLease), take: records(luaTake), settle: records(luaSettle), release: records(luaRelease),
		next: plain(luaNext), scan: plain(luaScan), look: records(luaLook), counts: records(luaCounts), retry: records(luaRetry),
		discard: records(luaDiscard), lead: plain(luaLead), lock: plain(luaLock), unlock: plain(luaUnlock), drop: plain(luaDrop),
		pause: plain(luaPause), resume: plain(luaResume), imports: records(luaImport),
		anchor: plain(luaAnchor), submit: records(luaSubmit),
	}
}
