-- Taking a ticket: a new place in all queues, or the place that an earlier send took.
-- uses: queue

-- A new ticket in all queues, granted where it is alone. Its number is the fence: it only rises.
local function queue(session, key, resources)
  local number = whole(math.max((tonumber(known[3]) or 0) + 1, nowUs))
  known[3] = number
  redis.call('HSET', META, 'seq', number)
  local ticket = {number = number, state = 'W', grantedAt = '0', session = session, key = key, resources = resources}
  local free, members = now >= graceUntil, {}
  for _, resource in ipairs(resources) do
    if free and headOf(resource) then free = false end
    members[#members + 1] = 0
    members[#members + 1] = resource .. '\31' .. number
  end
  if members[1] then redis.call('ZADD', Q, unpack(members)) end
  redis.call('ZADD', ST, 0, session .. '\31' .. number)
  redis.call('HSET', RQ, key, number)
  if free then ticket.state, ticket.grantedAt = 'G', whole(now) end
  keep(ticket, now + (free and holdMs or waitMs + leaseMs))
  return ticket
end

-- Takes a ticket, or finds the one that an earlier send of the same key took.
local function take(session, key, resources)
  local number = redis.call('HGET', RQ, key)
  local ticket = number and ticketOf(number)
  if ticket and ticket.session == session then return ticket end
  return queue(session, key, resources)
end
