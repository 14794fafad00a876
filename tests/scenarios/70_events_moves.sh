. $SCNLIB
# cgroup2: cgroup.events of a tree during moves, forks and deaths in frozen groups
mkg $G2; mkg $G2/a; mkg $G2/b; mkg $G2/b/c
e() { ms 40; say "$1: $(for g in . a b b/c; do printf '%s %s; ' $g "$(awk '{printf "%s", $2}' $G2/$g/cgroup.events)"; done)$(st $P)"; }
sleeper -; e start; echo $P > $G2/a/cgroup.procs; e "in a"; echo 1 > $G2/b/cgroup.freeze; e "b frozen empty"; echo $P > $G2/b/cgroup.procs; e "in b"; echo $P > $G2/b/c/cgroup.procs; e "in c"; echo 0 > $G2/b/cgroup.freeze; e thawed; echo 1 > $G2/b/c/cgroup.freeze; e "c frozen"; echo 1 > $G2/a/cgroup.freeze; e "a frozen"; echo $P > $G2/a/cgroup.procs; e "in a"; echo 1 > $G2/cgroup.freeze; e "top"; echo 0 > $G2/a/cgroup.freeze; e "a 0"; echo $P > $CG2/cgroup.procs; e out; echo $P > $G2/cgroup.procs; e "in top"; X=$P; sleeper -; echo $P > $G2/b/c/cgroup.procs; e second; kill -9 $X; wt $X; e "first dead"; echo 0 > $G2/cgroup.freeze; e "top 0"; kill $P; wt $P; e "second dead"
bg $G2/a sh -c 'echo ready; read -r x < '$W'/ff; sleep 1000 & wait'; mkfifo $W/ff; ready; e shell; kill -9 $P; wt $P; e dead
sleeper $G2; kill -STOP $P; e stopped; echo 1 > $G2/cgroup.freeze; e "stopped frozen"; kill -CONT $P; e cont; echo $P > $G2/a/cgroup.procs; e "in a"; echo 0 > $G2/cgroup.freeze; e "top 0"
$MKH events $G2/b; $MKH events $G2/b/c; mkg $G; $MKH events $G2/a
