#!/bin/sh
# Runs every case of tests/cases.txt under minibox and under another implementation (busybox's sh and tools, or dash
# where the case's title says so) and compares output and status; then the terminal tests of tests/terminal.py.
#   test.sh [NAME-PART]      only the cases whose title contains NAME-PART
# The aarch64 build runs under qemu-aarch64-static, tool by tool. Builds first if there is no build.
set -u
cd "$(dirname "$0")" || exit 1
here=$(pwd)
out=${OUT:-$here/../target/guest}
mkdir -p "$out"
out=$(cd "$out" && pwd)
[ -x "$out/tree/x86_64/bin/minibox" ] || ./build.sh >/dev/null || exit 1
only=${1:-}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

skip() {
    echo "skipped: $1"
    skipped=$((skipped + 1))
}

# One file a case: its first line is the title.
mkdir "$work/cases"
awk -v dir="$work/cases" '/^=== /{close(file); file=sprintf("%s/%03d", dir, ++n)} {print > file}' tests/cases.txt

run() { # SHELL-COMMAND PATH CASE OUTPUT
    rm -rf "$work/dir"
    mkdir "$work/dir"
    sed 1d "$3" >"$work/script"
    (cd "$work/dir" && env -i "PATH=$2" HOME=/root LC_ALL=C timeout -k 1 60 $1 ../script one "two words" three </dev/null) \
        >"$4" 2>"$4.err"
    echo "status $?" >>"$4"
}

compare() { # TITLE EXPECTED GOT
    if cmp -s "$2" "$3"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
        diff "$2" "$3" | head -20 | sed 's/^/    /'
        head -5 "$3.err" | sed 's/^/    stderr: /'
    fi
}

busybox=$(command -v busybox || true)
mkdir "$work/busybox"
if [ -n "$busybox" ]; then
    for applet in $($busybox --list); do
        ln -s "$busybox" "$work/busybox/$applet"
    done
fi
reference() { # CASE -> the shell in $shell, the tools in $path
    shell="$work/busybox/sh" path=$work/busybox
    case $(head -1 "$1") in
    *" [dash]") shell=$(command -v dash) ;;
    esac
}

# Under an emulator a tool can not be executed directly: each gets a script that calls it.
wrap() { # ARCH EMULATOR
    mkdir -p "$work/$1"
    for tool in "$out/tree/$1/bin"/*; do
        name=$(basename "$tool")
        printf '#!/bin/sh\nexec %s -0 %s %s "$@"\n' "$2" "$name" "$out/tree/$1/bin/minibox" >"$work/$1/$name"
        chmod +x "$work/$1/$name"
    done
}

# Cases are the files that are there now; results come beside them.
cases=$(ls "$work/cases")
suite() { # ARCH TOOLS
    for case in $cases; do
        case=$work/cases/$case
        title=$(head -1 "$case" | cut -c5-)
        case $title in *"$only"*) ;; *) continue ;; esac
        reference "$case"
        if [ -z "$busybox" ] || [ -z "$shell" ]; then
            skip "$1: $title: nothing to compare with"
            continue
        fi
        [ -f "$case.want" ] || run "$shell" "$path" "$case" "$case.want"
        run "$2/sh" "$2" "$case" "$case.got"
        compare "$1: $title" "$case.want" "$case.got"
    done
}

# `tasks` over a made-up /proc, and `init` as the first process of a namespace: both need root for chroot.
machine() {
    root=$work/root
    cp -a "$out/tree" "$root"
    mkdir -p "$root/proc/1/task/1" "$root/proc/7/task/7" "$root/proc/7/task/8"
    echo '1 (init) S 0 1 1 1025 1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0' >"$root/proc/1/task/1/stat"
    printf '/init\000' >"$root/proc/1/cmdline"
    printf 'arch:\tx86_64\ntif:\t-\ntif_bits:\t0x00000000\nfrozen:\t0\n' >"$root/proc/1/task/1/minikern"
    echo do_wait >"$root/proc/1/task/1/wchan"
    for tid in 7 8; do
        echo "$tid (a (b) c) D 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 2 0 5 0 0" >"$root/proc/7/task/$tid/stat"
        printf 'arch:\taarch64\ntif:\tSIGPENDING FREEZE\ntif_bits:\t0x00800004\nfrozen:\t1\n' \
            >"$root/proc/7/task/$tid/minikern"
        printf refrigerator >"$root/proc/7/task/$tid/wchan"
    done
    printf 'sleep\000100\000' >"$root/proc/7/cmdline"
    echo '1:freezer:/0' >"$root/proc/7/cgroup"
    chroot "$root" /x86_64/bin/tasks >"$work/tasks.got" 2>"$work/tasks.got.err"
    compare "tasks" tests/tasks.txt "$work/tasks.got"

    # An architecture's shell finds its own tools first, whatever PATH it was given.
    {
        env -i PATH=/aarch64/bin:/x86_64/bin:/bin "$root/x86_64/bin/sh" -c 'echo $PATH'
        env -i PATH=/usr/bin:/bin "$root/x86_64/bin/sh" -c 'echo $PATH'
        env -i "$root/x86_64/bin/sh" -c 'echo $PATH'
    } >"$work/path.got" 2>"$work/path.got.err"
    compare "PATH" tests/path.txt "$work/path.got"

    if ! unshare --pid --fork --mount --uts setpriv --bounding-set=-sys_admin true 2>/dev/null; then
        skip "init: no unshare and setpriv"
        return
    fi
    printf '%s\n' 'echo shell $$ of $PPID' 'echo "$PATH"' 'cat /etc/passwd | wc -l' '(sleep 0.1 &)' 'exit 6' |
        unshare --pid --fork --mount --uts setpriv --bounding-set=-sys_admin chroot "$root" /init \
            >"$work/init.got" 2>"$work/init.got.err"
    echo "status $?" >>"$work/init.got"
    sed -i 1,2d "$work/init.got" # the banner names the host's kernel
    compare "init" tests/init.txt "$work/init.got"
}

if [ "$(uname -m)" = x86_64 ]; then
    case "machine tasks init" in *"$only"*)
        if [ "$(id -u)" = 0 ]; then machine; else skip "tasks, init: not root"; fi ;;
    esac
    suite x86_64 "$out/tree/x86_64/bin"
    if python3 -c 'import pty' 2>/dev/null; then
        result=$(python3 tests/terminal.py "$out/tree/x86_64/bin" "$only")
        printf "%s\n" "$result" | grep -v ' passed, '
        passed=$((passed + $(printf "%s\n" "$result" | sed -n 's/ passed, .*//p')))
        failed=$((failed + $(printf "%s\n" "$result" | sed -n 's/.* passed, \(.*\) failed$/\1/p')))
    else
        skip "terminal tests: no python3 with pty"
    fi
else
    skip "x86_64: this machine is $(uname -m)"
fi
while read -r arch target; do
    [ "$arch" != x86_64 ] || continue
    emulator=$(command -v "qemu-$arch-static" || true)
    if [ -z "$emulator" ]; then
        skip "$arch: no qemu-$arch-static"
        continue
    fi
    wrap "$arch" "$emulator"
    suite "$arch" "$work/$arch"
done <arches.txt

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
