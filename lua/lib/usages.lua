-- Usages of a provider are one text, `CLASS=used,CLASS=used`, sorted; absent when nothing is used.

local function usagesOf(provider)
  local used = {}
  for class, units in string.gmatch(get(usages, provider) or '', '([A-Z0-9_]+)=(%d+)') do
    used[class] = tonumber(units)
  end
  return used
end

-- The text, or false when nothing is used.
local function usagesText(used)
  local list = {}
  for class, units in pairs(used) do
    if units > 0 then list[#list + 1] = class .. '=' .. whole(units) end
  end
  table.sort(list)
  return list[1] and table.concat(list, ',') or false
end

-- Adds `sign` times the allocations to `deltas` (provider -> class -> units).
local function addTo(deltas, allocations, sign)
  for provider, classes in pairs(allocations) do
    deltas[provider] = deltas[provider] or {}
    for class, units in pairs(classes) do
      deltas[provider][class] = (deltas[provider][class] or 0) + sign * units
    end
  end
end

-- Puts the usages that come of `deltas`; whether there is room has been looked at before, or is not asked.
local function addUsages(deltas)
  for provider, classes in pairs(deltas) do
    local used = usagesOf(provider)
    for class, delta in pairs(classes) do used[class] = (used[class] or 0) + delta end
    put(usages, provider, usagesText(used))
  end
end

local function sortedKeys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  if #keys > 1 then table.sort(keys) end
  return keys
end
