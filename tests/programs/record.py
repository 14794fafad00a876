#!/usr/bin/env python3
"""Runs every program of target/oracle/programs natively and under qemu-user, and says where they disagree.

With --write, records tests/programs/expected/<name>.out, the standard output of the native static musl build; one
file an architecture (<name>.<arch>.out) where a header line `// per architecture` says that outputs differ. A test
takes the file of the architecture if there is one. Native Linux is right where qemu-user differs.
"""

import os
import pathlib
import platform
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE.parent.parent / "target" / "oracle" / "programs"
ARGS = ["one", "two words"]
ENV = {"PATH": "/bin", "GREETING": "hello"}


def run(arch, binary):
    """Output of one run, or None where it cannot run here."""
    command = [str(binary)]
    if arch != platform.machine():
        qemu = shutil.which(f"qemu-{arch}-static")
        if qemu is None:
            return None
        # execve of the same architecture's programs needs binfmt_misc, as native execution would have it.
        command = [str(HERE.parent.parent / ".ci" / "with-binfmt"), arch, "env", "-i"]
        command += [f"{k}={v}" for k, v in ENV.items()] + [str(binary)]
    env = ENV if arch == platform.machine() else os.environ
    try:
        done = subprocess.run(command + ARGS, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120)
    except subprocess.TimeoutExpired:
        return b"timeout\n"
    if done.returncode == 77:
        return None
    tail = b"" if done.returncode == 0 else f"exit {done.returncode}\n".encode() + done.stderr[:500]
    return done.stdout + tail


def main():
    write = "--write" in sys.argv
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    sources = sorted(p for p in HERE.glob("*.c*") if not names or p.stem in names)
    arches = [line.split()[0] for line in (HERE / "arches.txt").read_text().splitlines() if line and line[0] != "#"]
    arches.sort(key=lambda a: a != platform.machine())
    (HERE / "expected").mkdir(exist_ok=True)
    differences = 0
    for source in sources:
        split = "// per architecture" in source.read_text()
        for arch in arches:
            expected = HERE / "expected" / (f"{source.stem}.{arch}.out" if split else f"{source.stem}.out")
            for variant in (arch, f"{arch}-glibc"):
                binary = PROGRAMS / variant / source.stem
                output = run(arch, binary) if binary.exists() else None
                if output is None:
                    print(f"skipped: {variant}/{source.stem}")
                    continue
                if write and variant == arch and (split or arch == platform.machine()):
                    expected.write_bytes(output)
                if not expected.exists() or output != expected.read_bytes():
                    differences += 1
                    print(f"--- {variant}/{source.stem} differs from {expected.name}")
                    diff = subprocess.run(["diff", str(expected), "-"], input=output, stdout=subprocess.PIPE)
                    print("\n".join(diff.stdout.decode(errors="replace").splitlines()[:20]))
    print(f"{len(sources)} programs, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
