# Exercises busybox's shell and applets: `busybox sh applets.sh DIR`, DIR an empty directory. The output is the same
# on every kernel and architecture: no time, pid, host name or host file. Its last line counts the applets.
# A test compares it byte for byte with the native run of the same busybox. Under qemu-user the busybox needs an
# absolute path (for /proc/self/exe) and .ci/with-binfmt (to start itself).
cd "$1" || exit 1
# Links for the applets that other applets start by name (tar its gzip).
mkdir bin && "$(readlink /proc/self/exe)" --install -s bin && PATH=$PWD/bin || exit 1
umask 022
export LC_ALL=C TZ=UTC PS1='$ '
count=0
# Starts the section of the applets named: they are what the lines below it exercise.
on() {
    for applet in "$@"; do
        case " $seen " in *" $applet "*) ;; *) seen="$seen $applet"; count=$((count + 1)) ;; esac
    done
    echo "== $*"
}
code() { "$@"; echo "status $?"; }

on echo printf
echo one  two; echo -n three; echo; echo -e 'tab\tnew\\line\0101'
printf '%s|%5d|%-5s|%05.1f|%x|%o|%c|%%|%b\n' text 42 ab 3.14159 255 8 xyz 'a\tb'
printf '%d %d\n' 1 2 3 4
printf '%s\n' "it's" 'a "quote"'

on true false test '[' '[['
code true; code false
test 1 -lt 2 && echo less; [ abc = abc ] && echo equal; [ -z "" -a ! -n "" ] && echo empty; [[ abc == a* ]] && echo pattern
[ 3 -gt 4 ] || echo not greater; [ -e . -a -d . ] && echo directory; code test a = b

on cat tac rev nl
cat >words <<END
pear
apple
fig
banana
apple
cherry
END
cat words - <<END
from standard input
END
cat -n words; cat -A words | head -n 2; tac words; rev words; nl -b a words; printf 'a\n\nb\n' | nl

on head tail
head -n 2 words; head -c 7 words; echo; tail -n 2 words; tail -n +5 words; tail -c 8 words; seq 20 | head -n -17

on sort uniq shuf
sort words; sort -u words; sort -r words; sort words | uniq -c; sort words | uniq -d; sort words | uniq -u
printf '10 b\n9 a\n2 c\n' >numbers; sort numbers; sort -n numbers; sort -k2 numbers; sort -t' ' -k2,2r numbers
printf '1.5\n-3\n1e1\n' | sort -g; printf 'v1.10\nv1.9\n' | sort -V; seq 100 | shuf | sort -n | md5sum

on cut paste
printf 'a:b:c\nd:e:f\n' >table; cut -d: -f2 table; cut -d: -f1,3 table; cut -c1-3 table; cut -d: -f2- table
paste words numbers; paste -s -d, words; paste -d: table table

on tr expand unexpand fold
tr a-z A-Z <words; tr -d aeiou <words; echo aabbcc | tr -s ab; echo hello | tr 'el' 'ip'; echo a1b2 | tr -dc '[:digit:]'; echo
printf 'a\tb\n\tc\n' | expand | cat -A; printf 'a\tb\n' | expand -t 4; printf '        x\n' | unexpand | cat -A
echo 'the quick brown fox jumps over the lazy dog' | fold -w 10; echo 'the quick brown fox' | fold -s -w 12

on wc
wc words; wc -l words; wc -w <words; wc -c words table; wc -L words

on grep egrep fgrep
grep an words; grep -v an words; grep -c apple words; grep -n a words; grep -i APPLE words; grep -x fig words
grep -E '^(a|c)' words; egrep 'p{2}' words; fgrep . words; echo "status $?"; grep -o 'an' words; grep -l fig words table
grep -q pear words && echo found; grep -e fig -e pear words; printf 'a.b\naxb\n' | grep -F a.b; grep -A1 -B1 fig words
mkdir deep; cp words deep; grep -r cherry deep; grep -w 'app' words; echo "status $?"; grep -m1 apple words; echo abc | grep -E 'a(b|x)c'

on sed
sed 's/a/A/' words; sed 's/a/A/g;2d' words; sed -n '2,3p' words; sed -n '/fig/,$p' words; sed '$!N;s/\n/ /' words
sed -e '1i\
top' -e '$a\
bottom' words; sed -E 's/(.)(.)/\2\1/' words; sed 's/[aeiou]/<&>/2' words; sed '/apple/c\changed' words; sed -n '$=' words
sed 'y/abc/xyz/' words; echo a/b | sed 's|/|:|'; sed -n 'l' table; sed ':a;N;$!ba;s/\n/,/g' words; sed 5q words; sed '=' table
cp words edited; sed -i 's/pear/PEAR/' edited; head -n 1 edited; seq 3 | sed 'h;G'; seq 3 | sed 'w out'; cat out

on awk
awk '{print NR ": " $0}' words; awk -F: '{print $3 "-" $1}' table; awk '{n += length($0)} END {print n, NR, n/NR}' words
awk 'BEGIN {for (i = 1; i <= 5; i++) printf "%d^2=%d ", i, i*i; print ""}'
awk '{count[$1]++} END {for (w in count) print w, count[w] | "sort"}' words
awk 'function fact(n) {return n <= 1 ? 1 : n * fact(n - 1)} BEGIN {print fact(10), fact(20)}'
awk 'BEGIN {print substr("hello", 2, 3), index("hello", "ll"), toupper("abc"), length("four"), split("a,b,c", p, ","), p[3]}'
awk 'BEGIN {s = "aaa"; print gsub(/a/, "b", s), s; print match("foobar", /o+/), RSTART, RLENGTH; print 1e6, 0.1 + 0.2, 7 % 3}'
awk 'BEGIN {printf "%5.2f|%e|%g|%c|%x|%s\n", 3.14159, 12345.678, 1e-5, 65, 255, "s"; print int(-3.7)}'
awk '/apple/,/banana/' words; awk 'NR % 2' words; awk -v x=5 'BEGIN {print x * 2; while (x-- > 3) print x; do print x++; while (x < 4)}'
awk 'BEGIN {while (("seq 3" | getline line) > 0) sum += line; print sum; "echo piped" | getline; print; exit 3}'; echo "status $?"
awk 'BEGIN {a["x"] = 1; if ("x" in a) print "in"; delete a["x"]; print length(a); print -3 % 2, 1/3; print substr("x", 0), "a" < "b", 10 < 9, "10" < "9"}'
awk 'BEGIN {OFS = "-"; $0 = "a b c"; $2 = "X"; print; print NF; NF = 2; print; print toupper(substr($0, 1, 1)); print and(12, 10), or(12, 10), xor(12, 10), lshift(1, 4)}'

on tar
mkdir tree tree/sub; echo inner >tree/sub/file; echo outer >tree/file; ln -s file tree/link; chmod 640 tree/file
touch -d '2020-01-02 03:04:05' tree/sub/file tree/file tree/sub tree; ln tree/file tree/hard
tar cf tree.tar tree/sub tree/file; tar tf tree.tar; mkdir x; tar xf tree.tar -C x; find x | sort; cat x/tree/sub/file; rm -r x
tar czf tree.tgz tree; tar tzf tree.tgz | sort; tar xzf tree.tgz -O tree/sub/file; tar tvf tree.tar | awk '{print $1, $(NF - 3), $(NF - 2), $(NF - 1), $NF}'
tar cf - tree | tar xf - -O tree/sub/file; tar cjf tree.tbz tree; tar tjf tree.tbz | sort

on gzip gunzip zcat
seq 5000 >data; gzip -c data >data.gz; gzip -t data.gz; echo "status $?"; zcat data.gz | md5sum; gunzip -c data.gz | cmp - data && echo same
gzip -9 -c data | gunzip | tail -n 1; cp data copy; gzip copy; ls copy*; gunzip copy.gz; ls copy*; echo bad | gunzip 2>/dev/null; echo "status $?"
gzip -c data | wc -c

on bzip2 bunzip2 bzcat
bzip2 -c data >data.bz2; bzip2 -t data.bz2; echo "status $?"; bzcat data.bz2 | tail -n 2; bunzip2 -c data.bz2 | cmp - data && echo same; wc -c <data.bz2

on xz unxz xzcat lzma unlzma lzcat lzop
printf '\375\067zXZ\000\000\001i"\336\066\002\000!\001\026\000\000\000t/\345\243\340\000\062\000-]\000\064\031I\356\215\351\022\346\024\016\277\271\037[\267\377\316y\265\366xm\364}ei\250\355\303\225\216\356J\221\365\344&zw\243K\035}p\000\000\000\000\000_-z?\000\001E\063}oX\022\220B\231\015\001\000\000\000\000\001YZ' >hello.xz
xzcat hello.xz; unxz -c hello.xz; xz -dc hello.xz
printf ']\000\000\200\000\377\377\377\377\377\377\377\377\000\064\031I\356\215\351\022\346\024\016\277\271\037[\267\377\316y\265\366xm\364}ei\250\355\303\225\216\356J\221\365\344&zw\243K\036\255`\017\377\377r<\000\000' >hello.lzma
lzcat hello.lzma; echo "status $?"; unlzma -c hello.lzma; lzma -dc hello.lzma; lzop -c words | lzop -dc | head -n 1

on uncompress
printf '\037\235\220\141\304\210\1' >a.Z; uncompress -c a.Z; echo "status $?"

on cpio ar
find tree | sort | cpio -o -H newc >tree.cpio 2>/dev/null; cpio -t <tree.cpio 2>/dev/null; mkdir z; (cd z && cpio -id <../tree.cpio 2>/dev/null); cat z/tree/sub/file
readlink z/tree/link; printf '!<arch>\nfile/           0           0     0     100644  3         `\nhi\n\n' >small.a; ar t small.a; ar p small.a

on md5sum sha1sum sha256sum sha512sum sha3sum crc32
for sum in md5sum sha1sum sha256sum sha512sum sha3sum; do $sum words data; done; md5sum words >sums; md5sum -c sums; sha256sum </dev/null
echo wrong >>words; code md5sum -c sums 2>/dev/null; sed -i '$d' words; crc32 data

on od hexdump xxd strings
head -c 40 data | od; head -c 20 data | od -c; head -c 20 data | od -An -tx1; head -c 20 data | hexdump -C; head -c 20 data | hexdump
head -c 20 data | xxd; head -c 20 data | xxd -p; echo 68656c6c6f0a | xxd -r -p; printf '\1\2text here\3\4no\0longer one\n' | strings; od -A d -t d2 -N 8 words

on bc dc
echo '2^100; 10/3; scale=20; 10/3; sqrt(2); 7%4; ibase=16; FF' | bc
bc <<END
define f(n) { if (n < 2) return n; return f(n-1) + f(n-2); }
f(15)
for (i = 0; i < 3; ++i) i * i
x = 5; x += 3; x
END
echo 'scale=15; s(1); c(1); e(1); l(2); a(1)*4' | bc -l; echo '2 3 + 4 * p 100 7 ~ f' | dc

on diff patch cmp
sed 's/fig/date/;1d' words >other; diff words other; diff -u words other | sed 1,2d; diff -q words other; diff words words; echo "status $?"
diff -U 1 words other | sed '1s/.*/--- words/;2s/.*/+++ words/' >change; cp words patched; patch patched <change; cmp patched other; echo "status $?"
patch -R patched <change; cmp patched words && echo restored; code cmp words other; code cmp -s words other; cmp -l words other 2>/dev/null | head -n 3

on find xargs
find tree | sort; find tree -type f | sort; find tree -name 'f*' -type f | sort; find . -maxdepth 1 -name 'tree*' | sort; find tree -type l; find tree -size -2 -type f | sort
find tree -type f -exec cat {} \; | sort; find tree -newer words; find tree -perm 640 | sort; find tree -type d -empty; find tree -links +1 -type f | sort; find tree ! -type d -print0 | xargs -0 ls | sort
seq 10 | xargs; seq 10 | xargs -n 3; seq 3 | xargs -I@ echo 'item @'; echo 'a b' | xargs -n 1 echo got; find tree -mindepth 2; find tree -path '*sub*'

on expr factor seq
expr 7 + 3 \* 2; expr length hello; expr substr hello 2 3; expr abc : 'a\(.*\)'; expr 5 \> 3; code expr 1 - 1; expr index hello l; factor 360 97 1000003 4294967291
seq 3; seq 2 2 8; seq 5 -1 3; seq -w 8 11; seq -s, 5; seq 0 0.5 2

on ls stat touch chmod chown chgrp
mkdir dir; echo text >dir/plain; echo 12345678 >dir/other; mkdir dir/sub; ln -s plain dir/soft; mkfifo dir/fifo; touch dir/.hidden
chmod 4755 dir/other; chmod u=rw,go= dir/plain; chmod +x dir/sub; chmod 1777 dir/sub; chown "$(id -u):$(id -g)" dir/sub; chgrp "$(id -g)" dir/sub
touch -h -d '2021-06-07 08:09:10' dir/*; touch -d '2001-02-03 04:05:06' dir; ls dir; ls -a dir; ls -1F dir; ls -p dir; ls -r dir
ls -ln dir | grep -v -e ^total -e ' sub$' | awk '{$3 = $4 = ""; print}'; ls -l dir/soft | awk '{print $1, $2, $9, $10, $11}'; ls -d dir; ls -S dir/plain dir/other; ls -x dir; ls missing 2>&1; echo "status $?"
stat -c '%n %s %a %A %F %h %Y' dir/plain dir/other dir/soft dir/fifo; stat -c '%y' dir/plain; stat -L -c '%n %s %F' dir/soft; stat -c '%a %F' dir/sub; stat -c %s /missing 2>&1
touch -r dir/plain made; stat -c %Y made; touch -c absent; ls absent 2>/dev/null || echo not made; chmod -R go-w dir; chmod 000 made; stat -c %A made; chmod a=r,u+w made; stat -c %a made

on mkdir rmdir rm mv cp ln
mkdir -p a/b/c; mkdir -m 700 private; stat -c %a private; mkdir a 2>&1; rmdir a 2>&1; rmdir -p a/b/c; ls -d a 2>/dev/null || echo gone
cp words w1; cp -p made w2; stat -c %Y w2; cp -r dir dir2 2>/dev/null; ls dir2 | head -n 3; mv w1 w3; cat w3 | head -n 1; mkdir into; mv w2 w3 into; ls into; mv -n into/w2 into/w3; ls into; cp -a dir/soft kept; readlink kept
ln words hard; stat -c %h words; ln -s words soft; cat soft | wc -l; ln -sf table soft; readlink soft; ln words hard 2>&1; rm hard soft; rm missing 2>&1; echo "status $?"; rm -f missing; rm -rf dir2 into; rm private 2>&1; rmdir private

on readlink realpath basename dirname mkfifo mktemp unlink truncate
ln -s dir/plain short; readlink short; readlink -f short | sed "s|$PWD|.|"; realpath dir/../words | sed "s|$PWD|.|"; basename /a/b/c.txt .txt; basename /; dirname /a/b/c; dirname file; dirname a//b
mkfifo pipe; cat pipe & echo through the pipe >pipe; wait; f=$(mktemp "$PWD/t-XXXXXX"); stat -c '%s %a' "$f"; unlink "$f"; ls "$f" 2>/dev/null || echo unlinked; d=$(mktemp -d "$PWD/d-XXXXXX"); stat -c '%a %F' "$d"; rmdir "$d"
truncate -s 10 sized; stat -c %s sized; truncate -s 3 words-copy; od -c words-copy; truncate -s 1M sparse; stat -c %s sparse; du sparse | cut -f1; rm sparse

on dd tee
dd if=data of=block bs=100 count=3 2>/dev/null; wc -c block; dd if=data bs=1 skip=5 count=4 2>/dev/null; printf XY | dd of=block bs=1 seek=2 conv=notrunc 2>/dev/null; head -c 6 block | od -c
dd if=words bs=4 count=2 conv=swab 2>/dev/null; echo; dd if=/dev/zero bs=1k count=4 2>/dev/null | wc -c; dd if=data of=/dev/null bs=1000 2>&1 | head -n 2; echo both | tee t1 t2; cat t1 t2; echo more | tee -a t1 >/dev/null; cat t1

on env
env -i A=1 B=2 env | sort; A=5 env -u A env | grep -c '^A='; export C=six; env | grep '^C='; unset C; env | grep -c '^C='

on sleep usleep timeout setsid time
sleep 0; usleep 1000; code timeout 5 true; code timeout 1 sleep 10; timeout -s KILL 1 sleep 10; echo "status $?"; setsid echo in a session; sleep 0.01; (time true) 2>&1 | grep -c real

on more less linux32 linux64 mknod sync renice
more words | head -n 1; less words | head -n 2 | tail -n 1; linux32 uname -s; linux64 echo a personality; mknod named p; stat -c %F named; sync && echo synced; renice -n 0 -p $$ && echo reniced

on yes
yes | head -n 3; yes no | head -n 1; yes | head -c 100000 | wc -c

on which id
PATH=/bin:/usr/bin which nothing-here; echo "status $?"; which which | sed 's|.*/||'; [ "$(id -u)" = "$(awk '/^Uid/ {print $2}' /proc/self/status)" ] && echo same uid

on uuencode uudecode base64
uuencode words <words; uuencode -m words <table; uuencode x <words | uudecode -o - ; base64 words; base64 words | base64 -d | cmp - words && echo same; echo aGVsbG8K | base64 -d; head -c 100 data | base64 -w 20

on ed
ed -s words 2>/dev/null <<END
2,3p
/banana/d
1a
inserted
.
,p
1,\$s/p/P/g
,p
Q
END
printf '1d\nw copied\nq\n' | ed words; cat copied

on dos2unix unix2dos
printf 'a\nb\n' | unix2dos | od -c; printf 'a\r\nb\r\n' | dos2unix | od -c

on cal
cal 2 2000; cal 9 1752; cal -y 2024 | head -n 10

on date
date -u -d '2009-02-13 23:31:30' +%s; date -u -d @1234567890 '+%Y-%m-%d %H:%M:%S %a %b %j %U'; date -u -d @0 -R; date -u -d '2020-02-29 12:00' '+%F %T'

on ts tty nproc uname pwd clear stty
code tty </dev/null; [ "$(nproc)" -ge 1 ] && echo a processor; uname -s; uname -o; (cd tree && pwd | sed "s|.*/||"); echo line | ts '' | cut -c1-4; code tty -s </dev/null; clear | od -c; code stty </dev/null 2>&1 | sed 's/.*: //'

on run-parts
mkdir parts; printf '#!%s sh\necho part one\n' /bin/busybox >parts/one; chmod +x parts/one; run-parts --test parts

on getopt
getopt -o ab:c -- -a -b value rest -c; getopt -o x: -l long,name: -- --long --name=n -x1 arg; set -- $(getopt ab: -a -b v file); echo "$@"

on mkpasswd ipcalc
mkpasswd -m md5 -S saltsalt secret; mkpasswd -m sha512 -S saltsalt secret; mkpasswd -m des -S ab secret; ipcalc -n -b -m 192.168.5.77/20

on ascii
ascii | head -n 4

on shred fallocate
fallocate -l 5000 alloc 2>/dev/null; wc -c alloc; echo secret >burn; shred -u burn; ls burn 2>/dev/null || echo shredded

on ps top free uptime pidof mount df
ps | head -n 1 | grep -q PID && echo ps; top -b -n 1 | head -n 1 | cut -c1-4; mount | grep -q ' on / ' && echo mounted; df . | head -n 1 | wc -w; free | head -n 1 | wc -w; uptime | grep -c 'load average'; pidof no-such-program; echo "status $?"

on kill
sleep 100 & kill $!; wait $!; echo "status $?"; sleep 100 & kill -9 $!; wait $!; echo "status $?"; kill -l 15; kill -l HUP; kill 99999999 2>/dev/null; echo "status $?"

on sh ash
fact() { [ $1 -le 1 ] && echo 1 || echo $(($1 * $(fact $(($1 - 1))))); }; fact 10
x=5; while [ $x -gt 0 ]; do x=$((x - 1)); [ $x = 3 ] && continue; [ $x = 1 ] && break; echo "x $x"; done; until [ $x -ge 3 ]; do x=$((x + 1)); done; echo $x
for f in *.tar *.gz none*; do echo "$f"; done; case hello in h?llo) echo matched ;; *) echo not ;; esac; case x in [a-m]) echo low ;; [n-z]) echo high ;; esac
echo $((7 / 2)) $((-7 % 3)) $((1 << 10)) $((0xff ^ 0x0f)) $((3 > 2 ? 10 : 20)) $((x = 4, x * 2)) $((010)) $((~5)) $((5 && 0))
v=/path/to/file.tar.gz; echo ${v##*/} ${v%/*} ${v%%.*} ${v#*.} ${#v} ${v:-none} ${unset:-default} ${unset:+set} ${v/to/TO} ${v:6:2} ${v//a/A}
set -- one 'two words' three; echo $# "$2"; for a in "$@"; do echo "<$a>"; done; shift; echo "$*"; IFS=:; set -- a:b:c; echo $1; y=a:b; set -- $y; echo $# $1; unset IFS
trap 'echo leaving subshell' EXIT; (trap 'echo sub' EXIT; exit 3); echo "status $?"; trap - EXIT; trap 'echo got usr1' USR1; kill -USR1 $$; trap - USR1; (trap '' TERM; kill -TERM $(exec sh -c 'echo $PPID'); echo survived)
(exit 7) | true; echo "status $?"; true | (exit 7); echo "status $?"; set -o pipefail; (exit 7) | true; echo "status $?"; set +o pipefail; ! true; echo "status $?"; false || echo or; true && echo and
(sleep 0.05; exit 9) & job=$!; wait $job; echo "status $?"; sleep 0.05 & sleep 0.05 & wait; echo all waited; { echo grouped; echo again; } | tr a-z A-Z; (cd /; x=changed); echo $x
cat <<END
expanded $x $((1 + 1)) $(echo command) `echo old`
	kept tab
END
cat <<'END'
not $expanded
END
cat <<-END
	stripped
	END
echo 'single $x' "double $x" \$x "a\"b" 'it'\''s'; echo err >&2 2>/dev/null; (echo out; echo err >&2) 2>&1 | sort; echo text >file; echo more >>file; cat <file; exec 3<file; read l <&3; echo "$l"; read l <&3; echo "$l"; read l <&3 || echo end; exec 3<&-
read -r a b c <<END
first second third fourth
END
echo "$a|$b|$c"; printf 'x\ny\n' | while read l; do echo "line $l"; done; eval 'echo evaluated $x'; local_test() { local x=inner; echo $x; }; local_test; echo $x; type cd; command -v echo; alias ll='echo aliased'; unalias ll
echo {a,b}{1,2} ~root "$((2 + 2))"x; set -e; (false; echo never) || echo after; set +e; set -u; (echo $undefined) 2>/dev/null; echo "status $?"; set +u; set -f; echo *; set +f; sh -c 'echo $0 $1' zero one; sh -c 'exit 12'; echo "status $?"
code sh -c 'kill -SEGV $$' 2>/dev/null; code nothing-here 2>/dev/null; echo not executable >plain; code ./plain 2>/dev/null; getopts ab: o -a; echo $o; getopts ab: o -a -b val; echo $o $OPTARG; umask; umask 077; : >u; stat -c %a u; umask 022; times >/dev/null; ulimit -n >/dev/null
echo a | { read v; echo "$v" | { read w; echo "$w$w"; }; }; f() { return 5; }; f; echo "status $?"; while :; do break; done; echo $?; x=$(false); echo $?; echo "$(printf 'trailing\n\n')"; seq 2000 | while read n; do s=$((s + n)); [ $n = 2000 ] && echo $s; done
i=0; while [ $i -lt 20 ]; do (exit $i); [ $? = $i ] || echo wrong; i=$((i + 1)); done; echo forks; i=0; while [ $i -lt 5 ]; do echo $i; i=$((i + 1)); done | cat | cat | sort -r | tr '\n' ' '; echo; echo "lineno ok"; sleep 50 & jobs | grep -c Running; kill %1; wait %1 2>/dev/null; echo "status $?"

echo "== $count applets"
