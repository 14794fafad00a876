. $SCNLIB
# cgroup2: threads, stops while frozen, a leader that is dead
mkg $G2; bg $G2 $MKH threads 4; ready; say "threads $(wc -l < $G2/cgroup.threads) procs $(wc -l < $G2/cgroup.procs)"; fz2 $G2; for t in $(ls /proc/$P/task); do say "$(sed 's/.*) //; s/ .*//' /proc/$P/task/$t/stat)"; done; kill -STOP $P; ms 50; for t in $(ls /proc/$P/task); do say "$(sed 's/.*) //; s/ .*//' /proc/$P/task/$t/stat)"; done; th2 $G2; ms 50; st $P; fz2 $G2; kill -CONT $P; ms 50; st $P; grep frozen $G2/cgroup.events; th2 $G2; ms 50; st $P; kill -9 $P; wt $P; say "status $?"
bg $G2 $MKH deadleader; ready; say "leader $(st $P) $(wc -l < $G2/cgroup.threads) $(wc -l < $G2/cgroup.procs 2>/dev/null)"; fz2 $G2; kill -TERM $P; wt $P; say "status $?"; ms 20; cat $G2/cgroup.events; th2 $G2
