# No machine needs a program of its own for chesums.
sum() { lua sum.lua; }
# A megabyte of text, and what little repeats in numbers.
seq 1 9000 > a; sed 's/\(.\)\(.\)/\2x\1 the quick brown fox \1/' a > b; cat b a a b > file
sum < file
for level in 1 3 12; do
    zstd -q -$level file -o f.$level.zst && zstd -q -t f.$level.zst && wc -c < f.$level.zst
    zstd -q -dc f.$level.zst | sum
    sum < f.$level.zst
done
bzip2 -3 < a > a.bz2; sum < a.bz2; bzip2 -dc a.bz2 | sum
zstd -q -T2 -5 b -o b.zst; zstd -q -dc b.zst | sum
# Damaged in the middle: refused, and nothing worse.
(head -c 2000 a.bz2; echo garbage; tail -c +2010 a.bz2) > bad.bz2; bzip2 -t bad.bz2 2> /dev/null; echo bzip2 $?
(head -c 2000 f.3.zst; echo garbage; tail -c +2010 f.3.zst) > bad.zst; zstd -q -t bad.zst 2> /dev/null; echo zstd $?
