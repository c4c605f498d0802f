-- Notes that all which the events journal tells up to an offset stands in the journal; requests may be begun then.
-- uses: prelude
-- KEYS[1] META  hash: run, graceUntil, seq, schema, restoring, offset, keeper, keeperUntil
-- KEYS[2] S     zset: session -> end of its lease (ms)
-- KEYS[3] T     hash: ticket -> state, grantedAt, session, key, resources
-- ARGV[1] graceMs   nothing is granted for so long after the server's run has changed
-- ARGV[2] thisRun   under which it was found so
-- ARGV[3] offset
-- ARGV[4] restores  1: after a restoring; 0: nothing was to be restored
-- Replies: noted | stale (another run has taken over, or must be restored first)
if thisRun ~= run or (restoring and restores ~= '1') then return {'stale'} end
redis.call('HDEL', META, 'restoring')
redis.call('HSET', META, 'offset', offset)
return {'noted'}
