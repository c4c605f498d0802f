#!lua
-- Writes a dead letter into the index, or moves the last failure of one that is there on.
-- KEYS[1] LETTER    hash: the letter
-- KEYS[2] OF_STATE  zset of its first state: id -> ms
-- KEYS[3] ALL       zset of all letters: id -> when it first failed (ms)
-- KEYS[4] OPEN_OF   zset of the open letters of its class: id -> when it first failed (ms)
-- KEYS[5] REQUESTS  zset, score 0: request\31id
-- KEYS[6] COUNTS    hash: state/class/code -> how many
-- KEYS[7] WATCHED   zset of the letters whose end is awaited: id -> when it was last looked for (ms)
-- ARGV[1] id
-- ARGV[2] request
-- ARGV[3] state         open or told
-- ARGV[4] kind          class/code
-- ARGV[5] firstMs       when it first failed (ms)
-- ARGV[6] lastFailedAt  RFC 3339 in UTC, so that texts compare as times
-- ARGV[7] attempts
-- ARGV[8] watch         1: its end is awaited | 0
-- ARGV[9..] fields      names and values of all other fields of the letter
-- Replies: taken | again
local id, request, state, kind = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local firstMs, lastFailedAt, attempts = ARGV[5], ARGV[6], tonumber(ARGV[7])
local known = redis.call('HMGET', KEYS[1], 'state', 'lastFailedAt', 'attempts')
if known[1] then
  if lastFailedAt > known[2] then redis.call('HSET', KEYS[1], 'lastFailedAt', lastFailedAt) end
  if attempts > tonumber(known[3]) then redis.call('HSET', KEYS[1], 'attempts', attempts) end
  return 'again'
end
local time = redis.call('TIME')
local takenMs = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], 'id', id, 'request', request, 'state', state, 'lastFailedAt', lastFailedAt,
  'attempts', attempts, 'takenMs', takenMs, 'watched', ARGV[8])
for i = 9, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('ZADD', KEYS[2], state == 'told' and takenMs or firstMs, id)
redis.call('ZADD', KEYS[3], firstMs, id)
if state == 'open' then redis.call('ZADD', KEYS[4], firstMs, id) end
redis.call('ZADD', KEYS[5], 0, request .. '\31' .. id)
if ARGV[8] == '1' then redis.call('ZADD', KEYS[7], 0, id) end
redis.call('HINCRBY', KEYS[6], state .. '/' .. kind, 1)
return 'taken'
