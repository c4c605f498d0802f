#!lua
-- Removes a letter that waits for nobody and has been in its state for long enough.
-- KEYS[1] LETTER    hash: the letter
-- KEYS[2] OF_STATE  zset of the letters in the state: id -> since when (ms)
-- KEYS[3] ALL       zset of all letters: id -> when it first failed (ms)
-- KEYS[4] REQUESTS  zset, score 0: request\31id
-- KEYS[5] COUNTS    hash: state/class/code -> how many
-- ARGV[1] id
-- ARGV[2] state
-- ARGV[3] beforeMs  only one that came into this state before
-- Replies: 1 removed | 0 not there, in another state, too young, or its end is still awaited
local id, state, beforeMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
local letter = redis.call('HMGET', KEYS[1], 'state', 'sinceMs', 'takenMs', 'request', 'class', 'code', 'watched')
if letter[1] ~= state then
  redis.call('ZREM', KEYS[2], id)
  return 0
end
if tonumber(letter[2] or letter[3]) >= beforeMs or letter[7] == '1' then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], id)
redis.call('ZREM', KEYS[3], id)
redis.call('ZREM', KEYS[4], letter[4] .. '\31' .. id)
redis.call('HINCRBY', KEYS[5], state .. '/' .. letter[5] .. '/' .. letter[6], -1)
return 1
