. $SCNLIB
# v1: a program that execs itself for ever
mkg $G
bg $G $MKH execer $W/n; ms 100; for i in 1 2 3; do fz $G; a=$(cat $W/n); ms 60; [ "$a" = "$(cat $W/n)" ] && say still || say moving; th $G; ms 60; [ "$a" = "$(cat $W/n)" ] && say still || say moving; done; kill -9 $P; wt $P; say "status $?"
