-- Removes a line, and the cart with its last line.
local variant, life = ARGV[1], ARGV[2]

if redis.call('HEXISTS', cart, variant .. ':quantity') == 0 then
  return {'no such line', 0, {}}
end
if lines() == 1 then
  redis.call('DEL', cart)
else
  redis.call('HDEL', cart, variant .. ':quantity', variant .. ':seen', variant .. ':added_at', variant .. ':updated_at')
  change(life)
end
return answer('removed')
