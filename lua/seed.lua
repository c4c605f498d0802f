-- Writes providers and consumers of a seed, all of it or nothing. Never touches locks or journal.
-- A consumer as it was seeded before is left alone, wherever it has been moved since.
-- uses: books usages rows
-- KEYS[1] CONSUMERS    hash: consumer -> JSON
-- KEYS[2] GENERATIONS  hash: consumer that holds nothing -> last generation
-- KEYS[3] PROVIDERS    hash: provider -> JSON
-- KEYS[4] USAGES       hash: provider -> CLASS=used,..
-- KEYS[5] SEEDED       hash: consumer -> SHA-1 of the allocations it was seeded with
-- ARGV[1]   replace  1: other allocations than the seed's are replaced
-- ARGV[2..] rest     providers: provider, `"inventories":..}`
--   consumers: consumer, allocations, `"type":..}`
-- Replies: refused (consumer, allocations found, ..)
--   | seeded providers added, changed, unchanged, consumers added, replaced, left
local providers, consumers = readRows(2), readRows(3)
local counts, refused, writes, deltas = {0, 0, 0, 0, 0, 0}, {}, {}, {}
for _, row in ipairs(consumers) do
  local stored = redis.call('HGET', CONSUMERS, row[1])
  local found = stored and string.match(stored, '^{"generation":%d+,"allocations":(%b{})')
  local digest = redis.sha1hex(row[2])
  local seeded = redis.call('HGET', SEEDED, row[1])
  if found == row[2] or (seeded == digest and replace ~= '1') then
    counts[6] = counts[6] + 1
    if found == row[2] and seeded ~= digest then writes[#writes + 1] = {row[1], nil, digest} end
  elseif stored and replace ~= '1' then
    refused[#refused + 1] = row[1]
    refused[#refused + 1] = found or ''
  else
    local last = tonumber(stored and generationOf(stored) or redis.call('HGET', GENERATIONS, row[1]) or 0)
    local json = '{"generation":' .. string.format('%.0f', last + 1) .. ',"allocations":' .. row[2] .. ',' .. row[3]
    counts[stored and 5 or 4] = counts[stored and 5 or 4] + 1
    writes[#writes + 1] = {row[1], json, digest}
    addTo(deltas, contentOf(stored), -1)
    addTo(deltas, cjson.decode(row[2]), 1)
  end
end
if refused[1] then return {'refused', refused} end
for _, row in ipairs(providers) do
  local stored = redis.call('HGET', PROVIDERS, row[1])
  local generation, definition = string.match(stored or '', '^{"generation":(%d+),(.*)$')
  local place = not stored and 1 or definition ~= row[2] and 2 or 3
  counts[place] = counts[place] + 1
  if place < 3 then
    local following = string.format('%.0f', (tonumber(generation) or 0) + 1)
    redis.call('HSET', PROVIDERS, row[1], '{"generation":' .. following .. ',' .. row[2])
  end
end
for _, write in ipairs(writes) do
  if write[2] then
    redis.call('HSET', CONSUMERS, write[1], write[2])
    redis.call('HDEL', GENERATIONS, write[1])
  end
  redis.call('HSET', SEEDED, write[1], write[3])
end
for provider, classes in pairs(deltas) do
  local used = usagesOf(provider)
  for class, delta in pairs(classes) do used[class] = (used[class] or 0) + delta end
  local text = usagesText(used)
  if text then redis.call('HSET', USAGES, provider, text) else redis.call('HDEL', USAGES, provider) end
end
return {'seeded', unpack(counts)}
