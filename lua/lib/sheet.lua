-- A hash or a sorted set that a script reads in few calls and writes in one, however many rows work on it.
-- What was put is not stored before `done`: every way out of a script that may have put something goes through it.
local sheets = {}

local function sheetOf(key, read, write, remove)
  local sheet = {key = key, read = read, write = write, remove = remove, known = {}, changed = {}, order = {}}
  sheets[#sheets + 1] = sheet
  return sheet
end

-- Of a hash: field -> value. Of a sorted set: member -> score.
local function hash(key) return sheetOf(key, 'HMGET', 'HSET', 'HDEL') end
local function scores(key) return sheetOf(key, 'ZMSCORE', 'ZADD', 'ZREM') end

-- A call takes a few thousand arguments at most.
local function inParts(list, run)
  for first = 1, #list, 1000 do run(first, math.min(first + 999, #list)) end
end

-- Reads in one call what of `fields` is not known yet.
local function fetch(sheet, fields)
  local known, missing = sheet.known, {}
  for _, field in ipairs(fields) do
    if known[field] == nil then
      known[field] = false
      missing[#missing + 1] = field
    end
  end
  inParts(missing, function(first, last)
    local values = redis.call(sheet.read, sheet.key, unpack(missing, first, last))
    for i, value in ipairs(values) do known[missing[first + i - 1]] = value end
  end)
end

-- A value, or false where there is none.
local function get(sheet, field)
  if sheet.known[field] == nil then fetch(sheet, {field}) end
  return sheet.known[field]
end

-- `value` false removes.
local function put(sheet, field, value)
  if not sheet.changed[field] then
    sheet.changed[field] = true
    sheet.order[#sheet.order + 1] = field
  end
  sheet.known[field] = value
end

local function store(sheet)
  local written, removed, scored = {}, {}, sheet.write == 'ZADD'
  for _, field in ipairs(sheet.order) do
    local value = sheet.known[field]
    if value then
      written[#written + 1] = scored and value or field
      written[#written + 1] = scored and field or value
    else
      removed[#removed + 1] = field
    end
  end
  sheet.changed, sheet.order = {}, {}
  inParts(written, function(first, last) redis.call(sheet.write, sheet.key, unpack(written, first, last)) end)
  inParts(removed, function(first, last) redis.call(sheet.remove, sheet.key, unpack(removed, first, last)) end)
end

-- Stores what was put, and hands the reply on.
local function done(reply)
  for _, sheet in ipairs(sheets) do
    if sheet.order[1] then store(sheet) end
  end
  return reply
end
