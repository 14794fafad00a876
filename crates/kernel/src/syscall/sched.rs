//! Priorities, policies and virtual CPUs. Policies are kept and reported; the scheduler goes by nice alone.
use super::{Call, Outcome, Row, full, partial};
use crate::{Kernel, Result, Tid};
use abi::{
    CAP_SYS_NICE, Errno, PRIO_PGRP, PRIO_PROCESS, PRIO_USER, RLIMIT_NICE, SCHED_BATCH, SCHED_FIFO, SCHED_IDLE,
    SCHED_NORMAL, SCHED_RESET_ON_FORK, SCHED_RR, Sysno, Timespec,
};

const BY_NICE: &str = "policies are kept and reported; every task is scheduled by its nice value";

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::SchedYield, sched_yield),
    full(Sysno::Getpriority, getpriority),
    full(Sysno::Setpriority, setpriority),
    full(Sysno::SchedGetaffinity, sched_getaffinity),
    partial(Sysno::SchedSetaffinity, sched_setaffinity, "kept and reported; any virtual CPU may run any task"),
    full(Sysno::SchedGetscheduler, sched_getscheduler),
    partial(Sysno::SchedSetscheduler, sched_setscheduler, BY_NICE),
    full(Sysno::SchedGetparam, sched_getparam),
    partial(Sysno::SchedSetparam, sched_setparam, BY_NICE),
    full(Sysno::SchedGetPriorityMax, sched_get_priority_max),
    full(Sysno::SchedGetPriorityMin, sched_get_priority_min),
    full(Sysno::SchedRrGetInterval, sched_rr_get_interval),
];

fn sched_yield(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    kernel.tasks.yield_now(tid);
    Outcome::Done(Ok(0))
}

/// The task a number names; 0 is the caller.
fn target(kernel: &Kernel, tid: Tid, pid: u64) -> Result<Tid> {
    match pid as i32 {
        0 => Ok(tid),
        pid @ 1.. => kernel.tasks.get(Tid(pid as u32)).map(|task| task.tid).ok_or(Errno::ESRCH),
        _ => Err(Errno::EINVAL),
    }
}

/// Whether the caller may change how another task is scheduled (`check_same_owner`).
fn may_change(kernel: &Kernel, tid: Tid, target: Tid) -> bool {
    let (own, of) = (&kernel.tasks[tid].cred, &kernel.tasks[target].cred);
    own.euid == of.uid || own.euid == of.euid || own.capable(CAP_SYS_NICE)
}

/// The tasks getpriority and setpriority are about.
fn targets(kernel: &Kernel, tid: Tid, which: u64, who: u64) -> Result<Vec<Tid>> {
    let who = who as u32;
    let found: Vec<Tid> = match which as u32 {
        PRIO_PROCESS => target(kernel, tid, who.into()).into_iter().collect(),
        PRIO_PGRP => {
            let pgid = if who == 0 { kernel.tasks.group_of(tid).pgid } else { Tid(who) };
            let groups = kernel.tasks.pgrp(pgid).filter_map(|tgid| kernel.tasks.group(tgid));
            groups.flat_map(|group| group.threads.iter().copied()).collect()
        }
        PRIO_USER => {
            let uid = if who == 0 { kernel.tasks[tid].cred.uid } else { who };
            kernel.tasks.iter().filter(|task| task.cred.uid == uid).map(|task| task.tid).collect()
        }
        _ => return Err(Errno::EINVAL),
    };
    if found.is_empty() { Err(Errno::ESRCH) } else { Ok(found) }
}

/// 20 minus nice, so that no result looks like an error.
fn getpriority(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [which, who, ..] = call.args;
    let highest = |tids: Vec<Tid>| tids.iter().map(|&tid| 20 - i64::from(kernel.tasks[tid].nice)).max().unwrap_or(20);
    targets(kernel, tid, which, who).map(|tids| highest(tids) as u64).into()
}

fn setpriority(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [which, who, nice, ..] = call.args;
    let nice = (nice as i32).clamp(-20, 19) as i8;
    let tids = match targets(kernel, tid, which, who) {
        Ok(tids) => tids,
        Err(errno) => return errno.into(),
    };
    let mut result = Ok(());
    for target in tids {
        let lowest = 20 - kernel.tasks.group_of(target).rlimit(RLIMIT_NICE).min(40) as i64;
        let task = &kernel.tasks[target];
        if !may_change(kernel, tid, target) {
            result = Err(Errno::EPERM);
        } else if nice < task.nice && i64::from(nice) < lowest && !kernel.tasks[tid].cred.capable(CAP_SYS_NICE) {
            result = Err(Errno::EACCES);
        } else {
            kernel.tasks[target].nice = nice;
        }
    }
    result.into()
}

fn sched_getaffinity(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, len, addr, ..] = call.args;
    if !(len as u32).is_multiple_of(8) || (len as u32) < 8 {
        return Errno::EINVAL.into();
    }
    let affinity = match target(kernel, tid, pid) {
        Ok(target) => kernel.tasks[target].affinity & kernel.config.cpu_mask(),
        Err(errno) => return errno.into(),
    };
    kernel.user(tid).write_u64(addr, affinity).map(|()| 8).into()
}

fn sched_setaffinity(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, len, addr, ..] = call.args;
    let mut raw = [0; 8];
    let len = (len as u32 as usize).min(raw.len());
    if let Err(errno) = kernel.user(tid).read(addr, &mut raw[..len]) {
        return errno.into();
    }
    let mask = u64::from_le_bytes(raw) & kernel.config.cpu_mask();
    match target(kernel, tid, pid) {
        Err(errno) => errno.into(),
        Ok(target) if !may_change(kernel, tid, target) => Errno::EPERM.into(),
        Ok(_) if mask == 0 => Errno::EINVAL.into(),
        Ok(target) => {
            kernel.tasks[target].affinity = mask;
            Outcome::Done(Ok(0))
        }
    }
}

fn sched_getscheduler(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    target(kernel, tid, call.args[0]).map(|target| u64::from(kernel.tasks[target].policy.0)).into()
}

fn sched_getparam(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, addr, ..] = call.args;
    if addr == 0 {
        return Errno::EINVAL.into();
    }
    match target(kernel, tid, pid) {
        Ok(target) => {
            let priority = kernel.tasks[target].policy.1;
            kernel.user(tid).write_u32(addr, priority).into()
        }
        Err(errno) => errno.into(),
    }
}

fn sched_setscheduler(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, policy, addr, ..] = call.args;
    set_policy(kernel, tid, pid, Some(policy as u32), addr).into()
}

fn sched_setparam(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, addr, ..] = call.args;
    set_policy(kernel, tid, pid, None, addr).into()
}

fn set_policy(kernel: &mut Kernel, tid: Tid, pid: u64, policy: Option<u32>, addr: u64) -> Result<()> {
    if addr == 0 {
        return Err(Errno::EINVAL);
    }
    let target = target(kernel, tid, pid)?;
    let priority = kernel.user(tid).read_u32(addr)?;
    let policy = policy.unwrap_or(kernel.tasks[target].policy.0) & !SCHED_RESET_ON_FORK;
    let (lowest, highest) = priorities(policy).ok_or(Errno::EINVAL)?;
    if !(lowest..=highest).contains(&priority) {
        return Err(Errno::EINVAL);
    }
    let privileged = kernel.tasks[tid].cred.capable(CAP_SYS_NICE);
    if !may_change(kernel, tid, target) || highest != 0 && !privileged {
        return Err(Errno::EPERM);
    }
    kernel.tasks[target].policy = (policy, priority);
    Ok(())
}

/// The static priorities a policy has.
fn priorities(policy: u32) -> Option<(u32, u32)> {
    match policy {
        SCHED_FIFO | SCHED_RR => Some((1, 99)),
        SCHED_NORMAL | SCHED_BATCH | SCHED_IDLE => Some((0, 0)),
        _ => None,
    }
}

fn sched_get_priority_max(_kernel: &mut Kernel, _tid: Tid, call: &mut Call) -> Outcome {
    priorities(call.args[0] as u32).map(|range| u64::from(range.1)).ok_or(Errno::EINVAL).into()
}

fn sched_get_priority_min(_kernel: &mut Kernel, _tid: Tid, call: &mut Call) -> Outcome {
    priorities(call.args[0] as u32).map(|range| u64::from(range.0)).ok_or(Errno::EINVAL).into()
}

fn sched_rr_get_interval(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, addr, ..] = call.args;
    match target(kernel, tid, pid) {
        Ok(_) => kernel.user(tid).write(addr, &Timespec::from_ns(crate::sched::SLICE).encode_64()).into(),
        Err(errno) => errno.into(),
    }
}

impl crate::Config {
    /// The virtual CPUs there are.
    pub fn cpu_mask(&self) -> u64 {
        u64::MAX >> (64 - self.cpus.clamp(1, 64))
    }
}
