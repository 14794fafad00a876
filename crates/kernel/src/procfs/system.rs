//! What /proc says of the whole machine: meminfo, stat, loadavg, cpuinfo and their like.
use super::stat::ticks;
use crate::dev::MAJORS;
use crate::{Kernel, TaskState, Tid};
use abi::NSEC_PER_SEC;
use mmu::PAGE_SIZE;
use std::fmt::Write as _;

/// User, system and idle time of all CPUs together, nanoseconds.
fn cpu_times(kernel: &Kernel) -> (u64, u64, u64) {
    let (user, system) = (kernel.load.user, kernel.load.system);
    let all = kernel.clock.now.saturating_mul(kernel.config.cpus.into());
    (user, system, all.saturating_sub(user.saturating_add(system)))
}

pub(super) fn cgroups(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    match kernel.cgroup_core() {
        Some(core) => core.proc_cgroups(kernel).into_bytes(),
        None => b"#subsys_name\thierarchy\tnum_cgroups\tenabled\n".to_vec(),
    }
}

pub(super) fn cmdline(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    format!("{}\n", kernel.config.cmdline).into_bytes()
}

/// The CPUs as the reader's architecture shows them.
pub(super) fn cpuinfo(kernel: &mut Kernel, caller: Tid) -> Vec<u8> {
    let Some(task) = kernel.tasks.get(caller) else { return Vec::new() };
    let (abi, level) = (task.arch().abi, kernel.config.cpu);
    (0..kernel.config.cpus).map(|cpu| abi.cpuinfo(cpu, level)).collect::<String>().into_bytes()
}

pub(super) fn devices(_: &mut Kernel, _: Tid) -> Vec<u8> {
    let mut text = String::from("Character devices:\n");
    for (major, name) in MAJORS {
        let _ = writeln!(text, "{major:3} {name}");
    }
    text += "\nBlock devices:\n";
    text.into_bytes()
}

pub(super) fn filesystems(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    let cgroups = kernel.cgroup_core().is_some();
    let of_core = if cgroups { crate::vfs::CGROUP_TYPES } else { &[] };
    let kinds = crate::vfs::NODEV_TYPES.iter().chain(of_core);
    kinds.map(|kind| format!("nodev\t{kind}\n")).collect::<String>().into_bytes()
}

/// No device interrupts: the head of the table alone.
pub(super) fn interrupts(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    let mut text = " ".repeat(11);
    for cpu in 0..kernel.config.cpus {
        let _ = write!(text, "{:<11}", format!("CPU{cpu}"));
    }
    (text.trim_end().to_owned() + "       \n").into_bytes()
}

pub(super) fn loadavg(kernel: &mut Kernel, caller: Tid) -> Vec<u8> {
    kernel.update_load();
    let [one, five, fifteen] = kernel.load.shown();
    let running = kernel.tasks.iter().filter(|task| matches!(task.state, TaskState::Runnable)).count();
    let (all, last) = (kernel.tasks.len(), kernel.namespaces.last_number(kernel.pid_ns_of(caller)));
    let last = last.unwrap_or_else(|| kernel.tasks.last_tid());
    format!("{one} {five} {fifteen} {running}/{all} {last}\n").into_bytes()
}

/// A flock is shown as of the first process that has the file open.
pub(super) fn locks(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    let kernel = &*kernel;
    let has = |task: &&crate::Task, file| kernel.vfs.fd_table(task.files).iter().any(|(_, fd)| fd.file == file);
    let leaders = || kernel.tasks.iter().filter(|task| task.is_leader() && !task.is_dead());
    let pid_of = |file| leaders().find(|task| has(task, file)).map_or(-1, |task| i64::from(task.tid.0));
    kernel.vfs.proc_locks(pid_of).into_bytes()
}

pub(super) fn meminfo(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    let (used, limit) = kernel.frames.usage();
    let kib = |pages: usize| pages as u64 * (PAGE_SIZE >> 10);
    let (total, free) = (kib(limit), kib(limit.saturating_sub(used)));
    let files = kib(kernel.vfs.tmpfs_pages() as usize);
    let anon = kib(used).saturating_sub(files);
    let rows = [
        ("MemTotal", total),
        ("MemFree", free),
        ("MemAvailable", free),
        ("Buffers", 0),
        ("Cached", files),
        ("SwapCached", 0),
        ("Active", anon),
        ("Inactive", files),
        ("Active(anon)", anon),
        ("Inactive(anon)", files),
        ("Active(file)", 0),
        ("Inactive(file)", 0),
        ("Unevictable", 0),
        ("Mlocked", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("AnonPages", anon),
        ("Mapped", 0),
        ("Shmem", files),
        ("Slab", 0),
        ("SReclaimable", 0),
        ("SUnreclaim", 0),
        ("KernelStack", 0),
        ("PageTables", 0),
        ("CommitLimit", total / 2),
        ("Committed_AS", anon),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{:<15} {value:8} kB", format!("{name}:"));
    }
    text.into_bytes()
}

pub(super) fn stat(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    let (user, system, idle) = cpu_times(kernel);
    let cpus = u64::from(kernel.config.cpus);
    let line = |name: &str, share: u64| {
        let (user, system, idle) = (ticks(user / share), ticks(system / share), ticks(idle / share));
        format!("{name} {user} 0 {system} {idle} 0 0 0 0 0 0\n")
    };
    let mut text = line("cpu ", 1);
    for cpu in 0..cpus {
        text += &line(&format!("cpu{cpu}"), cpus);
    }
    let blocked = kernel.tasks.iter().filter(|task| task.state_letter() == 'D').count();
    let running = kernel.tasks.iter().filter(|task| matches!(task.state, TaskState::Runnable)).count();
    let boot = kernel.clock.booted_at() / NSEC_PER_SEC;
    let (switches, forks) = (kernel.tasks.sched.switches, kernel.tasks.forks);
    let _ = write!(text, "intr 0\nctxt {switches}\nbtime {boot}\nprocesses {forks}\n");
    let _ = write!(text, "procs_running {running}\nprocs_blocked {blocked}\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n");
    text.into_bytes()
}

pub(super) fn uptime(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    let show = |ns: u64| format!("{}.{:02}", ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / 10_000_000);
    let (_, _, idle) = cpu_times(kernel);
    format!("{} {}\n", show(kernel.clock.boottime()), show(idle)).into_bytes()
}

pub(super) fn version(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    format!("Linux version {} (minikern) {}\n", kernel.config.release, super::sysctl::UTS_VERSION).into_bytes()
}

pub(super) fn vmstat(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    let (used, limit) = kernel.frames.usage();
    let (files, free) = (kernel.vfs.tmpfs_pages(), limit.saturating_sub(used));
    format!("nr_free_pages {free}\nnr_shmem {files}\nnr_file_pages {files}\n").into_bytes()
}
