#!/bin/sh
# Builds minibox for every architecture of arches.txt and packs default.img, the image that minikern embeds.
#   build.sh            build and replace default.img
#   build.sh --check    build and fail unless default.img is what the sources build
#   build.sh --only A   build architecture A alone, no image
# Needs python3 with ziglang 0.17.1 (pip install ziglang==0.17.1) and gzip. OUT names the work directory.
set -eu
cd "$(dirname "$0")"
out=${OUT:-../target/guest}
limit=$((200 * 1024))
arches=$(sed 's/ .*//' arches.txt | tr '\n' ' ')
arches=${arches% }
applets=$(sed -n 's/^APPLET(\(.*\))$/\1/p' minibox/applets.h)

# ZIG names another way to call the compiler; its version decides the bytes.
zig=${ZIG:-python3 -m ziglang}
[ "$($zig version)" = 0.17.1 ] || { echo "build.sh: ziglang 0.17.1 is needed" >&2; exit 1; }

build() { # ARCH TARGET
    mkdir -p "$out/tree/$1/bin"
    rm -f "$out/tree/$1/bin"/*
    $zig cc -target "$2" -mcpu=baseline -static -Oz -fomit-frame-pointer -fno-stack-protector -std=gnu11 -D_GNU_SOURCE "-DARCHES=\"$arches\"" \
        -Wall -Wextra -Werror -fno-unwind-tables -fno-asynchronous-unwind-tables -fno-sanitize=undefined \
        -ffunction-sections -fdata-sections -Wl,--gc-sections,--build-id=none -s \
        minibox/*.c minibox/shell/*.c -o "$out/tree/$1/bin/minibox"
    for applet in $applets "["; do
        ln -s minibox "$out/tree/$1/bin/$applet"
    done
    size=$(wc -c <"$out/tree/$1/bin/minibox")
    echo "$1: $((size)) bytes"
    [ "$size" -le $limit ] || { echo "build.sh: $1 is larger than $limit bytes" >&2; exit 1; }
}

if [ "${1:-}" = --only ]; then
    build "$2" "$2-linux-musl"
    exit
fi

rm -rf "$out/tree"
while read -r arch target; do
    build "$arch" "$target"
done <arches.txt

# The system links follow the first architecture; the shell puts its own directory first in PATH anyway.
first=${arches%% *}
tree=$out/tree
mkdir -p "$tree/etc" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/tmp" "$tree/root" "$tree/containers"
ln -s "$first/bin" "$tree/bin"
ln -s bin "$tree/sbin"
ln -s "$first/bin/init" "$tree/init"
cp etc/passwd etc/group etc/profile "$tree/etc/"
chmod 644 "$tree/etc"/*

python3 pack.py "$tree" "$out/default.cpio"
# -n: no name and no time. Another gzip may compress to other bytes, so --check compares what is inside.
gzip -9nc "$out/default.cpio" >"$out/default.img"
echo "default.img: $(($(wc -c <"$out/default.img"))) bytes"
if [ "${1:-}" = --check ]; then
    gzip -dc default.img | cmp - "$out/default.cpio" || { echo "default.img is not what guest/ builds" >&2; exit 1; }
    echo "default.img is what guest/ builds"
else
    cp "$out/default.img" default.img
fi
