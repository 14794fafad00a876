"""One run of a command: CPU time, output, instructions counted by valgrind; and what machine this is."""

import datetime
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ORACLE = ROOT / "target" / "oracle"
BENCHES = ORACLE / "benches"
# Another build to measure: MINIKERN=PATH.
MINIKERN = pathlib.Path(os.environ.get("MINIKERN", ROOT / "target" / "release" / "minikern"))
LIMIT_SECONDS = 120
# What callgrind needs where code is made at run time; "all", since our code memory is a file without a name, mapped twice.
# It slows a program down about a hundred times.
CALLGRIND = ["valgrind", "--tool=callgrind", "--smc-check=all", "--callgrind-out-file=/dev/null"]
COUNT_LIMIT_SECONDS = 900


def arches():
    lines = (ROOT / "tests" / "programs" / "arches.txt").read_text().splitlines()
    return [line.split()[0] for line in lines if line and line[0] != "#"]


def measure(command, stdin=b"", cwd=None, limit=LIMIT_SECONDS):
    """One run: output, status, user+system seconds, wall seconds, largest resident set in KiB.

    The CPU time is that of all processes that the run made and waited for. The resident set is never below this
    interpreter's own, which the child has until it calls execve.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as into:
        into.write(stdin)
        into.seek(0)
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=into, stdout=out, stderr=subprocess.DEVNULL, cwd=cwd, start_new_session=True)
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(child.pid, signal.SIGKILL))
        signal.alarm(limit)
        _, status, usage = os.wait4(child.pid, 0)
        signal.alarm(0)
        wall = time.monotonic() - start
        child.returncode = status
        out.seek(0)
        return out.read(), status, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss


def count(command, cwd=None):
    """User instructions of one run under callgrind; None where it does not run there."""
    with tempfile.TemporaryFile() as log:
        try:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": log}
            done = subprocess.run(CALLGRIND + command, **quiet, cwd=cwd, timeout=COUNT_LIMIT_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return None
        log.seek(0)
        found = re.search(rb"Collected : (\d+)", log.read())
        return int(found[1]) if found and done.returncode == 0 else None


def qemu_user(arch):
    return shutil.which(f"qemu-{arch}-static") or shutil.which(f"qemu-{arch}")


def version(command):
    """The first version number that a program says it has."""
    found = re.search(r"version (\d[\w.]*)", subprocess.run([command, "--version"], capture_output=True, text=True).stdout)
    return found[1] if found else "?"


def commit():
    """Which sources are checked out; another build than theirs is named by its file."""
    if "MINIKERN" in os.environ:
        return MINIKERN.name
    found = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return found.stdout.strip() or "?"


def machine():
    model = platform.processor() or platform.machine()
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "date": datetime.date.today().isoformat(),
        "load": round(os.getloadavg()[0], 1),
        "commit": commit(),
    }
