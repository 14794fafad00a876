"""The tables, in Markdown: on standard output and between markers of docs/PERFORMANCE.md."""

import math

from measure import ROOT

DOCUMENT = ROOT / "docs" / "PERFORMANCE.md"
KINDS = {"cpu": "CPU programs", "cold": "cold programs", "kernel": "kernel-bound programs"}


def mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def line(cells):
    return "| " + " | ".join(cells) + " |"


def seconds(cell):
    """Milliseconds, or millions of instructions where there are billions."""
    value = cell["cpu"] * 1000
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def ratio(cell, peer):
    found = cell.get(f"to_{peer}")
    if not found:
        return "-"
    if found["least"] == found["most"]:
        return f"{found['ratio']:.2f}"
    return f"{found['ratio']:.2f} ({found['least']:.2f} to {found['most']:.2f})"


def rows_of(result):
    """Program by program, the row of each architecture."""
    found = {}
    for arch, part in result["arches"].items():
        for row in part["rows"]:
            found.setdefault((row["kind"], row["program"]), {})[arch] = row
    return found


def engines_of(result):
    keys = [key for part in result["arches"].values() for row in part["rows"] for key in row]
    return sorted({key for key in keys if key.startswith("minikern ")})


def against(result, peer, unit):
    """Every program of every architecture against one peer, then the geometric mean and the worst of each kind."""
    engines, rows, lines = engines_of(result), rows_of(result), []
    arches = list(result["arches"])
    several = len(engines) > 1
    head = ["program"]
    for arch in arches:
        for engine in engines:
            mode = f" --jit {engine.split()[1]}" if several else ""
            head += [f"{arch}{mode} {unit}", f"{peer} {unit}", "ratio"]
    lines += [line(head), line(["---"] * len(head))]
    for kind, title in KINDS.items():
        of_kind = {name: row for (its, name), row in rows.items() if its == kind}
        of_kind = {name: row for name, row in of_kind.items() if peer == "qemu" or any(peer in one for one in row.values())}
        ratios = {}
        for name, row in of_kind.items():
            cells = [name]
            for arch in arches:
                for engine in engines:
                    one = row.get(arch, {})
                    cell = one.get(engine)
                    if not cell:
                        cells += [one.get("note") or "-", "-", "-"]
                        continue
                    cells += [seconds(cell), seconds(one[peer]) if peer in one else "-", ratio(cell, peer)]
                    if f"to_{peer}" in cell:
                        ratios.setdefault((arch, engine), []).append((cell[f"to_{peer}"]["ratio"], name))
            lines.append(line(cells))
        if not ratios:
            continue
        cells, worst = [f"**geometric mean of the {title}**"], []
        for arch in arches:
            for engine in engines:
                these = ratios.get((arch, engine))
                cells += ["", "", f"**{mean([value for value, _ in these]):.2f}**" if these else "-"]
                worst += ["{1}".format(*max(these)) if these else "", "", f"{max(these)[0]:.2f}" if these else "-"]
        lines += [line(cells), line([f"worst of the {title}", *worst])]
    return lines


def changes(result, baseline):
    """How minikern's own time changed from an earlier result."""
    lines = []
    for arch, part in result["arches"].items():
        before = {row["program"]: row for row in baseline["arches"].get(arch, {}).get("rows", [])}
        for row in part["rows"]:
            for engine in engines_of(result):
                old, new = before.get(row["program"], {}).get(engine), row.get(engine)
                if old and new and old["cpu"] > 0:
                    lines.append(line([arch, row["program"], engine, seconds(old), seconds(new), f"{new['cpu'] / old['cpu']:.2f}"]))
    if not lines:
        return []
    return ["", line(["arch", "program", "engine", "before", "now", "ratio"]), line(["---"] * 6), *lines]


def show(result, name, baseline):
    host = result["machine"]
    what = {
        "compare": f"CPU milliseconds of minikern and of qemu-user {result.get('qemu', '-')}; medians of {result['rounds']} interleaved rounds",
        "callgrind": f"Millions of user instructions (callgrind) of minikern and of qemu-user {result.get('qemu', '-')}",
        "system": f"CPU milliseconds of minikern and of qemu-system {result.get('qemu', '-')}, TCG, one CPU; medians of {result['rounds']} interleaved rounds",
    }[name]
    lines = [f"{what}. Taken on {host['date']}: {host['cpu']}, {host['cores']} cores, {host['system']}, load {host['load']} at the start; minikern at {host['commit']}.", ""]
    lines += against(result, "qemu", "M" if name == "callgrind" else "ms")
    native = [row for part in result["arches"].values() for row in part["rows"] if "native" in row]
    if native and name == "compare":
        lines += ["", "The same against the host's own run of its own build:", "", *against(result, "native", "ms")]
    for arch, part in result["arches"].items():
        if "boot" in part:
            mine, theirs = part["boot"]["minikern"], part["boot"]["qemu"]
            lines += ["" if arch == next(iter(result["arches"])) else None,
                      f"- Boot to the prompt, {arch}: {mine * 1000:.1f} ms under minikern, {theirs:.2f} s under qemu-system: {theirs / mine:.0f} times sooner."]
    if result.get("boot"):
        boot = result["boot"]
        lines += ["", f"Boot to the prompt and exit: {boot['wall'] * 1000:.1f} ms, {boot['max_rss_kib'] / 1024:.1f} MiB at most."]
    lines += changes(result, baseline) if baseline else []
    return "\n".join(text for text in lines if text is not None)


def write_docs(name, text):
    """Replaces what stands between the markers of this table."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    document = DOCUMENT.read_text()
    before, rest = document.split(begin)
    _, after = rest.split(end)
    DOCUMENT.write_text(f"{before}{begin}\n{text}\n\n{end}{after}")
