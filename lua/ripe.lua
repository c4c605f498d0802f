-- Ids of requests whose records may be due for packing. Each is then asked for with `pack`, which declares its record.
-- uses: clock
-- flags: no-writes
-- KEYS[1] TOLD  zset: request whose event is confirmed -> when its record may be packed (ms)
-- ARGV[1] limit
-- Replies: the ids
return redis.call('ZRANGEBYSCORE', TOLD, '-inf', now, 'LIMIT', 0, limit)
