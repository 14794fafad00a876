. $SCNLIB
# cgroup2: cgroup.type transitions, and freezing threaded groups
mkg $G2; mkg $G2/a; mkg $G2/a/b; mkg $G2/a/b/c; mkg $G2/d
t() { say "$1: $(for g in . a a/b a/b/c d; do printf '%s=%s; ' $g "$(cat $G2/$g/cgroup.type)"; done)"; }
t start; wr $G2/a/b/cgroup.type threaded; t "b threaded"; wr $G2/a/b/c/cgroup.type threaded; t "c threaded"; wr $G2/a/cgroup.type threaded; t "a threaded"; wr $G2/a/b/cgroup.type domain; wr $G2/a/b/cgroup.type threaded; wr $G2/cgroup.type domain
bg $G2 $MKH threads 3; ready; set -- $(ls /proc/$P/task); T=$3; echo $T > $G2/a/b/cgroup.threads; say "thread $?"; n() { for g in . a a/b a/b/c d; do printf '%s ' "$(wc -l < $G2/$g/cgroup.threads)"; done 2>/dev/null; say "$(tr '\n' ' ' < $G2/cgroup.events)$(tr '\n' ' ' < $G2/a/cgroup.events)$(tr '\n' ' ' < $G2/a/b/cgroup.events)"; }; n
fz2 $G2/a; n; for x in /proc/$P/task/*; do cut -d' ' -f3 $x/stat; grep ^0:: $x/cgroup; done; echo $T > $G2/cgroup.threads; ms 40; n; echo $T > $G2/a/b/c/cgroup.threads; ms 40; n; (echo $T > $G2/d/cgroup.threads) 2>&1 | clean; (echo $P > $G2/d/cgroup.procs) 2>&1 | clean; (cat $G2/a/cgroup.procs) 2>&1 | clean; wc -l < $G2/cgroup.procs
kill -9 $P; wt $P; say "status $?"; n; th2 $G2/a; rmdir $G2/a/b/c $G2/a/b; wr $G2/a/cgroup.type domain; cat $G2/a/cgroup.type $G2/cgroup.type; rmdir $G2/a; cat $G2/cgroup.type; mkdir $G2/a $G2/a/b $G2/a/b/c; t fresh
sleeper $G2/d; wr $G2/d/cgroup.type threaded; t "d with a task"; sleeper $G2/a; wr $G2/a/b/cgroup.type threaded; t "b below a task"; wr $G2/a/cgroup.kill 1; till 500 haslines $G2/a/cgroup.procs 0; (echo 1 > $G2/a/b/cgroup.kill) 2>&1 | clean; for s in +freezer -freezer '' +cgroup bogus '+bogus'; do wr $G2/cgroup.subtree_control "$s"; done
