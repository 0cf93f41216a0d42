-- lock: take the lock of the token, or renew it.
--
-- KEYS  1 lock  hash: owner, until (milliseconds)
-- ARGV  1 owner, 2 for how long (milliseconds)
-- Returns 1, or 0 while another has it.

local now = clock()
local l = redis.call('HMGET', KEYS[1], 'owner', 'until')
if l[1] and l[1] ~= ARGV[1] and tonumber(l[2]) > now then return 0 end
redis.call('HDEL', KEYS[1], '') -- removes nothing; see common.lua on the first write
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', now + tonumber(ARGV[2]))
return 1
