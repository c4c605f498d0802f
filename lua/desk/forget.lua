#!lua
-- Removes a letter that waits for nobody and was taken in long enough ago.
-- KEYS[1] LETTER    hash: the letter
-- KEYS[2] TOLD      zset of the told letters: id -> when it was taken in (ms)
-- KEYS[3] ALL       zset of all letters: id -> when it first failed (ms)
-- KEYS[4] REQUESTS  zset, score 0: request\31id
-- KEYS[5] COUNTS    hash: state/class/code -> how many
-- ARGV[1] id
-- ARGV[2] beforeMs  only one that was taken in before
-- Replies: 1 removed | 0 not there, in another state, or too young
local id, beforeMs = ARGV[1], tonumber(ARGV[2])
local letter = redis.call('HMGET', KEYS[1], 'state', 'takenMs', 'request', 'class', 'code')
if letter[1] ~= 'told' then
  redis.call('ZREM', KEYS[2], id)
  return 0
end
if tonumber(letter[2]) >= beforeMs then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], id)
redis.call('ZREM', KEYS[3], id)
redis.call('ZREM', KEYS[4], letter[3] .. '\31' .. id)
redis.call('HINCRBY', KEYS[5], 'told/' .. letter[4] .. '/' .. letter[5], -1)
return 1
