-- Ids of requests neither told nor looked at lately. Each is then asked for with `sweep`, which declares its record.
-- uses: clock
-- flags: no-writes
-- KEYS[1] OPEN  zset: request -> when the sweep may look at it (ms)
-- ARGV[1] limit
-- Replies: the ids
return redis.call('ZRANGEBYSCORE', OPEN, '-inf', now, 'LIMIT', 0, limit)
