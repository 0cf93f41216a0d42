-- settle: end leases with what came of their calls, each for itself.
--
-- KEYS  1-6 see common.lua
-- ARGV  1 see common.lua
--       2… six for each lease:
--         id, token, seq of the lease
--         verdict: d delivered, t retry, r rejected
--         for a retry, after how long (milliseconds)
--         outcome (JSON), kept unread
-- Returns for each 'ok', 'due' (ok, and newer content is due at once), or 'lost' (the lease is not the record's).

local now = clock()

local function settle(id, token, seq, verdict, after, outcome)
  local r = stored(unpack_record(redis.call('GETRANGE', PREFIX .. id, 0, SIZE - 1), true)) -- the head says all there is to decide
  if not r or r.token ~= token then return 'lost' end
  if r.ends == 0 then return 'ok' end -- settled before; the reply got lost
  r.ends = 0                          -- the token stays, to know a second settlement by
  if r.seq ~= tonumber(seq) then
    r.due = now
    save(id, r)
    return 'due'
  end
  if verdict == 'd' then
    r.status, r.since, r.due, r.content = 'd', now, 0, '' -- Invariant 8: content is gone once it is delivered
  else
    local whole = unpack_record(redis.call('GET', PREFIX .. id))
    if not whole then return 'lost' end -- it cannot be read
    r.raw, r.told = whole.raw, whole.told
    if verdict == 'r' then
      r.status, r.since, r.due = 'r', now, 0
    else
      r.due = now + tonumber(after) -- Invariant 5: tried again for ever
    end
  end
  r.outcome = outcome
  save(id, r)
  return 'ok'
end

local words = {}
for i = 2, #ARGV, 6 do
  words[#words + 1] = settle(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5])
end
flush()
return words
