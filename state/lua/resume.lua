-- resume: grant leases again, if the pause is still the one that the caller saw.
--
-- KEYS  1 paused: see pause.lua
-- ARGV  1 the note that the caller saw
--       2 channel to wake workers by
-- Returns 1, or 0 where another pause, or none, is there.

if redis.call('HGET', KEYS[1], 'note') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.pcall('PUBLISH', ARGV[2], '')
return 1
