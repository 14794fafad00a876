# 200 commands of busybox, each a process of its own, as a build or a boot script starts them.
PATH=$PWD/bin
work=/tmp/cold-$$
mkdir $work
cd $work || exit 1
i=0
while [ $i -lt 19 ]; do
    seq $i 3 $((i + 60)) >numbers
    sort -rn numbers >sorted
    grep -c 3 sorted
    sed -n '2,4s/1/x/gp' numbers | tr '\n' ' '
    awk '{ s += $1 } END { print s }' numbers
    cut -c1 numbers | uniq | wc -l
    expr $i \* 7
    i=$((i + 1))
done
cp numbers copy
head -n 3 sorted
tail -n 2 sorted
cat numbers sorted copy | md5sum
ls -1
date -u -d @0
cd /
rm -r $work
