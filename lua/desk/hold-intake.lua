#!lua
-- Takes or renews the right to take letters in, unless another has it. With leaseMs 0 it is given back.
-- KEYS[1] TAKER   string: who has it, until its lease ends
-- ARGV[1] holder
-- ARGV[2] leaseMs
-- Replies: 1 the holder has it (or has given it back) | 0 another has it
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
