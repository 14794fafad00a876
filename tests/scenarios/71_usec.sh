. $SCNLIB
# cgroup2: frozen_usec of nested groups, over thaws, moves and new groups
mkg $G2; mkg $G2/a; mkg $G2/a/b
u() { sed -n 's/^frozen_usec //p' $1/cgroup.stat.local; }
z() { say "$1: $(for g in . a a/b; do [ $(u $G2/$g) -gt 0 ] && printf '+ ' || printf '0 '; done)"; }
z start; echo 1 > $G2/a/cgroup.freeze; ms 30; z "a"; echo 0 > $G2/a/cgroup.freeze; x=$(u $G2/a); y=$(u $G2/a/b); [ $x -ge 25000 ] && [ $y -ge 25000 ] && say both; ms 30; [ $(u $G2/a) = $x ] && [ $(u $G2/a/b) = $y ] && say stopped
echo 1 > $G2/a/b/cgroup.freeze; echo 1 > $G2/a/cgroup.freeze; echo 0 > $G2/a/b/cgroup.freeze; ms 30; d=$(( $(u $G2/a/b) - y )); [ $d -ge 25000 ] && say "b goes on under a"; echo 0 > $G2/a/cgroup.freeze; z thawed
echo 1 > $G2/cgroup.freeze; mkg $G2/n; ms 30; [ $(u $G2/n) -ge 25000 ] && say "new group under a frozen one counts" || say "new group does not count"; sleeper -; echo $P > $G2/n/cgroup.procs; waitst $P S; ms 20; st $P; rmdir $G2/a/b; mkdir $G2/a/b; [ $(u $G2/a/b) -lt 20000 ] && say "fresh"; echo 0 > $G2/cgroup.freeze; z end
wr $G2/cgroup.stat.local 0; stat -c %a $G2/cgroup.stat.local $G2/cgroup.stat; (cat $CG2/cgroup.stat.local) 2>&1 | clean | head -n 1; wc -l < $G2/cgroup.stat.local; echo 1 > $G2/n/cgroup.freeze; echo 1 > $G2/n/cgroup.freeze; echo 0 > $G2/n/cgroup.freeze; x=$(u $G2/n); echo 0 > $G2/n/cgroup.freeze; [ $(u $G2/n) = $x ] && say same
