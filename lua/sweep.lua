-- Answers a request that no live process holds, so that it is published again; waits longer after each time.
-- uses: prelude
-- KEYS[1] META    hash: run, graceUntil, seq, schema
-- KEYS[2] T       hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[3] S       zset: session -> end of its lease (ms)
-- KEYS[4] RECORD  hash: the request's record
-- KEYS[5] OPEN    zset: request -> when the sweep may look at it (ms)
-- KEYS[6] RQ      hash: key of a ticket -> ticket
-- ARGV[1] graceMs       nothing is granted for so long after the server's run has changed
-- ARGV[2] sweepAfterMs
-- ARGV[3] id
-- Replies: none | entry digest op body props exchange rk
local due = tonumber(redis.call('ZSCORE', OPEN, id) or nil)
if not due or due > now then return {'none'} end
local record = redis.call('HMGET', RECORD, 'digest', 'told', 'code', 'proc', 'run', 'swept',
  'op', 'body', 'props', 'exchange', 'rk')
if not record[1] or record[2] then
  redis.call('ZREM', OPEN, id)
  return {'none'}
end
local proc = record[4] or ''
local ticket = proc ~= '' and redis.call('HGET', RQ, proc)
local lives = ticket and redis.call('HEXISTS', T, ticket) == 1 and record[5] == run and alive(sessionOf(proc))
if not record[3] and lives then
  redis.call('ZADD', OPEN, now + sweepAfterMs, id)
  return {'none'}
end
local swept = tonumber(record[6]) or 0
redis.call('HSET', RECORD, 'swept', swept + 1)
redis.call('ZADD', OPEN, now + sweepAfterMs * 2 ^ math.min(swept, 5), id)
return {'entry', record[1], record[7], record[8], record[9], record[10], record[11]}
