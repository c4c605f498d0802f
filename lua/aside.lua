-- Ends a processing undecided: the record waits for its next delivery, the ticket is given up.
-- uses: queue
-- flags: allow-oom
-- KEYS[1] META    hash: run, graceUntil, seq, schema
-- KEYS[2] Q       zset: resource\31ticket, the queues
-- KEYS[3] T       hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[4] S       zset: session -> end of its lease (ms)
-- KEYS[5] ST      zset: session\31ticket
-- KEYS[6] DL      zset: ticket -> when it ends by itself (ms)
-- KEYS[7] RQ      hash: key of a ticket -> ticket
-- KEYS[8] RECORD  hash: the request's record
-- KEYS[9] OPEN    zset: request -> when the sweep may look at it (ms)
-- ARGV[1] graceMs       nothing is granted for so long after the server's run has changed
-- ARGV[2] holdMs        longest hold of a granted ticket
-- ARGV[3] sweepAfterMs
-- ARGV[4] id
-- ARGV[5] token
-- ARGV[6] number        the ticket, or ''
-- ARGV[7] rung          rungs of the delay ladder used
-- ARGV[8] delayMs       0: handed back at once
-- ARGV[9] reason        contended | ledger_unavailable | handed_back
-- Replies: aside | stale (also to a second send: the first one ended the processing)
local record = redis.call('HMGET', RECORD, 'proc', 'run', 'code')
local session = sessionOf(token)
if record[1] ~= token or record[2] ~= run or record[3] or not alive(session) then return {'stale'} end
redis.call('HSET', RECORD, 'proc', '', 'rung', rung)
if reason ~= 'handed_back' then
  redis.call('HSET', RECORD, 'reason', reason)
  redis.call('HSETNX', RECORD, 'firstFailedAt', whole(now))
end
local dueAt = now + delayMs
if dueAt > now then redis.call('HSET', RECORD, 'dueAt', whole(dueAt)) else redis.call('HDEL', RECORD, 'dueAt') end
redis.call('ZADD', OPEN, dueAt + sweepAfterMs, id)
giveUp(number, session)
return {'aside'}
