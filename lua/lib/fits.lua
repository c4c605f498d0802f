-- What must hold before a write: generations as seen, and room for what grows. Both read and decide, and write nothing.
-- uses: books usages

-- Compares generations. Answers a conflict or nil, the changed allocations (provider, class, units), and the deltas.
local function lostRace(changes, guards, relied)
  local grown, deltas = {}, {}
  for _, change in ipairs(changes) do
    local stored = get(holdings, change[1])
    if generationOf(stored) ~= change[2] then return 'generation ' .. change[1] end
    if not stored and (get(generations, change[1]) or 0) + 1 ~= tonumber(change[3]) then
      return 'generation ' .. change[1]
    end
    local held, target = allocationsOf(stored), allocationsOf(change[4] ~= '' and change[4])
    addTo(deltas, held, -1)
    addTo(deltas, target, 1)
    for provider, classes in pairs(target) do
      local before = held[provider] or {}
      for class, units in pairs(classes) do
        if type(units) ~= 'number' or units % 1 ~= 0 or units < 1 or units > 2147483647 then
          error('an allocation is no whole number from 1 to 2147483647: ' .. class)
        end
        if units ~= before[class] then grown[#grown + 1] = {provider, class, units} end
      end
    end
  end
  for _, guard in ipairs(guards) do
    if generationOf(get(holdings, guard[1])) ~= guard[2] then return 'generation ' .. guard[1] end
  end
  for _, provider in ipairs(relied) do
    local stored = get(definitions, provider[1])
    if not stored or generationOf(stored) ~= provider[2] then return 'provider ' .. provider[1] end
  end
  return nil, grown, deltas
end

-- Inventory of a class, found by the one form in which definitions are written; nil where the provider has none of it.
local function inventoryOf(definition, class)
  local total, reserved, ratio, least, most, step = string.match(definition, '"' .. class .. '":{"total":(%d+),' ..
    '"reserved":(%d+),"allocation_ratio":([^,]+),"min_unit":(%d+),"max_unit":(%d+),"step_size":(%d+)}')
  return total and {
    room = (tonumber(total) - tonumber(reserved)) * tonumber(ratio),
    least = tonumber(least), most = tonumber(most), step = tonumber(step),
  }
end

-- Unit rules of the changed allocations of one class. Answers the rule that does not hold, or nil.
local function brokenUnits(grown, provider, class, inventory)
  local least, most, odd = math.huge, 0, false
  for _, row in ipairs(grown) do
    if row[1] == provider and row[2] == class then
      least, most = math.min(least, row[3]), math.max(most, row[3])
      odd = odd or row[3] % inventory.step ~= 0
    end
  end
  return least < inventory.least and 'min_unit' or most > inventory.most and 'max_unit' or odd and 'step_size'
end

-- Answers a refusal or nil, and the usages texts that the deltas lead to (provider -> text, or false for none).
-- Only what grows must fit: a provider that is over already may shrink or stay, as in Placement.
local function usagesAfter(grown, deltas)
  local texts = {}
  for _, provider in ipairs(sortedKeys(deltas)) do
    local used, moved = usagesOf(provider), false
    for _, class in ipairs(sortedKeys(deltas[provider])) do
      local delta, where = deltas[provider][class], provider .. ' ' .. class
      if delta > 0 then
        local definition = get(definitions, provider)
        if not definition then return 'provider ' .. provider end
        local inventory = inventoryOf(definition, class)
        if not inventory then return 'inventory ' .. where end
        local rule = brokenUnits(grown, provider, class, inventory)
        if rule then return rule .. ' ' .. where end
        if (used[class] or 0) + delta > inventory.room then return 'capacity ' .. where end
      end
      moved = moved or delta ~= 0
      used[class] = (used[class] or 0) + delta
      if used[class] < 0 then error('the books are out of balance: usage of ' .. where .. ' would be below zero') end
    end
    if moved then texts[provider] = usagesText(used) end
  end
  return nil, texts
end
