. $SCNLIB
# v1: attaching to and seizing frozen tasks, and freezing traced ones
mkg $G
for m in attach-frozen seize-frozen stopped-then-freeze kill-traced-frozen; do say "-- $m"; $MKH ptrace v1 $G $m; done
