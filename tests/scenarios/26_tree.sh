. $SCNLIB
# v1: a family in nested groups, its members moved while frozen
mkg $G; mkg $G/a; mkg $G/a/b
bg $G/a $MKH tree 3; ready; say "members $(wc -l < $G/a/tasks)"; fz $G; cat $G/a/freezer.state $G/a/b/freezer.state; for t in $(cat $G/a/tasks); do say $(st $t); done
echo $P > $G/a/b/tasks; ms 50; say "moved within: $(st $P) $(cat $G/a/b/freezer.state)"; echo $P > $G/tasks; ms 50; say "up: $(st $P) $(cat $G/freezer.state)"; echo $P > $CG/tasks; ms 50; say "out: $(st $P)"; echo $P > $G/a/tasks; ms 50; say "in: $(st $P) $(cat $G/freezer.state) $(cat $G/a/freezer.state)"
kill -9 $P; ms 50; say "killed: $(st $P)"; th $G; wt $P; say "status $?"; killall -q -9 mkh; ms 50; say "left $(wc -l < $G/a/tasks)"
