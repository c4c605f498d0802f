-- Ends a session: its tickets pass on at once. What is too much for one step is left to the next sweep.
-- uses: queue
-- flags: allow-oom
-- KEYS[1] META  hash: run, graceUntil, seq, schema
-- KEYS[2] HEADS hash: resource -> first ticket of its queue, + where others may stand behind it
-- KEYS[3] Q     zset: resource\31ticket, those behind
-- KEYS[4] T     hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[5] S     zset: session -> end of its lease (ms)
-- KEYS[6] ST    zset: session\31ticket
-- KEYS[7] DL    zset: ticket -> when it ends by itself (ms)
-- KEYS[8] RQ    hash: key of a ticket -> ticket
-- ARGV[1] graceMs  nothing is granted for so long after the server's run has changed
-- ARGV[2] holdMs   longest hold of a granted ticket
-- ARGV[3] session
-- Replies: closed
local freed = {}
if dropAll(session, freed) then
  redis.call('ZREM', S, session)
else
  redis.call('ZADD', S, 'XX', CLOSED, session)
end
promote(freed)
return done({'closed'})
