-- What must hold before a write: generations as seen, and room for what grows. Both read and decide, and write nothing.
-- uses: books usages

-- Compares generations. Answers a conflict or nil, the changed allocations (provider, class, units), and the deltas.
local function lostRace(changes, guards, relied)
  local grown, deltas = {}, {}
  for _, change in ipairs(changes) do
    local stored = redis.call('HGET', CONSUMERS, change[1])
    if generationOf(stored) ~= change[2] then return 'generation ' .. change[1] end
    if not stored and (redis.call('HGET', GENERATIONS, change[1]) or 0) + 1 ~= tonumber(change[3]) then
      return 'generation ' .. change[1]
    end
    local held, target = contentOf(stored), contentOf(change[4] ~= '' and change[4])
    addTo(deltas, held, -1)
    addTo(deltas, target, 1)
    for provider, classes in pairs(target) do
      for class, units in pairs(classes) do
        if type(units) ~= 'number' or units % 1 ~= 0 or units < 1 or units > 2147483647 then
          error('an allocation is no whole number from 1 to 2147483647: ' .. class)
        end
        if units ~= (held[provider] or {})[class] then grown[#grown + 1] = {provider, class, units} end
      end
    end
  end
  for _, guard in ipairs(guards) do
    if generationOf(redis.call('HGET', CONSUMERS, guard[1])) ~= guard[2] then return 'generation ' .. guard[1] end
  end
  for _, provider in ipairs(relied) do
    local stored = redis.call('HGET', PROVIDERS, provider[1])
    if not stored or generationOf(stored) ~= provider[2] then return 'provider ' .. provider[1] end
  end
  return nil, grown, deltas
end

-- Unit rules of the changed allocations of one class. Answers the rule that does not hold, or nil.
local function brokenUnits(grown, provider, class, inventory)
  local least, most, odd = math.huge, 0, false
  for _, row in ipairs(grown) do
    if row[1] == provider and row[2] == class then
      least, most = math.min(least, row[3]), math.max(most, row[3])
      odd = odd or row[3] % inventory.step_size ~= 0
    end
  end
  return least < inventory.min_unit and 'min_unit' or most > inventory.max_unit and 'max_unit' or odd and 'step_size'
end

-- Answers a refusal or nil, and the usages texts that the deltas lead to (provider -> text, or false for none).
-- Only what grows must fit: a provider that is over already may shrink or stay, as in Placement.
local function usagesAfter(grown, deltas)
  local texts = {}
  for _, provider in ipairs(sortedKeys(deltas)) do
    local used, inventories, moved = usagesOf(provider), nil, false
    for _, class in ipairs(sortedKeys(deltas[provider])) do
      local delta, where = deltas[provider][class], provider .. ' ' .. class
      if delta > 0 then
        local stored = redis.call('HGET', PROVIDERS, provider)
        if not stored then return 'provider ' .. provider end
        inventories = inventories or contentOf(stored)
        local inventory = inventories[class]
        if not inventory then return 'inventory ' .. where end
        local rule = brokenUnits(grown, provider, class, inventory)
        if rule then return rule .. ' ' .. where end
        local room = (inventory.total - inventory.reserved) * inventory.allocation_ratio
        if (used[class] or 0) + delta > room then return 'capacity ' .. where end
      end
      moved = moved or delta ~= 0
      used[class] = (used[class] or 0) + delta
      if used[class] < 0 then error('the books are out of balance: usage of ' .. where .. ' would be below zero') end
    end
    if moved then texts[provider] = usagesText(used) end
  end
  return nil, texts
end
