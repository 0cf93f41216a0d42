-- counts: the outbox in figures. Writes nothing, and costs the same whatever there is.
--
-- KEYS  1-6 see common.lua
-- ARGV  1 see common.lua
-- Returns {pending and sending, rejected, delivered, discarded, sending, since when the oldest pending one waits (0: none)}.

local oldest = redis.call('ZRANGE', INDEX.p, 0, 0, 'WITHSCORES')
return {
  redis.call('ZCARD', INDEX.p), redis.call('ZCARD', INDEX.r), redis.call('ZCARD', INDEX.d), redis.call('ZCARD', INDEX.x),
  redis.call('ZCOUNT', LEASED, '(' .. string.format('%.0f', clock()), '+inf'), tonumber(oldest[2] or 0),
}
