-- take: lease one record, due or not, after submitting a change of it if there is one.
--
-- KEYS  1-6 see common.lua
--       7 paused: see pause.lua
--       8 life: see grant.lua, 9 leader: see append.lua
-- ARGV  1 see common.lua
--       2 id, 3 for how long (milliseconds), 4 the token of the lease (8 bytes)
--       5 '1' if there is a change, 6 its ident, 7 its sealed content
-- Returns {'ok', packed record}, {'paused'} (and nothing was submitted), {'none'} (no such record), {'sending'} (a call is in flight,
-- or may be, and what was submitted is due when it ends), {'done'} (it does not wait) or {'damaged'} (it cannot be read).

if redis.call('EXISTS', KEYS[7]) == 1 then return { 'paused' } end
local now, id = clock(), ARGV[2]
if ARGV[5] == '1' then
  submit(id, false, ARGV[6], ARGV[7], now)
  flush()
end

-- As in grant.lua: a Redis that may have forgotten leases of calls that are under way gives none until they are over. One that knows of no
-- life was flushed, or is new; if somebody leads it is not new, and the next lease finds out.
local run = redis.call('INFO', 'server'):match('run_id:(%w+)')
local life = redis.call('HMGET', KEYS[8], 'run', 'quiet')
if life[1] and life[1] ~= run then
  life[2] = now + tonumber(ARGV[3])
  redis.call('HSET', KEYS[8], 'run', run, 'quiet', life[2])
elseif not life[1] then
  local leader = redis.call('HMGET', KEYS[9], 'owner', 'until')
  if leader[1] and tonumber(leader[2] or 0) > now then return { 'sending' } end
end
if tonumber(life[2] or 0) > now then return { 'sending' } end

local r, raw = load(id)
if not r then return { raw and 'damaged' or 'none' } end
if r.status ~= 'p' then return { 'done' } end
if r.ends > now and r.token == ARGV[4] then return { 'ok', pack(r) } end -- the client sent it again: the reply got lost
if r.ends > now then return { 'sending' } end -- Invariant 3: one lease at a time
r.attempts, r.token, r.ends = r.attempts + 1, ARGV[4], now + tonumber(ARGV[3])
save(id, r)
flush()
return { 'ok', pack(r) }
