-- Carries out one write wholly or not at all: fence, generations, room; then allocations, usages, decision, release.
-- Spans books, journal and locks, hence the many keys: what decides and what is decided must be one step.
-- uses: queue books usages rows decision fits
-- KEYS[1]  META         hash: run, graceUntil, seq, schema
-- KEYS[2]  Q            zset: resource\31ticket, the queues
-- KEYS[3]  T            hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[4]  S            zset: session -> end of its lease (ms)
-- KEYS[5]  ST           zset: session\31ticket
-- KEYS[6]  DL           zset: ticket -> when it ends by itself (ms)
-- KEYS[7]  RQ           hash: key of a ticket -> ticket
-- KEYS[8]  RECORD       hash: the request's record
-- KEYS[9]  MOVES        hash: consumer -> move, JSON
-- KEYS[10] ENDED        zset: consumer of a move that is no longer open -> since (ms)
-- KEYS[11] CONSUMERS    hash: consumer -> JSON
-- KEYS[12] GENERATIONS  hash: consumer that holds nothing -> last generation
-- KEYS[13] PROVIDERS    hash: provider -> JSON
-- KEYS[14] USAGES       hash: provider -> CLASS=used,..
-- ARGV[1]    graceMs  nothing is granted for so long after the server's run has changed
-- ARGV[2]    holdMs   longest hold of a granted ticket
-- ARGV[3]    token
-- ARGV[4]    number   the ticket, which is the fence
-- ARGV[5]    attempt  its number
-- ARGV[6]    code
-- ARGV[7]    origin
-- ARGV[8]    event    JSON
-- ARGV[9]    letter   JSON, or ''
-- ARGV[10..] rest     changes: consumer, generation before or '', generation after, JSON or '' (removed)
--   guards: consumer, generation or '' · providers: provider, generation
--   moves: consumer, migration or '', state, JSON
-- Replies: stale | conflict reason | applied decided after (consumer, JSON or '', ..; '' where found done)
local record = redis.call('HMGET', RECORD, 'proc', 'run', 'written', 'code', 'n')
if record[1] ~= token or record[2] ~= run then return {'stale'} end
if record[3] == attempt then return {'applied', record[4] and 1 or 0, ''} end
if record[4] or record[5] ~= attempt then return {'stale'} end
local session, ticket = sessionOf(token), ticketOf(number)
if not alive(session) or not ticket or ticket.state ~= 'G' or ticket.session ~= session then return {'stale'} end

local changes, guards, relied, moves = readRows(4), readRows(2), readRows(2), readRows(4)
local conflict, grown, deltas = lostRace(changes, guards, relied)
if conflict then return {'conflict', conflict} end
local refusal, usages = usagesAfter(grown, deltas)
if refusal then return {'conflict', refusal} end

for _, change in ipairs(changes) do
  if change[4] == '' then
    redis.call('HDEL', CONSUMERS, change[1])
    redis.call('HSET', GENERATIONS, change[1], change[3])
  else
    redis.call('HSET', CONSUMERS, change[1], change[4])
    redis.call('HDEL', GENERATIONS, change[1])
  end
end
for provider, text in pairs(usages) do
  if text then redis.call('HSET', USAGES, provider, text) else redis.call('HDEL', USAGES, provider) end
end
redis.call('HSET', RECORD, 'written', attempt)

local exact, after = true, {}
for i, change in ipairs(changes) do
  local json = redis.call('HGET', CONSUMERS, change[1]) or ''
  after[2 * i - 1], after[2 * i] = change[1], json
  exact = exact and json == change[4]
end
for provider, text in pairs(usages) do exact = exact and redis.call('HGET', USAGES, provider) == text end
if not exact then return {'applied', 0, after} end
noteDecision()
noteMoves(moves)
giveUp(token)
return {'applied', 1, after}
