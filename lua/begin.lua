-- Answers what stands of requests, or begins a processing of each: record, lock ticket and snapshot in one step.
-- Spans journal, locks and books, hence the many keys: one round trip instead of three, joined for many requests.
-- uses: take books rows
-- KEYS[1]    META         hash: run, graceUntil, seq, schema
-- KEYS[2]    Q            zset: resource\31ticket, the queues
-- KEYS[3]    T            hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[4]    S            zset: session -> end of its lease (ms)
-- KEYS[5]    ST           zset: session\31ticket
-- KEYS[6]    DL           zset: ticket -> when it ends by itself (ms)
-- KEYS[7]    RQ           hash: key of a ticket -> ticket
-- KEYS[8]    OPEN         zset: request -> when the sweep may look at it (ms)
-- KEYS[9]    RECENT       zset: request -> first begun (ms)
-- KEYS[10]   MOVES        hash: consumer -> move, JSON
-- KEYS[11]   CONSUMERS    hash: consumer -> JSON
-- KEYS[12]   GENERATIONS  hash: consumer that holds nothing -> last generation
-- KEYS[13]   PROVIDERS    hash: provider -> JSON
-- KEYS[14]   USAGES       hash: provider -> CLASS=used,..
-- KEYS[15..] RECORDS      hash: the requests' records, one for each row
-- ARGV[1]   graceMs       nothing is granted for so long after the server's run has changed
-- ARGV[2]   holdMs        longest hold of a granted ticket
-- ARGV[3]   waitMs
-- ARGV[4]   leaseMs
-- ARGV[5]   sweepAfterMs
-- ARGV[6..] rest          rows: id, token (`<session>.<n>`, never given twice), mine (1: a record held by this session
-- is a
-- leftover), digest, op, body, props, exchange, rk, consumers and providers of the scope (joined by commas), held (1:
-- the
--   scope also takes in what these consumers and their open moves hold)
-- Replies: a list, for each row: stale | reused | duplicate | decided code op origin event letter
-- | begun attempts n rung now firstFailedAt reason cancelledBy written sent ticket moves snapshot ('' where there is
-- none)
local function begin(stored, id, token, mine, digest, op, body, props, exchange, rk, consumers, providers, held)
  local session = sessionOf(token)
  if not alive(session) then return {'stale'} end
  local record = redis.call('HMGET', stored, 'digest', 'code', 'proc', 'run', 'dueAt', 'attempts', 'n', 'written',
    'rung', 'firstFailedAt', 'reason', 'cancelledBy', 'last', 'sent')
  if record[1] and record[1] ~= digest then return {'reused'} end
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
    if ticket then drop(ticket, freed) end
  end
  local scope = expand(consumers, providers, held == '1')
  local resources = {}
  for i, consumer in ipairs(scope.consumers) do resources[i] = 'c:' .. consumer end
  for _, provider in ipairs(scope.providers) do resources[#resources + 1] = 'p:' .. provider end
  local attempts, n = tonumber(record[6]) or 0, record[7] or '1'
  if not again then
    attempts = attempts + 1
    if not record[1] then
      redis.call('HSET', stored, 'digest', digest, 'op', op, 'body', body, 'props', props, 'exchange', exchange,
        'rk', rk,   'begunAt', whole(now))
      if record[12] then redis.call('PERSIST', stored) end
      redis.call('ZADD', RECENT, now, id)
    end
    redis.call('HSET', stored, 'run', run, 'proc', token, 'last', token, 'attempts', attempts, 'n', n)
    if record[5] then redis.call('HDEL', stored, 'dueAt') end
    redis.call('ZADD', OPEN, now + sweepAfterMs, id)
  end
  local ticket = take(session, token, resources)
  local stands = answer(ticket)
  local moves = rows(scope.consumers, MOVES)
  local fresh = ticket.state == 'G' and record[8] ~= n
  promote(freed)
  return {'begun', attempts, n, record[9] or '0', whole(now), record[10] or '', record[11] or '', record[12] or '',
    record[8] and 1 or 0, record[14] and 1 or 0, stands, moves, fresh and snapshot(scope) or ''}
end

local replies = {}
for i, row in ipairs(readRows(12)) do replies[i] = begin(KEYS[RECORDS + i - 1], unpack(row)) end
return replies
