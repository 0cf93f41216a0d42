-- pause: grant no leases from now on.
--
-- KEYS  1 paused  hash: since (milliseconds), note (JSON); there only while delivery is paused
-- ARGV  1 note
--       2 '1': in the place of a note that is there; else that one stays
-- Returns 1, or 0 where it was paused already and the note stays.

if ARGV[2] ~= '1' and redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local now = clock()
redis.call('HDEL', KEYS[1], '') -- removes nothing; see common.lua on the first write
redis.call('HSET', KEYS[1], 'since', now, 'note', ARGV[1])
return 1
