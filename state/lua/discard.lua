-- discard: give a record up, its content at once.
--
-- KEYS  1-6 see common.lua
-- ARGV  1 see common.lua
--       2 id
-- Returns 'ok', 'none' (no such record), 'gone' (it was delivered) or 'sending' (a call is in flight).

local now, id = clock(), ARGV[2]
local r = load(id)
if not r then return 'none' end
if r.status == 'x' then return 'ok' end
if r.status == 'd' then return 'gone' end
if r.ends > now then return 'sending' end
r.status, r.since, r.due, r.ends, r.token, r.content = 'x', now, 0, 0, NONE, ''
save(id, r)
flush()
return 'ok'
