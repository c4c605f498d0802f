-- Closes the door of an attempt: no send of it can be carried out afterwards.
-- flags: allow-oom
-- KEYS[1] RECORD  hash: the request's record
-- ARGV[1] token
-- ARGV[2] attempt  its number
-- Replies: applied (a send was carried out) | closed | stale
local record = redis.call('HMGET', RECORD, 'proc', 'written', 'code', 'n')
if record[2] == attempt then return {'applied'} end
if record[1] ~= token or record[3] then return {'stale'} end
local n, closing = tonumber(record[4]), tonumber(attempt)
if n > closing then return {'closed'} end
if n < closing then return {'stale'} end
redis.call('HSET', RECORD, 'n', closing + 1)
return {'closed'}
