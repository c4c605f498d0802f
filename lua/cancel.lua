-- Marks a request as cancelled, before it was ever seen or while nothing is decided; its next processing then ends it.
-- uses: prelude tomb
-- KEYS[1] META    hash: run, graceUntil, seq, schema
-- KEYS[2] S       zset: session -> end of its lease (ms)
-- KEYS[3] T       hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[4] RECORD  hash: the record of the request to cancel
-- KEYS[5] OPEN    zset: request -> when the sweep may look at it (ms)
-- KEYS[6] RQ      hash: key of a ticket -> ticket
-- KEYS[7] TOMB    hash: packed id -> tombstone, shared with others
-- ARGV[1] graceMs    nothing is granted for so long after the server's run has changed
-- ARGV[2] journalMs    how long the mark is kept for a request that was never seen, and
-- ARGV[3] tombstoneMs  so long more; 0: for ever
-- ARGV[4] id           of the request to cancel
-- ARGV[5] by           id of the cancel
-- Replies: cancelled | cancelled_before | decided code | waits (undecided: ask again)
local record = redis.call('HMGET', RECORD, 'digest', 'code', 'cancelledBy', 'proc', 'run')
if record[2] then
  if record[2] ~= 'cancelled' then return {'decided', record[2]} end
  return {record[3] == by and 'cancelled' or 'cancelled_before'}
end
if not record[1] then
  local packed = tombOf(TOMB, id)
  if packed and packed.code ~= 'cancelled' then return {'decided', packed.code} end
  if packed then return {'cancelled_before'} end
  if record[3] and record[3] ~= by then return {'cancelled_before'} end
  redis.call('HSET', RECORD, 'cancelledBy', by)
  if tombstoneMs ~= '0' then redis.call('PEXPIRE', RECORD, journalMs + tombstoneMs) end
  return {'cancelled'}
end
if not record[3] then redis.call('HSET', RECORD, 'cancelledBy', by) end
local ticket = record[4] and redis.call('HGET', RQ, record[4])
local held = ticket and redis.call('HEXISTS', T, ticket) == 1 and record[5] == run and alive(sessionOf(record[4]))
if not held then
  redis.call('HDEL', RECORD, 'dueAt')
  redis.call('ZADD', OPEN, now, id)
end
return {'waits'}
