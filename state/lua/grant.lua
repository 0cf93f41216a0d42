-- Part of every script that leases what is due; behind common.lua.

-- quiet tells whether no lease is given now. LIFE is a hash: run (which life of Redis gave leases last), quiet (until when it gives none,
-- milliseconds). answered: the caller was given an answer before.
--
-- Invariants 3 and 4: a Redis that was started anew, or has become the primary, or was flushed, may have forgotten leases of its
-- last moments, and their calls may be under way. Newer content that went out beside such a call could be overtaken by it, and the older
-- would stay. So none is given until the longest lease that may be forgotten is over. A new namespace has nothing to forget.
local function quiet(PAUSED, LIFE, now, ttl, answered)
  local run = redis.call('INFO', 'server'):match('run_id:(%w+)')
  local life = redis.call('HMGET', LIFE, 'run', 'quiet')
  if life[1] ~= run then
    life[2] = (life[1] or answered) and now + ttl or 0
    redis.call('HSET', LIFE, 'run', run, 'quiet', life[2])
  end
  return tonumber(life[2]) > now or redis.call('EXISTS', PAUSED) == 1
end

-- grant leases at most limit records that are due. It adds to out: the leases' end, id, packed record, id, packed record, …, the records as
-- they were before; nothing where nothing is due.
local function grant(now, limit, ttl, token, out)
  local ends, first = now + ttl, true
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, limit)) do
    local r, raw = load(id)
    if r and r.status == 'p' then
      -- Invariant 3: one lease at a time. The due time moves to the lease's end, so that a crash makes the record due again.
      r.attempts, r.token, r.ends = r.attempts + 1, token, ends
      save(id, r)
      if first then out[#out + 1] = string.format('%.0f', ends) end
      first = false
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
end

