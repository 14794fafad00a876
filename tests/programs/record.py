#!/usr/bin/env python3
"""Runs every program of target/oracle/programs natively and under qemu-user, and says where they disagree.

With --write, records tests/programs/expected/<name>.out, the standard output of the native static musl build; one
file an architecture (<name>.<arch>.out) where a header line `// per architecture` says that outputs differ. A test
takes the file of the architecture if there is one. Every run has the arguments ARGS, the environment ENV, an empty
standard input and, for what files.c prints of permissions, root. Native Linux is right where qemu-user differs;
a source whose header says `// qemu-user differs` is known to.
"""

import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE.parent.parent / "target" / "oracle" / "programs"
ARGS = ["one", "two words"]
ENV = {"PATH": "/bin", "GREETING": "hello"}


def run(arch, binary, needs_exec):
    """Output of one run, or None where it cannot run here."""
    command = [str(binary)]
    if arch != platform.machine():
        qemu = shutil.which(f"qemu-{arch}-static")
        if qemu is None:
            return None
        command = [qemu, str(binary)]
        if needs_exec:  # execve of a foreign program needs binfmt_misc
            command = [str(HERE.parent.parent / ".ci" / "with-binfmt"), arch, "env", "-i"]
            command += [f"{k}={v}" for k, v in ENV.items()] + [str(binary)]
    env = os.environ if command[0].endswith("with-binfmt") else ENV
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command + ARGS, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=subprocess.DEVNULL if arch != platform.machine() else out,
                                 start_new_session=True)
        try:
            status = child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            status = "timeout"
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        out.seek(0)
        if status == 77:
            return None
        return out.read() + (b"" if status == 0 else f"exit {status}\n".encode())


def main():
    write = "--write" in sys.argv
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    sources = sorted(p for p in HERE.glob("*.c*") if not names or p.stem in names)
    arches = [line.split()[0] for line in (HERE / "arches.txt").read_text().splitlines() if line and line[0] != "#"]
    arches.sort(key=lambda a: a != platform.machine())
    (HERE / "expected").mkdir(exist_ok=True)
    differences = 0
    for source in sources:
        text = source.read_text()
        split = "// per architecture" in text
        excused = "// qemu-user differs" in text
        for arch in arches:
            expected = HERE / "expected" / (f"{source.stem}.{arch}.out" if split else f"{source.stem}.out")
            for variant in (arch, f"{arch}-glibc"):
                binary = PROGRAMS / variant / source.stem
                output = run(arch, binary, "execve" in text) if binary.exists() else None
                if output is None:
                    print(f"skipped: {variant}/{source.stem}")
                    continue
                if write and variant == arch and (split or arch == platform.machine()):
                    expected.write_bytes(output)
                if not expected.exists() or output != expected.read_bytes():
                    if excused and arch != platform.machine():
                        print(f"{variant}/{source.stem}: qemu-user differs, as its source says")
                        continue
                    differences += 1
                    print(f"--- {variant}/{source.stem} differs from {expected.name}")
                    diff = subprocess.run(["diff", str(expected), "-"], input=output, stdout=subprocess.PIPE)
                    print("\n".join(diff.stdout.decode(errors="replace").splitlines()[:20]))
    print(f"{len(sources)} programs, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
