-- lease: give out records that are due, and forget some whose retention is over.
--
-- KEYS  1-6 see common.lua
--       7 paused: see pause.lua
--       8 life: see grant.lua
-- ARGV  1 see common.lua
--       2 how many at most, 3 for how long (milliseconds), 4 the token of these leases (8 bytes)
--       5 retention (milliseconds), 0 for ever
--       6 '1' if the caller was given an answer before
-- Returns {the leases' end, id, packed record, id, packed record, …}, the records as they were before; or {} while delivery is paused,
-- while calls may be under way of which this Redis has forgotten the leases, and where nothing is due.

local now, limit = clock(), tonumber(ARGV[2])
redis.call('ZREM', LEASED, '') -- removes nothing; see common.lua on the first write

if quiet(KEYS[7], KEYS[8], now, tonumber(ARGV[3]), ARGV[6] == '1') then return {} end

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

return grant(now, limit, tonumber(ARGV[3]), ARGV[4], {})
