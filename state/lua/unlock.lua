-- unlock: take an owner's name out of a hash, if it is the one there: the lock of the token, or the leadership.
--
-- KEYS  1 hash with owner
-- ARGV  1 owner
-- Returns 1 if it was.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'owner')
return 1
