. $SCNLIB
# a second mount of each hierarchy shows the same groups; umount with groups left; options that do not fit
mkg $G; mkg $G2; mkdir $W/m $W/m2 $W/b
mount -t cgroup -o freezer again $W/m; say "mount $?"; mount -t cgroup2 again $W/m2; say "mount $?"
sleeper $G; echo FROZEN > $W/m/mk_scn/freezer.state; till 500 has $G/freezer.state FROZEN; cat $G/freezer.state; st $P
echo $P > $W/m2/mk_scn/cgroup.procs; say "rc $?"; wc -l < $G2/cgroup.procs; mkdir $W/m/mk_scn/k $W/m2/mk_scn/k; ls -d $G/k $G2/k | clean
umount $W/m; say "umount $?"; umount $W/m2; say "umount $?"; cat $G/freezer.state; st $P; ls -d $G/k $G2/k | clean; rmdir $G/k $G2/k
mount -t cgroup -o freezer again $W/m; cat $W/m/mk_scn/freezer.state; (cd $W/m/mk_scn; umount $W/m 2>/dev/null; say "umount busy $?"; umount -l $W/m; say "lazy $?"; cat freezer.state; ls | wc -l)
mount --bind $G $W/b; say "bind $?"; cat $W/b/freezer.state; wc -l < $W/b/tasks; rmdir $G 2>/dev/null; say "rmdir of a mounted group with a task $?"; echo THAWED > $W/b/freezer.state; cat $G/freezer.state; umount $W/b; say "umount $?"
kill -9 $P; wt $P; say "status $?"; mkg $G/e; mount --bind $G/e $W/b; rmdir $G/e; say "rmdir bound $?"; ls $W/b | wc -l; (cat $W/b/tasks) 2>&1 | sed 's,.*: ,,'; umount $W/b; say "umount $?"
mount -t cgroup -o freezer,bogus x $W/m 2>/dev/null; say "bogus $?"; mount -t cgroup -o none x $W/m 2>/dev/null; say "none $?"; mount -t cgroup2 -o bogus x $W/m 2>/dev/null; say "v2 bogus $?"; mount -t cgroup -o none,freezer,name=mkq x $W/m 2>/dev/null; say "both $?"; mount -t cgroup -o ro,freezer x $W/m; say "ro $?"; (echo 1 > $W/m/mk_scn/freezer.state) 2>&1 | sed 's,.*: ,,'; (mkdir $W/m/mk_scn/z) 2>&1 | sed 's,.*: ,,'; umount $W/m
mount -t cgroup -o none,name=mkq x $W/m; say "named $?"; ls $W/m | tr '\n' ' '; mkdir $W/m/g; ls $W/m/g | tr '\n' ' '; grep -c name=mkq /proc/self/cgroup; sh -c 'echo 0 > $0; grep name=mkq /proc/self/cgroup | sed "s/^[0-9]*//"' $W/m/g/tasks; rmdir $W/m/g; ms 400; umount $W/m; say "umount $?"; ms 100; grep -c name=mkq /proc/self/cgroup
