-- Which run of the server this is. After a change nothing is granted for graceMs: until then every holder has let go.
-- uses: clock sheet
local meta, leases = hash(META), {}
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') -- run
fetch(meta, {'run', 'graceUntil', 'seq', 'schema', 'restoring'})
local graceUntil = tonumber(get(meta, 'graceUntil') or nil) or 0
-- Set while decisions that were told may be missing: until they are restored no request is begun.
local restoring = get(meta, 'restoring')
if (get(meta, 'schema') or '1') ~= '1' then
  local found = get(meta, 'schema')
  return redis.error_reply('SCHEMA this namespace is of schema ' .. found .. ', these scripts of schema 1')
end
if get(meta, 'run') ~= run then
  -- A fresh namespace needs no grace: without sessions and tickets nobody can hold anything.
  if get(meta, 'run') or redis.call('EXISTS', S, T) > 0 then
    graceUntil, restoring = now + graceMs, run
    redis.call('HSET', META, 'restoring', run)
  end
  redis.call('HSET', META, 'run', run, 'graceUntil', graceUntil, 'schema', '1')
end

-- End of a session's lease (ms), or nil.
local function leaseEnd(session)
  if leases[session] == nil then leases[session] = tonumber(redis.call('ZSCORE', S, session) or nil) or false end
  return leases[session] or nil
end

local function alive(session)
  local ends = leaseEnd(session)
  return ends ~= nil and ends > now
end

-- A processing token is `<session>.<n>`.
local function sessionOf(token) return string.match(token, '^(.*)%.[^.]*$') or '' end
local function numberOf(token) return tonumber(string.match(token, '%.(%d+)$')) or 0 end
