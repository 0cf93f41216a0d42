-- retry: make a rejected record pending again, and one that waits due at once.
--
-- KEYS  1-6 see common.lua
-- ARGV  1 see common.lua
--       2 id
--       3 channel to wake workers by
-- Returns 'ok', 'none' (no such record) or 'gone' (its content is).

local now, id = clock(), ARGV[2]
local r = load(id)
if not r then return 'none' end
if r.status == 'p' and r.ends > now then return 'ok' end -- it is being sent
if r.status == 'p' then
  r.ends, r.token, r.due = 0, NONE, now
elseif content_of(r) == '' then
  return 'gone'
else
  r.status, r.since, r.due, r.attempts, r.outcome = 'p', now, now, 0, ''
end
save(id, r)
flush()
redis.pcall('PUBLISH', ARGV[3], '')
return 'ok'
