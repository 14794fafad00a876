-- Integers and floats, conversions, limits, formats, a generator of random numbers with a seed.
print(1 // 0.0, -1 // 0.0, 0.0 / 0.0 ~= 0.0 / 0.0, 7 // -2, 7 % -2, -7 % 2.5, 2 ^ 53, 1e15, 1e16, 123456789012345678)
print(math.maxinteger + 1 == math.mininteger, math.mininteger // -1, pcall(function() return 1 // 0 end))
print(3 | 8, 0xff ~ 0x0f, ~0, 1 << 63, 1 << 64, -1 >> 60, "10" + 5, "0x10" * 2, 10 / 2, 3.0 == 3)
print(math.tointeger(3.0), math.tointeger(3.5), math.type(1), math.type(1.0), math.type("1"), math.ult(1, -1))
print(string.format("%.14g %.3f %e %a %g %i", 0.1, 2 / 3, 12345.678, 1.0, 1e-5, 3.0))
print(tostring(1e100), 1e308 * 10, -1e308 * 10, 2 ^ -1074, 5 // 0.3, 5.3 % 0.7)
print(tonumber("0x1p4"), tonumber("1e1"), tonumber("  12  "), tonumber("12a"), tonumber("zz", 36), tonumber("8", 8))
print(math.floor(-3.5), math.ceil(-3.5), math.fmod(-7, 3), math.sqrt(2), math.pi, math.abs(math.mininteger))
for _, f in ipairs({ "sin", "cos", "tan", "exp", "log", "asin", "atan" }) do io.write(f, " ", ("%.12g "):format(math[f](0.7))) end
print()
math.randomseed(42, 7)
local rolls = {}
for i = 1, 8 do rolls[i] = math.random(1, 1000000) end
print(table.concat(rolls, " "), math.random(0) ~= math.random(0), ("%.10f"):format(math.random()))
local z = 0
for y = -12, 12 do
    for x = -30, 12 do
        local cr, ci, zr, zi, n = x / 16, y / 10, 0, 0, 0
        while n < 40 and zr * zr + zi * zi < 4 do zr, zi, n = zr * zr - zi * zi + cr, 2 * zr * zi + ci, n + 1 end
        z = (z * 41 + n) % 1000000007
    end
end
print(z)
local fib = {}
for i = 0, 90 do fib[i] = i < 2 and i or fib[i - 1] + fib[i - 2] end
print(fib[90], fib[50] / fib[49])
