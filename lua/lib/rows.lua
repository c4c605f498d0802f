-- Reads tables that were laid out flat behind the named arguments: first the number of rows, then the rows.
local at = rest

local function readFields(count)
  local first = at
  at = at + count
  return unpack(ARGV, first, at - 1)
end

local function readRows(width)
  local list, count = {}, tonumber(ARGV[at])
  at = at + 1
  for i = 1, count do
    list[i] = {unpack(ARGV, at, at + width - 1)}
    at = at + width
  end
  return list
end
