. $SCNLIB
# v1: a vfork parent and its child
mkg $G; mkfifo $W/f
bg $G $MKH vfork $W/f; ready; ms 50; say "tasks $(wc -l < $G/tasks) parent $(st $P)"; fz $G; for t in $(cat $G/tasks); do say "$(st $t) $(cat /proc/$t/wchan)"; done; th $G; ms 50; for t in $(cat $G/tasks); do say "$(st $t)"; done; echo x > $W/f; wt $P; say "status $?"; cat $O
