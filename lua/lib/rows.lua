-- Reads tables that were laid out flat behind the named arguments: first the number of rows, then the rows.
local at = rest

local function append(list, more)
  local count = #list
  for i = 1, #more do list[count + i] = more[i] end
end

local function readFields(count)
  local first = at
  at = at + count
  return unpack(ARGV, first, at - 1)
end

local function readRows(width)
  local list, count = {}, tonumber(ARGV[at])
  for i = 1, count do list[i] = {unpack(ARGV, at + 1 + (i - 1) * width, at + i * width)} end
  at = at + 1 + count * width
  return list
end
