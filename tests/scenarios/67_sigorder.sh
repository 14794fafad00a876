. $SCNLIB
# STOP, CONT and TERM in all orders at frozen tasks of both versions
mkg $G; mkg $G2
for o in 'STOP CONT' 'CONT STOP' 'STOP TERM' 'TERM STOP' 'STOP TERM CONT' 'TERM CONT' 'STOP STOP' 'TSTP CONT' 'TTIN TTOU CONT' 'CONT TSTP TERM' 'STOP KILL' 'HUP STOP' 'WINCH' 'STOP USR1'; do for v in 1 2; do
	g=$G; [ $v = 1 ] || g=$G2; sleeper $g; [ $v = 1 ] && fz $g >/dev/null || fz2 $g > /dev/null; for s in $o; do kill -$s $P 2>/dev/null; ms 25; done; ms 40
	a=$(st $P | sed 's/gone/Z/'); b=$(grep -E '^(SigPnd|ShdPnd)' /proc/$P/status 2>/dev/null | awk '{printf "%s ", $2}'); [ $a = Z ] && b=
	[ $v = 1 ] && th $g >/dev/null || th2 $g > /dev/null; ms 40; c=$(st $P | sed 's/gone/Z/'); kill -CONT $P 2>/dev/null; ms 30; d=$(st $P | sed 's/gone/Z/'); kill -9 $P 2>/dev/null; wt $P; say "v$v $o: $a $b$c $d status $?"; done; done
# a handler task: orders of delivery
bg $G $MKH sig; ready; fz $G; kill -STOP $P; kill -USR1 $P; ms 50; st $P; kill -CONT $P; kill -TERM $P; ms 50; st $P; cat $O; th $G; wt $P; say "status $?"; cat $O
bg $G2 $MKH sig; ready; fz2 $G2; kill -STOP $P; kill -USR1 $P; ms 50; st $P; kill -CONT $P; kill -TERM $P; ms 50; st $P; cat $O; th2 $G2; wt $P; say "status $?"; cat $O
