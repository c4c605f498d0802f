#!lua
-- One act on a letter that still stands as it was read: its state, its history and what is to be sent, in one step.
-- KEYS[1] LETTER   hash: the letter
-- KEYS[2] FROM     zset of the letters in its present state: id -> ms
-- KEYS[3] TO       zset of the letters in its next state: id -> when it first failed (open), else since when (ms)
-- KEYS[4] OPEN_OF  zset of the open letters of its class: id -> when it first failed (ms)
-- KEYS[5] COUNTS   hash: state/class/code -> how many
-- KEYS[6] CHAIN    string: how many acts the replay chain has seen lately
-- KEYS[7] OUTBOX   hash: message id -> message, JSON
-- KEYS[8] DUE      zset: message id -> when anybody may send it (ms)
-- KEYS[9] WATCHED  zset of the letters whose end is awaited: id -> when it was last looked for (ms)
-- ARGV[1] id
-- ARGV[2] act        never given twice; the same act again is answered as done
-- ARGV[3] version    of the letter as it was read
-- ARGV[4] chain      version of the chain as it was read, or '' where the chain does not matter
-- ARGV[5] from       its present state
-- ARGV[6] to         its next state
-- ARGV[7] kind       class/code
-- ARGV[8] firstMs    when it first failed (ms)
-- ARGV[9] entry      what is added to its history, JSON
-- ARGV[10] watch     1: its end is awaited from now on | 0
-- ARGV[11] dueMs     how long (ms) the messages are left to this sender
-- ARGV[12] messages  how many; then their ids and texts in turn, then names and values of fields
-- ARGV[13..] rest
-- Replies: done | changed
local id, act, from, to = ARGV[1], ARGV[2], ARGV[5], ARGV[6]
local stands = redis.call('HMGET', KEYS[1], 'state', 'version', 'act', 'history')
if stands[3] == act then return 'done' end
if stands[1] ~= from or (stands[2] or '0') ~= ARGV[3] then return 'changed' end
if ARGV[4] ~= '' then
  if (redis.call('GET', KEYS[6]) or '0') ~= ARGV[4] then return 'changed' end
  redis.call('INCR', KEYS[6])
  -- It only keeps two acts of the same moments apart.
  redis.call('PEXPIRE', KEYS[6], 604800000)
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if from ~= to then
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZADD', KEYS[3], to == 'open' and ARGV[8] or now, id)
  redis.call('HINCRBY', KEYS[5], from .. '/' .. ARGV[7], -1)
  redis.call('HINCRBY', KEYS[5], to .. '/' .. ARGV[7], 1)
  if from == 'open' then redis.call('ZREM', KEYS[4], id) end
  if to == 'open' then redis.call('ZADD', KEYS[4], ARGV[8], id) end
end
if ARGV[10] == '1' then redis.call('ZADD', KEYS[9], now, id) else redis.call('ZREM', KEYS[9], id) end
local history = stands[4] and string.sub(stands[4], 1, -2) .. ',' or '['
redis.call('HSET', KEYS[1], 'state', to, 'act', act, 'watched', ARGV[10], 'sinceMs', string.format('%.0f', now),
  'history', history .. ARGV[9] .. ']')
redis.call('HINCRBY', KEYS[1], 'version', 1)
local fields = 13 + 2 * ARGV[12]
for i = 13, fields - 1, 2 do
  redis.call('HSET', KEYS[7], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[8], now + ARGV[11], ARGV[i])
end
for i = fields, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 'done'
