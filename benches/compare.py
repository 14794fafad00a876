#!/usr/bin/env python3
"""Compares minikern with qemu-user or qemu-system: every architecture of tests/programs/arches.txt, one interleaved run.

`.ci/setup && .ci/programs && cargo build --release && python3 benches/compare.py --write-docs`

Each round runs every program under all, so that a machine that slows down slows all. What counts is the median of user
plus system time, of all processes a run made; a ratio's spread is the least and the greatest of single rounds. The
programs are of three kinds: bound by the CPU, cold (short runs of real programs), bound by the kernel; the last are
compared with the host's own run, too. Boot is `minikern run` fed `exit`, to the end, with its largest resident set.
Results go to target/bench/compare.json too. `--callgrind` counts user instructions instead, which no load disturbs.
"""

import argparse
import json
import pathlib
import platform
import statistics
import sys

import system
import table
from cases import cases, minikern_command, native_command, needs, stage, user_command
from measure import MINIKERN, ROOT, arches, count, machine, measure, qemu_user, version

# The wait status of .ci/with-binfmt where that is not to be had.
NO_BINFMT = 77 << 8


class Cell:
    """The runs of one program under one emulator."""

    def __init__(self):
        self.cpu, self.wall = [], []

    def result(self, others):
        """Medians; ratios to each of the others with their spread."""
        found = {"cpu": statistics.median(self.cpu), "wall": statistics.median(self.wall)}
        for who, other in others.items():
            base = statistics.median(other.cpu)
            if other is not self and base > 0:
                each = [mine / theirs for mine, theirs in zip(self.cpu, other.cpu) if theirs > 0]
                found[f"to_{who}"] = {"ratio": found["cpu"] / base, "least": min(each), "most": max(each)}
        return found


def commands_of(case, at, arch, engines):
    """Who runs it, and how: the emulators first, then the peers."""
    found = {f"minikern {engine}": (minikern_command(case, at, engine), at) for engine in engines}
    qemu = user_command(case, at, arch)
    if qemu:
        found["qemu"] = (qemu, at)
    if case.native:
        found["native"] = native_command(case)
    return found


def rounds_of(chosen, at, arch, options):
    """All programs once a round under all; a row each."""
    cells, notes = {}, {}
    for number in range(options.rounds):
        for case in chosen:
            if case.name in notes:
                continue
            outputs = {}
            commands = list(commands_of(case, at, arch, options.engine).items())
            for who, (command, cwd) in commands if number % 2 == 0 else commands[::-1]:
                output, status, cpu, wall, _ = measure(command, cwd=cwd)
                if status != 0:
                    notes[case.name] = "no binfmt_misc" if status == NO_BINFMT and who == "qemu" else f"{who} failed, wait status {status}"
                # A guest's console is a terminal: it ends lines with two characters.
                outputs[who] = output.replace(b"\r\n", b"\n")
                cell = cells.setdefault(case.name, {}).setdefault(who, Cell())
                cell.cpu.append(cpu)
                cell.wall.append(wall)
            if case.name not in notes and len(set(outputs.values())) != 1:
                notes[case.name] = "outputs differ"
            progress(f"{arch} round {number + 1} of {options.rounds} {case.name}")
    rows = []
    for case in chosen:
        row = {"program": case.name, "kind": case.kind, "note": notes.get(case.name, "")}
        if not row["note"]:
            peers = {who: cell for who, cell in cells[case.name].items() if not who.startswith("minikern")}
            row |= {who: cell.result(peers) for who, cell in cells[case.name].items()}
        rows.append(row)
    return rows


def counts_of(chosen, at, arch, options):
    """Instructions instead of seconds: one run is enough. What starts other programs is left out: the kernel's part is not seen."""
    rows = []
    for case in chosen:
        if case.execs or case.kind == "kernel":
            continue
        row = {"program": case.name, "kind": case.kind, "note": ""}
        for who, (command, cwd) in commands_of(case, at, arch, options.engine).items():
            progress(f"{arch} callgrind {case.name} {who}")
            number = count(command, cwd)
            if number is None:
                row["note"] = f"{who} does not run under callgrind"
            else:
                row[who] = {"cpu": number / 1e9, "wall": 0}
        if not row["note"] and "qemu" in row:
            for engine in options.engine:
                cell = row[f"minikern {engine}"]
                ratio = cell["cpu"] / row["qemu"]["cpu"]
                cell["to_qemu"] = {"ratio": ratio, "least": ratio, "most": ratio}
        rows.append(row)
    return rows


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:60}\r", end="", file=sys.stderr, flush=True)


def boot(rounds):
    """`minikern run`, to the prompt and out of it."""
    walls, sizes = [], []
    for _ in range(rounds):
        _, status, _, wall, rss = measure([str(MINIKERN), "run"], b"exit\n")
        if status != 0:
            print(f"skipped: boot: minikern run ended with wait status {status}")
            return None
        walls.append(wall)
        sizes.append(rss)
    return {"wall": statistics.median(walls), "max_rss_kib": max(sizes)}


def chosen_of(options, at, arch):
    """The programs asked for of those that are there."""
    chosen = []
    for case in cases():
        if options.only and not any(word in (case.name, case.kind) for word in options.only):
            continue
        if case.dynamic and options.peer == "system":
            continue
        missing = [path.name for path in needs(case, at) if not path.exists()]
        if missing:
            print(f"skipped: {arch}: {case.name}: no {', '.join(missing)} (.ci/setup, .ci/programs, .ci/bench-peers)")
        else:
            chosen.append(case)
    return chosen


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", choices=("user", "system"), default="user", help="qemu-user, or qemu-system that boots Linux")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--arch", action="append", help="only this architecture; may be repeated")
    parser.add_argument("--only", action="append", help="only this program or kind (cpu, cold, kernel); may be repeated")
    parser.add_argument("--engine", action="append", choices=("auto", "on", "off"), help="minikern's --jit [auto]; may be repeated")
    parser.add_argument("--baseline", type=pathlib.Path, help="an earlier compare.json: adds how times changed")
    parser.add_argument("--callgrind", action="store_true", help="count instructions; slow, choose with --only and --arch")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/PERFORMANCE.md")
    options = parser.parse_args()
    if options.write_docs and not options.callgrind and (options.only or options.arch):
        parser.error("--write-docs is for all programs of all architectures")
    options.engine = options.engine or ["auto"]
    options.arch = options.arch or arches()
    return options


def main():
    options = parse()
    if not MINIKERN.exists():
        print("skipped: no target/release/minikern (cargo build --release)")
        return 0
    name = "callgrind" if options.callgrind else "compare" if options.peer == "user" else "system"
    result = {"machine": machine(), "rounds": options.rounds, "peer": options.peer, "arches": {}}
    for arch in options.arch:
        at = stage(arch)
        chosen = chosen_of(options, at, arch)
        if options.peer == "system":
            found = system.compare(chosen, at, arch, options, progress)
            if found:
                result["arches"][arch] = found
                result["qemu"] = found.pop("qemu")
            continue
        if qemu_user(arch) is None:
            print(f"skipped: no qemu-{arch}-static to compare with")
        else:
            result["qemu"] = version(qemu_user(arch))
        rows = (counts_of if options.callgrind else rounds_of)(chosen, at, arch, options)
        result["arches"][arch] = {"rows": rows}
    if options.peer == "user" and not options.only and not options.callgrind:
        result["boot"] = boot(options.rounds)
    out = ROOT / "target" / "bench" / f"{name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    baseline = json.loads(options.baseline.read_text()) if options.baseline else None
    text = table.show(result, name, baseline)
    print(text)
    if options.write_docs:
        table.write_docs(name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
