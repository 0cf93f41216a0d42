-- import: put records of a backup into a namespace that is being restored, each in the place of what is there.
--
-- KEYS  1-6 see common.lua
--       7 leader: see append.lua
-- ARGV  1 see common.lua
--       2 owner, 3 epoch of the caller, who leads while it restores
--       4… two for each record: id, packed record without a lease
-- Returns how many were written, -1 where the caller does not lead (Invariant 7), -2 where one cannot be read; then none was.

local leader = redis.call('HMGET', KEYS[7], 'owner', 'epoch')
if leader[1] ~= ARGV[2] or leader[2] ~= ARGV[3] then return -1 end
local records = {}
for i = 4, #ARGV, 2 do
  local r = unpack_record(ARGV[i + 1])
  if not r then return -2 end
  records[#records + 1] = r
end
for i, r in ipairs(records) do save(ARGV[2 * i + 2], r) end
flush()
return #records
