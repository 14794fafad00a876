//! Limits and times used.
use super::{Call, Outcome, Row, full};
use crate::task::Accounts;
use crate::{Kernel, Result, Tgid, Tid};
use abi::{
    CAP_SYS_RESOURCE, Errno, RLIM_NLIMITS, RUSAGE_CHILDREN, RUSAGE_SELF, RUSAGE_THREAD, Rlimit, Sysno, Tms, USER_HZ,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Getrlimit, getrlimit),
    full(Sysno::Setrlimit, setrlimit),
    full(Sysno::Prlimit64, prlimit64),
    full(Sysno::Getrusage, getrusage),
    full(Sysno::Times, times),
];

fn getrlimit(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [resource, old, ..] = call.args;
    let tgid = kernel.tasks[tid].tgid;
    do_prlimit(kernel, tid, tgid, resource as u32, None).and_then(|limit| put(kernel, tid, old, limit)).into()
}

fn setrlimit(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [resource, new, ..] = call.args;
    let tgid = kernel.tasks[tid].tgid;
    read_limit(kernel, tid, new)
        .and_then(|limit| do_prlimit(kernel, tid, tgid, resource as u32, Some(limit)))
        .map(|_| ())
        .into()
}

fn prlimit64(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, resource, new, old, ..] = call.args;
    let work = |kernel: &mut Kernel| {
        let target = match pid as u32 {
            0 => tid,
            pid => kernel.tasks.get(Tid(pid)).ok_or(Errno::ESRCH)?.tid,
        };
        let (own, of) = (&kernel.tasks[tid].cred, &kernel.tasks[target].cred);
        let same_user = [of.uid, of.euid, of.suid].iter().all(|&uid| uid == own.uid);
        let same_group = [of.gid, of.egid, of.sgid].iter().all(|&gid| gid == own.gid);
        if target != tid && !(same_user && same_group) && !own.capable(CAP_SYS_RESOURCE) {
            return Err(Errno::EPERM);
        }
        let tgid = kernel.tasks[target].tgid;
        let limit = if new == 0 { None } else { Some(read_limit(kernel, tid, new)?) };
        let before = do_prlimit(kernel, tid, tgid, resource as u32, limit)?;
        if old == 0 { Ok(()) } else { put(kernel, tid, old, before) }
    };
    work(kernel).into()
}

fn read_limit(kernel: &mut Kernel, tid: Tid, addr: u64) -> Result<Rlimit> {
    let mut raw = [0; 16];
    kernel.user(tid).read(addr, &mut raw)?;
    Ok(Rlimit::decode_64(&raw))
}

fn put(kernel: &mut Kernel, tid: Tid, addr: u64, limit: Rlimit) -> Result<()> {
    kernel.user(tid).write(addr, &limit.encode_64())
}

fn do_prlimit(kernel: &mut Kernel, tid: Tid, tgid: Tgid, resource: u32, new: Option<Rlimit>) -> Result<Rlimit> {
    let at = resource as usize;
    if at >= RLIM_NLIMITS {
        return Err(Errno::EINVAL);
    }
    let privileged = kernel.tasks[tid].cred.capable(CAP_SYS_RESOURCE);
    let limits = &mut kernel.tasks.group_mut(tgid).ok_or(Errno::ESRCH)?.rlimits;
    let before = limits[at];
    if let Some(new) = new {
        if new.cur > new.max {
            return Err(Errno::EINVAL);
        }
        if new.max > before.max && !privileged {
            return Err(Errno::EPERM);
        }
        limits[at] = new;
    }
    Ok(before)
}

fn getrusage(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [who, addr, ..] = call.args;
    let task = &kernel.tasks[tid];
    let used = match who as i32 {
        RUSAGE_SELF => kernel.group_accounts(task.tgid),
        RUSAGE_CHILDREN => kernel.tasks.group_of(tid).children_accounts,
        RUSAGE_THREAD => Accounts { max_rss: kernel.group_accounts(task.tgid).max_rss, ..Accounts::of(task) },
        _ => return Errno::EINVAL.into(),
    };
    kernel.user(tid).write(addr, &used.rusage().encode_64()).into()
}

fn times(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let tick = 1_000_000_000 / USER_HZ;
    let group = kernel.tasks.group_of(tid);
    let (own, children) = (kernel.group_cpu_time(group.tgid), group.children_accounts.times);
    let tms = Tms { utime: own.0 / tick, stime: own.1 / tick, cutime: children.0 / tick, cstime: children.1 / tick };
    let now = kernel.clock.now / tick;
    if call.args[0] != 0
        && let Err(errno) = kernel.user(tid).write(call.args[0], &tms.encode_64())
    {
        return errno.into();
    }
    Outcome::Done(Ok(now))
}
