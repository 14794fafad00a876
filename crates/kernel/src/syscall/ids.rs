//! Who a task is: numbers, process groups and sessions, user and group ids, capabilities.
use super::{Call, Outcome, Row, full};
use crate::cred::Change;
use crate::{Cred, Kernel, Result, Tid};
use abi::{
    _LINUX_CAPABILITY_VERSION_1, _LINUX_CAPABILITY_VERSION_2, _LINUX_CAPABILITY_VERSION_3, CAP_SETGID, CAP_SETPCAP,
    CapSets, Errno, NGROUPS_MAX, Sysno,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Getpid, getpid),
    full(Sysno::Gettid, gettid),
    full(Sysno::Getppid, getppid),
    full(Sysno::Getpgid, getpgid),
    full(Sysno::Getpgrp, getpgrp),
    full(Sysno::Setpgid, setpgid),
    full(Sysno::Getsid, getsid),
    full(Sysno::Setsid, setsid),
    full(Sysno::Getuid, getuid),
    full(Sysno::Geteuid, geteuid),
    full(Sysno::Getgid, getgid),
    full(Sysno::Getegid, getegid),
    full(Sysno::Getresuid, getresuid),
    full(Sysno::Getresgid, getresgid),
    full(Sysno::Setuid, setuid),
    full(Sysno::Setgid, setgid),
    full(Sysno::Setreuid, setreuid),
    full(Sysno::Setregid, setregid),
    full(Sysno::Setresuid, setresuid),
    full(Sysno::Setresgid, setresgid),
    full(Sysno::Setfsuid, setfsuid),
    full(Sysno::Setfsgid, setfsgid),
    full(Sysno::Getgroups, getgroups),
    full(Sysno::Setgroups, setgroups),
    full(Sysno::Capget, capget),
    full(Sysno::Capset, capset),
];

fn getpid(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    Outcome::Done(Ok(kernel.tasks[tid].tgid.0.into()))
}

fn gettid(_kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    Outcome::Done(Ok(tid.0.into()))
}

/// Init's parent is 0.
fn getppid(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    let group = kernel.tasks.group_of(tid);
    Outcome::Done(Ok(if group.tgid == group.parent { 0 } else { group.parent.0.into() }))
}

/// The group a number names; 0 is the caller's.
fn group_named(kernel: &Kernel, tid: Tid, pid: u64) -> Result<Tid> {
    match pid as i32 {
        0 => Ok(kernel.tasks[tid].tgid),
        pid => kernel.tasks.get(Tid(pid as u32)).map(|task| task.tgid).ok_or(Errno::ESRCH),
    }
}

fn getpgid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let tgid = group_named(kernel, tid, call.args[0]);
    tgid.map(|tgid| kernel.tasks.group(tgid).map_or(0, |group| group.pgid.0.into())).into()
}

fn getpgrp(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    Outcome::Done(Ok(kernel.tasks.group_of(tid).pgid.0.into()))
}

fn getsid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let tgid = group_named(kernel, tid, call.args[0]);
    tgid.map(|tgid| kernel.tasks.group(tgid).map_or(0, |group| group.sid.0.into())).into()
}

fn setpgid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, pgid, ..] = call.args;
    do_setpgid(kernel, tid, pid as i32, pgid as i32).into()
}

/// Oneself, or a child that has not exec'ed, into a group of the same session.
fn do_setpgid(kernel: &mut Kernel, tid: Tid, pid: i32, pgid: i32) -> Result<()> {
    let own = kernel.tasks.group_of(tid);
    let target = if pid == 0 { own.tgid } else { Tid(pid as u32) };
    let pgid = if pgid == 0 { target } else { Tid(u32::try_from(pgid).map_err(|_| Errno::EINVAL)?) };
    let group = kernel.tasks.group(target).ok_or(Errno::ESRCH)?;
    if group.parent == own.tgid && target != own.tgid {
        if group.sid != own.sid {
            return Err(Errno::EPERM);
        }
        if group.did_exec {
            return Err(Errno::EACCES);
        }
    } else if target != own.tgid {
        return Err(Errno::ESRCH);
    }
    if group.sid == target {
        return Err(Errno::EPERM);
    }
    if pgid != target && kernel.tasks.session_of(pgid) != Some(own.sid) {
        return Err(Errno::EPERM);
    }
    if group.pgid != pgid {
        kernel.tasks.set_pgrp(target, pgid);
    }
    Ok(())
}

fn setsid(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    let group = kernel.tasks.group_of(tid);
    let tgid = group.tgid;
    if group.sid == tgid || kernel.tasks.pgrp(tgid).next().is_some() {
        return Errno::EPERM.into();
    }
    kernel.tasks.set_pgrp(tgid, tgid);
    let group = kernel.tasks.group_of_mut(tid);
    group.sid = tgid;
    group.tty = None;
    Outcome::Done(Ok(tgid.0.into()))
}

fn getuid(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    let cred = &kernel.tasks[tid].cred;
    Outcome::Done(Ok(cred.uid_seen(cred.uid).into()))
}

fn geteuid(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    let cred = &kernel.tasks[tid].cred;
    Outcome::Done(Ok(cred.uid_seen(cred.euid).into()))
}

fn getgid(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    let cred = &kernel.tasks[tid].cred;
    Outcome::Done(Ok(cred.gid_seen(cred.gid).into()))
}

fn getegid(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    let cred = &kernel.tasks[tid].cred;
    Outcome::Done(Ok(cred.gid_seen(cred.egid).into()))
}

fn put_three(kernel: &mut Kernel, tid: Tid, addrs: [u64; 6], ids: [u32; 3]) -> Outcome {
    let mut user = kernel.user(tid);
    addrs.into_iter().zip(ids).try_for_each(|(addr, id)| user.write_u32(addr, id)).into()
}

fn getresuid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let cred = &kernel.tasks[tid].cred;
    let ids = [cred.uid, cred.euid, cred.suid].map(|id| cred.uid_seen(id));
    put_three(kernel, tid, call.args, ids)
}

fn getresgid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let cred = &kernel.tasks[tid].cred;
    let ids = [cred.gid, cred.egid, cred.sgid].map(|id| cred.gid_seen(id));
    put_three(kernel, tid, call.args, ids)
}

/// Commits new credentials if `change` allows them; the tasks of the old and new user are counted.
fn commit(kernel: &mut Kernel, tid: Tid, change: impl FnOnce(&mut Cred, bool) -> Result<()>) -> Result<()> {
    let task = &mut kernel.tasks[tid];
    let old = task.cred.clone();
    let mut new = old.clone();
    change(&mut new, task.keep_caps)?;
    let dumpable = new.euid == old.euid && new.egid == old.egid;
    let (from, to) = (old.uid, new.uid);
    task.cred = new;
    if from != to {
        kernel.tasks.count_user(from, -1);
        kernel.tasks.count_user(to, 1);
    }
    if !dumpable {
        kernel.tasks.group_of_mut(tid).dumpable = false;
        kernel.tasks[tid].pdeath_signal = 0;
    }
    Ok(())
}

/// An id argument: `None` for -1, "leave it"; EINVAL for one that the caller's user namespace does not have.
fn uid(kernel: &Kernel, tid: Tid, arg: u64) -> Result<Option<u32>> {
    let arg = Some(arg as u32).filter(|&arg| arg != u32::MAX);
    arg.map(|uid| kernel.tasks[tid].cred.uid_meant(uid)).transpose()
}

fn gid(kernel: &Kernel, tid: Tid, arg: u64) -> Result<Option<u32>> {
    let arg = Some(arg as u32).filter(|&arg| arg != u32::MAX);
    arg.map(|gid| kernel.tasks[tid].cred.gid_meant(gid)).transpose()
}

/// The three ids of a setres call.
fn change(kernel: &Kernel, tid: Tid, call: &Call, id: fn(&Kernel, Tid, u64) -> Result<Option<u32>>) -> Result<Change> {
    let of = |at: usize| id(kernel, tid, call.args[at]);
    Ok(Change { real: of(0)?, effective: of(1)?, saved: of(2)? })
}

fn setuid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let set = |kernel: &mut Kernel| {
        let uid = uid(kernel, tid, call.args[0])?.ok_or(Errno::EINVAL)?;
        commit(kernel, tid, |cred, keep| cred.set_uid(uid, keep))
    };
    set(kernel).into()
}

fn setreuid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let set = |kernel: &mut Kernel| {
        let (real, effective) = (uid(kernel, tid, call.args[0])?, uid(kernel, tid, call.args[1])?);
        commit(kernel, tid, |cred, keep| cred.set_reuid(real, effective, keep))
    };
    set(kernel).into()
}

fn setresuid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let set = |kernel: &mut Kernel| {
        let change = change(kernel, tid, call, uid)?;
        commit(kernel, tid, |cred, keep| cred.set_resuid(change, keep))
    };
    set(kernel).into()
}

fn setgid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let set = |kernel: &mut Kernel| {
        let gid = gid(kernel, tid, call.args[0])?.ok_or(Errno::EINVAL)?;
        commit(kernel, tid, |cred, _| cred.set_gid(gid))
    };
    set(kernel).into()
}

fn setregid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let set = |kernel: &mut Kernel| {
        let (real, effective) = (gid(kernel, tid, call.args[0])?, gid(kernel, tid, call.args[1])?);
        commit(kernel, tid, |cred, _| cred.set_regid(real, effective))
    };
    set(kernel).into()
}

fn setresgid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let set = |kernel: &mut Kernel| {
        let change = change(kernel, tid, call, gid)?;
        commit(kernel, tid, |cred, _| cred.set_resgid(change))
    };
    set(kernel).into()
}

/// Returns the old id, whatever happens.
fn setfsuid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let wanted = uid(kernel, tid, call.args[0]);
    let cred = &mut kernel.tasks[tid].cred;
    let old = cred.uid_seen(cred.fsuid);
    if let Ok(Some(uid)) = wanted {
        cred.set_fsuid(uid);
    }
    Outcome::Done(Ok(old.into()))
}

fn setfsgid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let wanted = gid(kernel, tid, call.args[0]);
    let cred = &mut kernel.tasks[tid].cred;
    let old = cred.gid_seen(cred.fsgid);
    if let Ok(Some(gid)) = wanted
        && ([cred.gid, cred.egid, cred.sgid, cred.fsgid].contains(&gid) || cred.has_cap(CAP_SETGID))
    {
        cred.fsgid = gid;
    }
    Outcome::Done(Ok(old.into()))
}

fn getgroups(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [size, addr, ..] = call.args;
    let cred = &kernel.tasks[tid].cred;
    let groups: Vec<u32> = cred.groups.iter().map(|&gid| cred.gid_seen(gid)).collect();
    let count = groups.len();
    let size = size as i32;
    if size < 0 || size != 0 && (size as usize) < count {
        return Errno::EINVAL.into();
    }
    if size != 0 {
        let raw: Vec<u8> = groups.iter().flat_map(|gid| gid.to_le_bytes()).collect();
        if let Err(errno) = kernel.user(tid).write(addr, &raw) {
            return errno.into();
        }
    }
    Outcome::Done(Ok(count as u64))
}

fn setgroups(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [size, addr, ..] = call.args;
    let cred = &kernel.tasks[tid].cred;
    if !cred.has_cap(CAP_SETGID) || !kernel.may_setgroups(cred.user_ns) {
        return Errno::EPERM.into();
    }
    let size = size as u32 as usize;
    if size > NGROUPS_MAX {
        return Errno::EINVAL.into();
    }
    let mut raw = vec![0; size * 4];
    if let Err(errno) = kernel.user(tid).read(addr, &mut raw) {
        return errno.into();
    }
    let (words, _) = raw.as_chunks::<4>();
    let cred = &kernel.tasks[tid].cred;
    let meant: Result<Vec<u32>> = words.iter().map(|&word| cred.gid_meant(u32::from_le_bytes(word))).collect();
    let mut groups = match meant {
        Ok(groups) => groups,
        Err(errno) => return errno.into(),
    };
    groups.sort_unstable();
    kernel.tasks[tid].cred.groups = groups;
    Outcome::Done(Ok(0))
}

/// Reads the header: whom it is about, and how many bytes of sets there are. An unknown version is answered with ours.
fn cap_header(kernel: &mut Kernel, tid: Tid, addr: u64) -> Result<(i32, usize)> {
    let mut user = kernel.user(tid);
    let size = match user.read_u32(addr)? {
        _LINUX_CAPABILITY_VERSION_1 => 12,
        _LINUX_CAPABILITY_VERSION_2 | _LINUX_CAPABILITY_VERSION_3 => 24,
        _ => {
            user.write_u32(addr, _LINUX_CAPABILITY_VERSION_3)?;
            return Err(Errno::EINVAL);
        }
    };
    let pid = user.read_u32(addr.wrapping_add(4))? as i32;
    if pid < 0 { Err(Errno::EINVAL) } else { Ok((pid, size)) }
}

fn capget(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [header, data, ..] = call.args;
    let (pid, size) = match cap_header(kernel, tid, header) {
        Ok(header) => header,
        // Asking for the version alone succeeds.
        Err(Errno::EINVAL) if data == 0 => return Outcome::Done(Ok(0)),
        Err(errno) => return errno.into(),
    };
    let target = if pid == 0 { Some(tid) } else { kernel.find_vpid(tid, pid as u32) };
    let Some(task) = target.and_then(|target| kernel.tasks.get(target)) else { return Errno::ESRCH.into() };
    let cred = &task.cred;
    let sets =
        CapSets { effective: cred.cap_effective, permitted: cred.cap_permitted, inheritable: cred.cap_inheritable };
    if data == 0 {
        return Outcome::Done(Ok(0));
    }
    kernel.user(tid).write(data, &sets.encode()[..size]).into()
}

fn capset(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [header, data, ..] = call.args;
    let work = |kernel: &mut Kernel| {
        let (pid, size) = cap_header(kernel, tid, header)?;
        if pid != 0 && pid as u32 != kernel.pid_vnr(tid, tid) {
            return Err(Errno::EPERM);
        }
        let mut raw = [0; 24];
        kernel.user(tid).read(data, &mut raw[..size])?;
        let new = CapSets::decode(&raw);
        let cred = &mut kernel.tasks[tid].cred;
        // `cap_capset`.
        let raised = new.inheritable & !(cred.cap_inheritable | cred.cap_permitted);
        if raised != 0 && !cred.has_cap(CAP_SETPCAP)
            || new.inheritable & !(cred.cap_inheritable | cred.cap_bounding) != 0
            || new.permitted & !cred.cap_permitted != 0
            || new.effective & !new.permitted != 0
        {
            return Err(Errno::EPERM);
        }
        cred.cap_effective = new.effective;
        cred.cap_permitted = new.permitted;
        cred.cap_inheritable = new.inheritable;
        cred.cap_ambient &= new.permitted & new.inheritable;
        Ok(())
    };
    work(kernel).into()
}
