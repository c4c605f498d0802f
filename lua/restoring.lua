-- Tells whether the journal must first be restored, because another run of the server has taken over, and by whom.
-- One at a time has the right to do it and, while there is nothing to restore, to note how far the events journal is.
-- uses: prelude
-- KEYS[1] META  hash: run, graceUntil, seq, schema, restoring, offset, keeper, keeperUntil
-- KEYS[2] S     zset: session -> end of its lease (ms)
-- KEYS[3] T     hash: ticket -> state, grantedAt, session, key, resources
-- ARGV[1] graceMs  nothing is granted for so long after the server's run has changed
-- ARGV[2] holder
-- ARGV[3] keepMs   how long it has the right
-- Replies: run, restoring (1) or not (0), mine (1) or not (0), offset or ''
--   A restoring is nobody's until nothing of the run before can be on its way any more.
local keeper, keeperUntil = unpack(redis.call('HMGET', META, 'keeper', 'keeperUntil'))
local mine = keeper == holder or not keeper or tonumber(keeperUntil) <= now
if restoring and now < graceUntil then mine = false end
if mine then redis.call('HSET', META, 'keeper', holder, 'keeperUntil', whole(now + keepMs)) end
return {run, restoring and 1 or 0, mine and 1 or 0, redis.call('HGET', META, 'offset') or ''}
