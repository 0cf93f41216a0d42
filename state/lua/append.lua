-- append: submit changes and save the position that covers them, all or nothing, if the caller still leads.
--
-- KEYS  1-6 see common.lua
--       7 leader      hash: owner, until, epoch, writes (how many writes leaders made), queued (what the last one answered)
--       8 checkpoint  hash: position (JSON), saved_at (milliseconds)
--       9 paused: see pause.lua, 10 life: see grant.lua
-- ARGV  1 see common.lua
--       2 owner, 3 epoch of the caller
--       4 the last write of the caller that it knows arrived, 5 the number of this write (see fence in backend.go)
--       6 channel to wake workers by
--       7 the position, empty for none, null to forget the one that is saved
--       8 how many records to lease to workers that wait, 0 for none; 9 to 11 for how long, token, answered before: see lease.lua
--       12… four for each change: id, '1' if it was found by a scan, ident, sealed content
-- Returns {'ok', how many changes were taken, and what grant gives} or {'fenced'}, and then nothing was written.

local now = clock()
local leader = redis.call('HMGET', KEYS[7], 'owner', 'epoch', 'writes', 'queued')

-- Invariant 7: who does not lead under this epoch writes nothing; nor does one who writes on from what the store has lost.
if leader[1] ~= ARGV[2] or leader[2] ~= ARGV[3] then return { 'fenced' } end
local writes, this = tonumber(leader[3]), tonumber(ARGV[5])
if writes == this then return { 'ok', tonumber(leader[4]) } end -- the client sent it again: the reply got lost
if writes < tonumber(ARGV[4]) or writes > this then return { 'fenced' } end

-- Invariant 1: changes and position are written together. A Redis at its memory limit, or one that may not write just now,
-- refuses this first write, and after it nothing can fail.
redis.call('HSET', KEYS[7], 'writes', this)
local queued = 0
for i = 12, #ARGV, 4 do
  if submit(ARGV[i], ARGV[i + 1] == '1', ARGV[i + 2], ARGV[i + 3], now) then queued = queued + 1 end
end
flush()
redis.call('HSET', KEYS[7], 'queued', queued)
if ARGV[7] == 'null' then
  redis.call('DEL', KEYS[8])
elseif ARGV[7] ~= '' then
  redis.call('HSET', KEYS[8], 'position', ARGV[7], 'saved_at', now)
end
local out = { 'ok', queued }
if queued > 0 and ARGV[8] ~= '0' and not quiet(KEYS[9], KEYS[10], now, tonumber(ARGV[9]), ARGV[11] == '1') then
  grant(now, tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10], out)
end
-- A hint, where there is more than the caller's workers take, who wait for the answer; an account without the channel's right does without.
if queued > math.max(0, #out - 3) / 2 then redis.pcall('PUBLISH', ARGV[6], '') end
return out
