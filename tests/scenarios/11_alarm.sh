. $SCNLIB
# v1: timers go on while their task is frozen
mkg $G
bg $G $MKH alarm; ready; fz $G; ms 1200; cat $O; th $G; ms 100; wt $P; cat $O
