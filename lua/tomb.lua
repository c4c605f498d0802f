-- Reads the tombstone of a request.
-- uses: tomb
-- flags: no-writes
-- KEYS[1] TOMB  hash: packed id -> tombstone, shared with others
-- ARGV[1] id
-- Replies: none | packed code time attempts (time: 17 digits of the event's, or '')
local tomb = tombOf(TOMB, id)
if not tomb then return {'none'} end
return {'packed', tomb.code, tomb.time, tomb.attempts}
