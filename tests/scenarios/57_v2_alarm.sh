. $SCNLIB
# cgroup2: timers go on while their task is frozen; a zombie in a frozen group
mkg $G2
bg $G2 $MKH alarm; ready; fz2 $G2; ms 1200; cat $O; th2 $G2; ms 100; wt $P; cat $O
bg $G2 $MKH zombie "" $W/z; ready; say "members $(wc -l < $G2/cgroup.procs)"; fz2 $G2; st $(cat $W/z); kill -USR1 $P; ms 50; cat $O; th2 $G2; wt $P; cat $O
