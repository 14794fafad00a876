#!/usr/bin/env python3
"""Compares minikern with qemu-user: the programs of benches/programs, both architectures, one interleaved run.

`.ci/setup && cargo build --release && python3 benches/compare.py [--rounds N] [--arch A] [PROGRAM...]`

Each round runs every program under both, so that a machine that slows down slows both. What counts is the median of
user plus system time, of all processes a run made. The geometric mean is over the CPU-bound programs; the
kernel_* programs and the start of `hello` stand apart. Boot is `minikern run` fed `exit`, to the end, with its largest
resident set. Results go to target/bench/compare.json too.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCHES = ROOT / "target" / "oracle" / "benches"
MINIKERN = ROOT / "target" / "release" / "minikern"
LIMIT_SECONDS = 120
# Programs that QEMU is no peer for: benches/freeze.py's.
OTHERS = {"freeze_sleepers"}


def measure(command, stdin=b""):
    """One run: output, status, user+system seconds, wall seconds, largest resident set in KiB.

    The resident set is never below this interpreter's own, which the child has until it calls execve.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as into:
        into.write(stdin)
        into.seek(0)
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=into, stdout=out, stderr=subprocess.DEVNULL, start_new_session=True)
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(child.pid, signal.SIGKILL))
        signal.alarm(LIMIT_SECONDS)
        _, status, usage = os.wait4(child.pid, 0)
        signal.alarm(0)
        wall = time.monotonic() - start
        child.returncode = status
        out.seek(0)
        return out.read(), status, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss


def machine():
    model = platform.processor() or platform.machine()
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return {"cpu": model, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.release()}"}


def qemu_command(arch, qemu, name):
    """How qemu-user runs a program; None where the comparison would not be fair."""
    program = str(BENCHES / arch / name)
    if name != "kernel_exec":
        return [qemu, program]
    # execve under qemu-user leaves the emulator: for the host's own architecture it would run natively.
    if arch == platform.machine():
        return None
    return [str(ROOT / ".ci" / "with-binfmt"), arch, program]


def compare(arch, qemu, names, rounds):
    """Medians of each program, all programs once a round under both."""
    runs = {name: {"minikern": [], "qemu": [], "wall": {"minikern": [], "qemu": []}, "note": ""} for name in names}
    for number in range(rounds):
        for name in names:
            run = runs[name]
            if run["note"]:
                continue
            commands = [("minikern", [str(MINIKERN), "exec", str(BENCHES / arch / name)]),
                        ("qemu", qemu_command(arch, qemu, name) if qemu else None)]
            outputs = {}
            for who, command in commands if number % 2 == 0 else commands[::-1]:
                if command is None:
                    continue
                output, status, cpu, wall, _ = measure(command)
                outputs[who] = output
                if status != 0:
                    run["note"] = f"{who} failed, wait status {status}"
                run[who].append(cpu)
                run["wall"][who].append(wall)
            if not run["note"] and len(set(outputs.values())) != 1:
                run["note"] = "outputs differ"
            if sys.stderr.isatty():
                print(f"\r{arch} round {number + 1} of {rounds} {name:16}\r", end="", file=sys.stderr, flush=True)
    rows = []
    for name in names:
        run = runs[name]
        row = {"program": name, "note": run["note"]}
        for who in ("minikern", "qemu"):
            if run[who]:
                row[who] = statistics.median(run[who])
                row[who + "_wall"] = statistics.median(run["wall"][who])
        if not run["note"] and "qemu" in row and row["qemu"] > 0:
            row["ratio"] = row["minikern"] / row["qemu"]
        rows.append(row)
    return rows


def show(arch, rows):
    print(f"\n{arch:18}{'minikern s':>12}{'qemu-user s':>13}{'ratio':>8}")
    for row in rows:
        cells = [f"{row[who]:.3f}" if who in row else "-" for who in ("minikern", "qemu")]
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else "-"
        print(f"{row['program']:18}{cells[0]:>12}{cells[1]:>13}{ratio:>8}  {row['note']}")
    ratios = [r["ratio"] for r in rows if "ratio" in r and not r["program"].startswith("kernel_") and r["program"] != "hello"]
    if not ratios:
        return None
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"{'geometric mean':18}{'':25}{mean:8.2f}  over {len(ratios)} CPU-bound programs")
    return mean


def boot(rounds):
    walls, sizes = [], []
    for _ in range(rounds):
        _, status, _, wall, rss = measure([str(MINIKERN), "run"], b"exit\n")
        if status != 0:
            print(f"skipped: boot: minikern run ended with wait status {status}")
            return None
        walls.append(wall)
        sizes.append(rss)
    result = {"wall_seconds": statistics.median(walls), "max_rss_kib": max(sizes)}
    print(f"\nboot to the prompt and exit: {result['wall_seconds'] * 1000:.1f} ms, {result['max_rss_kib'] / 1024:.1f} MiB at most")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--arch", action="append")
    parser.add_argument("programs", nargs="*")
    options = parser.parse_args()
    host = machine()
    print(f"{host['cpu']}, {host['cores']} cores, {host['system']}; medians of {options.rounds} interleaved rounds")
    if not MINIKERN.exists():
        print("skipped: no target/release/minikern (cargo build --release)")
        return 0
    result = {"machine": host, "rounds": options.rounds, "arches": {}}
    lines = (ROOT / "tests" / "programs" / "arches.txt").read_text().splitlines()
    for arch in options.arch or [line.split()[0] for line in lines if line and line[0] != "#"]:
        names = options.programs or sorted(p.stem for p in (ROOT / "benches" / "programs").glob("*.c") if p.stem not in OTHERS)
        missing = [n for n in names if not (BENCHES / arch / n).exists()]
        if missing:
            print(f"skipped: {arch}: not built: {' '.join(missing)} (.ci/setup)")
        names = [n for n in names if n not in missing]
        qemu = shutil.which(f"qemu-{arch}-static") or shutil.which(f"qemu-{arch}")
        if qemu is None:
            print(f"skipped: no qemu-{arch}-static to compare with")
        if names:
            rows = compare(arch, qemu, names, options.rounds)
            result["arches"][arch] = {"programs": rows, "geometric_mean": show(arch, rows)}
    if not options.programs:
        result["boot"] = boot(options.rounds)
    out = ROOT / "target" / "bench" / "compare.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
