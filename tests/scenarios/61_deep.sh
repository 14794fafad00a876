. $SCNLIB
# v1 and cgroup2: a tree twelve deep
mkg $G; mkg $G2; p=$G; q=$G2; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do p=$p/d$i; q=$q/d$i; mkg $p; mkg $q; done
sleeper -; echo $P > $p/tasks; echo $P > $q/cgroup.procs; grep -e :freezer: -e ^0:: /proc/$P/cgroup | sed 's/^[0-9]*//'
fz $G; say "deepest $(cat $p/freezer.state) self $(cat $p/freezer.self_freezing) parent $(cat $p/freezer.parent_freezing) $(st $P)"
m=$G/d1/d2/d3/d4/d5/d6; fz $m; th $G >/dev/null; say "top $(cat $G/freezer.state) d5 $(cat ${m%/d6}/freezer.state) d6 $(cat $m/freezer.state) d7 $(cat $m/d7/freezer.state) $(st $P)"
echo THAWED > $p/freezer.state; say "deepest thawed: $(cat $p/freezer.state) self $(cat $p/freezer.self_freezing)"; th $m; waitst $P S; say "$(st $P)"
fz2 $G2; say "deepest $(tr '\n' ' ' < $q/cgroup.events) freeze $(cat $q/cgroup.freeze)"; echo 1 > $q/cgroup.freeze; echo 0 > $G2/cgroup.freeze; ms 50; say "top $(tr '\n' ' ' < $G2/cgroup.events) deepest $(tr '\n' ' ' < $q/cgroup.events) above $(tr '\n' ' ' < ${q%/*}/cgroup.events)"
n=0; s=$G2; while [ -d $s ]; do n=$((n+1)); k=$(grep nr_descendants $s/cgroup.stat); say "$k $(grep populated $s/cgroup.events)"; s=$s/d$n; done
rmdir $G2/d1 2>/dev/null; say "rmdir inner $?"; echo 1 > $G2/d1/cgroup.kill; wt $P; say "status $?"; till 500 fzn $q 1; ms 20; say "deepest $(tr '\n' ' ' < $q/cgroup.events) top $(tr '\n' ' ' < $G2/cgroup.events)"
say "$(find $G -type d | wc -l) $(find $G2 -type d | wc -l)"
