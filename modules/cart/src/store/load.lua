-- Returns the cart. If it expires within ARGV[1] milliseconds, its expiry is set to ARGV[2]; 0 leaves it as it is.
local soon, life = tonumber(ARGV[1]), tonumber(ARGV[2])

if life > 0 and redis.call('HEXISTS', cart, 'version') == 1 and redis.call('PTTL', cart) < soon then
  redis.call('PEXPIRE', cart, life)
end
return answer('found')
