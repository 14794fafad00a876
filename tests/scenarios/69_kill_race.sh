. $SCNLIB
# cgroup2: cgroup.kill against forking, freezing, stopping, moving, traced and threaded members, and by a member itself
mkg $G2; mkg $G2/a; mkg $G2/a/b
for i in 1 2 3 4 5 6; do bg $G2/a $MKH forker 6; ms 20; echo 1 > $G2/a/cgroup.freeze; echo 1 > $G2/a/cgroup.kill; wt $P; s=$?; till 500 haslines $G2/a/cgroup.procs 0; say "status $s left $(wc -l < $G2/a/cgroup.procs) $(tr '\n' ' ' < $G2/a/cgroup.events)"; echo 0 > $G2/a/cgroup.freeze; done
sleeper $G2/a; kill -STOP $P; waitst $P T; echo 1 > $G2/a/cgroup.kill; wt $P; say "stopped $?"
bg $G2/a $MKH threads 5; ready; fz2 $G2; echo 1 > $G2/cgroup.kill; wt $P; say "threads under a frozen parent $?"; till 500 haslines $G2/a/cgroup.threads 0; tr '\n' ' ' < $G2/a/cgroup.events; th2 $G2
bg $G2/a sh -c 'echo ready; echo 1 > '$G2'/a/cgroup.kill; echo survived'; wt $P; say "own kill $?"; cat $O
bg $G2/a/b sh -c 'echo ready; echo 1 > '$G2'/cgroup.kill; echo survived'; wt $P; say "own kill from below $?"; cat $O
bg $G2/a/b sh -c 'trap "" TERM HUP INT; echo ready; exec sleep 1000'; ready; echo 1 > $G2/a/cgroup.kill; wt $P; say "ignorer $?"
mkg $G; sleeper $G2/a; echo $P > $G/tasks; fz $G; echo 1 > $G2/a/cgroup.kill; ms 100; say "v1 frozen, killed: $(st $P) $(wc -l < $G2/a/cgroup.procs) $(head -n 1 $G2/a/cgroup.events)"; th $G; wt $P; say "status $?"
sleeper $G2/a; A=$P; sleeper $G2/a/b; echo $A > $G2/a/b/cgroup.procs; echo 1 > $G2/a/b/cgroup.kill; wt $A; say "$?"; wt $P; say "$?"; for f in 1 1 1; do echo 1 > $G2/a/cgroup.kill; done; say "$?"; rmdir $G2/a/b; say "rmdir $?"; mkdir $G2/a/b
