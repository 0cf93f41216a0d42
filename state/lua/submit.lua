-- submit: submit changes of somebody who is not the listener; no position is saved.
--
-- KEYS  1-6 see common.lua
--       7 life: see grant.lua
-- ARGV  1 see common.lua
--       2 channel to wake workers by
--       3 '1' to submit again what a record that is done with holds already
--       4… four for each change: id, '1' if it was found by a scan, ident, sealed content
-- Returns how many changes were taken.

local now, queued = clock(), 0
redis.call('HINCRBY', KEYS[7], 'submits', 1) -- needs memory: a Redis at its limit refuses the whole here (see append.lua)
for i = 4, #ARGV, 4 do
  if submit(ARGV[i], ARGV[i + 1] == '1', ARGV[i + 2], ARGV[i + 3], now, ARGV[3] == '1', true) then queued = queued + 1 end
end
flush()
if queued > 0 then redis.pcall('PUBLISH', ARGV[2], '') end
return queued
