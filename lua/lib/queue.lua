-- The ticket queues: first come first served per resource, all resources of a ticket or none.
-- A ticket in T is packed: state (W waits, G granted), grantedAt, then session, key, resources, separated by \31.
-- uses: prelude

local function ticketOf(number)
  local packed = redis.call('HGET', T, number)
  if not packed then return nil end
  local state, grantedAt, session, key, list =
    string.match(packed, '^(.)(%d+)\31([^\31]*)\31([^\31]*)\31(.*)$')
  local resources = {}
  for resource in string.gmatch(list, '[^,]+') do resources[#resources + 1] = resource end
  return {number = number, state = state, grantedAt = grantedAt, session = session, key = key, resources = resources}
end

-- Writes a ticket down with the time at which it ends by itself.
local function keep(ticket, endsAt)
  redis.call('HSET', T, ticket.number, table.concat({
    ticket.state .. ticket.grantedAt, ticket.session, ticket.key, table.concat(ticket.resources, ','),
  }, '\31'))
  redis.call('ZADD', DL, endsAt, ticket.number)
end

-- Number of the first ticket in a resource's queue, or nil. '\32' follows the separator '\31'.
local function headOf(resource)
  local first = redis.call('ZRANGEBYLEX', Q, '[' .. resource .. '\31', '(' .. resource .. '\32', 'LIMIT', 0, 1)[1]
  return first and string.sub(first, -16)
end

local function publish(session, message) redis.call('PUBLISH', SLOT .. 'ch:' .. session, message) end

-- Removes a ticket everywhere and notes its resources in `freed`.
local function drop(ticket, freed)
  local members = {}
  for i, resource in ipairs(ticket.resources) do
    members[i] = resource .. '\31' .. ticket.number
    if not freed[resource] then
      freed[resource] = true
      freed[#freed + 1] = resource
    end
  end
  if members[1] then redis.call('ZREM', Q, unpack(members)) end
  redis.call('HDEL', T, ticket.number)
  redis.call('ZREM', ST, ticket.session .. '\31' .. ticket.number)
  redis.call('ZREM', DL, ticket.number)
  if redis.call('HGET', RQ, ticket.key) == ticket.number then redis.call('HDEL', RQ, ticket.key) end
end

local function grant(ticket)
  if now < graceUntil then return false end
  for _, resource in ipairs(ticket.resources) do
    if headOf(resource) ~= ticket.number then return false end
  end
  ticket.state, ticket.grantedAt = 'G', whole(now)
  keep(ticket, now + holdMs)
  return true
end

-- Moves the queues of freed resources on. Waiters of dead sessions are dropped, and their other queues moved on too.
-- At most 256 looks; the waiters' own asking (poke) makes up for the rest.
local function promote(freed)
  local work, looks, i = freed, 0, 1
  while work[i] and looks < 256 do
    local number = headOf(work[i])
    local ticket = number and ticketOf(number)
    if number and not ticket then
      redis.call('ZREM', Q, work[i] .. '\31' .. number)
      work[#work + 1] = work[i]
    elseif ticket and ticket.state == 'W' then
      if not alive(ticket.session) then
        local more = {}
        drop(ticket, more)
        for _, resource in ipairs(more) do work[#work + 1] = resource end
      elseif grant(ticket) then
        publish(ticket.session, 'G ' .. number .. ' ' .. ticket.grantedAt)
      end
    end
    i, looks = i + 1, looks + 1
  end
end

-- Drops the tickets of a session, 512 at most. Answers whether that was all.
local function dropAll(session, freed)
  local members = redis.call('ZRANGEBYLEX', ST, '[' .. session .. '\31', '(' .. session .. '\32', 'LIMIT', 0, 512)
  for _, member in ipairs(members) do
    local ticket = ticketOf(string.sub(member, -16))
    if ticket then drop(ticket, freed) else redis.call('ZREM', ST, member) end
  end
  return #members < 512
end

-- Clears what ended by itself: sessions past their lease with their tickets, and tickets past their deadline.
local function sweep(limit)
  local freed = {}
  for _, session in ipairs(redis.call('ZRANGEBYSCORE', S, '-inf', now, 'LIMIT', 0, limit)) do
    if dropAll(session, freed) then redis.call('ZREM', S, session) end
  end
  for _, number in ipairs(redis.call('ZRANGEBYSCORE', DL, '-inf', now, 'LIMIT', 0, limit)) do
    local ticket = ticketOf(number)
    redis.call('ZREM', DL, number)
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
  local number = redis.call('HGET', RQ, token)
  local ticket = number and ticketOf(number)
  return ticket and ticket.session == sessionOf(token) and ticket or nil
end

-- Gives up what a processing holds or waits for, and hands over.
local function giveUp(token)
  local ticket = ticketOfToken(token)
  if ticket then release(ticket.number, ticket.session) end
end

-- A ticket as it is answered: state, number, grantedAt, ms until what blocks it must have ended, tickets in front.
local function answer(ticket)
  if ticket.state == 'G' then return {'granted', ticket.number, ticket.grantedAt, 0, 0} end
  local ends, ahead = graceUntil, 0
  for _, resource in ipairs(ticket.resources) do
    local before = redis.call('ZLEXCOUNT', Q, '[' .. resource .. '\31', '(' .. resource .. '\31' .. ticket.number)
    local blocker = before > 0 and ticketOf(headOf(resource))
    if blocker then
      local deadline = tonumber(redis.call('ZSCORE', DL, blocker.number) or now)
      ends = math.max(ends, math.min(leaseEnd(blocker.session) or now, deadline))
    end
    ahead = math.max(ahead, before)
  end
  return {'waiting', ticket.number, '0', math.max(1, ends - now), ahead}
end
