lua strings.lua
lua closures.lua
lua numbers.lua
echo 'print(#arg, arg[1], ...)' | lua - one 'two words'
echo 'print("from a pipe", 6 * 7)' | lua -
lua -e 'error("on purpose")' 2>&1; echo $?
lua -e 'print(select("#", table.unpack({}, 1, 200)))'
