. $SCNLIB
# v1: files of a removed group, and what cannot be done to a control file
mkg $G; for f in freezer.state tasks cgroup.procs notify_on_release cgroup.clone_children; do mkg $G/x; say "-- $f"; $MKH openrm $G/x $f FROZEN; done
for f in freezer.self_freezing freezer.parent_freezing; do mkg $G/x; $MKH sys open_rw $G/x/$f; $MKH sys open_w $G/x/$f; rmdir $G/x; done
$MKH sys truncate $G/freezer.state; $MKH sys unlink $G/freezer.state; $MKH sys chmod $G/freezer.state 600; stat -c %a $G/freezer.state; $MKH sys creat $G/new; $MKH sys symlink $G/l; $MKH sys link $G/tasks $G/t2; $MKH sys rename $G/tasks $G/t2; $MKH sys mkdir "$G/a"; $MKH sys rename $G/a $G/b; ls $G | grep -v freezer; $MKH sys rmdir $G/b; $MKH sys rmdir $G/b; $MKH sys rmdir $G/tasks; $MKH sys mkdir $G/tasks
