-- Moves the queues of a waiting ticket on, and answers where it stands.
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
-- ARGV[4] number   the ticket
-- Replies: granted number grantedAt 0 0 | waiting number 0 eta ahead | gone
sweep(16)
local ticket = ticketOf(number)
if not ticket or ticket.session ~= session then return done({'gone'}) end
promote({unpack(ticket.resources)})
ticket = ticketOf(number)
if ticket then hear(ticket) end
return done(ticket and answer(ticket) or {'gone'})
