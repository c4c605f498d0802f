-- The ticket queues: first come first served per resource, all resources of a ticket or none.
-- A ticket in T is packed: state (W waits, G granted, N granted and nobody heard of it), grantedAt, then session, key,
-- resources, separated by \31.
-- HEADS names the first ticket of a resource's queue, with a + where others may stand behind it; only those are in Q.
-- So a resource that nobody else wants costs no look at a queue.
-- uses: prelude
local heads, tickets, byKey, deadlines, ofSessions = hash(HEADS), hash(T), hash(RQ), scores(DL), scores(ST)
local unpacked = {}
-- What the key of a processing leads to, instead of a ticket, once its session has died with the lock held.
local DIED_ALONE, DIED_IN_COMPANY = '-1', '-2'
-- Ends of leases that tell of sessions whose tickets were too many for one step: closed by themselves, or dead.
local CLOSED, DEAD = 0, 1

local function unpackTicket(number, packed)
  local state, grantedAt, session, key, list =
    string.match(packed, '^(.)(%d+)\31([^\31]*)\31([^\31]*)\31(.*)$')
  local resources, count = {}, 0
  for resource in string.gmatch(list, '[^,]+') do
    count = count + 1
    resources[count] = resource
  end
  return {number = number, state = state == 'W' and 'W' or 'G', unheard = state == 'N', grantedAt = grantedAt,
    session = session, key = key, resources = resources}
end

local function ticketOf(number)
  if unpacked[number] == nil then
    local packed = get(tickets, number)
    unpacked[number] = packed and unpackTicket(number, packed)
  end
  return unpacked[number] or nil
end

-- Writes a ticket down with the time at which it ends by itself.
local function keep(ticket, endsAt)
  unpacked[ticket.number] = ticket
  local state = ticket.unheard and 'N' or ticket.state
  put(tickets, ticket.number, state .. ticket.grantedAt .. '\31' .. ticket.session .. '\31' .. ticket.key ..
    '\31' .. table.concat(ticket.resources, ','))
  put(deadlines, ticket.number, endsAt)
end

-- Its process asks for it: from then on it knows how it stands.
local function hear(ticket)
  if not ticket.unheard then return end
  ticket.unheard = false
  keep(ticket, tonumber(get(deadlines, ticket.number)))
end

-- Number of the first ticket in a resource's queue, or nil; and whether others may stand behind it.
local function headOf(resource)
  local head = get(heads, resource)
  if not head then return nil end
  if #head == 16 then return head, false end
  return string.sub(head, 1, 16), true
end

-- Names under which a scope is locked.
local function resourcesOf(scope)
  local resources, count = {}, #scope.consumers
  for i = 1, count do resources[i] = 'c:' .. scope.consumers[i] end
  for i = 1, #scope.providers do resources[count + i] = 'p:' .. scope.providers[i] end
  return resources
end

-- Puts a ticket at the end of a queue. Answers whether nobody stood there.
local function enter(resource, number)
  local head, followed = headOf(resource)
  if not head then
    put(heads, resource, number)
    return true
  end
  if not followed then put(heads, resource, head .. '+') end
  redis.call('ZADD', Q, 0, resource .. '\31' .. number)
  return false
end

-- Takes a ticket out of a queue. '\32' follows the separator '\31'.
local function leave(resource, number)
  local head, followed = headOf(resource)
  if head ~= number then
    redis.call('ZREM', Q, resource .. '\31' .. number)
  elseif not followed then
    put(heads, resource, false)
  else
    local behind = redis.call('ZRANGEBYLEX', Q, '[' .. resource .. '\31', '(' .. resource .. '\32', 'LIMIT', 0, 2)
    if behind[1] then redis.call('ZREM', Q, behind[1]) end
    put(heads, resource, behind[1] and string.sub(behind[1], -16) .. (behind[2] and '+' or '') or false)
  end
end

-- Answers how many heard it.
local function publish(session, message) return redis.call('PUBLISH', SLOT .. 'ch:' .. session, message) end

-- Removes a ticket everywhere and adds its resources to `freed`.
local function drop(ticket, freed)
  local number = ticket.number
  for _, resource in ipairs(ticket.resources) do
    leave(resource, number)
    freed[#freed + 1] = resource
  end
  unpacked[number] = false
  put(tickets, number, false)
  put(ofSessions, ticket.session .. '\31' .. number, false)
  put(deadlines, number, false)
  if get(byKey, ticket.key) == number then put(byKey, ticket.key, false) end
end

local function grant(ticket)
  if now < graceUntil then return false end
  for _, resource in ipairs(ticket.resources) do
    if headOf(resource) ~= ticket.number then return false end
  end
  ticket.state, ticket.grantedAt = 'G', nowText
  keep(ticket, now + holdMs)
  return true
end

-- Moves the queues of freed resources on. Waiters of dead sessions are dropped, and their other queues moved on too.
-- At most 256 looks; the waiters' own asking (poke) makes up for the rest.
local function promote(freed)
  local looks, i = 0, 1
  while freed[i] and looks < 256 do
    local number = headOf(freed[i])
    local ticket = number and ticketOf(number)
    if number and not ticket then
      leave(freed[i], number)
      freed[#freed + 1] = freed[i]
    elseif ticket and ticket.state == 'W' then
      if not alive(ticket.session) then
        drop(ticket, freed)
      elseif grant(ticket) then
        ticket.unheard = publish(ticket.session, 'G ' .. number .. ' ' .. ticket.grantedAt) == 0
        if ticket.unheard then keep(ticket, now + holdMs) end
      end
    end
    i, looks = i + 1, looks + 1
  end
end

-- Drops the tickets of a session, 512 at most. Answers whether that was all, and the processings that held theirs.
local function dropAll(session, freed)
  local members = redis.call('ZRANGEBYLEX', ST, '[' .. session .. '\31', '(' .. session .. '\32', 'LIMIT', 0, 512)
  local held = {}
  for _, member in ipairs(members) do
    local ticket = ticketOf(string.sub(member, -16))
    if ticket then
      local begun = ticket.state == 'G' and not ticket.unheard and sessionOf(ticket.key) == session
      if begun then held[#held + 1] = ticket.key end
      drop(ticket, freed)
    else
      put(ofSessions, member, false)
    end
  end
  return #members < 512, held
end

-- Clears what a session left whose lease is over. Unless it closed itself, what it had begun has seen a death; who
-- only waited has not.
local function bury(session, freed)
  local ends = leaseEnd(session)
  local all, held = dropAll(session, freed)
  local mark = all and #held == 1 and ends ~= DEAD and DIED_ALONE or DIED_IN_COMPANY
  for _, key in ipairs(ends == CLOSED and {} or held) do put(byKey, key, mark) end
  if all then
    redis.call('ZREM', S, session)
  else
    redis.call('ZADD', S, 'XX', ends == CLOSED and CLOSED or DEAD, session)
  end
end

-- The mark that a death left of a processing, or nil. It is taken away.
local function takeDeath(token)
  local mark = get(byKey, token)
  if mark ~= DIED_ALONE and mark ~= DIED_IN_COMPANY then return nil end
  put(byKey, token, false)
  return mark
end

-- Clears what ended by itself: sessions past their lease with their tickets, and tickets past their deadline.
local function sweep(limit)
  local freed = {}
  for _, session in ipairs(redis.call('ZRANGEBYSCORE', S, '-inf', now, 'LIMIT', 0, limit)) do
    bury(session, freed)
  end
  done()
  for _, number in ipairs(redis.call('ZRANGEBYSCORE', DL, '-inf', now, 'LIMIT', 0, limit)) do
    local ticket = ticketOf(number)
    put(deadlines, number, false)
    if ticket then
      drop(ticket, freed)
      publish(ticket.session, 'L ' .. number)
    end
  end
  promote(freed)
end

-- Gives up a session's ticket and hands over. Nothing happens when it is not that session's, or gone.
local function release(number, session)
  local ticket = number and number ~= '' and ticketOf(number)
  if not ticket or ticket.session ~= session then return end
  local freed = {}
  drop(ticket, freed)
  promote(freed)
end

-- The ticket of a processing, whose key is its token; nil when it is gone.
local function ticketOfToken(token)
  local number = get(byKey, token)
  local ticket = number and ticketOf(number)
  return ticket and ticket.session == sessionOf(token) and ticket or nil
end

-- Gives up what a processing holds or waits for, and hands over. Who does so lives, whatever became of its lease.
local function giveUp(token)
  local ticket = ticketOfToken(token)
  if ticket then release(ticket.number, ticket.session) else takeDeath(token) end
end

-- Tickets in front of this one in a resource's queue.
local function before(resource, number)
  if headOf(resource) == number then return 0 end
  return 1 + redis.call('ZLEXCOUNT', Q, '[' .. resource .. '\31', '(' .. resource .. '\31' .. number)
end

-- A ticket as it is answered: state, number, grantedAt, ms until what blocks it must have ended, tickets in front.
local function answer(ticket)
  if ticket.state == 'G' then return {'granted', ticket.number, ticket.grantedAt, 0, 0} end
  local ends, ahead = graceUntil, 0
  for _, resource in ipairs(ticket.resources) do
    local inFront = before(resource, ticket.number)
    local blocker = inFront > 0 and ticketOf((headOf(resource)))
    if blocker then
      local deadline = tonumber(get(deadlines, blocker.number) or now)
      ends = math.max(ends, math.min(leaseEnd(blocker.session) or now, deadline))
    end
    ahead = math.max(ahead, inFront)
  end
  return {'waiting', ticket.number, '0', math.max(1, ends - now), ahead}
end
