-- A hash or a sorted set that a script reads in few calls and writes in one, however many rows work on it.
-- What was put is not stored before `done`: every way out of a script that may have put something goes through it.
local sheets = {}

local function sheetOf(key, read, write, remove)
  local sheet =
    {key = key, read = read, write = write, remove = remove, known = {}, changed = {}, order = {}, count = 0}
  sheets[#sheets + 1] = sheet
  return sheet
end

-- Of a hash: field -> value. Of a sorted set: member -> score.
local function hash(key) return sheetOf(key, 'HMGET', 'HSET', 'HDEL') end
local function scores(key) return sheetOf(key, 'ZMSCORE', 'ZADD', 'ZREM') end

-- Calls with `count` members of `list`, a thousand at a time: a call takes a few thousand arguments at most.
local function inParts(command, key, list, count)
  for first = 1, count, 1000 do redis.call(command, key, unpack(list, first, math.min(first + 999, count))) end
end

-- Reads in one call what of `fields` is not known yet.
local function fetch(sheet, fields)
  local known, missing, count = sheet.known, {}, 0
  for i = 1, #fields do
    local field = fields[i]
    if known[field] == nil then
      known[field], count = false, count + 1
      missing[count] = field
    end
  end
  for first = 1, count, 1000 do
    local values = redis.call(sheet.read, sheet.key, unpack(missing, first, math.min(first + 999, count)))
    for i = 1, #values do known[missing[first + i - 1]] = values[i] end
  end
end

-- A value, or false where there is none.
local function get(sheet, field)
  local value = sheet.known[field]
  if value == nil then
    value = redis.call(sheet.read, sheet.key, field)[1]
    sheet.known[field] = value
  end
  return value
end

-- `value` false removes.
local function put(sheet, field, value)
  if not sheet.changed[field] then
    sheet.changed[field], sheet.count = true, sheet.count + 1
    sheet.order[sheet.count] = field
  end
  sheet.known[field] = value
end

local function store(sheet)
  local written, removed, writes, removes, scored = {}, {}, 0, 0, sheet.write == 'ZADD'
  for i = 1, sheet.count do
    local field = sheet.order[i]
    local value = sheet.known[field]
    if not value then
      removes = removes + 1
      removed[removes] = field
    elseif scored then
      written[writes + 1], written[writes + 2], writes = value, field, writes + 2
    else
      written[writes + 1], written[writes + 2], writes = field, value, writes + 2
    end
  end
  sheet.changed, sheet.order, sheet.count = {}, {}, 0
  inParts(sheet.write, sheet.key, written, writes)
  inParts(sheet.remove, sheet.key, removed, removes)
end

-- Stores what was put, and hands the reply on.
local function done(reply)
  for _, sheet in ipairs(sheets) do
    if sheet.count > 0 then store(sheet) end
  end
  return reply
end
