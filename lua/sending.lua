-- Notes what is about to be sent: a write that no later processing may send again, or one that it has to settle first.
-- uses: prelude intents
-- KEYS[1] META    hash: run, graceUntil, seq, schema
-- KEYS[2] S       zset: session -> end of its lease (ms)
-- KEYS[3] T       hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[4] RECORD  hash: the request's record
-- KEYS[5] RQ      hash: key of a ticket -> ticket
-- KEYS[6] INTENTS hash: consumer -> request whose intent is not settled
-- ARGV[1] graceMs   nothing is granted for so long after the server's run has changed
-- ARGV[2] id
-- ARGV[3] token
-- ARGV[4] attempt   its number; numbers only rise
-- ARGV[5] once      1: no later processing sends it again
-- ARGV[6] intent    JSON: what to decide if it is found carried out, '': nothing is to be settled
-- ARGV[7] consumers that the intent may change, joined by commas
-- Replies: noted | stale
local record = redis.call('HMGET', RECORD, 'proc', 'run', 'code', 'n', 'touches')
if record[1] ~= token or record[2] ~= run or record[3] or not alive(sessionOf(token)) then return {'stale'} end
if tonumber(record[4]) > tonumber(attempt) then return {'stale'} end
-- Only who holds the lock may write: so a consumer has one unsettled intent at most.
local ticket = redis.call('HGET', RQ, token)
local place = ticket and redis.call('HGET', T, ticket)
if not place or string.sub(place, 1, 1) == 'W' then return {'stale'} end
settleIntents(record[5], id)
if once == '1' then redis.call('HSET', RECORD, 'sent', attempt) else redis.call('HDEL', RECORD, 'sent') end
if intent == '' then
  redis.call('HDEL', RECORD, 'intent', 'touches')
else
  redis.call('HSET', RECORD, 'n', attempt, 'intent', intent, 'touches', consumers)
  for consumer in string.gmatch(consumers, '[^,]+') do redis.call('HSET', INTENTS, consumer, id) end
end
return {'noted'}
