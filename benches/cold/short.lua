-- A short run of Lua: tables, strings, closures, patterns, a little arithmetic.
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local words, count = {}, 0
for i = 1, 2000 do words[i] = string.format("%04d-%s", (i * 7919) % 2000, ("abc"):rep(i % 5)) end
table.sort(words)
for _, word in ipairs(words) do
  local digits = word:match("^(%d+)%-")
  count = count + tonumber(digits) % 17
end
local text = table.concat(words, ","):gsub("abc", "%0!"):upper()
local set = {}
for word in text:gmatch("%a+") do set[word] = (set[word] or 0) + 1 end
print(fib(20), count, #text, set.ABC, math.floor(math.sin(1) * 1e6))
