-- Length and hash (FNV-1a) of what it is given.
local length, hash = 0, 0xcbf29ce484222325
for block in io.lines(nil, 4096) do
    length = length + #block
    for i = 1, #block do hash = (hash ~ block:byte(i)) * 0x100000001b3 end
end
print(length, ("%016x"):format(hash))
