-- look: read records without their content. Writes nothing.
--
-- KEYS  1-6 see common.lua
-- ARGV  1 see common.lua
--       2… ids
-- Returns {now, record, record, …}: packed, without content; empty for one that is not there.

local out = { clock() }
for i = 2, #ARGV do
  local r = load(ARGV[i])
  if r then
    r.content = ''
    out[i] = pack(r)
  else
    out[i] = ''
  end
end
return out
