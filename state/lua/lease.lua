-- lease: give out records that are due, and forget some whose retention is over.
--
-- KEYS  1-6 see common.lua
--       7 paused: see pause.lua
--       8 life   hash: run (which life of Redis gave leases last), quiet (until when it gives none, milliseconds)
-- ARGV  1 see common.lua
--       2 how many at most, 3 for how long (milliseconds), 4 the token of these leases (8 bytes)
--       5 retention (milliseconds), 0 for ever
--       6 '1' if the caller was given an answer before
-- Returns {the leases' end, id, packed record, id, packed record, …}, the records as they were before; or {} while delivery is paused,
-- while calls may be under way of which this Redis has forgotten the leases, and where nothing is due.

local now, limit = clock(), tonumber(ARGV[2])
redis.call('ZREM', LEASED, '') -- removes nothing; see common.lua on the first write

-- Invariants 3 and 4: a Redis that was started anew, or has become the primary, or was flushed, may have forgotten leases of its
-- last moments, and their calls may be under way. Newer content that went out beside such a call could be overtaken by it, and the older
-- would stay. So none is given until the longest lease that may be forgotten is over. A new namespace has nothing to forget.
local run = redis.call('INFO', 'server'):match('run_id:(%w+)')
local life = redis.call('HMGET', KEYS[8], 'run', 'quiet')
if life[1] ~= run then
  life[2] = (life[1] or ARGV[6] == '1') and now + tonumber(ARGV[3]) or 0
  redis.call('HSET', KEYS[8], 'run', run, 'quiet', life[2])
end
if tonumber(life[2]) > now or redis.call('EXISTS', KEYS[7]) == 1 then return {} end

local retention = tonumber(ARGV[5])
if retention > 0 then
  for _, status in ipairs({ 'd', 'x' }) do
    local old = redis.call('ZRANGEBYSCORE', INDEX[status], '-inf', now - retention, 'LIMIT', 0, math.max(limit, 10))
    for _, id in ipairs(old) do
      redis.call('DEL', PREFIX .. id)
      redis.call('ZREM', INDEX[status], id)
    end
  end
end

local ends, out = now + tonumber(ARGV[3]), {}
local ids = redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, limit)
for _, id in ipairs(ids) do
  local r, raw = load(id)
  if r and r.status == 'p' then
    -- Invariant 3: one lease at a time. The due time moves to the lease's end, so that a crash makes the record due again.
    r.attempts, r.token, r.ends = r.attempts + 1, ARGV[4], ends
    save(id, r)
    if #out == 0 then out[1] = string.format('%.0f', ends) end
    out[#out + 1] = id
    out[#out + 1] = raw
  elseif raw and not r then -- it cannot be read: put it aside, bytes kept
    save(id, { status = 'r', seq = 1, attempts = 0, since = now, due = 0, ends = 0, token = NONE,
      ident = string.rep('\0', 96), outcome = DAMAGED, content = raw })
  else
    later(going, DUE, id)
  end
end
flush()
return out
