-- Reading the books: a consumer is `{"generation":N,"allocations":..}`, a provider `{"generation":N,"inventories":..}`.
-- uses: sheet
local holdings, generations, definitions, usages = hash(CONSUMERS), hash(GENERATIONS), hash(PROVIDERS), hash(USAGES)

-- Generation of a stored consumer or provider as text; '' when there is none.
local function generationOf(json) return json and string.match(json, '^{"generation":(%d+),') or '' end

-- Allocations of a stored consumer; {} when there is none. Read once for each text, so nobody may change them.
local decoded = {}
local function allocationsOf(json)
  if not json then return {} end
  if not decoded[json] then
    local allocations = string.match(json, '^{"generation":%d+,"allocations":(%b{})')
    decoded[json] = allocations and cjson.decode(allocations) or {}
  end
  return decoded[json]
end
