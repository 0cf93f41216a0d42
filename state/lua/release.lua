-- release: end a lease as if it had not been given.
--
-- KEYS  1-6 see common.lua
-- ARGV  1 see common.lua
--       2 id, 3 token of the lease
--       4 channel to wake workers by
-- Returns 'ok' or 'lost' (the lease is not the record's).

local now, id = clock(), ARGV[2]
local r = load(id)
if not r or r.token ~= ARGV[3] or r.ends == 0 then return 'lost' end
r.ends, r.token, r.due = 0, NONE, now
if r.attempts > 0 then r.attempts = r.attempts - 1 end -- 0: newer content came meanwhile
save(id, r)
flush()
redis.pcall('PUBLISH', ARGV[4], '')
return 'ok'
