-- Gives a ticket up and hands its resources over.
-- uses: queue
-- flags: allow-oom
-- KEYS[1] META  hash: run, graceUntil, seq, schema
-- KEYS[2] Q     zset: resource\31ticket, the queues
-- KEYS[3] T     hash: ticket -> state, grantedAt, session, key, resources
-- KEYS[4] S     zset: session -> end of its lease (ms)
-- KEYS[5] ST    zset: session\31ticket
-- KEYS[6] DL    zset: ticket -> when it ends by itself (ms)
-- KEYS[7] RQ    hash: key of a ticket -> ticket
-- ARGV[1] graceMs  nothing is granted for so long after the server's run has changed
-- ARGV[2] holdMs   longest hold of a granted ticket
-- ARGV[3] session
-- ARGV[4] number   the ticket
-- Replies: released (also when there was nothing to release)
release(number, session)
return {'released'}
