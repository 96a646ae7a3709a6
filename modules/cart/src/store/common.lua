-- What all scripts know. Each script is this text and its own; Redis runs it from its beginning to its end, and nothing else meanwhile.
--
-- A cart is one hash, KEYS[1]. Its own fields:
--   version       grows with every change, and is never that of another cart
--   created_at    when the first line was added
--   updated_at    when it was last changed
-- The fields of a line begin with the id of its product and a colon:
--   7:quantity    pieces
--   7:seen        the price in minor units, its currency and the name, as the user last saw them: "2999 EUR Lamp"
--   7:added_at    when the line was added
--   7:updated_at  when it was last changed
-- Times are microseconds since 1970 by the clock of Redis, which all instances share. The expiry is that of the key.
--
-- A script checks first and writes then: Redis undoes nothing when a script fails half-way.

local cart = KEYS[1]
local CART_FIELDS, LINE_FIELDS = 3, 4

-- Below 2^53, up to which the numbers of Lua are exact.
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function whole(number)
  return string.format('%.0f', number)
end

-- Writes down that the cart changes, makes it if there is none, and begins its life anew. Returns the time.
--
-- The version is the time of the change. So neither a cart that is made again nor one that lost its last change with the server can
-- come to a version that was shown before.
local function change(life)
  local at = now()
  local last = tonumber(redis.call('HGET', cart, 'version') or 0)
  redis.call('HSETNX', cart, 'created_at', whole(at))
  redis.call('HSET', cart, 'version', whole(math.max(at, last + 1)), 'updated_at', whole(at))
  redis.call('PEXPIRE', cart, life)
  return whole(at)
end

-- How many lines the cart has.
local function lines()
  return (redis.call('HLEN', cart) - CART_FIELDS) / LINE_FIELDS
end

-- Notes what the user sees of products: from this argument on they are ids, each followed by its `seen`. Lines only: what is not in
-- the cart, or no longer, does not get there.
local function see(first)
  for i = first, #ARGV, 2 do
    if redis.call('HEXISTS', cart, ARGV[i] .. ':quantity') == 1 then
      redis.call('HSET', cart, ARGV[i] .. ':seen', ARGV[i + 1])
    end
  end
end

-- Whether the cart would cost more than `most` minor units with this quantity of a product. The prices are those from argument `first`
-- on, and for lines that someone else has just added those that were seen; `gone` are the products that are no longer sold.
-- What is near `most` is below 2^53 and exact; what is not is far from it.
local function too_dear(product, quantity, most, gone, first)
  local prices, quantities, seen = {}, {[product] = tonumber(quantity)}, {}
  for i = first, #ARGV, 2 do
    prices[ARGV[i]] = tonumber(string.match(ARGV[i + 1], '^%d+'))
  end
  local fields = redis.call('HGETALL', cart)
  for i = 1, #fields, 2 do
    local id, name = string.match(fields[i], '^(%d+):(%a+)$')
    if name == 'quantity' and id ~= product then
      quantities[id] = tonumber(fields[i + 1])
    elseif name == 'seen' then
      seen[id] = tonumber(string.match(fields[i + 1], '^%d+'))
    end
  end
  local total = 0
  for id, pieces in pairs(quantities) do
    if not string.find(gone, ',' .. id .. ',', 1, true) then
      total = total + pieces * (prices[id] or seen[id] or 0)
    end
  end
  return total > tonumber(most)
end

-- An answer: what came of it, when the cart expires in milliseconds since 1970, and the cart, empty if there is none.
local function answer(outcome)
  return {outcome, redis.call('PEXPIRETIME', cart), redis.call('HGETALL', cart)}
end
