-- drop: forget the token if it is still the one meant.
--
-- KEYS  1 token: 16 bytes that tell tokens apart, then the sealed token
-- ARGV  1 the 16 bytes of the one meant
-- Returns 1 if it was.

local kept = redis.call('GET', KEYS[1])
if not kept or kept:sub(1, 16) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
