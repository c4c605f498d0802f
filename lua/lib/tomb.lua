-- Tombstones: what is left of a request when its record is gone.
-- They share hashes of a few hundred, which Redis keeps as one packed list, so that one costs little more than its own
-- 42 bytes and its code.
-- Field: the 16 bytes of the id. Value: day after which it counts no more (2 bytes; 0: for ever), date and time of the
-- event (4 and 4), attempts (2), the first 12 bytes of the digest, the code.
-- uses: clock
local DAY_MS, LAYOUT = 86400000, '>I2I4I4I2c12'

local function bytesOf(hex)
  return (string.gsub(string.gsub(hex, '-', ''), '%x%x', function(pair) return string.char(tonumber(pair, 16)) end))
end

local function markOf(digest) return string.sub(bytesOf(digest) .. string.rep('\0', 12), 1, 12) end

-- Whether a tombstone is of this content. Of a record that was restored from its event the content is not known.
local function isOf(tomb, digest) return tomb.mark == markOf('') or tomb.mark == markOf(digest) end

local function isOver(packed)
  local day = struct.unpack('>I2', packed)
  return day > 0 and now >= day * DAY_MS
end

-- The tombstone of a request, or nil: mark of its content, code, time of the event (17 digits, or ''), attempts.
local function tombOf(key, id)
  local packed = redis.call('HGET', key, bytesOf(id))
  if not packed or isOver(packed) then return nil end
  local _, date, time, attempts, mark, rest = struct.unpack(LAYOUT, packed)
  return {
    mark = mark,
    code = string.sub(packed, rest),
    time = date > 0 and string.format('%08d%09d', date, time) or '',
    attempts = attempts,
  }
end

-- Drops what is over among a few that share the hash, so that it does not grow for ever.
local function clear(key)
  local some = redis.call('HRANDFIELD', key, 16, 'WITHVALUES')
  for i = 1, #some, 2 do
    if isOver(some[i + 1]) then redis.call('HDEL', key, some[i]) end
  end
end

local function entomb(key, id, digest, code, time, attempts)
  local day = tonumber(tombstoneMs) > 0 and math.ceil((now + tombstoneMs) / DAY_MS) or 0
  local digits = string.gsub(time, '%D', '')
  local date, clockTime = 0, 0
  if #digits == 17 then date, clockTime = tonumber(string.sub(digits, 1, 8)), tonumber(string.sub(digits, 9)) end
  clear(key)
  local first = redis.call('EXISTS', key) == 0
  redis.call('HSET', key, bytesOf(id),
    struct.pack(LAYOUT, day, date, clockTime, math.min(attempts, 65535), markOf(digest)) .. code)
  if day == 0 then
    redis.call('PERSIST', key)
  elseif first then
    redis.call('PEXPIREAT', key, whole(day * DAY_MS))
  else
    redis.call('PEXPIREAT', key, whole(day * DAY_MS), 'GT')
  end
end
