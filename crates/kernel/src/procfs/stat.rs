//! /proc/PID/stat (fs/proc/array.c: do_task_stat).
use super::Place;
use crate::task::Accounts;
use crate::{Kernel, Result, TaskState, Tid};
use abi::{Errno, NSEC_PER_SEC, RLIMIT_RSS, SigSet, USER_HZ};

const PF_EXITING: u32 = 0x4;
const PF_FORKNOEXEC: u32 = 0x40;
/// Of 2.6.28; later kernels have no such flag.
const PF_FROZEN: u32 = 0x1_0000;
const PF_KTHREAD: u32 = 0x20_0000;
const PF_NOFREEZE: u32 = 0x8000;
const PF_FREEZER_SKIP: u32 = 0x4000_0000;

pub(super) fn ticks(ns: u64) -> u64 {
    ns / (NSEC_PER_SEC / USER_HZ)
}

/// Signals in the form of Linux 2.0: one word, and not all of it.
fn obsolete(set: SigSet) -> u64 {
    set.0 & 0x7fff_ffff
}

/// The signals a group ignores, and those it handles.
pub(super) fn dispositions(kernel: &Kernel, tgid: Tid) -> (SigSet, SigSet) {
    let (mut ignored, mut caught) = (SigSet::EMPTY, SigSet::EMPTY);
    if kernel.tasks.group(tgid).is_some() {
        for signo in 1..=abi::NSIG {
            match kernel.tasks.actions(tgid).0[usize::from(signo)].handler {
                abi::SIG_DFL => {}
                abi::SIG_IGN => ignored.add(signo),
                _ => caught.add(signo),
            }
        }
    }
    (ignored, caught)
}

pub(super) fn stat(kernel: &mut Kernel, place: Place, caller: Tid) -> Result<Vec<u8>> {
    let kernel = &*kernel;
    let task = kernel.proc_task(place.tid)?;
    let group = kernel.tasks.group(task.tgid).ok_or(Errno::ESRCH)?;
    let permitted = kernel.may_inspect(caller, place.tid);
    let mm = kernel.mm(place.tid);
    let (tty, foreground) = match group.tty {
        Some(device) => {
            let tty = crate::tty::tty_of_device(device).and_then(|id| kernel.tty.get(id));
            (
                crate::tty::shown_device(device),
                tty.and_then(|tty| tty.pgrp).map_or(-1, |pgrp| i64::from(kernel.namespaces.pid_nr(pgrp, place.ns))),
            )
        }
        None => (0, -1),
    };
    let mut flags = 0;
    for (on, flag) in [
        (task.is_dead(), PF_EXITING),
        (!group.did_exec, PF_FORKNOEXEC),
        (matches!(task.state, TaskState::Frozen { .. }), PF_FROZEN),
        (task.kthread, PF_KTHREAD),
        (task.nofreeze, PF_NOFREEZE),
        (task.freezer_skip, PF_FREEZER_SKIP),
    ] {
        if on {
            flags |= flag;
        }
    }
    let accounts = if place.thread { Accounts::of(task) } else { kernel.group_accounts(task.tgid) };
    let ((user, system), faults) = (accounts.times, accounts.faults);
    let (ignored, caught) = dispositions(kernel, task.tgid);
    let (size, resident) = mm.map_or((0, 0), |mm| mm.size());
    let address = |of: fn(&crate::Mm) -> u64, hidden: u64| match mm {
        Some(mm) if permitted => of(mm),
        Some(_) => hidden,
        None => 0,
    };
    let waits = u8::from(permitted && !task.wchan().is_empty() && (place.thread || group.threads.len() < 2));
    let exit_signal = if place.thread && !task.is_leader() { -1 } else { i32::from(task.exit_signal) };
    let fields: [String; 49] = [
        super::parent(kernel, group, place.ns).to_string(),
        kernel.namespaces.pid_nr(group.pgid, place.ns).to_string(),
        kernel.namespaces.pid_nr(group.sid, place.ns).to_string(),
        tty.to_string(),
        foreground.to_string(),
        flags.to_string(),
        faults.to_string(),
        group.children_accounts.faults.to_string(),
        // Major ones.
        "0".into(),
        "0".into(),
        ticks(user).to_string(),
        ticks(system).to_string(),
        ticks(group.children_accounts.times.0).to_string(),
        ticks(group.children_accounts.times.1).to_string(),
        (20 + i32::from(task.nice)).to_string(),
        task.nice.to_string(),
        group.threads.len().to_string(),
        "0".into(),
        ticks(task.start_time).to_string(),
        size.to_string(),
        resident.to_string(),
        group.rlimits[RLIMIT_RSS].cur.to_string(),
        address(|mm| mm.start_code, 1).to_string(),
        address(|mm| mm.end_code, 1).to_string(),
        address(|mm| mm.start_stack, 0).to_string(),
        // The stack pointer and pc, of tasks that are exiting alone.
        "0".into(),
        "0".into(),
        obsolete(task.pending.set).to_string(),
        obsolete(task.blocked).to_string(),
        obsolete(ignored).to_string(),
        obsolete(caught).to_string(),
        waits.to_string(),
        "0".into(),
        "0".into(),
        exit_signal.to_string(),
        task.sched.cpu.to_string(),
        task.policy.1.to_string(),
        task.policy.0.to_string(),
        "0".into(),
        "0".into(),
        "0".into(),
        // Where the data segment begins and ends is not kept.
        "0".into(),
        "0".into(),
        address(|mm| mm.start_brk, 0).to_string(),
        address(|mm| mm.arg.0, 0).to_string(),
        address(|mm| mm.arg.1, 0).to_string(),
        address(|mm| mm.env.0, 0).to_string(),
        address(|mm| mm.env.1, 0).to_string(),
        if permitted { task.exit_code.to_string() } else { "0".into() },
    ];
    let mut text = format!("{} (", kernel.namespaces.pid_nr(task.tid, place.ns)).into_bytes();
    text.extend(&task.comm);
    text.extend(format!(") {} {}\n", task.state_letter(), fields.join(" ")).bytes());
    Ok(text)
}
