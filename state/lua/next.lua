-- next: how long until a record is due. Writes nothing.
--
-- KEYS  1 due: see common.lua
-- Returns milliseconds, negative for what is overdue, or nothing where nothing waits.

local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if not first[2] then return false end
return tonumber(first[2]) - clock()
