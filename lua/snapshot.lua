-- Reads all that a scope names at one moment.
-- uses: scope
-- flags: no-writes
-- KEYS[1] MOVES        hash: consumer -> move, JSON
-- KEYS[2] CONSUMERS    hash: consumer -> JSON
-- KEYS[3] GENERATIONS  hash: consumer that holds nothing -> last generation
-- KEYS[4] PROVIDERS    hash: provider -> JSON
-- KEYS[5] USAGES       hash: provider -> CLASS=used,..
-- ARGV[1] consumers  joined by commas
-- ARGV[2] providers
-- ARGV[3] held       1: also what these consumers and their open moves hold
-- Replies: consumers (id, JSON or '', last generation or '', ..), providers (id, JSON or '', usages or '', ..)
local scope = scopeOf(consumers, providers)
return snapshot(held == '1' and expand(scope) or scope)
