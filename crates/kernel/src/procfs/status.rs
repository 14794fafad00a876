//! /proc/PID/status (fs/proc/array.c: proc_pid_status), and minikern: what only this kernel can say.
use super::Place;
use super::maps::Usage;
use super::stat::dispositions;
use crate::{Cred, Kernel, Result, TaskState, Tid};
use abi::{Errno, RLIMIT_SIGPENDING};
use arch::Tif;
use std::fmt::Write as _;

/// The words of a state letter (`task_state_array`).
fn state(letter: char) -> &'static str {
    match letter {
        'R' => "R (running)",
        'S' => "S (sleeping)",
        'D' => "D (disk sleep)",
        'T' => "T (stopped)",
        't' => "t (tracing stop)",
        'Z' => "Z (zombie)",
        _ => "X (dead)",
    }
}

/// A name with what would break the line escaped.
fn escaped(name: &[u8]) -> String {
    let mut text = String::new();
    for &byte in name {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\\' => text.push_str("\\\\"),
            _ => text.push(char::from(byte)),
        }
    }
    text
}

/// CPUs as a mask, in groups of 32, and as a list (`%*pb`, `%*pbl`).
fn cpu_mask(mask: u64, cpus: u32) -> (String, String) {
    let mask = if cpus < 64 { mask & ((1 << cpus) - 1) } else { mask };
    let digits = cpus.min(64).div_ceil(4) as usize;
    let hex = if cpus <= 32 {
        format!("{mask:0digits$x}")
    } else {
        format!("{:0width$x},{:08x}", mask >> 32, mask as u32, width = digits - 8)
    };
    let mut list: Vec<String> = Vec::new();
    let mut at = 0;
    while at < 64 {
        if mask >> at & 1 == 0 {
            at += 1;
            continue;
        }
        let start = at;
        while at < 64 && mask >> at & 1 != 0 {
            at += 1;
        }
        list.push(if at - start == 1 { start.to_string() } else { format!("{start}-{}", at - 1) });
    }
    (hex, list.join(","))
}

fn credentials(text: &mut String, cred: &Cred, reader: &Cred) {
    let [real, effective, saved, fs] = [cred.uid, cred.euid, cred.suid, cred.fsuid].map(|uid| reader.uid_seen(uid));
    let _ = writeln!(text, "Uid:\t{real}\t{effective}\t{saved}\t{fs}");
    let [real, effective, saved, fs] = [cred.gid, cred.egid, cred.sgid, cred.fsgid].map(|gid| reader.gid_seen(gid));
    let _ = writeln!(text, "Gid:\t{real}\t{effective}\t{saved}\t{fs}");
}

fn memory(text: &mut String, usage: &Usage) {
    let kib = |pages: u64| pages * 4;
    let rows = [
        ("VmPeak", kib(usage.peak.0)),
        ("VmSize", kib(usage.total)),
        ("VmLck", 0),
        ("VmPin", 0),
        ("VmHWM", kib(usage.peak.1)),
        ("VmRSS", kib(usage.resident())),
        ("RssAnon", kib(usage.anon)),
        ("RssFile", kib(usage.file)),
        ("RssShmem", kib(usage.shmem)),
        ("VmData", kib(usage.data)),
        ("VmStk", kib(usage.stack)),
        ("VmExe", kib(usage.text)),
        ("VmLib", kib(usage.exec.saturating_sub(usage.text))),
        ("VmPTE", kib(usage.tables)),
        ("VmSwap", 0),
        ("HugetlbPages", 0),
    ];
    for (name, value) in rows {
        let _ = writeln!(text, "{name}:\t{value:8} kB");
    }
}

pub(super) fn status(kernel: &mut Kernel, place: Place, caller: Tid) -> Result<Vec<u8>> {
    let kernel = &*kernel;
    let task = kernel.proc_task(place.tid)?;
    let group = kernel.tasks.group(task.tgid).ok_or(Errno::ESRCH)?;
    let cred = &task.cred;
    let mut text = format!("Name:\t{}\n", escaped(&task.comm));
    if !task.is_dead() {
        let _ = writeln!(text, "Umask:\t{:04o}", kernel.vfs.fs_struct(task.fs).umask);
    }
    let _ = writeln!(text, "State:\t{}", state(task.state_letter()));
    let number = |pid| kernel.namespaces.pid_nr(pid, place.ns);
    let (tid, tgid, parent) = (number(task.tid), number(task.tgid), super::parent(kernel, group, place.ns));
    let tracer = task.ptrace.as_ref().map_or(0, |ptrace| number(ptrace.tracer));
    let _ = write!(text, "Tgid:\t{tgid}\nNgid:\t0\nPid:\t{tid}\nPPid:\t{parent}\nTracerPid:\t{tracer}\n");
    let reader = kernel.tasks.get(caller).map_or(cred, |task| &task.cred);
    credentials(&mut text, cred, reader);
    let slots = if task.is_dead() { 0 } else { kernel.vfs.fd_table(task.files).size() };
    let groups: Vec<String> = cred.groups.iter().map(|&gid| reader.gid_seen(gid).to_string()).collect();
    let _ = write!(text, "FDSize:\t{slots}\nGroups:\t{} \n", groups.join(" "));
    // In the instance's namespace, and in those below it down to the task's own.
    let chain = kernel.namespaces.pid_chain(task.pid_ns);
    let shown = chain.iter().position(|&ns| ns == place.ns).map_or(0, |at| at + 1);
    for (name, pid) in [("NStgid", task.tgid), ("NSpid", task.tid), ("NSpgid", group.pgid), ("NSsid", group.sid)] {
        let numbers = chain[..shown].iter().rev().map(|&ns| format!("\t{}", kernel.namespaces.pid_nr(pid, ns)));
        let _ = writeln!(text, "{name}:{}", numbers.collect::<String>());
    }
    let _ = writeln!(text, "Kthread:\t{}", u8::from(task.kthread));
    if let Some(mm) = kernel.mm(place.tid) {
        memory(&mut text, &Usage::of(mm));
        text += "CoreDumping:\t0\nTHP_enabled:\t0\nuntag_mask:\t0xffffffffffffffff\n";
    }
    let _ = writeln!(text, "Threads:\t{}", group.threads.len());
    let queued = kernel.signals_queued(cred.uid);
    let _ = writeln!(text, "SigQ:\t{queued}/{}", group.rlimits[RLIMIT_SIGPENDING].cur);
    let (ignored, caught) = dispositions(kernel, task.tgid);
    let words = [
        ("SigPnd", task.pending.set.0),
        ("ShdPnd", group.pending.set.0),
        ("SigBlk", task.blocked.0),
        ("SigIgn", ignored.0),
        ("SigCgt", caught.0),
        ("CapInh", cred.cap_inheritable),
        ("CapPrm", cred.cap_permitted),
        ("CapEff", cred.cap_effective),
        ("CapBnd", cred.cap_bounding),
        ("CapAmb", cred.cap_ambient),
    ];
    for (name, word) in words {
        let _ = writeln!(text, "{name}:\t{word:016x}");
    }
    let _ = write!(text, "NoNewPrivs:\t{}\nSeccomp:\t0\nSeccomp_filters:\t0\n", u8::from(cred.no_new_privs));
    let (mask, list) = cpu_mask(task.affinity, kernel.config.cpus);
    let _ =
        write!(text, "Cpus_allowed:\t{mask}\nCpus_allowed_list:\t{list}\nMems_allowed:\t1\nMems_allowed_list:\t0\n");
    let (voluntary, involuntary) = task.switches;
    let _ = write!(text, "voluntary_ctxt_switches:\t{voluntary}\nnonvoluntary_ctxt_switches:\t{involuntary}\n");
    Ok(text.into_bytes())
}

/// Architecture, thread flags by name and as the word, and whether the task is in the refrigerator.
pub(super) fn minikern(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let task = kernel.proc_task(place.tid)?;
    let names: Vec<&str> =
        Tif::ALL.iter().filter(|&&flag| task.thread_info.test(flag)).map(|flag| flag.name()).collect();
    let names = if names.is_empty() { "-".into() } else { names.join(" ") };
    let frozen = u8::from(matches!(task.state, TaskState::Frozen { .. }));
    let (arch, word) = (task.arch().name, task.thread_info.word());
    Ok(format!("arch:\t{arch}\ntif:\t{names}\ntif_bits:\t0x{word:08x}\nfrozen:\t{frozen}\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_lists() {
        assert_eq!(cpu_mask(!0, 1), ("1".into(), "0".into()));
        assert_eq!(cpu_mask(3, 2), ("3".into(), "0-1".into()));
        assert_eq!(cpu_mask(0b1101, 8), ("0d".into(), "0,2-3".into()));
        assert_eq!(cpu_mask(!0, 40), ("ff,ffffffff".into(), "0-39".into()));
        assert_eq!(cpu_mask(!0, 64).1, "0-63");
    }

    #[test]
    fn names_cannot_forge_lines() {
        assert_eq!(escaped(b"a\nState:\\"), "a\\nState:\\\\");
    }

    /// Lines of /proc/self/status of Linux 6.18.
    #[test]
    fn memory_lines_are_linuxs() {
        let mut text = String::new();
        memory(&mut text, &Usage { peak: (765, 437), total: 765, anon: 27, file: 410, ..Usage::default() });
        assert!(text.starts_with("VmPeak:\t    3060 kB\nVmSize:\t    3060 kB\n"), "{text}");
        assert!(text.contains("RssFile:\t    1640 kB\n") && text.ends_with("HugetlbPages:\t       0 kB\n"));
    }
}
