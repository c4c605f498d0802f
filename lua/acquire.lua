-- Takes a place in the queues of all resources at once, and the lock itself where all are free.
-- Sent again with the same key it answers where its own ticket stands.
-- uses: take
-- KEYS[1] META  hash: run, graceUntil, seq, schema
-- KEYS[2] HEADS hash: resource -> first ticket of its queue, + where others may stand behind it
-- KEYS[3] Q     zset: resource\31ticket, those behind
-- KEYS[4] T     hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[5] S     zset: session -> end of its lease (ms)
-- KEYS[6] ST    zset: session\31ticket
-- KEYS[7] DL    zset: ticket -> when it ends by itself (ms)
-- KEYS[8] RQ    hash: key of a ticket -> ticket
-- ARGV[1] graceMs    nothing is granted for so long after the server's run has changed
-- ARGV[2] holdMs     longest hold of a granted ticket
-- ARGV[3] waitMs     longest wait of a ticket, to which leaseMs is added
-- ARGV[4] leaseMs
-- ARGV[5] session
-- ARGV[6] key        what makes a second send find the ticket of the first
-- ARGV[7] resources  joined by commas
-- ARGV[8] instead    a ticket of this session to give up in the same step, or ''
-- Replies: granted number grantedAt 0 0 | waiting number 0 eta ahead | over (the session has ended)
if not alive(session) then return {'over'} end
local list = {}
for resource in string.gmatch(resources, '[^,]+') do list[#list + 1] = resource end
local freed, former = {}, instead ~= '' and ticketOf(instead)
if instead ~= '' and not former then
  -- The ticket to give up is gone: this is a second send, or a late one that nobody waits for any more.
  local number = get(byKey, key)
  local known = number and ticketOf(number)
  return known and known.session == session and answer(known) or {'over'}
end
if former and former.session == session then drop(former, freed) end
local ticket = take(session, key, list)
if freed[1] then promote(freed) end
return done(answer(ticketOf(ticket.number)))
