-- Writes providers and consumers of a seed, all of it or nothing. Never touches locks or journal.
-- A consumer as it was seeded before is left alone, wherever it has been moved since, by any of its latest 8 seeds.
-- uses: clock books usages rows
-- KEYS[1] CONSUMERS    hash: consumer -> JSON
-- KEYS[2] GENERATIONS  hash: consumer that holds nothing -> last generation
-- KEYS[3] PROVIDERS    hash: provider -> JSON
-- KEYS[4] USAGES       hash: provider -> CLASS=used,..
-- KEYS[5] SEEDED       hash: consumer -> SHA-1 of the allocations of its seeds, newest first, joined by commas
-- ARGV[1]   replace  1: other allocations than the seed's are replaced
-- ARGV[2..] rest     providers: provider, `"inventories":..}`
--   consumers: consumer, allocations, `"type":..}`
-- Replies: refused (consumer, allocations found, ..)
--   | seeded providers added, changed, unchanged, consumers added, replaced, left
local providers, consumers = readRows(2), readRows(3)
local counts, refused, deltas, seeded = {0, 0, 0, 0, 0, 0}, {}, {}, hash(SEEDED)

local function idsOf(list)
  local ids = {}
  for i, row in ipairs(list) do ids[i] = row[1] end
  return ids
end
for _, sheet in ipairs({holdings, generations, seeded}) do fetch(sheet, idsOf(consumers)) end
fetch(definitions, idsOf(providers))

for _, row in ipairs(consumers) do
  local stored = get(holdings, row[1])
  local found = stored and string.match(stored, '^{"generation":%d+,"allocations":(%b{})')
  local digest, known = redis.sha1hex(row[2]), get(seeded, row[1]) or ''
  local before = string.find(known, digest, 1, true)
  if found == row[2] or (before and replace ~= '1') then
    counts[6] = counts[6] + 1
    if not before then put(seeded, row[1], string.sub(digest .. ',' .. known, 1, 8 * 41)) end
  elseif stored and replace ~= '1' then
    refused[#refused + 1] = row[1]
    refused[#refused + 1] = found or ''
  else
    local last = tonumber(stored and generationOf(stored) or get(generations, row[1]) or 0)
    counts[stored and 5 or 4] = counts[stored and 5 or 4] + 1
    addTo(deltas, allocationsOf(stored), -1)
    addTo(deltas, cjson.decode(row[2]), 1)
    put(holdings, row[1], '{"generation":' .. whole(last + 1) .. ',"allocations":' .. row[2] .. ',' .. row[3])
    put(generations, row[1], false)
    put(seeded, row[1], digest)
  end
end
if refused[1] then return {'refused', refused} end
for _, row in ipairs(providers) do
  local stored = get(definitions, row[1])
  local generation, definition = string.match(stored or '', '^{"generation":(%d+),(.*)$')
  local place = not stored and 1 or definition ~= row[2] and 2 or 3
  counts[place] = counts[place] + 1
  if place < 3 then
    put(definitions, row[1], '{"generation":' .. whole((tonumber(generation) or 0) + 1) .. ',' .. row[2])
  end
end
addUsages(deltas)
return done({'seeded', unpack(counts)})
