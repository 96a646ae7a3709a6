-- Shared by all scripts: each one is this text followed by its own. Redis runs a script atomically.
--
-- A cart is one hash, KEYS[1]. Its own fields:
--   version       grows with every change, and is never that of another cart
--   created_at    when the first line was added
--   updated_at    when it was last changed
-- The fields of a line begin with the id of its variant and a colon:
--   7:quantity    pieces
--   7:seen        the price in minor units, its currency and the name, as the user was last shown them: "2999 EUR Lamp". If the product
--                 has options, a line break and the id of the product follow
--   7:added_at    when the line was added
--   7:updated_at  when it was last changed
-- Times are microseconds since 1970 by the clock of Redis, which all instances share. The expiry of the cart is that of the key.
--
-- A script checks first and then writes: Redis does not roll back a script that fails half-way.

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

-- Gives the cart a new version and expiry, and creates it if there is none. Returns the time.
--
-- The version is the time of the change. So no version comes back: neither when a cart is created again, nor when the server lost
-- the last change.
local function change(life)
  local at = now()
  local last = tonumber(redis.call('HGET', cart, 'version') or 0)
  redis.call('HSETNX', cart, 'created_at', whole(at))
  redis.call('HSET', cart, 'version', whole(math.max(at, last + 1)), 'updated_at', whole(at))
  redis.call('PEXPIRE', cart, life)
  return whole(at)
end

-- The number of lines.
local function lines()
  return (redis.call('HLEN', cart) - CART_FIELDS) / LINE_FIELDS
end

-- Remembers the names and prices that the user is shown. From `first` on, the arguments are ids of variants, each followed by its
-- `seen`. Variants without a line are skipped.
local function remember_shown(first)
  for i = first, #ARGV, 2 do
    if redis.call('HEXISTS', cart, ARGV[i] .. ':quantity') == 1 then
      redis.call('HSET', cart, ARGV[i] .. ':seen', ARGV[i + 1])
    end
  end
end

-- Whether the cart would cost more than `most` minor units with this quantity of a variant. The prices are those from argument
-- `first` on, and the last shown ones for lines that were added concurrently. `gone` are the variants that are no longer sold. A
-- total near `most` is below 2^53 and exact; an inexact total is far above it.
local function too_dear(variant, quantity, most, gone, first)
  local prices, quantities, shown = {}, {[variant] = tonumber(quantity)}, {}
  for i = first, #ARGV, 2 do
    prices[ARGV[i]] = tonumber(string.match(ARGV[i + 1], '^%d+'))
  end
  local fields = redis.call('HGETALL', cart)
  for i = 1, #fields, 2 do
    local id, name = string.match(fields[i], '^(%d+):(%a+)$')
    if name == 'quantity' and id ~= variant then
      quantities[id] = tonumber(fields[i + 1])
    elseif name == 'seen' then
      shown[id] = tonumber(string.match(fields[i + 1], '^%d+'))
    end
  end
  local total = 0
  for id, pieces in pairs(quantities) do
    if not string.find(gone, ',' .. id .. ',', 1, true) then
      total = total + pieces * (prices[id] or shown[id] or 0)
    end
  end
  return total > tonumber(most)
end

-- An answer: the outcome, the expiry of the cart in milliseconds since 1970, and the fields of the cart, empty if there is none.
local function answer(outcome)
  return {outcome, redis.call('PEXPIRETIME', cart), redis.call('HGETALL', cart)}
end
