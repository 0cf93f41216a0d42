-- lead: take the leadership, or renew it.
--
-- KEYS  1 leader: see append.lua
-- ARGV  1 owner, 2 for how long (milliseconds)
--       3 the epoch that the caller has, 0 for none, 4 and 5 its last write that certainly arrived and its last of all
--       6 the highest epoch that the caller ever saw
-- Returns {} while another leads, else {epoch, writes}. The epoch is the caller's own only if the store still has its writes.

local now = clock()
local l = redis.call('HMGET', KEYS[1], 'owner', 'until', 'epoch', 'writes')
local owner, ends, epoch, writes = l[1] or '', tonumber(l[2] or 0), tonumber(l[3] or 0), tonumber(l[4] or 0)
if owner ~= '' and owner ~= ARGV[1] and ends > now then return {} end
local mine = owner == ARGV[1] and epoch == tonumber(ARGV[3])
local whole = tonumber(ARGV[4]) <= writes and writes <= tonumber(ARGV[5])
if not (mine and whole) then epoch = math.max(epoch, tonumber(ARGV[6])) + 1 end
redis.call('HDEL', KEYS[1], '') -- removes nothing; see common.lua on the first write
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', now + tonumber(ARGV[2]), 'epoch', epoch, 'writes', writes)
return { epoch, writes }
