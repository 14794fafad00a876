#!/usr/bin/env python3
"""Pack a directory as a cpio newc archive whose bytes depend on nothing but its contents.

Names are sorted, owners are 0, times are 0, inode numbers count up; device nodes are given by a list, since the tree
can hold none without privilege. Usage: pack.py TREE OUTPUT
"""
import os
import stat
import sys

# Enough of /dev for a first process before devtmpfs is mounted there: name, mode, major, minor.
DEVICES = [("dev/console", 0o600, 5, 1), ("dev/null", 0o666, 1, 3)]


def header(ino, mode, links, size, device, name):
    fields = [ino, mode, 0, 0, links, 0, size, 0, 0, device[0], device[1], len(name) + 1, 0]
    return b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0"


def padded(data):
    return data + b"\0" * (-len(data) % 4)


def entries(tree):
    for directory, directories, files in os.walk(tree):
        for name in directories + files:
            path = os.path.join(directory, name)
            info = os.lstat(path)
            kind = stat.S_IFMT(info.st_mode)
            if kind == stat.S_IFLNK:
                data, mode = os.readlink(path).encode(), 0o777
            elif kind == stat.S_IFREG:
                with open(path, "rb") as file:
                    data = file.read()
                mode = 0o755 if info.st_mode & 0o100 else 0o644
            else:
                data = b""
                mode = {"tmp": 0o1777, "root": 0o700}.get(os.path.relpath(path, tree), 0o755)
            yield os.path.relpath(path, tree), kind | mode, data, (0, 0)
    for name, mode, major, minor in DEVICES:
        yield name, stat.S_IFCHR | mode, b"", (major, minor)


def main():
    tree, output = sys.argv[1:]
    archive = b""
    for ino, (name, mode, data, device) in enumerate(sorted(entries(tree)), 1):
        links = 2 if stat.S_ISDIR(mode) else 1
        archive += padded(header(ino, mode, links, len(data), device, name.encode())) + padded(data)
    archive += padded(header(0, 0, 1, 0, (0, 0), b"TRAILER!!!"))
    with open(output, "wb") as file:
        file.write(archive + b"\0" * (-len(archive) % 512))


main()
