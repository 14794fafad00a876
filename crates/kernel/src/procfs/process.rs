//! The entries of /proc/PID and /proc/PID/task/TID (fs/proc/base.c: tgid_base_stuff, tid_base_stuff).
use super::filesystem::{Entry, Kind};
use super::limits::limits;
use super::maps::{maps, statm};
use super::stat::stat;
use super::status::{minikern, status};
use super::{Place, ProcessText, alive, ns};
use crate::{Kernel, Mm, Result, Tid};
use abi::{CAP_SYS_RESOURCE, Errno, TASK_COMM_LEN};

const fn text(name: &'static str, mode: u32, make: ProcessText) -> Entry<ProcessText> {
    Entry { name, mode, kind: Kind::Text(make) }
}
const fn dir(name: &'static str, mode: u32) -> Entry<ProcessText> {
    Entry { name, mode, kind: Kind::Dir }
}
const fn link(name: &'static str, to: fn(&Kernel, Place) -> Option<crate::vfs::Path>) -> Entry<ProcessText> {
    Entry { name, mode: 0o777, kind: Kind::Magic(to) }
}

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry<ProcessText>] = &[
    text("auxv", 0o400, auxv),
    text("cgroup", 0o444, cgroup),
    text("cmdline", 0o444, cmdline),
    text("comm", 0o644, comm),
    link("cwd", |kernel, place| Some(kernel.vfs.fs_struct(alive(kernel, place)?.fs).cwd)),
    text("environ", 0o400, environ),
    link("exe", |kernel, place| Some(kernel.vfs.file(kernel.mm(place.tid)?.exe?).path)),
    dir("fd", 0o500),
    dir("fdinfo", 0o555),
    text("gid_map", 0o644, ns::gid_map),
    text("limits", 0o444, limits),
    text("maps", 0o444, maps),
    Entry { name: "mem", mode: 0o600, kind: Kind::Memory },
    text("minikern", 0o444, minikern),
    text("mountinfo", 0o444, mountinfo),
    text("mounts", 0o444, mounts),
    dir("ns", 0o511),
    text("oom_score", 0o444, oom_score),
    text("oom_score_adj", 0o644, oom_score_adj),
    text("personality", 0o400, personality),
    link("root", |kernel, place| Some(kernel.vfs.fs_struct(alive(kernel, place)?.fs).root)),
    text("sched", 0o444, sched),
    text("setgroups", 0o644, ns::setgroups),
    text("stack", 0o400, stack),
    text("stat", 0o444, stat),
    text("statm", 0o444, statm),
    text("status", 0o444, status),
    text("syscall", 0o400, syscall),
    dir("task", 0o555),
    text("uid_map", 0o644, ns::uid_map),
    text("wchan", 0o444, wchan),
];

fn is(at: u32, names: &[&str]) -> bool {
    ENTRIES.get(at as usize).is_some_and(|entry| names.contains(&entry.name))
}

/// Whether the directories under task/ have the entry too.
pub(super) fn in_threads(at: u32) -> bool {
    !is(at, &["task"])
}

/// Whether only who may trace the task may open the file.
pub(super) fn is_private(at: u32) -> bool {
    is(at, &["auxv", "environ", "maps", "mem", "personality", "stack", "syscall"])
}

/// Most bytes of another task's memory one file shows.
const SHOWN: u64 = 2 << 20;

/// What a task has in a range of its memory, as far as it can be read.
fn memory(kernel: &mut Kernel, tid: Tid, (start, end): (u64, u64)) -> Vec<u8> {
    let mut data = vec![0; end.saturating_sub(start).min(SHOWN) as usize];
    match kernel.user(tid).read(start, &mut data) {
        Ok(()) => data,
        Err(_) => Vec::new(),
    }
}

fn range(kernel: &Kernel, tid: Tid, which: fn(&Mm) -> (u64, u64)) -> (u64, u64) {
    kernel.mm(tid).map_or((0, 0), which)
}

/// The arguments as they are in memory now. A program that overwrote the last NUL (setproctitle) shows one string, which may
/// go on where the environment was (`get_mm_cmdline`).
fn cmdline(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let (args, env) = (range(kernel, place.tid, |mm| mm.arg), range(kernel, place.tid, |mm| mm.env));
    let mut line = memory(kernel, place.tid, args);
    if line.last().is_some_and(|&last| last != 0) {
        if args.1 == env.0 && !line.contains(&0) {
            line.extend(memory(kernel, place.tid, env));
        }
        line.truncate(line.iter().position(|&byte| byte == 0).map_or(line.len(), |end| end + 1));
    }
    Ok(line)
}

fn environ(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let env = range(kernel, place.tid, |mm| mm.env);
    Ok(memory(kernel, place.tid, env))
}

fn auxv(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    Ok(kernel.mm(place.tid).map_or(Vec::new(), |mm| mm.auxv.clone()))
}

fn comm(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let mut name = kernel.proc_task(place.tid)?.comm.clone();
    name.push(b'\n');
    Ok(name)
}

fn cgroup(kernel: &mut Kernel, place: Place, caller: Tid) -> Result<Vec<u8>> {
    Ok(kernel.proc_cgroup(place.tid, caller).into_bytes())
}

fn mounts(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let root = kernel.vfs.fs_struct(alive(kernel, place).ok_or(Errno::EINVAL)?.fs).root;
    Ok(kernel.vfs.proc_mounts(root))
}

fn mountinfo(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let root = kernel.vfs.fs_struct(alive(kernel, place).ok_or(Errno::EINVAL)?.fs).root;
    Ok(kernel.vfs.proc_mountinfo(root))
}

/// `proc_oom_score`: memory used and the adjustment, in thousandths of all, from 666 up.
fn oom_score(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let adjustment = i64::from(adjustment(kernel, place)?);
    let total = (kernel.frames.usage().1 as i64).max(1);
    let score = match kernel.mm(place.tid) {
        Some(mm) if adjustment != -1000 => (1000 + adjustment + mm.size().1 as i64 * 1000 / total) * 2 / 3,
        _ => 0,
    };
    Ok(format!("{}\n", score.max(0)).into_bytes())
}

fn adjustment(kernel: &Kernel, place: Place) -> Result<i16> {
    let tgid = kernel.proc_task(place.tid)?.tgid;
    Ok(kernel.tasks.group(tgid).ok_or(Errno::ESRCH)?.oom_score_adj)
}

fn oom_score_adj(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    Ok(format!("{}\n", adjustment(kernel, place)?).into_bytes())
}

fn personality(_: &mut Kernel, _: Place, _: Tid) -> Result<Vec<u8>> {
    Ok(b"00000000\n".to_vec())
}

/// Where a task sleeps: a name, or 0 while it runs, and for whom may not know (`proc_pid_wchan`).
fn wchan(kernel: &mut Kernel, place: Place, caller: Tid) -> Result<Vec<u8>> {
    let wchan = kernel.proc_task(place.tid)?.wchan();
    let shown = !wchan.is_empty() && kernel.may_inspect(caller, place.tid);
    Ok(if shown { wchan.into() } else { b"0".to_vec() })
}

/// There is no kernel stack; its last frame is where the task sleeps.
fn stack(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let wchan = kernel.proc_task(place.tid)?.wchan();
    Ok(if wchan.is_empty() { Vec::new() } else { format!("[<0>] {wchan}\n").into_bytes() })
}

/// The call a task is in, its arguments, stack pointer and pc (`proc_pid_syscall`). -1: it is stopped or frozen outside one.
fn syscall(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let task = kernel.proc_task(place.tid)?;
    if task.is_runnable() {
        return Ok(b"running\n".to_vec());
    }
    let at = format!("{:#x} {:#x}\n", task.arch().abi.stack_pointer(&task.cpu), task.cpu.pc);
    let Some((_, args)) = task.last_syscall.filter(|_| task.in_syscall.is_some()) else {
        return Ok(format!("-1 {at}").into_bytes());
    };
    let args: String = args.iter().map(|arg| format!("{arg:#x} ")).collect();
    Ok(format!("{} {args}{at}", task.last_nr).into_bytes())
}

/// The beginning and the figures of `proc_sched_show_task` that exist here.
fn sched(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let task = kernel.proc_task(place.tid)?;
    let threads = kernel.tasks.group(task.tgid).map_or(0, |group| group.threads.len());
    let number = kernel.namespaces.pid_nr(task.tid, place.ns);
    let head = format!("{} ({number}, #threads: {threads})\n", String::from_utf8_lossy(&task.comm));
    let (user, system) = task.cpu_time();
    let ran = user.wrapping_add(system);
    let (voluntary, involuntary) = task.switches;
    let mut text = head + &"-".repeat(67) + "\n";
    let mut line = |name: &str, value: String| text += &format!("{name:<45}:{value:>21}\n");
    line("se.sum_exec_runtime", format!("{}.{:06}", ran / 1_000_000, ran % 1_000_000));
    line("nr_switches", (voluntary + involuntary).to_string());
    line("nr_voluntary_switches", voluntary.to_string());
    line("nr_involuntary_switches", involuntary.to_string());
    line("policy", task.policy.0.to_string());
    line("prio", (120 + i32::from(task.nice)).to_string());
    Ok(text.into_bytes())
}

/// Writes to the files that take any.
pub(super) fn write(kernel: &mut Kernel, place: Place, caller: Tid, name: &str, data: &[u8]) -> Result<usize> {
    match name {
        "comm" => {
            if kernel.proc_task(caller)?.tgid != kernel.proc_task(place.tid)?.tgid {
                return Err(Errno::EINVAL);
            }
            let end = data.iter().position(|&byte| byte == 0).unwrap_or(data.len()).min(TASK_COMM_LEN - 1);
            let name = data[..end].strip_suffix(b"\n").unwrap_or(&data[..end]);
            kernel.tasks[place.tid].comm = name.to_vec();
            Ok(data.len())
        }
        "oom_score_adj" => {
            let text = std::str::from_utf8(data).map_err(|_| Errno::EINVAL)?;
            let value: i16 = text.trim().parse().map_err(|_| Errno::EINVAL)?;
            if !(-1000..=1000).contains(&value) {
                return Err(Errno::EINVAL);
            }
            let lowers = value < adjustment(kernel, place)?;
            if lowers && !kernel.proc_task(caller)?.cred.capable(CAP_SYS_RESOURCE) {
                return Err(Errno::EACCES);
            }
            let tgid = kernel.proc_task(place.tid)?.tgid;
            kernel.tasks.group_mut(tgid).ok_or(Errno::ESRCH)?.oom_score_adj = value;
            Ok(data.len())
        }
        "uid_map" | "gid_map" | "setgroups" => ns::write(kernel, place, caller, name, data).map(|()| data.len()),
        _ => Err(Errno::EINVAL),
    }
}
