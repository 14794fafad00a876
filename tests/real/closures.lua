-- Closures, coroutines, metatables, collection, weak tables, finalizers, goto, errors through coroutines.
local function counter() local n = 0 return function(by) n = n + (by or 1) return n end end
local a, b = counter(), counter()
print(a(), a(10), b(), a())
local function primes(limit)
    return coroutine.wrap(function()
        local composite = {}
        for n = 2, limit do
            if not composite[n] then
                coroutine.yield(n)
                for multiple = n * n, limit, n do composite[multiple] = true end
            end
        end
    end)
end
local sum, last = 0, 0
for p in primes(5000) do sum, last = sum + p, p end
print(sum, last)
local vector = {}
vector.__index = vector
vector.__add = function(x, y) return setmetatable({ x[1] + y[1], x[2] + y[2] }, vector) end
vector.__eq = function(x, y) return x[1] == y[1] and x[2] == y[2] end
vector.__tostring = function(x) return ("(%d,%d)"):format(x[1], x[2]) end
vector.__call = function(x, k) return x[k] end
vector.__close = function(x) print("closed", x) end
local v = setmetatable({ 1, 2 }, vector)
do local scoped <close> = v + v print(tostring(scoped), scoped == setmetatable({ 2, 4 }, vector), scoped(2)) end
local finalized = 0
for i = 1, 200 do setmetatable({ i }, { __gc = function() finalized = finalized + 1 end }) end
local weak = setmetatable({}, { __mode = "k" })
for i = 1, 50 do weak[{}] = i end
collectgarbage()
local left = 0
for _ in pairs(weak) do left = left + 1 end
print(finalized, left)
for _, mode in ipairs({ "incremental", "generational" }) do
    collectgarbage(mode)
    local tree
    local function build(depth) return depth == 0 and {} or { build(depth - 1), build(depth - 1) } end
    local function size(node) return node[1] and 1 + size(node[1]) + size(node[2]) or 1 end
    for _ = 1, 5 do tree = build(9) end
    print(mode, size(tree))
end
local co = coroutine.create(function(x) local y = coroutine.yield(x * 2) error({ code = x + y }) end)
print(coroutine.resume(co, 21))
local ok, problem = coroutine.resume(co, 1)
print(ok, problem.code, coroutine.status(co))
print(select(2, xpcall(function() local t = nil; return t.x end, function(m) return "handled: " .. m end)))
local function depth(n) return n == 0 and 0 or 1 + depth(n - 1) end
print(depth(15000), (select(2, pcall(function() local function f() return 1 + f() end return f() end))):match("stack overflow"))
local function tail(n, acc) if n == 0 then return acc end return tail(n - 1, acc + n) end
print(tail(50000, 0))
for i = 1, 3 do for j = 1, 3 do if j == 2 then goto continue end io.write(i, j, " ") ::continue:: end end
print()
