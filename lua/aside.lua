-- Ends a processing undecided: the record waits for its next delivery. Its ticket is given up in any case.
-- uses: queue intents
-- flags: allow-oom
-- KEYS[1]  META   hash: run, graceUntil, seq, schema
-- KEYS[2]  HEADS  hash: resource -> first ticket of its queue, + where others may stand behind it
-- KEYS[3]  Q      zset: resource\31ticket, those behind
-- KEYS[4]  T      hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[5]  S      zset: session -> end of its lease (ms)
-- KEYS[6]  ST     zset: session\31ticket
-- KEYS[7]  DL     zset: ticket -> when it ends by itself (ms)
-- KEYS[8]  RQ     hash: key of a ticket -> ticket
-- KEYS[9]  RECORD hash: the request's record
-- KEYS[10] OPEN   zset: request -> when the sweep may look at it (ms)
-- KEYS[11] INTENTS hash: consumer -> request whose intent is not settled
-- ARGV[1] graceMs       nothing is granted for so long after the server's run has changed
-- ARGV[2] holdMs        longest hold of a granted ticket
-- ARGV[3] sweepAfterMs
-- ARGV[4] id
-- ARGV[5] token
-- ARGV[6] rung          rungs of the delay ladder used; not looked at for handed_back
-- ARGV[7] delayMs       0: handed back at once
-- ARGV[8] reason        contended | ledger_unavailable | handed_back
-- Replies: aside | stale (also to a second send: the first one ended the processing)
local record = redis.call('HMGET', RECORD, 'proc', 'run', 'code', 'touches')
local current = record[1] == token and record[2] == run and not record[3] and alive(sessionOf(token))
if current then
  redis.call('HSET', RECORD, 'proc', '')
  if reason ~= 'handed_back' then
    redis.call('HSET', RECORD, 'rung', rung, 'reason', reason)
    redis.call('HSETNX', RECORD, 'firstFailedAt', nowText)
    settleIntents(record[4], id) -- the door of the attempt is closed by now
  end
  local dueAt = now + delayMs
  if dueAt > now then redis.call('HSET', RECORD, 'dueAt', whole(dueAt)) else redis.call('HDEL', RECORD, 'dueAt') end
  redis.call('ZADD', OPEN, dueAt + sweepAfterMs, id)
end
giveUp(token)
return done({current and 'aside' or 'stale'})
