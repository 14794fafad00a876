"""The peer that boots Linux: qemu-system of the same architecture, one CPU, translated (TCG), fed through its serial line.

.ci/bench-peers fetches it and the kernel. The initramfs is our busybox and the stage of cases.py under /bench. A program's
cost is the CPU time of the QEMU process from the line that starts it to the line that says it has ended; between
programs the guest is idle. minikern runs the same program in turn.
"""

import os
import platform
import select
import shlex
import shutil
import statistics
import subprocess
import time

from cases import minikern_command
from measure import MINIKERN, ORACLE, measure, version

BOOT_SECONDS, RUN_SECONDS, BOOTS = 300, 300, 3
# The shell of the serial line: its prompt is what booting ends with, then a command a line.
INIT = """#!/bench/busybox sh
/bench/busybox mkdir -p /proc /sys /tmp /dev
/bench/busybox mount -t proc proc /proc
/bench/busybox mount -t sysfs sys /sys
/bench/busybox mount -t devtmpfs dev /dev
/bench/busybox stty -echo -onlcr
cd /bench
printf '/ # '
while read -r line; do
    ./busybox sh -c "$line"
    echo "<ended $?>"
done
"""


class Machine:
    """A running qemu-system, or anything else that talks on its standard input and output."""

    def __init__(self, command):
        self.start = time.monotonic()
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        self.seen = b""

    def cpu(self):
        """Of all its threads, in seconds: the clock of another process, clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.child.pid << 3) | 2)

    def until(self, text, seconds):
        """What it wrote up to `text`; None when it ended or the time did."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.child.stdout], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self.child.stdout.fileno(), 65536) if ready else b""
            if not more:
                return None
            self.seen += more
        before, _, self.seen = self.seen.partition(text)
        return before

    def run(self, line):
        """One command: its output, status, CPU seconds and wall seconds."""
        cpu, wall = self.cpu(), time.monotonic()
        os.write(self.child.stdin.fileno(), line.encode() + b"\n")
        output = self.until(b"<ended ", RUN_SECONDS)
        cpu, wall = self.cpu() - cpu, time.monotonic() - wall
        status = self.until(b">\n", 10)
        return (output, int(status), cpu, wall) if status is not None else None

    def end(self):
        self.child.kill()
        self.child.wait()


def initramfs(at, arch):
    """The stage under /bench and an init, packed by busybox's cpio."""
    root, packed = at.parent / f"{arch}-root", at.parent / f"{arch}.cpio"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(at, root / "bench", symlinks=True)
    (root / "dev").mkdir()
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    names = b"".join(str(path.relative_to(root)).encode() + b"\n" for path in sorted(root.rglob("*")))
    with open(packed, "wb") as out:
        cpio = [ORACLE / f"busybox-{platform.machine()}", "cpio", "-o", "-H", "newc"]
        subprocess.run(cpio, input=names, stdout=out, stderr=subprocess.DEVNULL, cwd=root, check=True)
    shutil.rmtree(root)
    return packed


def boot_of(command, prompt):
    """Wall seconds from the start to the prompt, and the machine; None when there was none."""
    machine = Machine(command)
    if machine.until(prompt, BOOT_SECONDS) is None:
        machine.end()
        return None, None
    return time.monotonic() - machine.start, machine


def boots(command):
    """The median of some starts to the prompt of each, in turn."""
    mine, theirs = [], []
    for _ in range(BOOTS):
        for into, words in ((mine, [str(MINIKERN), "run"]), (theirs, command)):
            seconds, machine = boot_of(words, b"# ")
            if seconds is None:
                print(f"skipped: {words[0]} does not come to a prompt")
                return None
            machine.end()
            into.append(seconds)
    return {"minikern": statistics.median(mine), "qemu": statistics.median(theirs)}


def compare(chosen, at, arch, options, progress):
    """Rows like those of qemu-user, and the time to boot; None where it cannot be had."""
    files = ORACLE / "system" / arch
    if not (files / "machine").exists():
        print(f"skipped: {arch}: no target/oracle/system/{arch} (.ci/bench-peers)")
        return None
    words, console = (files / "machine").read_text().splitlines()[:2]
    qemu = shutil.which(words.split()[0])
    if qemu is None:
        print(f"skipped: {arch}: no {words.split()[0]}")
        return None
    # Nothing that slows the peer: no messages, no mitigations.
    command = [qemu, *words.split()[1:], "-accel", "tcg", "-smp", "1", "-m", "512", "-nodefaults", "-display", "none", "-serial", "stdio"]
    command += ["-kernel", str(files / "linux"), "-initrd", str(initramfs(at, arch)), "-append", f"console={console} quiet mitigations=off panic=-1"]
    progress(f"{arch} boots")
    boot = boots(command)
    if boot is None:
        return None
    _, machine = boot_of(command, b"# ")
    rows = [] if machine is None else [row_of(case, at, arch, machine, options, progress) for case in chosen]
    if machine:
        machine.end()
    return {"rows": rows, "boot": boot, "qemu": version(qemu)}


def row_of(case, at, arch, machine, options, progress):
    row = {"program": case.name, "kind": case.kind, "note": ""}
    engine = options.engine[0]
    line = shlex.join([f"./{case.words[0]}", *case.words[1:]])
    mine, theirs, walls = [], [], []
    for number in range(options.rounds):
        progress(f"{arch} qemu-system round {number + 1} of {options.rounds} {case.name}")
        there = machine.run(line)
        output, status, cpu, wall, _ = measure(minikern_command(case, at, engine), cwd=at)
        if there is None or there[1] != 0 or status != 0:
            row["note"] = f"failed: minikern {status}, qemu-system {there and there[1]}"
            return row
        if there[0].replace(b"\r\n", b"\n") != output.replace(b"\r\n", b"\n"):
            row["note"] = "outputs differ"
            return row
        mine.append(cpu)
        theirs.append(there[2])
        walls.append((wall, there[3]))
    each = [a / b for a, b in zip(mine, theirs)]
    wall = [statistics.median(one) for one in zip(*walls)]
    ratio = statistics.median(mine) / statistics.median(theirs)
    row[f"minikern {engine}"] = {"cpu": statistics.median(mine), "wall": wall[0], "to_qemu": {"ratio": ratio, "least": min(each), "most": max(each)}}
    row["qemu"] = {"cpu": statistics.median(theirs), "wall": wall[1]}
    return row
