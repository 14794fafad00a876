. $SCNLIB
# v1: threads of one process, together and in different groups; a leader that is dead
mkg $G; mkg $G/b
bg $G $MKH threads 5; ready; say "tasks $(wc -l < $G/tasks) procs $(wc -l < $G/cgroup.procs)"; fz $G
for t in $(ls /proc/$P/task); do say "thread $(sed 's/.*) //; s/ .*//' /proc/$P/task/$t/stat)"; done
th $G; T=$(ls /proc/$P/task | tail -n 1); echo $T > $G/b/tasks; say "one thread moved: $(wc -l < $G/tasks) $(wc -l < $G/b/tasks) procs $(wc -l < $G/b/cgroup.procs)"
fz $G/b; for t in $(ls /proc/$P/task); do say "thread $(sed 's/.*) //; s/ .*//' /proc/$P/task/$t/stat)"; done; say "$(cat $G/freezer.state) $(cat $G/freezer.self_freezing)"
echo $P > $G/cgroup.procs; ms 50; say "procs moves all: $(wc -l < $G/tasks) $(wc -l < $G/b/tasks)"; for t in $(ls /proc/$P/task); do say "thread $(sed 's/.*) //; s/ .*//' /proc/$P/task/$t/stat)"; done
th $G/b; kill -9 $P; wt $P; say "status $?"
bg $G $MKH deadleader; ready; say "leader $(st $P) tasks $(wc -l < $G/tasks) procs $(wc -l < $G/cgroup.procs)"; fz $G; say "leader $(st $P)"; kill -9 $P; ms 100; say "leader $(st $P)"; th $G; wt $P; say "status $?"
