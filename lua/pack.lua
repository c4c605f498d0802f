-- Makes a tombstone of the record of a request that was told long ago, or only says whether it may be packed.
-- Kept whole, and looked at again later: what has an unknown effect, a letter that waits for somebody, an open move.
-- uses: moves tomb
-- flags: allow-oom
-- KEYS[1] TOLD    zset: request whose event is confirmed -> when its record may be packed (ms)
-- KEYS[2] RECENT  zset: request -> first begun (ms)
-- KEYS[3] MOVES   hash: consumer -> move, JSON
-- KEYS[4] RECORD  hash: the request's record
-- KEYS[5] LETTER  hash: its dead letter
-- KEYS[6] TOMB    hash: packed id -> tombstone, shared with others
-- ARGV[1] tombstoneMs  0: for ever
-- ARGV[2] id
-- ARGV[3] packs        0: only looks
-- Replies: gone | kept | ripe n (number of its last attempt) | packed
local AGAIN_MS = 3600000

local due = tonumber(redis.call('ZSCORE', TOLD, id) or nil)
if not due or due > now then return {'gone'} end
local record = redis.call('HMGET', RECORD, 'digest', 'code', 'event', 'attempts', 'n')
if not record[2] then
  redis.call('ZREM', TOLD, id)
  return {'gone'}
end
local event = cjson.decode(record[3])

local function isOpen(consumer)
  local json = type(consumer) == 'string' and get(moves, consumer)
  local move = json and cjson.decode(json)
  return move and move.state == 'open' and move.request == id
end

local letter = redis.call('HMGET', LETTER, 'state', 'watched', 'effect')
local effect = letter[3] or type(event.outcome) == 'table' and event.outcome.effect
if effect == 'unknown' or letter[1] == 'open' or letter[2] == '1' or isOpen(event.consumer) or isOpen(event.migration)
then
  redis.call('ZADD', TOLD, now + AGAIN_MS, id)
  return {'kept'}
end
if packs ~= '1' then return {'ripe', record[5]} end
entomb(TOMB, id, record[1] or '', record[2], type(event.time) == 'string' and event.time or '', tonumber(record[4]))
redis.call('UNLINK', RECORD)
redis.call('ZREM', TOLD, id)
redis.call('ZREM', RECENT, id)
return {'packed'}
