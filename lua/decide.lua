-- Writes a decision down (the first one stands) and gives the ticket up.
-- uses: queue rows moves decision intents
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
-- KEYS[11] MOVES  hash: consumer -> move, JSON
-- KEYS[12] ENDED  zset: consumer of a move that is no longer open -> since (ms)
-- KEYS[13] INTENTS hash: consumer -> request whose intent is not settled
-- ARGV[1]    graceMs       nothing is granted for so long after the server's run has changed
-- ARGV[2]    holdMs        longest hold of a granted ticket
-- ARGV[3]    sweepAfterMs
-- ARGV[4]    id
-- ARGV[5]    token
-- ARGV[6]    code
-- ARGV[7]    origin
-- ARGV[8]    event         JSON
-- ARGV[9]    letter        JSON, or ''
-- ARGV[10]   effect        happened | did_not_happen | unknown
-- ARGV[11..] rest          moves: consumer, migration or '', state, JSON
-- Replies: decided | stale
local record = redis.call('HMGET', RECORD, 'proc', 'run', 'code', 'event', 'written', 'touches')
if record[1] ~= token or record[2] ~= run or not alive(sessionOf(token)) then return {'stale'} end
if record[3] then return {record[4] == event and 'decided' or 'stale'} end
-- A write that is in the books is never told as one that did not happen.
if record[5] and effect == 'did_not_happen' then return {'stale'} end
redis.call('HSET', RECORD, 'code', code, 'origin', origin, 'event', event, 'letter', letter, 'decidedAt', nowText)
redis.call('HDEL', RECORD, 'intent', 'touches')
settleIntents(record[6], id)
noteMoves(readRows(4))
redis.call('ZADD', OPEN, now + sweepAfterMs, id)
giveUp(token)
return done({'decided'})
