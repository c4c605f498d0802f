-- What a request concerns: names given and names found, and all that is stored of them.
-- uses: books moves

-- Adds an id to a list that has each once, and also knows them by name.
local function add(list, id)
  if list[id] then return end
  list[id] = true
  list[#list + 1] = id
end

-- The scope that is named: both lists are uuids joined by commas.
local function scopeOf(consumers, providers)
  local scope = {consumers = {}, providers = {}}
  for id in string.gmatch(consumers, '[^,]+') do add(scope.consumers, id) end
  for id in string.gmatch(providers, '[^,]+') do add(scope.providers, id) end
  return scope
end

-- Takes in what a scope's consumers hold: the M of a consumer's open move, the providers of that move, and every
-- provider that these consumers hold now.
local function expand(scope)
  for _, id in ipairs({unpack(scope.consumers)}) do
    local json = get(moves, id)
    local move = json and cjson.decode(json)
    if move and move.state == 'open' and move.consumer == id then
      if type(move.migration) == 'string' then add(scope.consumers, move.migration) end
      add(scope.providers, move.source)
      add(scope.providers, move.destination)
    end
  end
  for _, id in ipairs(scope.consumers) do
    -- Only providers are keys made of hexadecimal digits and hyphens that name an object.
    for provider in string.gmatch(get(holdings, id) or '', '"([%x%-]+)":{') do add(scope.providers, provider) end
  end
  return scope
end

-- Rows of one sheet, or of two side by side, for `ids`: id, value (or ''), value of the other, id, ..
local function rows(ids, sheet, other)
  local list, width = {}, other and 3 or 2
  fetch(sheet, ids)
  if other then fetch(other, ids) end
  for i = 1, #ids do
    local id, at = ids[i], (i - 1) * width
    list[at + 1], list[at + 2] = id, sheet.known[id] or ''
    if other then list[at + 3] = other.known[id] or '' end
  end
  return list
end

-- All that a scope names: {consumers with their last generation, providers with their usages}.
local function snapshot(scope)
  return {rows(scope.consumers, holdings, generations), rows(scope.providers, definitions, usages)}
end
