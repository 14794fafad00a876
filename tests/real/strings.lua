-- Patterns, formats, buffers, sorting, UTF-8, packing.
local words = {}
for n = 1, 400 do words[#words + 1] = ("%s-%03d"):format(string.char(97 + n * 7 % 26), n * 7919 % 1000) end
table.sort(words, function(a, b) return a:reverse() < b:reverse() end)
print(#words, words[1], words[200], words[400], table.concat(words, ",", 10, 16))
local text = ("the quick brown fox jumps over the lazy dog "):rep(40)
local count = {}
for word in text:gmatch("%a+") do count[word] = (count[word] or 0) + 1 end
local names = {}
for word in pairs(count) do names[#names + 1] = word end
table.sort(names)
for _, word in ipairs(names) do io.write(word, "=", count[word], " ") end
print()
print((text:gsub("(%w+) (%w+)", "%2 %1", 7)):sub(1, 80))
print(("key = value; other=thing"):gsub("(%w+)%s*=%s*(%w+)", { key = "K", other = false }))
print(("%5.2f|%-10s|%+d|%x|%q|%g"):format(3.14159, "left", 42, 255, 'a "quoted"\n\0line', 1e100))
print(string.find("a.b.c", ".", 3, true), ("x"):rep(5, "-"), ("abc"):byte(1, -1))
for position, code in utf8.codes("žluťoučký кôň 🦀") do io.write(position, ":", code, " ") end
print(utf8.len("žluť"), utf8.char(0x1F980, 0x20AC))
local packed = string.pack("<i4>I2z s1 d", -7, 513, "zero", "counted", 0.1)
print(#packed, string.unpack("<i4>I2z s1 d", packed))
local hash = 0
for i = 1, #text do hash = (hash * 31 + text:byte(i)) & 0xffffffff end
print(hash)
print(pcall(string.rep, "x", -1), pcall(string.format, "%d", 1.5))
print(load("return 1 +")) 
print(os.time({ year = 2008, month = 10, day = 20, hour = 12 }) ~= nil, os.date("!%Y-%m-%d %H:%M:%S", 1224460800))
