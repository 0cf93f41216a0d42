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
-- its memory limit refuses a script at the first write if that needs memory, and lets it go on once it has written: saving
-- begins with a removal, which needs none, so that leasing and settling still work there and drain it. Who must be refused there
-- (append, submit) writes something before it saves.

local DUE, LEASED = KEYS[1], KEYS[2]
local INDEX = { p = KEYS[3], r = KEYS[4], d = KEYS[5], x = KEYS[6] }
local PREFIX = ARGV[1]
local NONE = string.rep('\0', 8)
local DAMAGED = '{"stage":"mapping","code":"record_unreadable","message":"存储中的记录已损坏，无法读取。请在学工系统中重新递交。"}'

-- See rec in record.go. Times are milliseconds. MOVING is what a lease or its end changes: it lies in one stretch behind the version.
local HEAD = '<Bc1I4I4I8I8I8c8'
local MOVING = '<c1I4I4I8I8I8c8'
local SIZE = 142 -- of the head, with the ident and the outcome's length, which it ends with

-- A record that was read has raw, its bytes; ident, outcome and content are there only where they were put in their place, so that the
-- kilobytes of a content are not copied for each step of a record's life.
local function ident_of(r) return r.ident or r.raw:sub(43, 138) end
local function outcome_of(r) return r.outcome or r.raw:sub(SIZE + 1, SIZE + r.told) end
local function content_of(r) return r.content or r.raw:sub(SIZE + r.told + 1) end

local function pack(r)
  local outcome = outcome_of(r)
  return struct.pack(HEAD, 1, r.status, r.seq, r.attempts, r.since, r.due, r.ends, r.token) .. ident_of(r) ..
    struct.pack('<I4', #outcome) .. outcome .. content_of(r)
end

-- due_at is a record's score in DUE; nil: it has none.
local function due_at(r)
  if r.status ~= 'p' then return nil end
  if r.ends > 0 then return r.ends end
  return r.due
end

-- unpack_record gives nil for what is not a record of this version. headless is for the head alone, without what follows it.
local function unpack_record(raw, headless)
  if not raw or #raw < SIZE or raw:byte(1) ~= 1 then return nil end
  local r, version = { raw = raw, told = struct.unpack('<I4', raw, SIZE - 3) }
  if not headless and SIZE + r.told > #raw then return nil end
  version, r.status, r.seq, r.attempts, r.since, r.due, r.ends, r.token = struct.unpack(HEAD, raw)
  return r
end

-- stored says that the record is the one under its key, and remembers where it is indexed.
local function stored(r)
  if r then r.was = { status = r.status, since = r.since, ends = r.ends, due = due_at(r) } end
  return r
end

-- load gives the record, or nil, and the bytes it was read from, or nil.
local function load(id)
  local raw = redis.call('GET', PREFIX .. id)
  return stored(unpack_record(raw)), raw
end

-- What is to be done to the sorted sets, by set: one command for many records costs a fraction of one for each. First all that goes,
-- then all that comes: so no script may take a record out of a set that it put it into.
local going, coming, most, begun = {}, {}, 0, false

local function later(lists, set, a, b)
  local list = lists[set]
  if not list then
    list = {}
    lists[set] = list
  end
  list[#list + 1] = a
  list[#list + 1] = b
  most = math.max(most, #list)
end

-- flush does it. Every script that saves ends with it.
local function flush()
  for set, list in pairs(going) do redis.call('ZREM', set, unpack(list)) end
  for set, list in pairs(coming) do redis.call('ZADD', set, unpack(list)) end
  going, coming, most = {}, {}, 0
end

-- save writes the record, and notes what its change means for the indexes.
local function save(id, r)
  local was, due = r.was, due_at(r)
  if not begun then
    redis.call('ZREM', LEASED, '') -- removes nothing; see above on the first write
    begun = true
  end
  if not was then
    later(going, DUE, id)
    later(going, LEASED, id)
    for _, index in pairs(INDEX) do later(going, index, id) end
    was = {}
  end
  if was.due and not due then later(going, DUE, id) end
  if r.ends == 0 and was.ends and was.ends > 0 then later(going, LEASED, id) end
  if was.status and was.status ~= r.status then later(going, INDEX[was.status], id) end
  if r.was and not (r.ident or r.outcome or r.content) then
    redis.call('SETRANGE', PREFIX .. id, 1, struct.pack(MOVING, r.status, r.seq, r.attempts, r.since, r.due, r.ends, r.token))
  else
    redis.call('SET', PREFIX .. id, pack(r))
  end
  if due and due ~= was.due then later(coming, DUE, due, id) end
  if r.ends > 0 and r.ends ~= was.ends then later(coming, LEASED, r.ends, id) end
  if r.status ~= was.status or r.since ~= was.since then later(coming, INDEX[r.status], r.since, id) end
  if most > 2000 then flush() end -- Lua's stack ends at some 8,000
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
  local held = ident_of(r)
  if held:sub(33, 48) == ident:sub(33, 48) then return true end
  if scanned and held:sub(49, 80) == ident:sub(49, 80) then return true end
  return held:sub(1, 8) == ident:sub(1, 8) and before(ident:sub(9, 32), held:sub(9, 32))
end

-- submit takes a submission; false: it is none. With again a record that is done with takes what it holds already once more; beside is
-- for who does not listen (see rules.go). Invariant 4: the newest takes the place of any other. A call that is in flight keeps its lease
-- (Invariant 3) and is told by seq, when it is settled, that it carried older content.
local function submit(id, scanned, ident, content, now, again, beside)
  local r = load(id)
  local held = r and ident_of(r)
  if r and beside and held:sub(1, 8) ~= ident:sub(1, 8) then
    local same = held:sub(33, 48) == ident:sub(33, 48) or held:sub(49, 80) == ident:sub(49, 80)
    if not (again and r.status ~= 'p' and same) then return false end
    ident = held
  end
  if not r then
    r = { seq = 0, ends = 0, token = NONE }
  elseif again and r.status ~= 'p' then -- done with: only what is newer stands against it
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
