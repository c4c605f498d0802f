-- Answers what stands of requests, or begins a processing of each: record, lock ticket and snapshot in one step.
-- Spans journal, locks and books, hence the many keys: one round trip instead of three, joined for many requests.
-- uses: take scope rows tomb joined
-- KEYS[1]    META        hash: run, graceUntil, seq, schema
-- KEYS[2]    HEADS       hash: resource -> first ticket of its queue, + where others may stand behind it
-- KEYS[3]    Q           zset: resource\31ticket, those behind
-- KEYS[4]    T           hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[5]    S           zset: session -> end of its lease (ms)
-- KEYS[6]    ST          zset: session\31ticket
-- KEYS[7]    DL          zset: ticket -> when it ends by itself (ms)
-- KEYS[8]    RQ          hash: key of a ticket -> ticket
-- KEYS[9]    OPEN        zset: request -> when the sweep may look at it (ms)
-- KEYS[10]   RECENT      zset: request -> first begun (ms)
-- KEYS[11]   MOVES       hash: consumer -> move, JSON
-- KEYS[12]   CONSUMERS   hash: consumer -> JSON
-- KEYS[13]   GENERATIONS hash: consumer that holds nothing -> last generation
-- KEYS[14]   PROVIDERS   hash: provider -> JSON
-- KEYS[15]   USAGES      hash: provider -> CLASS=used,..
-- KEYS[16..] RECORDS     hash: the requests' records, one for each row; then the same of their tombstones
-- ARGV[1]   graceMs       nothing is granted for so long after the server's run has changed
-- ARGV[2]   holdMs        longest hold of a granted ticket
-- ARGV[3]   waitMs
-- ARGV[4]   leaseMs
-- ARGV[5]   sweepAfterMs
-- ARGV[6..] rest          rows: id, token (`<session>.<n>`, never given twice), mine (1: a record held by this
--   session is a leftover), digest, op, body, props, exchange, rk, consumers and providers of the scope (joined by
--   commas), held (1: the scope also takes in what these consumers and their open moves hold), alone (1: the process
--   has nothing else in hand)
-- Replies: a list, for each row: stale | reused | duplicate | suspect (a process died with it: begin it alone)
--   | decided code op origin event letter
--   | packed code time attempts (of a tombstone; time: 17 digits of the event's, or '')
--   | joined: begun attempts n rung now firstFailedAt reason cancelledBy written sent deaths intent ('': none)
--   ticket moves snapshot ('': none)
local open, recent = scores(OPEN), scores(RECENT)

-- Writes a death down that a processing saw. A restart of the server ends every lease: that is nobody's death.
local function noteDeath(stored, record, token)
  local mark = takeDeath(token)
  if not mark or record[4] ~= run then return end
  record[15], record[16] = '1', (tonumber(record[16]) or 0) + (mark == DIED_ALONE and 1 or 0)
  redis.call('HSET', stored, 'suspect', 1, 'deaths', record[16], 'proc', '')
end

local function begin(stored, tomb, scope, id, token, mine, digest, op, body, props, exchange, rk, _, _, held, alone)
  local session = sessionOf(token)
  if restoring or not alive(session) then return {'stale'} end
  local record = redis.call('HMGET', stored, 'digest', 'code', 'proc', 'run', 'dueAt', 'attempts', 'n', 'written',
    'rung', 'firstFailedAt', 'reason', 'cancelledBy', 'last', 'sent', 'suspect', 'deaths', 'intent')
  if record[1] and record[1] ~= digest then return {'reused'} end
  local packed = not record[1] and not record[2] and tombOf(tomb, id)
  if packed then
    if not isOf(packed, digest) then return {'reused'} end
    return {'packed', packed.code, packed.time, packed.attempts}
  end
  if record[2] then
    return {'decided', unpack(redis.call('HMGET', stored, 'code', 'op', 'origin', 'event', 'letter'))}
  end
  if record[5] and tonumber(record[5]) > now then return {'duplicate'} end
  local before, last = record[3] or '', record[13] or ''
  local again = before == token and record[4] == run
  -- A token that this session has gone past comes from a send that was given up: it begins nothing.
  if not again and sessionOf(last) == session and numberOf(token) <= numberOf(last) then return {'stale'} end
  local freed = {}
  if before ~= '' and not again then
    -- A processing under way always has its ticket; one without it was lost, and is nobody's.
    local ticket, holder = ticketOfToken(before), sessionOf(before)
    local lives = ticket and record[4] == run and alive(holder)
    if lives and not (holder == session and mine == '1') then return {'duplicate'} end
    if ticket and alive(holder) then drop(ticket, freed) elseif ticket then bury(holder, freed) end
    noteDeath(stored, record, before)
  end
  if record[15] and alone ~= '1' and not again then
    promote(freed)
    return {'suspect'}
  end
  if held == '1' then expand(scope) end
  local attempts, n = tonumber(record[6]) or 0, record[7] or '1'
  if not again then
    attempts = attempts + 1
    if record[1] then
      redis.call('HSET', stored, 'run', run, 'proc', token, 'last', token, 'attempts', attempts)
    else
      redis.call('HSET', stored, 'run', run, 'proc', token, 'last', token, 'attempts', attempts, 'digest', digest,
        'op', op, 'body', body, 'props', props, 'exchange', exchange, 'rk', rk, 'begunAt', nowText, 'n', n)
      if record[12] then redis.call('PERSIST', stored) end
      put(recent, id, now)
    end
    if record[5] then redis.call('HDEL', stored, 'dueAt') end
    put(open, id, now + sweepAfterMs)
  end
  local ticket = take(session, token, resourcesOf(scope))
  local stands = answer(ticket)
  local fresh = ticket.state == 'G' and record[8] ~= n
  promote(freed)
  return joined({'begun', attempts, n, record[9] or '0', nowText, record[10] or '', record[11] or '', record[12] or '',
    record[8] and 1 or 0, record[14] and 1 or 0, tonumber(record[16]) or 0, record[17] or '', stands,
    rows(scope.consumers, moves), fresh and snapshot(scope) or ''})
end

-- What nearly every row needs is read for all of them at once; what is missing here is only read later.
local asked, scopes, named = readRows(13), {}, {consumers = {}, providers = {}, tokens = {}, resources = {}}
for i, row in ipairs(asked) do
  scopes[i], named.tokens[i] = scopeOf(row[10], row[11]), row[2]
  append(named.consumers, scopes[i].consumers)
  append(named.providers, scopes[i].providers)
  append(named.resources, resourcesOf(scopes[i]))
end
fetch(byKey, named.tokens)
fetch(heads, named.resources)
for _, sheet in ipairs({moves, holdings, generations}) do fetch(sheet, named.consumers) end
for _, sheet in ipairs({definitions, usages}) do fetch(sheet, named.providers) end

local replies = {}
for i, row in ipairs(asked) do
  local stored = RECORDS + i - 1
  replies[i] = begin(KEYS[stored], KEYS[stored + #asked], scopes[i], unpack(row))
end
return done(replies)
