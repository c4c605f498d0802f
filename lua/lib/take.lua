-- Taking a ticket: a new place in all queues, or the place that an earlier send took.
-- uses: queue

-- A new ticket in all queues, granted where it is alone. Its number is the fence: it only rises.
local function queue(session, key, resources)
  local number = whole(math.max((tonumber(get(meta, 'seq') or nil) or 0) + 1, nowUs))
  put(meta, 'seq', number)
  local ticket = {number = number, state = 'W', grantedAt = '0', session = session, key = key, resources = resources}
  local free = now >= graceUntil
  for _, resource in ipairs(resources) do
    free = enter(resource, number) and free
  end
  put(ofSessions, session .. '\31' .. number, 0)
  put(byKey, key, number)
  if free then ticket.state, ticket.grantedAt = 'G', nowText end
  keep(ticket, now + (free and holdMs or waitMs + leaseMs))
  return ticket
end

-- Takes a ticket, or finds the one that an earlier send of the same key took.
local function take(session, key, resources)
  local number = get(byKey, key)
  local ticket = number and ticketOf(number)
  if ticket and ticket.session == session then
    hear(ticket)
    return ticket
  end
  return queue(session, key, resources)
end
