-- Sets the quantity of a line.
local product, quantity, life = ARGV[1], ARGV[2], ARGV[3]
-- the most that a cart can cost, and the products that are no longer sold
local most, gone = ARGV[4], ARGV[5]
-- what the user sees now of the products
local SEEN = 6

local before = redis.call('HGET', cart, product .. ':quantity')
if not before then
  return {'no such line', 0, {}}
end
-- fewer pieces are always possible
if tonumber(quantity) > tonumber(before) and too_dear(product, quantity, most, gone, SEEN) then
  return {'too dear', 0, {}}
end
local at = change(life)
redis.call('HSET', cart, product .. ':quantity', quantity, product .. ':updated_at', at)
see(SEEN)
return answer('set')
