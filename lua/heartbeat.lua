-- Opens or renews the lease of a session, and sweeps what dead sessions and overdue tickets left.
-- A lease that has ended is never revived; `open` is for a session id that was never used before.
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
-- ARGV[4] leaseMs
-- ARGV[5] open     1: start the session where it does not stand yet
-- Replies: alive now | lost now
local ends = leaseEnd(session)
if ends and ends <= now or not ends and open ~= '1' then return {'lost', nowText} end
redis.call('ZADD', S, now + leaseMs, session)
leases[session] = now + leaseMs
sweep(32)
return done({'alive', nowText})
