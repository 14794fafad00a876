. $SCNLIB
# v1: odd texts, sizes and offsets
mkg $G
for f in tasks cgroup.procs freezer.state; do for t in '@4095' '@4096' '@5000' '\0' ' ' '\n' '-1' '99999999999999999999999'; do say "$f $(wr $G/$f "$t")"; done; done
$MKH rd $G/freezer.state 3; $MKH rd $G/freezer.self_freezing 1; $MKH rd $G/tasks 7; say "$($MKH wr $G/freezer.state FROZEN 2) $(cat $G/freezer.state)"; say "$($MKH wr $G/freezer.state THAWED 4096) $(cat $G/freezer.state)"
cat $G/freezer.state $G/freezer.state; dd if=$G/freezer.state bs=2 skip=1 count=1 2>/dev/null; echo; tail -c 3 $G/freezer.state; wc -c < $G/freezer.state; stat -c '%s %F %h' $G/freezer.state $G; head -c 0 $G/freezer.state; : > $G/freezer.state; say $?
