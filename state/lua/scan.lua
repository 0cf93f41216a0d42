-- scan: a stretch of an index, newest first. Writes nothing.
--
-- KEYS  1 one of the sorted sets of common.lua
-- ARGV  1 how many at most
--       2 the time and 3 the id of the place to go on behind; empty to begin
-- Returns {id, time, id, time, …}. Where the record at that place has moved away meanwhile, those of the same time come again.
--
-- It goes by rank, because a batch gives thousands of records one time.

local from = 0
if ARGV[2] ~= '' then
  local time = redis.call('ZSCORE', KEYS[1], ARGV[3])
  if time and tonumber(time) == tonumber(ARGV[2]) then
    from = redis.call('ZREVRANK', KEYS[1], ARGV[3]) + 1
  else
    from = redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[2], '+inf')
  end
end
return redis.call('ZREVRANGE', KEYS[1], from, from + tonumber(ARGV[1]) - 1, 'WITHSCORES')
