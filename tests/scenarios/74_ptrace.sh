. $SCNLIB
# ptrace in nested groups and under the other version's freeze
mkg $G; mkg $G2; mkg $G/k; mkg $G2/k
for m in attach-frozen seize-frozen stopped-then-freeze kill-traced-frozen tracer-frozen; do say "-- v1 $m"; $MKH ptrace v1 $G/k $m; say "-- v2 $m"; $MKH ptrace v2 $G2/k $m; done
fz $G; say "-- v2 in a group of its own"; $MKH ptrace v2 $G2 attach-frozen; th $G; cat $G/k/freezer.state; tr '\n' ' ' < $G2/cgroup.events; ls $G/k/tasks | clean
