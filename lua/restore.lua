-- Writes down a decision that was told and that the server has lost: record, moves, and its effect on the books.
-- Spans journal and books, hence the many keys: what was decided and what was done come back in one step.
-- uses: prelude books usages rows moves decision tomb intents
-- KEYS[1]  META        hash: run, graceUntil, seq, schema, restoring, offset, keeper, keeperUntil
-- KEYS[2]  S           zset: session -> end of its lease (ms)
-- KEYS[3]  T           hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[4]  OPEN        zset: request -> when the sweep may look at it (ms)
-- KEYS[5]  RECENT      zset: request -> first begun (ms)
-- KEYS[6]  TOLD        zset: request whose event is confirmed -> when its record may be packed (ms)
-- KEYS[7]  MOVES       hash: consumer -> move, JSON
-- KEYS[8]  ENDED       zset: consumer of a move that is no longer open -> since (ms)
-- KEYS[9]  CONSUMERS   hash: consumer -> JSON
-- KEYS[10] GENERATIONS hash: consumer that holds nothing -> last generation
-- KEYS[11] PROVIDERS   hash: provider -> JSON
-- KEYS[12] USAGES      hash: provider -> CLASS=used,..
-- KEYS[13] INTENTS     hash: consumer -> request whose intent is not settled
-- KEYS[14] RECORD      hash: the request's record
-- KEYS[15] TOMB        hash: packed id -> tombstone, shared with others
-- ARGV[1]    graceMs    nothing is granted for so long after the server's run has changed
-- ARGV[2]    journalMs
-- ARGV[3]    thisRun    which is to be restored
-- ARGV[4]    id
-- ARGV[5]    op
-- ARGV[6]    code
-- ARGV[7]    origin
-- ARGV[8]    event      JSON
-- ARGV[9]    letter     JSON, or ''
-- ARGV[10]   attempts
-- ARGV[11]   decidedMs
-- ARGV[12..] rest       changes: consumer, generation before or '', generation after, JSON or '' (removed)
--   · moves: consumer, migration or '', state, JSON
-- Replies: restored | known | changed (a consumer is not as it was read; nothing was written) | stale
local changes, restored = readRows(4), readRows(4)
if restoring ~= run or thisRun ~= run then return {'stale'} end
local record = redis.call('HMGET', RECORD, 'code', 'begunAt', 'touches')
if record[1] or tombOf(TOMB, id) then return {'known'} end
local deltas = {}
for _, change in ipairs(changes) do
  local stored = get(holdings, change[1])
  if generationOf(stored) ~= change[2] then return {'changed'} end
  addTo(deltas, allocationsOf(stored), -1)
  addTo(deltas, allocationsOf(change[4] ~= '' and change[4]), 1)
  put(holdings, change[1], change[4] ~= '' and change[4])
  put(generations, change[1], change[4] == '' and change[3])
end
addUsages(deltas)
noteMoves(restored)
redis.call('HSET', RECORD, 'op', op, 'code', code, 'origin', origin, 'event', event, 'letter', letter, 'attempts',
  attempts, 'decidedAt', decidedMs, 'told', 1, 'toldAt', nowText, 'proc', '')
-- What it had noted before a send is settled by the decision, as in `decide`: nobody would do it later.
settleIntents(record[3], id)
redis.call('HDEL', RECORD, 'dueAt', 'intent', 'touches')
redis.call('PERSIST', RECORD)
if not record[2] then redis.call('HSET', RECORD, 'begunAt', decidedMs, 'n', 1) end
redis.call('ZADD', RECENT, 'NX', decidedMs, id)
redis.call('ZADD', TOLD, now + journalMs, id)
redis.call('ZREM', OPEN, id)
return done({'restored'})
