. $SCNLIB
# v1 and cgroup2: groups with odd names, as ls, /proc/PID/cgroup and mkdir show them
mkg $G; mkg $G2
i=0; for n in 'a b' 'a:b' 'a,b' 'a"q' "a'q" 'a*' '-n' '...' '.x' 'a\b' 'é' '#' '$x' '=' 'a%d' ; do
	for g in $G $G2; do f=tasks; [ $g = $G ] || f=cgroup.procs; mkg_="$g/$n"
	mkdir -- "$g/$n" && sh -c 'echo 0 > "$0"; grep -e :freezer: -e ^0:: /proc/self/cgroup | sed "s/^[0-9]*//" | grep mk_scn' "$g/$n/$f"; rmdir -- "$g/$n" || say "rmdir $n"; done; done
for n in . .. 'x/' 'x//' 'tasks/' ; do say "mkdir '$n' v1 $($MKH sys mkdir $G/$n) v2 $($MKH sys mkdir $G2/$n)"; done
for n in . .. 'x/' 'cgroup.procs/' 'x/.' 'x/..'; do say "rmdir '$n' v1 $($MKH sys rmdir $G/$n) v2 $($MKH sys rmdir $G2/$n)"; done
for n in cgroup.procs cgroup.freeze cgroup.x freezer.state tasks release_agent x.y cgroup; do say "mkdir $n v1 $($MKH sys mkdir $G/$n) v2 $($MKH sys mkdir $G2/$n)"; rmdir $G/$n $G2/$n 2>/dev/null; done
say "newline v2 $($MKH sys mkdir "$G2/a\\nb")"; say "255 v2 $($MKH sys mkdir $G2/$(printf '%0255d' 0)) 256 $($MKH sys mkdir $G2/$(printf '%0256d' 0))"; rmdir $G2/0*
say "tab $($MKH sys mkdir "$G/a\\tb") $(ls -d $G/a* | clean | tr '\t' T)"; rmdir $G/a*
say "stat $(stat -c '%F %a %h' $G) $(mkdir $G/q; stat -c '%h' $G; mkdir $G/q/r; stat -c '%h' $G $G/q | tr '\n' ' '; rmdir $G/q/r $G/q; stat -c %h $G)"
say "v2 $(stat -c '%F %a %h' $G2) $(mkdir $G2/q; stat -c '%h' $G2; rmdir $G2/q; stat -c %h $G2)"
