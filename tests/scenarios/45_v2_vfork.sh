. $SCNLIB
# cgroup2: a vfork parent and its child
mkg $G2; mkfifo $W/f
bg $G2 $MKH vfork $W/f; ready; ms 50; say "tasks $(wc -l < $G2/cgroup.procs) parent $(st $P)"; fz2 $G2; for t in $(cat $G2/cgroup.procs); do say "$(st $t) $(cat /proc/$t/wchan)"; done; th2 $G2; ms 50; for t in $(cat $G2/cgroup.procs); do say "$(st $t)"; done; echo x > $W/f; wt $P; say "status $?"; cat $O
