"""What is measured: the programs of benches/programs and the cold runs, staged in one directory for each architecture.

The directory is the working directory under every emulator: the host's for qemu-user, a lent one for minikern, /bench of the
initramfs for qemu-system. So the words of a command are the same everywhere.
"""

import dataclasses
import platform
import shutil
import subprocess

from measure import BENCHES, MINIKERN, ORACLE, ROOT, arches, qemu_user

STAGES = ROOT / "target" / "bench"
COLD = ROOT / "benches" / "cold"
# Benchmarks that have a script of their own.
OTHERS = {"freeze_sleepers"}


@dataclasses.dataclass
class Case:
    name: str
    kind: str  # cpu, cold or kernel
    words: list  # the command, its program first
    execs: bool = False  # it starts programs with execve: qemu-user needs binfmt_misc for them
    native: bool = False  # compared with the host's own run, too
    dynamic: bool = False  # its program and libraries are in a root of its own, of .ci/bench-peers

    def program(self, stage):
        return (sysroot(stage.name) if self.dynamic else stage) / self.words[0]


def sysroot(arch):
    return ORACLE / "system" / arch / "sysroot"


def cases():
    """All of them, in the order in which they are shown."""
    names = sorted(p.stem for p in (ROOT / "benches" / "programs").glob("*.c") if p.stem not in OTHERS)
    cpu = [Case(name, "cpu", [name]) for name in names if name != "hello" and not name.startswith("kernel_")]
    pipe = "PATH=$PWD/bin; "
    cold = [
        Case("hello", "cold", ["hello"]),
        Case("script of 200 commands", "cold", ["busybox", "sh", "script.sh"], execs=True),
        Case("lua", "cold", ["lua", "short.lua"]),
        Case("sqlite", "cold", ["sqlite3", "-batch", "-init", "short.sql", ":memory:", ".exit"]),
        Case("python", "cold", ["usr/bin/python3.13", "short.py"], dynamic=True),
        Case("gzip", "cold", ["busybox", "sh", "-c", pipe + "gzip -c data | md5sum"], execs=True),
        Case("unxz", "cold", ["busybox", "sh", "-c", pipe + "unxz -c data.xz | md5sum"], execs=True),
        Case("zstd", "cold", ["busybox", "sh", "-c", pipe + "./zstd -q -3 --single-thread -c data | md5sum"], execs=True),
    ]
    kernel = [
        Case("getppid", "kernel", ["kernel_getppid"], native=True),
        Case("pipe ping-pong", "kernel", ["kernel_pingpong"], native=True),
        Case("fork, exit, wait", "kernel", ["kernel_fork"], native=True),
        Case("fork, exec busybox true, wait", "kernel", ["kernel_exec", "./busybox", "true"], execs=True, native=True),
    ]
    return cpu + cold + kernel


def needs(case, at):
    """Files that a case reads in the stage, and its program."""
    texts = [word for word in case.words if word.startswith(("short.", "script."))]
    text = " ".join(case.words)
    found = [name for name in ("data.xz", "./zstd", "busybox") if name in text]
    return [case.program(at)] + [at / name.removeprefix("./") for name in texts + found]


def stage(arch):
    """Fills the directory of an architecture with what there is; what is newer than the copy is copied again."""
    at = STAGES / arch
    (at / "bin").mkdir(parents=True, exist_ok=True)
    sources = {path.name: path for path in COLD.iterdir()}
    sources |= {path.name: path for path in (BENCHES / arch).glob("*") if path.suffix == ""}
    sources |= {name: ORACLE / "real" / arch / name for name in ("lua", "sqlite3", "zstd")}
    sources["busybox"] = ORACLE / f"busybox-{arch}"
    for name, source in sources.items():
        copy = at / name
        if source.exists() and not (copy.exists() and copy.stat().st_mtime >= source.stat().st_mtime):
            shutil.copyfile(source, copy)
            copy.chmod(source.stat().st_mode & 0o777)
            shutil.copystat(source, copy)
    if not (at / "busybox").exists():
        return at
    # The shell looks for its own applets under their names, as on a system that has only busybox.
    if not (at / "bin" / "sh").exists():
        runner = [] if arch == platform.machine() else [qemu_user(arch) or "false"]
        listed = subprocess.run([*runner, at / "busybox", "--list"], capture_output=True, text=True)
        for applet in listed.stdout.split():
            (at / "bin" / applet).symlink_to("../busybox")
    # What is packed and unpacked, the same for every architecture.
    if not (at / "data.xz").exists():
        packed = (ORACLE / f"busybox-{arches()[0]}").read_bytes()[: 1 << 19]
        (at / "data").write_bytes(packed)
        if shutil.which("xz"):
            (at / "data.xz").write_bytes(subprocess.run(["xz", "-6c"], input=packed, stdout=subprocess.PIPE).stdout)
    return at


def minikern_command(case, at, engine):
    lent = [f"{at}:/bench:ro"]
    if case.dynamic:
        lent += [f"{sysroot(at.name)}/{name}:/{name}:ro" for name in ("usr", "lib", "lib64")]
    words = [word for one in lent for word in ("--mount", one)]
    return [str(MINIKERN), "exec", "--jit", engine, *words, "-w", "/bench", str(case.program(at)), *case.words[1:]]


def user_command(case, at, arch):
    """How qemu-user runs it; None without qemu-user."""
    qemu = qemu_user(arch)
    if qemu is None:
        return None
    runner = [str(ROOT / ".ci" / "with-binfmt"), arch] if case.execs else [qemu]
    if case.dynamic:
        machine = sysroot(arch).parent / "machine"
        runner += ["-L", str(sysroot(arch)), *(["-cpu", machine.read_text().splitlines()[2]] if machine.exists() else [])]
    return [*runner, str(case.program(at)), *case.words[1:]]


def native_command(case):
    """How the host runs its own build of it."""
    at = STAGES / platform.machine()
    return [str(case.program(at)), *case.words[1:]], at
