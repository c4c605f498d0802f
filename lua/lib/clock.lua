-- The server's time as `nowUs` and `now` (ms), and `SLOT`, with which every key and channel of the namespace begins.
local SLOT = string.match(KEYS[1], '^%b{}:')
local clock = redis.call('TIME') -- clock
local nowUs = clock[1] * 1000000 + clock[2]
local now = math.floor(nowUs / 1000)

-- Whole numbers as text: Lua prints those above 10^14 in a form that loses digits.
local function whole(number) return number < 1e14 and tostring(number) or string.format('%.0f', number) end
local nowText = whole(now)
