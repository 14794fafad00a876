#!/usr/bin/env python3
"""How long freezing and thawing many sleeping processes takes, against native Linux, in one interleaved run.

`.ci/setup && cargo build --release && sudo python3 benches/freeze.py [--tasks N...] [--rounds N] [--version v1|v2] [--arch A] [--profile P]`

The program is benches/programs/freeze_sleepers.c: N processes in pause() in one cgroup, frozen until FROZEN (or `frozen 1`) is
read, thawed until that is read. Natively it takes the times itself; under minikern they are the host's, from the line
before a request to the line after it, of which the first is out before the request is made. Both run as SCHED_FIFO if they
may, so that other load on the machine does not count. Native needs root and a freezer that nothing else has mounted.
Results go to target/bench/freeze.json too.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

from measure import BENCHES, MINIKERN, ROOT, machine

LIMIT_SECONDS = 600


def lines_of(command):
    """The lines a run prints, each with when it came; then its largest resident set in KiB."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = []
    for line in child.stdout:
        lines.append((time.monotonic_ns(), line.split()))
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    if status != 0 or not lines or lines[-1][1] != ["gone"]:
        last = " ".join(lines[-1][1]) if lines else ""
        raise RuntimeError(f"wait status {status}: {last} {errors.strip()}"[:400])
    return lines, usage.ru_maxrss


def phases(lines, own_clock):
    """Nanoseconds of every freeze, thaw, and the settling after a thaw; and of the time until all were ready."""
    times = {"freeze": [], "thaw": [], "settle": []}
    for (before, _), (at, words) in zip(lines, lines[1:]):
        if words[0] in ("frozen", "thawed"):
            times["freeze" if words[0] == "frozen" else "thaw"].append(int(words[1]) if own_clock else at - before)
        elif words[0] == "settled":
            times["settle"].append(at - before)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--version", choices=["v1", "v2"], action="append")
    parser.add_argument("--arch", action="append")
    parser.add_argument("--profile", default="6.18")
    parser.add_argument("--no-native", action="store_true")
    options = parser.parse_args()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("not at SCHED_FIFO: other load on this machine is measured too")
    host = machine()
    print(f"{host['cpu']}, {host['cores']} cores, {host['system']}, load {os.getloadavg()[0]:.0f}; medians of {options.rounds} rounds, ms")
    print(f"\n{'':24}{'tasks':>8}{'freeze':>10}{'thaw':>10}{'settle':>10}{'us a task':>11}{'MiB':>7}")
    lines = (ROOT / "tests" / "programs" / "arches.txt").read_text().splitlines()
    arches = options.arch or [line.split()[0] for line in lines if line and line[0] != "#"]
    results = []
    for version in options.version or ["v1"]:
        for tasks in options.tasks:
            who = [] if options.no_native else ["native"]
            for name in who + arches:
                binary = BENCHES / (platform.machine() if name == "native" else name) / "freeze_sleepers"
                if not binary.exists() or (name != "native" and not MINIKERN.exists()):
                    print(f"skipped: {name}: {binary} or {MINIKERN} is not built")
                    continue
                command = [str(binary), str(tasks), version, str(options.rounds)]
                if name != "native":
                    # A guest may have one task for every 128 KiB of memory.
                    memory = max(2 << 10, tasks * 9 // 64)
                    command = [str(MINIKERN), "exec", "--freezer", options.profile, "-m", f"{memory}M", "--timeout", str(LIMIT_SECONDS)] + command
                try:
                    lines, rss = lines_of(command)
                except RuntimeError as error:
                    print(f"skipped: {name}: {error}")
                    continue
                times = phases(lines, name == "native")
                row = {"who": name, "version": version, "tasks": tasks, "rss_kib": rss}
                row |= {what: statistics.median(of) / 1e6 for what, of in times.items()}
                row["least"] = {what: min(of) / 1e6 for what, of in times.items()}
                results.append(row)
                each = (row["freeze"] + row["thaw"]) * 1000 / tasks
                memory = "-" if name == "native" else f"{rss / 1024:.0f}"
                settle = "-" if name == "native" else f"{row['settle']:.1f}"
                label = f"{version} {'minikern ' if name != 'native' else ''}{name}"
                print(f"{label:24}{tasks:8}{row['freeze']:10.1f}{row['thaw']:10.1f}{settle:>10}{each:11.2f}{memory:>7}", flush=True)
    out = ROOT / "target" / "bench" / "freeze.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"machine": host, "rounds": options.rounds, "rows": results}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
