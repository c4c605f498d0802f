-- Carries out writes, each wholly or not at all: fence, compare-and-set, room; then books, decision, release.
-- Spans books, journal and locks, hence the many keys: what decides and what is decided must be one step. Joins many
-- calls.
-- uses: queue books usages rows decision fits
-- KEYS[1]    META         hash: run, graceUntil, seq, schema
-- KEYS[2]    Q            zset: resource\31ticket, the queues
-- KEYS[3]    T            hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[4]    S            zset: session -> end of its lease (ms)
-- KEYS[5]    ST           zset: session\31ticket
-- KEYS[6]    DL           zset: ticket -> when it ends by itself (ms)
-- KEYS[7]    RQ           hash: key of a ticket -> ticket
-- KEYS[8]    MOVES        hash: consumer -> move, JSON
-- KEYS[9]    ENDED        zset: consumer of a move that is no longer open -> since (ms)
-- KEYS[10]   CONSUMERS    hash: consumer -> JSON
-- KEYS[11]   GENERATIONS  hash: consumer that holds nothing -> last generation
-- KEYS[12]   PROVIDERS    hash: provider -> JSON
-- KEYS[13]   USAGES       hash: provider -> CLASS=used,..
-- KEYS[14..] RECORDS      hash: the requests' records, one for each write
-- ARGV[1]   graceMs  nothing is granted for so long after the server's run has changed
-- ARGV[2]   holdMs   longest hold of a granted ticket
-- ARGV[3..] rest     number of writes, and of each: token, number (the ticket, which is the fence), attempt (its
-- number), code,
-- origin, event (JSON), letter (JSON, or ''), then tables: changes: consumer, generation before or '', generation
-- after,
--   JSON or '' (removed) · guards: consumer, generation or '' · providers: provider, generation
--   · moves: consumer, migration or '', state, JSON
-- Replies: a list, for each write: stale | conflict reason | applied decided after (consumer, JSON or '', ..; '' where
-- found
--   done)
local function apply(stored, token, number, attempt, code, origin, event, letter, changes, guards, relied, moves)
  local record = redis.call('HMGET', stored, 'proc', 'run', 'written', 'code', 'n')
  if record[1] ~= token or record[2] ~= run then return {'stale'} end
  if record[3] == attempt then return {'applied', record[4] and 1 or 0, ''} end
  if record[4] or record[5] ~= attempt then return {'stale'} end
  local session, ticket = sessionOf(token), ticketOf(number)
  if not alive(session) or not ticket or ticket.state ~= 'G' or ticket.session ~= session then return {'stale'} end

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
  redis.call('HSET', stored, 'written', attempt)

  local exact, after = true, {}
  for i, change in ipairs(changes) do
    local json = redis.call('HGET', CONSUMERS, change[1]) or ''
    after[2 * i - 1], after[2 * i] = change[1], json
    exact = exact and json == change[4]
  end
  for provider, text in pairs(usages) do exact = exact and redis.call('HGET', USAGES, provider) == text end
  if not exact then return {'applied', 0, after} end
  noteDecision(stored, code, origin, event, letter)
  noteMoves(moves)
  giveUp(token)
  return {'applied', 1, after}
end

local replies = {}
for i = 1, tonumber((readFields(1))) do
  local token, number, attempt, code, origin, event, letter = readFields(7)
  local changes, guards, relied, moves = readRows(4), readRows(2), readRows(2), readRows(4)
  local stored = KEYS[RECORDS + i - 1]
  replies[i] = apply(stored, token, number, attempt, code, origin, event, letter, changes, guards, relied, moves)
end
return replies
