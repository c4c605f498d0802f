-- Writing down what a decision does to moves. `changes`: rows of consumer, migration (or ''), state, JSON.
-- uses: moves
local ended = scores(ENDED)

local function noteMoves(changes)
  for _, move in ipairs(changes) do
    for i = 1, 2 do
      if move[i] ~= '' then
        put(moves, move[i], move[4])
        put(ended, move[i], move[3] ~= 'open' and now)
      end
    end
  end
end
