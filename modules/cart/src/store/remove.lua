-- Removes a line, and the cart with its last line.
local product, life = ARGV[1], ARGV[2]

if redis.call('HEXISTS', cart, product .. ':quantity') == 0 then
  return {'no such line', 0, {}}
end
if lines() == 1 then
  redis.call('DEL', cart)
else
  redis.call('HDEL', cart, product .. ':quantity', product .. ':seen', product .. ':added_at', product .. ':updated_at')
  change(life)
end
return answer('removed')
