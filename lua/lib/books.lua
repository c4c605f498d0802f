-- Reading the books: a consumer is `{"generation":N,"allocations":..}`, a provider `{"generation":N,"inventories":..}`.

-- Generation of a stored consumer or provider as text; '' when there is none.
local function generationOf(json) return json and string.match(json, '^{"generation":(%d+),') or '' end

-- Its allocations or inventories; {} when there is none.
local function contentOf(json)
  local content = json and string.match(json, '^{"generation":%d+,"%l+":(%b{})')
  return content and cjson.decode(content) or {}
end

-- Both lists (uuids joined by commas), each uuid once. `held`: also the M of a consumer's open move, the providers of
-- that move, and every provider that these consumers hold now.
local function expand(consumers, providers, held)
  local scope, seen = {consumers = {}, providers = {}}, {}
  local function add(kind, id)
    if seen[kind .. id] then return end
    seen[kind .. id] = true
    scope[kind][#scope[kind] + 1] = id
  end
  for id in string.gmatch(consumers, '[^,]+') do add('consumers', id) end
  for id in string.gmatch(providers, '[^,]+') do add('providers', id) end
  if not held or not scope.consumers[1] then return scope end
  local named = {unpack(scope.consumers)}
  for i, json in ipairs(redis.call('HMGET', MOVES, unpack(named))) do
    local move = json and cjson.decode(json)
    if move and move.state == 'open' and move.consumer == named[i] then
      if type(move.migration) == 'string' then add('consumers', move.migration) end
      add('providers', move.source)
      add('providers', move.destination)
    end
  end
  for _, json in ipairs(redis.call('HMGET', CONSUMERS, unpack(scope.consumers))) do
    local found = {}
    for provider in pairs(contentOf(json)) do found[#found + 1] = provider end
    table.sort(found)
    for _, provider in ipairs(found) do add('providers', provider) end
  end
  return scope
end

-- Rows of one hash, or of two side by side, for `ids`: id, value (or ''), value of the other, id, ..
local function rows(ids, hash, other)
  if not ids[1] then return {} end
  local list, values = {}, redis.call('HMGET', hash, unpack(ids))
  local others = other and redis.call('HMGET', other, unpack(ids))
  for i, id in ipairs(ids) do
    list[#list + 1] = id
    list[#list + 1] = values[i] or ''
    if others then list[#list + 1] = others[i] or '' end
  end
  return list
end

-- All that a scope names: {consumers with their last generation, providers with their usages}.
local function snapshot(scope)
  return {rows(scope.consumers, CONSUMERS, GENERATIONS), rows(scope.providers, PROVIDERS, USAGES)}
end
