. $SCNLIB
# v1: /proc of a frozen task, stops and priorities meanwhile
mkg $G; sleeper $G; fz $G; grep -E '^(Name|State|Threads|SigQ|SigPnd|ShdPnd|SigBlk|TracerPid|NSpid|Kthread):' /proc/$P/status | sed "s/$P/PID/g; s/SigQ:.*/SigQ/"; grep freezer /proc/$P/cgroup | sed 's/^[0-9]*/N/'; cat /proc/$P/comm; tr '\0' ' ' < /proc/$P/cmdline; echo; cut -d' ' -f3 /proc/$P/task/$P/stat; kill -USR1 $P; kill -HUP $P; grep -E '^(SigPnd|ShdPnd):' /proc/$P/status; th $G; wt $P; say "status $?"
sleeper $G; kill -STOP $P; waitst $P T; fz $G; st $P; kill -CONT $P; ms 50; st $P; kill -STOP $P; ms 50; st $P; th $G; ms 50; st $P; kill -CONT $P; waitst $P S; st $P
renice -n 5 $P > /dev/null 2>&1; fz $G; renice -n 7 $P >/dev/null 2>&1; cut -d' ' -f19 /proc/$P/stat; readlink /proc/$P/cwd | sed 's#.*/##' | grep -c .; th $G
