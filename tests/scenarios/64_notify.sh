. $SCNLIB
# v1: the values notify_on_release and release_agent take
mkg $G; mkg $G/a; f=$G/a/notify_on_release
for t in 1 0 '1\n' ' 1' 01 0x1 7 4294967296 99999999999999999999 18446744073709551615 +1 -1 1x '\n' '1 0'; do wr $f "$t"; cat $f; done
echo 0 > $f; (echo x > $f) 2>&1 | clean; ra=$(cat $CG/release_agent); say "agent '$ra'"; [ -e $G/release_agent ] || say "none below"
echo /nothing/here > $CG/release_agent; say "rc $? $(cat $CG/release_agent)"; echo 1 > $f; mkdir $G/a/b; cat $G/a/b/notify_on_release; rmdir $G/a/b
echo "$ra" > $CG/release_agent; wr $CG/release_agent @4000; wr $CG/release_agent @5000; echo "$ra" > $CG/release_agent; say "agent '$(cat $CG/release_agent)'"
