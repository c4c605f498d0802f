-- Notes that the events of decided requests are confirmed by the broker; their records may be packed after journalMs.
-- Also forgets, a few at a time, moves that ended so long ago. Joins many calls, hence a record key for each.
-- uses: clock
-- flags: allow-oom
-- KEYS[1]   OPEN     zset: request -> when the sweep may look at it (ms)
-- KEYS[2]   TOLD     zset: request whose event is confirmed -> when its record may be packed (ms)
-- KEYS[3]   MOVES    hash: consumer -> move, JSON
-- KEYS[4]   ENDED    zset: consumer of a move that is no longer open -> since (ms)
-- KEYS[5..] RECORDS  hash: the records, one for each id
-- ARGV[1]   journalMs
-- ARGV[2..] rest       ids
-- Replies: told
local decided, untilMs = {}, {}
for i = RECORDS, #KEYS do
  if redis.call('HEXISTS', KEYS[i], 'code') == 1 then
    local id, count = ARGV[rest + i - RECORDS], #decided
    decided[count + 1], untilMs[2 * count + 1], untilMs[2 * count + 2] = id, now + journalMs, id
    redis.call('HSET', KEYS[i], 'told', 1, 'toldAt', nowText)
  end
end
if decided[1] then
  redis.call('ZREM', OPEN, unpack(decided))
  redis.call('ZADD', TOLD, unpack(untilMs))
end
local ended = redis.call('ZRANGEBYSCORE', ENDED, '-inf', now - journalMs, 'LIMIT', 0, 64)
if ended[1] then
  redis.call('ZREM', ENDED, unpack(ended))
  redis.call('HDEL', MOVES, unpack(ended))
end
return {'told'}
