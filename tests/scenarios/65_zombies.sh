. $SCNLIB
# cgroup2: zombies, dead leaders, rmdir
mkg $G2; mkg $G2/a
bg - $MKH zombie $G2/a $W/z; ready; H=$P; Z=$(cat $W/z); say "zombie $(st $Z) procs $(wc -l < $G2/a/cgroup.procs) threads $(wc -l < $G2/a/cgroup.threads)"; tr '\n' ' ' < $G2/a/cgroup.events; grep ^0:: /proc/$Z/cgroup
fz2 $G2/a; say "$(st $Z) $(grep ^State /proc/$Z/status)"; wc -c < /proc/$Z/cmdline; cat /proc/$Z/comm; cat /proc/$Z/wchan; echo; ls /proc/$Z/task | wc -l; ls /proc/$Z/fd 2>/dev/null | wc -l; readlink /proc/$Z/exe > /dev/null; say "exe $?"; grep -c Vm /proc/$Z/status
kill -9 $Z; say "kill zombie $?"; kill -0 $Z; say "$?"; echo $Z > $G2/cgroup.procs 2>/dev/null; say "move zombie $?"; grep ^0:: /proc/$Z/cgroup
rmdir $G2/a; say "rmdir $?"; grep ^0:: /proc/$Z/cgroup; kill -USR1 $H; wt $H; say "status $?"; mkdir $G2/a
bg $G2/a $MKH deadleader; ready; say "leader $(st $P) procs $(wc -l < $G2/a/cgroup.procs) threads $(wc -l < $G2/a/cgroup.threads)"; tr '\n' ' ' < $G2/a/cgroup.events; fz2 $G2/a; for t in /proc/$P/task/*; do cut -d' ' -f3 $t/stat; done; rmdir $G2/a 2>/dev/null; say "rmdir $?"; echo $P > $G2/cgroup.procs; say "move $?"; ms 50; wc -l < $G2/cgroup.threads; for t in /proc/$P/task/*; do cut -d' ' -f3 $t/stat; done; kill -9 $P; wt $P; say "status $?"; cat $G2/a/cgroup.freeze; rmdir $G2/a; say "rmdir $?"
mkg $G; bg $G $MKH deadleader; ready; say "v1 leader $(st $P) procs $(wc -l < $G/cgroup.procs) tasks $(wc -l < $G/tasks)"; fz $G; for t in /proc/$P/task/*; do cut -d' ' -f3 $t/stat; done; th $G; kill -9 $P; wt $P; say "status $?"; rmdir $G; say "rmdir $?"; mkdir $G
