-- Notes that a write which may not be repeated is about to be sent: no later processing sends it again.
-- uses: prelude
-- KEYS[1] META    hash: run, graceUntil, seq, schema
-- KEYS[2] S       zset: session -> end of its lease (ms)
-- KEYS[3] T       hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[4] RECORD  hash: the request's record
-- ARGV[1] graceMs  nothing is granted for so long after the server's run has changed
-- ARGV[2] token
-- ARGV[3] attempt  its number
-- Replies: noted | stale
local record = redis.call('HMGET', RECORD, 'proc', 'run', 'code')
if record[1] ~= token or record[2] ~= run or record[3] or not alive(sessionOf(token)) then return {'stale'} end
redis.call('HSET', RECORD, 'sent', attempt)
return {'noted'}
