. $SCNLIB
# cgroup2: attaching to and seizing frozen tasks, and freezing traced ones
mkg $G2
for m in attach-frozen seize-frozen stopped-then-freeze kill-traced-frozen; do say "-- $m"; $MKH ptrace v2 $G2 $m; done
