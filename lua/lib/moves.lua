-- The moves on record, each under its consumer and under its M.
-- uses: sheet
local moves = hash(MOVES)
