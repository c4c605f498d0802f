-- Reads the whole books at one moment.
-- flags: no-writes
-- KEYS[1] PROVIDERS  hash: provider -> JSON
-- KEYS[2] USAGES     hash: provider -> CLASS=used,..
-- KEYS[3] CONSUMERS  hash: consumer -> JSON
-- Replies: three lists of key, value, key, ..
return {redis.call('HGETALL', PROVIDERS), redis.call('HGETALL', USAGES), redis.call('HGETALL', CONSUMERS)}
