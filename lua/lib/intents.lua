-- Consumers that a write may change which was sent and is not settled yet.

-- Takes away what request `id` noted of the consumers `touched` (joined by commas, or false).
local function settleIntents(touched, id)
  for consumer in string.gmatch(touched or '', '[^,]+') do
    if redis.call('HGET', INTENTS, consumer) == id then redis.call('HDEL', INTENTS, consumer) end
  end
end
