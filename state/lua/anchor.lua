-- anchor: keep the last line of an audit log, unless a later one is kept.
--
-- KEYS  1 audit, a hash: the log's name, to a JSON object with n, the line's number
-- ARGV  1 the log's name, 2 the line's number, 3 the JSON object
-- Returns 1, or 0 where a later line is kept.

local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept and cjson.decode(kept).n > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
