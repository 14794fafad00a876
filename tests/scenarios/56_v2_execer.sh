. $SCNLIB
# cgroup2: programs that exec and fork for ever, cgroup.kill, what a parent is told
mkg $G2
bg $G2 $MKH execer $W/n; ms 100; for i in 1 2 3; do fz2 $G2; a=$(cat $W/n); ms 60; [ "$a" = "$(cat $W/n)" ] && say still || say moving; th2 $G2; ms 60; [ "$a" = "$(cat $W/n)" ] && say still || say moving; done; kill -9 $P; wt $P; say "status $?"
bg $G2 $MKH forker 4; ms 50; $MKH toggle v2 $G2 30; fz2 $G2; a=$(cat $G2/cgroup.procs); ms 50; [ "$a" = "$(cat $G2/cgroup.procs)" ] && say same || say changed; echo 1 > $G2/cgroup.kill; wt $P; say "status $?"; till 500 haslines $G2/cgroup.procs 0; cat $G2/cgroup.events; th2 $G2
$MKH waiter v2 $G2
