. $SCNLIB
# cgroup2: files of a removed group, odd texts
mkg $G2; for f in cgroup.freeze cgroup.procs cgroup.threads cgroup.max.depth cgroup.type; do mkg $G2/x; say "-- $f"; $MKH openrm $G2/x $f 1; done
for f in cgroup.events cgroup.stat cgroup.controllers; do $MKH sys open_w $G2/$f; done; $MKH sys open_rw $G2/cgroup.kill; for f in cgroup.freeze cgroup.procs cgroup.max.depth; do for t in '@4095' '@5000' '\0' '1\n1'; do say "$f $(wr $G2/$f "$t")"; done; done; cat $G2/cgroup.freeze
