-- Part of every script that touches records: how a record is packed, where it is indexed, and the rule of submission.
-- The rules are those of rules.go, which the embedded store runs; storetest holds the two together.
--
-- KEYS  1 due       sorted set: pending records by the time they may be leased; under a lease, by its end
--       2 leased    sorted set: records under a lease, by its end
--       3 pending   sorted set: records of this status, by the time they got it; likewise
--       4 rejected
--       5 delivered
--       6 discarded
-- ARGV  1 what the key of a record starts with; the id follows. Records have no place in KEYS because a lease finds their ids
--         in the sorted set. They are in the same hash slot, by the tag in the prefix.
--
-- A script must not fail after its first write: Redis would keep the half of it. So nothing here raises an error. A Redis at
-- its memory limit refuses a script at the first write if that needs memory, and lets it go on once it has written: settling
-- and leasing begin with a removal, which needs none, so that they still work there and drain it.

local DUE, LEASED = KEYS[1], KEYS[2]
local INDEX = { p = KEYS[3], r = KEYS[4], d = KEYS[5], x = KEYS[6] }
local PREFIX = ARGV[1]
local NONE = string.rep('\0', 8)
local DAMAGED = '{"stage":"mapping","code":"record_unreadable","message":"存储中的记录已损坏，无法读取。请在学工系统中重新递交。"}'

-- See rec in record.go. Times are milliseconds.
local HEAD = '<Bc1I4I4I8I8I8c8c96I4c0'

local function pack(r)
  return struct.pack(HEAD, 1, r.status, r.seq, r.attempts, r.since, r.due, r.ends, r.token, r.ident, #r.outcome, r.outcome) .. r.content
end

-- unpack_record gives nil for what is not a record of this version.
local function unpack_record(raw)
  if not raw or #raw < 142 or raw:byte(1) ~= 1 then return nil end
  local r, n, at, ok, version = {}
  ok, version, r.status, r.seq, r.attempts, r.since, r.due, r.ends, r.token, r.ident, r.outcome, at = pcall(struct.unpack, HEAD, raw)
  if not ok then return nil end
  r.content = raw:sub(at)
  return r
end

-- due_at is a record's score in DUE; nil: it has none.
local function due_at(r)
  if r.status ~= 'p' then return nil end
  if r.ends > 0 then return r.ends end
  return r.due
end

-- load gives the record, or nil, and the bytes it was read from, or nil.
local function load(id)
  local raw = redis.call('GET', PREFIX .. id)
  local r = unpack_record(raw)
  if r then r.was = { status = r.status, since = r.since, ends = r.ends, due = due_at(r) } end
  return r, raw
end

-- save writes the record and what its change means for the indexes.
local function save(id, r)
  local was, due = r.was, due_at(r)
  if not was then
    redis.call('ZREM', DUE, id)
    redis.call('ZREM', LEASED, id)
    for _, index in pairs(INDEX) do redis.call('ZREM', index, id) end
    was = {}
  end
  if was.due and not due then redis.call('ZREM', DUE, id) end
  if r.ends == 0 and was.ends and was.ends > 0 then redis.call('ZREM', LEASED, id) end
  if was.status and was.status ~= r.status then redis.call('ZREM', INDEX[was.status], id) end
  redis.call('SET', PREFIX .. id, pack(r))
  if due and due ~= was.due then redis.call('ZADD', DUE, due, id) end
  if r.ends > 0 and r.ends ~= was.ends then redis.call('ZADD', LEASED, r.ends, id) end
  if r.status ~= was.status or r.since ~= was.since then redis.call('ZADD', INDEX[r.status], r.since, id) end
end

-- before compares bytes. The operator < would go by the server's locale.
local function before(a, b)
  for i = 1, #a do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x < y end
  end
  return false
end

-- known tells whether a submission is none: the event that the record holds, an older one, or a scanned row with nothing new.
-- Where line, order, event and digest are in an ident: see ident.go.
local function known(r, scanned, ident)
  local held = r.ident
  if held:sub(33, 48) == ident:sub(33, 48) then return true end
  if scanned and held:sub(49, 80) == ident:sub(49, 80) then return true end
  return held:sub(1, 8) == ident:sub(1, 8) and before(ident:sub(9, 32), held:sub(9, 32))
end

-- submit takes a submission; false: it is none. With again a record that is done with takes what it holds already once more; beside is
-- for who does not listen (see rules.go). Invariant 4: the newest takes the place of any other. A call that is in flight keeps its lease
-- (Invariant 3) and is told by seq, when it is settled, that it carried older content.
local function submit(id, scanned, ident, content, now, again, beside)
  local r = load(id)
  if r and beside and r.ident:sub(1, 8) ~= ident:sub(1, 8) then
    local same = r.ident:sub(33, 48) == ident:sub(33, 48) or r.ident:sub(49, 80) == ident:sub(49, 80)
    if not (again and r.status ~= 'p' and same) then return false end
    ident = r.ident
  end
  if not r then
    r = { seq = 0, ends = 0, token = NONE }
  elseif again and r.status ~= 'p' then -- done with: only what is newer stands against it
    local held = r.ident
    if held:sub(1, 8) == ident:sub(1, 8) and before(ident:sub(9, 32), held:sub(9, 32)) then return false end
  elseif known(r, scanned or again, ident) then
    return false
  end
  r.seq, r.status, r.attempts, r.since, r.due = r.seq + 1, 'p', 0, now, now
  r.ident, r.content, r.outcome = ident, content, ''
  if r.ends <= now then r.ends, r.token = 0, NONE end
  save(id, r)
  return true
end
