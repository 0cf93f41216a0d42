-- settle: end a lease with what came of the call.
--
-- KEYS  1-6 see common.lua
-- ARGV  1 see common.lua
--       2 id, 3 token, 4 seq of the lease
--       5 verdict: d delivered, t retry, r rejected
--       6 for a retry, after how long (milliseconds)
--       7 outcome (JSON), kept unread
-- Returns 'ok', 'due' (ok, and newer content is due at once), or 'lost' (the lease is not the record's).

local now, id = clock(), ARGV[2]
local r = load(id)
if not r or r.token ~= ARGV[3] then return 'lost' end
if r.ends == 0 then return 'ok' end -- settled before; the reply got lost
r.ends = 0                          -- the token stays, to know a second settlement by
if r.seq ~= tonumber(ARGV[4]) then
  r.due = now
  save(id, r)
  return 'due'
end
r.outcome = ARGV[7]
if ARGV[5] == 'd' then
  r.status, r.since, r.due, r.content = 'd', now, 0, '' -- Invariant 8: content is gone once it is delivered
elseif ARGV[5] == 'r' then
  r.status, r.since, r.due = 'r', now, 0
else
  r.due = now + tonumber(ARGV[6]) -- Invariant 5: tried again for ever
end
save(id, r)
return 'ok'
