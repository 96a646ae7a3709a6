-- Removes the cart if it still has this version.
if redis.call('HGET', cart, 'version') == ARGV[1] then
  redis.call('DEL', cart)
end
