-- The cart. Its life begins anew if it would end within ARGV[1] milliseconds: then it ends ARGV[2] milliseconds from now.
local left = redis.call('PTTL', cart)
if left < tonumber(ARGV[1]) then
  redis.call('PEXPIRE', cart, ARGV[2])
end
return answer('found')
