-- What a request concerns: names given and names found, and all that is stored of them.
-- uses: books moves

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
  if not held then return scope end
  for _, id in ipairs({unpack(scope.consumers)}) do
    local json = get(moves, id)
    local move = json and cjson.decode(json)
    if move and move.state == 'open' and move.consumer == id then
      if type(move.migration) == 'string' then add('consumers', move.migration) end
      add('providers', move.source)
      add('providers', move.destination)
    end
  end
  for _, id in ipairs(scope.consumers) do
    -- Only providers are keys made of hexadecimal digits and hyphens that name an object.
    for provider in string.gmatch(get(holdings, id) or '', '"([%x%-]+)":{') do add('providers', provider) end
  end
  return scope
end

-- Rows of one sheet, or of two side by side, for `ids`: id, value (or ''), value of the other, id, ..
local function rows(ids, sheet, other)
  local list = {}
  fetch(sheet, ids)
  if other then fetch(other, ids) end
  for _, id in ipairs(ids) do
    list[#list + 1] = id
    list[#list + 1] = get(sheet, id) or ''
    if other then list[#list + 1] = get(other, id) or '' end
  end
  return list
end

-- All that a scope names: {consumers with their last generation, providers with their usages}.
local function snapshot(scope)
  return {rows(scope.consumers, holdings, generations), rows(scope.providers, definitions, usages)}
end
