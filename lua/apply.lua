-- Carries out writes, each wholly or not at all: fence, compare-and-set, room; then books, decision, release.
-- Spans books, journal and locks, hence the many keys: what decides and what is decided must be one step. Joins many
-- calls.
-- uses: queue books usages rows moves decision fits joined
-- KEYS[1]    META        hash: run, graceUntil, seq, schema
-- KEYS[2]    HEADS       hash: resource -> first ticket of its queue, + where others may stand behind it
-- KEYS[3]    Q           zset: resource\31ticket, those behind
-- KEYS[4]    T           hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[5]    S           zset: session -> end of its lease (ms)
-- KEYS[6]    ST          zset: session\31ticket
-- KEYS[7]    DL          zset: ticket -> when it ends by itself (ms)
-- KEYS[8]    RQ          hash: key of a ticket -> ticket
-- KEYS[9]    MOVES       hash: consumer -> move, JSON
-- KEYS[10]   ENDED       zset: consumer of a move that is no longer open -> since (ms)
-- KEYS[11]   CONSUMERS   hash: consumer -> JSON
-- KEYS[12]   GENERATIONS hash: consumer that holds nothing -> last generation
-- KEYS[13]   PROVIDERS   hash: provider -> JSON
-- KEYS[14]   USAGES      hash: provider -> CLASS=used,..
-- KEYS[15..] RECORDS     hash: the requests' records, one for each write
-- ARGV[1]   graceMs  nothing is granted for so long after the server's run has changed
-- ARGV[2]   holdMs   longest hold of a granted ticket
-- ARGV[3..] rest     number of writes, and of each: token, number (the ticket, which is the fence), attempt (its
--   number), code, origin, event (JSON), letter (JSON, or ''), then tables: changes: consumer, generation before or '',
--   generation after, JSON or '' (removed) · guards: consumer, generation or '' · providers: provider, generation
--   · moves: consumer, migration or '', state, JSON
-- Replies: a list, for each write: stale | conflict reason
--   | broken error (a bug of its sender; its neighbours go on)
--   | applied decided after (consumer, JSON or '', ..), joined | applied decided '' (found done)

-- What becomes of one row: a reply, or nil and what is to be written.
local function judge(record, row)
  if record[1] ~= row.token or record[2] ~= run then return {'stale'} end
  if record[3] == row.attempt then return {'applied', record[4] and 1 or 0, ''} end
  if record[4] or record[5] ~= row.attempt then return {'stale'} end
  local session, ticket = sessionOf(row.token), ticketOf(row.number)
  if not alive(session) or not ticket or ticket.state ~= 'G' or ticket.session ~= session then return {'stale'} end
  local conflict, grown, deltas = lostRace(row.changes, row.guards, row.relied)
  if conflict then return {'conflict', conflict} end
  local refusal, texts = usagesAfter(grown, deltas)
  if refusal then return {'conflict', refusal} end
  return nil, texts
end

local function write(row, texts)
  for _, change in ipairs(row.changes) do
    put(holdings, change[1], change[4] ~= '' and change[4])
    put(generations, change[1], change[4] == '' and change[3])
  end
  for provider, text in pairs(texts) do put(usages, provider, text) end
end

-- Reads back what was written, and decides where it is exactly what was meant.
local function conclude(row, stored, read)
  local exact, after = true, {}
  for i, change in ipairs(row.changes) do
    local json = read.holdings[change[1]] or ''
    after[2 * i - 1], after[2 * i] = change[1], json
    exact = exact and json == (get(holdings, change[1]) or '')
  end
  for provider in pairs(row.texts) do exact = exact and read.usages[provider] == get(usages, provider) end
  if not exact then
    redis.call('HSET', stored, 'written', row.attempt)
    return {'applied', 0, after}
  end
  redis.call('HSET', stored, 'written', row.attempt, 'code', row.code, 'origin', row.origin, 'event', row.event,
    'letter', row.letter, 'decidedAt', nowText)
  noteMoves(row.moves)
  giveUp(row.token)
  return {'applied', 1, after}
end

-- As in begin: what nearly every row needs is read for all of them at once.
local writes, named = {}, {tickets = {}, consumers = {}, providers = {}, tokens = {}, resources = {}}
for i = 1, tonumber((readFields(1))) do
  local row = {}
  row.token, row.number, row.attempt, row.code, row.origin, row.event, row.letter = readFields(7)
  row.changes, row.guards, row.relied, row.moves = readRows(4), readRows(2), readRows(2), readRows(4)
  writes[i] = row
  named.tokens[i], named.tickets[i] = row.token, row.number
  for _, change in ipairs(row.changes) do named.consumers[#named.consumers + 1] = change[1] end
  for _, provider in ipairs(row.relied) do named.providers[#named.providers + 1] = provider[1] end
end
fetch(byKey, named.tokens)
fetch(tickets, named.tickets)
fetch(holdings, named.consumers)
fetch(definitions, named.providers)
for _, id in ipairs(named.consumers) do
  local fine, held = pcall(allocationsOf, get(holdings, id))
  for provider in pairs(fine and held or {}) do named.providers[#named.providers + 1] = provider end
end
fetch(usages, named.providers)
for _, number in ipairs(named.tickets) do
  local ticket = ticketOf(number)
  if ticket then append(named.resources, ticket.resources) end
end
fetch(heads, named.resources)

local replies = {}
for i, row in ipairs(writes) do
  local record = redis.call('HMGET', KEYS[RECORDS + i - 1], 'proc', 'run', 'written', 'code', 'n')
  local fine, reply, texts = pcall(judge, record, row) -- it only reads
  if fine then replies[i], row.texts = reply, texts else replies[i] = {'broken', tostring(reply)} end
  if row.texts then write(row, row.texts) end
end
done()

local function readBack(key, ids)
  local found = {}
  for i, value in ipairs(ids[1] and redis.call('HMGET', key, unpack(ids)) or {}) do found[ids[i]] = value end
  return found
end

local changed = {holdings = {}, usages = {}}
for _, row in ipairs(writes) do
  if row.texts then
    for _, change in ipairs(row.changes) do changed.holdings[#changed.holdings + 1] = change[1] end
    for provider in pairs(row.texts) do changed.usages[#changed.usages + 1] = provider end
  end
end
local read = {holdings = readBack(CONSUMERS, changed.holdings), usages = readBack(USAGES, changed.usages)}
for i, row in ipairs(writes) do
  if row.texts then replies[i] = joined(conclude(row, KEYS[RECORDS + i - 1], read)) end
end
return done(replies)
