-- Sets the quantity of a line.
local variant, quantity, life = ARGV[1], ARGV[2], ARGV[3]
-- the highest total of a cart, and the variants that are no longer sold
local most, gone = ARGV[4], ARGV[5]
-- the current names and prices of the variants, which the user is shown
local SHOWN = 6

local before = redis.call('HGET', cart, variant .. ':quantity')
if not before then
  return {'no such line', 0, {}}
end
-- a lower quantity is always accepted
if tonumber(quantity) > tonumber(before) and too_dear(variant, quantity, most, gone, SHOWN) then
  return {'too dear', 0, {}}
end
local at = change(life)
redis.call('HSET', cart, variant .. ':quantity', quantity, variant .. ':updated_at', at)
remember_shown(SHOWN)
return answer('set')
