-- Sets the quantity of a line.
local product, quantity, life = ARGV[1], ARGV[2], ARGV[3]
-- what the user sees now of the products
local SEEN = 4

if redis.call('HEXISTS', cart, product .. ':quantity') == 0 then
  return {'no such line', 0, {}}
end
local at = change(life)
redis.call('HSET', cart, product .. ':quantity', quantity, product .. ':updated_at', at)
see(SEEN)
return answer('set')
