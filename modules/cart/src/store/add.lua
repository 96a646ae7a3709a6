-- Adds pieces to the line of a variant, and creates the line and the cart if there are none. The reply is stored under the
-- idempotency key, if there is one, in the same step.
--
-- KEYS[2]  the idempotency key, if the caller gave one
local variant, quantity, stock, most_lines, life = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
-- the highest total of a cart, and the variants that are no longer sold
local most, gone = ARGV[6], ARGV[7]
-- with an idempotency key: the hash of the request, the lifetime of the key, and the catalogue
local request, kept, catalogue = ARGV[8], ARGV[9], ARGV[10]
-- the current names and prices of the variants, which the user is shown
local SHOWN = 11

local key = KEYS[2]
if key and redis.call('EXISTS', key) == 1 then
  return {'replayed', 0, redis.call('HGETALL', key)}
end

local before = redis.call('HGET', cart, variant .. ':quantity')
local total = (tonumber(before) or 0) + quantity
if total > stock then
  return {'not enough', total, {}}
end
if not before and lines() >= most_lines then
  return {'full', 0, {}}
end
if too_dear(variant, total, most, gone, SHOWN) then
  return {'too dear', 0, {}}
end

local at = change(life)
redis.call('HSET', cart, variant .. ':quantity', whole(total), variant .. ':updated_at', at)
redis.call('HSETNX', cart, variant .. ':added_at', at)
remember_shown(SHOWN)

local done = answer('added')
if key then
  -- the cart as it is now, and the other parts of the reply
  redis.call('COPY', cart, key)
  redis.call('HSET', key, 'request', request, 'catalogue', catalogue, 'expires_at', whole(done[2]))
  redis.call('PEXPIRE', key, kept)
end
return done
