-- Which run of the server this is. After a change nothing is granted for graceMs: until then every holder has let go.
-- uses: clock
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') -- run
local known = redis.call('HMGET', META, 'run', 'graceUntil', 'seq', 'schema')
local graceUntil = tonumber(known[2]) or 0
if known[4] and known[4] ~= '1' then
  return redis.error_reply('SCHEMA this namespace is of schema ' .. known[4] .. ', these scripts of schema 1')
end
if known[1] ~= run then
  -- A fresh namespace needs no grace: without sessions and tickets nobody can hold anything.
  if known[1] or redis.call('EXISTS', S, T) > 0 then graceUntil = now + graceMs end
  redis.call('HSET', META, 'run', run, 'graceUntil', graceUntil, 'schema', '1')
end

-- End of a session's lease (ms), or nil.
local function leaseEnd(session) return tonumber(redis.call('ZSCORE', S, session) or nil) end

local function alive(session)
  local ends = leaseEnd(session)
  return ends ~= nil and ends > now
end

-- A processing token is `<session>.<n>`.
local function sessionOf(token) return string.match(token, '^(.*)%.[^.]*$') or '' end
local function numberOf(token) return tonumber(string.match(token, '%.(%d+)$')) or 0 end
