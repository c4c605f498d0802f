-- Writing a decision down. `moves`: rows of consumer, migration (or ''), state, JSON.

local function noteMoves(moves)
  for _, move in ipairs(moves) do
    for i = 1, 2 do
      if move[i] ~= '' then
        redis.call('HSET', MOVES, move[i], move[4])
        if move[3] == 'open' then redis.call('ZREM', ENDED, move[i]) else redis.call('ZADD', ENDED, now, move[i]) end
      end
    end
  end
end

local function noteDecision(record, code, origin, event, letter)
  redis.call('HSET', record, 'code', code, 'origin', origin, 'event', event, 'letter', letter, 'decidedAt', whole(now))
end
