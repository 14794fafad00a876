//! kill and its kin, masks and handlers, waiting for signals, alternate stacks.
use super::{Call, OnSignal, Outcome, Progress, Row, Sleep, full};
use crate::signal::{self, Target};
use crate::{Kernel, Result, Tgid, Tid, WaitKey};
use abi::{
    CAP_KILL, Errno, Fields, MINSIGSTKSZ, Restart, SI_TKILL, SI_USER, SIG_BLOCK, SIG_DFL, SIG_IGN, SIG_SETMASK,
    SIG_UNBLOCK, SIGCONT, SIGKILL, SIGSTOP, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK, SigAction, SigAltStack, SigSet,
    Siginfo, Sysno, Timespec,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Kill, kill),
    full(Sysno::Tkill, tkill),
    full(Sysno::Tgkill, tgkill),
    full(Sysno::RtSigqueueinfo, rt_sigqueueinfo),
    full(Sysno::RtTgsigqueueinfo, rt_tgsigqueueinfo),
    full(Sysno::RtSigaction, rt_sigaction),
    full(Sysno::RtSigprocmask, rt_sigprocmask),
    full(Sysno::RtSigpending, rt_sigpending),
    full(Sysno::RtSigsuspend, rt_sigsuspend),
    full(Sysno::RtSigtimedwait, rt_sigtimedwait),
    full(Sysno::RtSigreturn, rt_sigreturn),
    full(Sysno::Sigaltstack, sigaltstack),
    full(Sysno::Pause, pause),
    full(Sysno::RestartSyscall, super::restart_syscall),
];

/// Size of a `sigset_t`, which every call is told.
const SIGSETSIZE: u64 = 8;

/// A signal number a guest gave; 0 only asks whether it could be sent.
pub(super) fn signo(value: u64) -> Result<u8> {
    let value = value as i32;
    u8::try_from(value).ok().filter(|&signo| signo <= abi::NSIG).ok_or(Errno::EINVAL)
}

/// `check_kill_permission`: the same user, CAP_KILL, or SIGCONT within a session.
fn may_kill(kernel: &Kernel, tid: Tid, target: Tid, signo: u8) -> bool {
    let (from, to) = (&kernel.tasks[tid].cred, &kernel.tasks[target].cred);
    let same = [from.euid, from.uid].iter().any(|&uid| uid == to.suid || uid == to.uid);
    same || kernel.namespaces.capable(from, to.user_ns, CAP_KILL)
        || signo == SIGCONT && kernel.tasks.group_of(tid).sid == kernel.tasks.group_of(target).sid
}

/// From kill(2).
pub(crate) fn by_user(kernel: &Kernel, tid: Tid, signo: u8, code: i32) -> Siginfo {
    let task = &kernel.tasks[tid];
    Siginfo { signo, errno: 0, code, fields: Fields::Kill { pid: kernel.pid_vnr(tid, task.tgid), uid: task.cred.uid } }
}

/// Checks permission, and sends unless it is only a probe.
pub(super) fn send(kernel: &mut Kernel, tid: Tid, target: Target, info: Siginfo) -> Result<()> {
    let (Target::Group(to) | Target::Thread(to)) = target;
    if !may_kill(kernel, tid, to, info.signo) {
        return Err(Errno::EPERM);
    }
    if info.signo == 0 { Ok(()) } else { kernel.send_signal_from(tid, target, info) }
}

fn kill(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let pid = call.args[0] as i32;
    let signo = match signo(call.args[1]) {
        Ok(signo) => signo,
        // The target is looked for first, but only for a signal that exists.
        Err(errno) => return errno.into(),
    };
    let info = by_user(kernel, tid, signo, SI_USER);
    match pid {
        1.. => match process(kernel, pid) {
            Some(tgid) => send(kernel, tid, Target::Group(tgid), info).into(),
            None => Errno::ESRCH.into(),
        },
        -1 => {
            let own = kernel.tasks[tid].tgid;
            let all = kernel.tasks.groups().map(|group| group.tgid);
            let targets = all.filter(|&tgid| tgid != own && kernel.pid_vnr(tid, tgid) > 1).collect();
            kill_many(kernel, tid, targets, info, true).into()
        }
        i32::MIN => Errno::ESRCH.into(),
        _ => {
            let pgid = if pid == 0 { kernel.tasks.group_of(tid).pgid } else { Tid(pid.unsigned_abs()) };
            let targets = kernel.tasks.pgrp(pgid).collect();
            kill_many(kernel, tid, targets, info, false).into()
        }
    }
}

/// The process a number names: a thread's number names its group.
fn process(kernel: &Kernel, pid: i32) -> Option<Tgid> {
    let tid = Tid(u32::try_from(pid).ok()?);
    kernel.tasks.get(tid).map(|task| task.tgid)
}

/// A group succeeds if one member could be signalled, and fails as the last one did; `kill -1` forgives EPERM.
pub(super) fn kill_many(kernel: &mut Kernel, tid: Tid, targets: Vec<Tgid>, info: Siginfo, all: bool) -> Result<()> {
    let mut result = Err(Errno::ESRCH);
    for tgid in targets {
        match send(kernel, tid, Target::Group(tgid), info) {
            Ok(()) => result = Ok(()),
            Err(Errno::EPERM) if all => {}
            Err(errno) if result.is_err() => result = Err(errno),
            Err(_) => {}
        }
    }
    result
}

fn tkill(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [thread, signo, ..] = call.args;
    send_to_thread(kernel, tid, None, thread as i32, signo, None).into()
}

fn tgkill(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [tgid, thread, signo, ..] = call.args;
    send_to_thread(kernel, tid, Some(tgid as i32), thread as i32, signo, None).into()
}

fn send_to_thread(
    kernel: &mut Kernel,
    tid: Tid,
    tgid: Option<i32>,
    thread: i32,
    signal: u64,
    info: Option<Siginfo>,
) -> Result<()> {
    if thread <= 0 || tgid.is_some_and(|tgid| tgid <= 0) {
        return Err(Errno::EINVAL);
    }
    let signo = signo(signal)?;
    let thread = Tid(thread as u32);
    let task = kernel.tasks.get(thread).ok_or(Errno::ESRCH)?;
    if tgid.is_some_and(|tgid| tgid as u32 != task.tgid.0) {
        return Err(Errno::ESRCH);
    }
    let info = info.unwrap_or_else(|| by_user(kernel, tid, signo, SI_TKILL));
    send(kernel, tid, Target::Thread(thread), info)
}

/// The siginfo of a guest: it may not look as if it came from the kernel or kill(2), except to itself.
fn user_info(kernel: &mut Kernel, tid: Tid, addr: u64, signal: u64, to_self: bool) -> Result<Siginfo> {
    let mut raw = [0; 128];
    kernel.user(tid).read(addr, &mut raw)?;
    let info = Siginfo::decode_64(signo(signal)?, &raw);
    if (info.code >= 0 || info.code == SI_TKILL) && !to_self {
        return Err(Errno::EPERM);
    }
    Ok(info)
}

fn rt_sigqueueinfo(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, signal, addr, ..] = call.args;
    let to_self = pid as u32 == kernel.tasks[tid].tgid.0;
    let info = match user_info(kernel, tid, addr, signal, to_self) {
        Ok(info) => info,
        Err(errno) => return errno.into(),
    };
    match process(kernel, pid as i32) {
        Some(tgid) => send(kernel, tid, Target::Group(tgid), info).into(),
        None => Errno::ESRCH.into(),
    }
}

fn rt_tgsigqueueinfo(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [tgid, thread, signal, addr, ..] = call.args;
    let to_self = thread as u32 == tid.0;
    match user_info(kernel, tid, addr, signal, to_self) {
        Ok(info) => send_to_thread(kernel, tid, Some(tgid as i32), thread as i32, signal, Some(info)).into(),
        Err(errno) => errno.into(),
    }
}

fn rt_sigaction(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [signal, new, old, size, ..] = call.args;
    do_sigaction(kernel, tid, signal, new, old, size).into()
}

fn do_sigaction(kernel: &mut Kernel, tid: Tid, signal: u64, new: u64, old: u64, size: u64) -> Result<()> {
    if size != SIGSETSIZE {
        return Err(Errno::EINVAL);
    }
    let restorer = kernel.tasks[tid].arch().abi.sigaction_has_restorer();
    let action = match new {
        0 => None,
        addr if restorer => {
            let mut raw = [0; 32];
            kernel.user(tid).read(addr, &mut raw)?;
            Some(SigAction::decode_64(&raw))
        }
        addr => {
            let mut raw = [0; 24];
            kernel.user(tid).read(addr, &mut raw)?;
            Some(SigAction::decode_64_no_restorer(&raw))
        }
    };
    let signo = signo(signal)?;
    if signo == 0 || action.is_some() && matches!(signo, SIGKILL | SIGSTOP) {
        return Err(Errno::EINVAL);
    }
    let slot = &mut kernel.tasks.actions_mut(tid).0[usize::from(signo)];
    let before = *slot;
    if let Some(mut action) = action {
        action.mask = action.mask.without(SigSet::UNBLOCKABLE);
        *slot = action;
        // POSIX 3.3.1.3: setting SIG_IGN, or a default that ignores, drops what is pending, blocked or not.
        use abi::DefaultAction::{Continue, Ignore};
        let ignores = action.handler == SIG_IGN
            || action.handler == SIG_DFL && matches!(abi::default_action(signo), Ignore | Continue);
        if ignores {
            let mask = SigSet::of(&[signo]);
            let group = kernel.tasks.group_of_mut(tid);
            group.pending.flush(mask);
            for thread in group.threads.clone() {
                kernel.tasks[thread].pending.flush(mask);
            }
        }
    }
    if old != 0 {
        if restorer {
            kernel.user(tid).write(old, &before.encode_64())?;
        } else {
            kernel.user(tid).write(old, &before.encode_64_no_restorer())?;
        }
    }
    Ok(())
}

/// Reads a set that a guest points to.
pub(crate) fn read_sigset(kernel: &mut Kernel, tid: Tid, addr: u64, size: u64) -> Result<SigSet> {
    if size != SIGSETSIZE {
        return Err(Errno::EINVAL);
    }
    kernel.user(tid).read_u64(addr).map(SigSet)
}

fn rt_sigprocmask(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [how, new, old, size, ..] = call.args;
    let before = kernel.tasks[tid].blocked;
    let change = |kernel: &mut Kernel| -> Result<()> {
        if size != SIGSETSIZE {
            return Err(Errno::EINVAL);
        }
        if new != 0 {
            let set = read_sigset(kernel, tid, new, size)?.without(SigSet::UNBLOCKABLE);
            let mask = match how as u32 {
                SIG_BLOCK => before.union(set),
                SIG_UNBLOCK => before.without(set),
                SIG_SETMASK => set,
                _ => return Err(Errno::EINVAL),
            };
            kernel.set_blocked(tid, mask);
        }
        if old != 0 { kernel.user(tid).write_u64(old, before.0) } else { Ok(()) }
    };
    change(kernel).into()
}

fn rt_sigpending(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [addr, size, ..] = call.args;
    if size > SIGSETSIZE {
        return Errno::EINVAL.into();
    }
    let task = &kernel.tasks[tid];
    let group = kernel.tasks.group_of(tid);
    let set = task.pending.set.union(group.pending.set).intersection(task.blocked);
    kernel.user(tid).write(addr, &set.0.to_le_bytes()[..size as usize]).into()
}

/// Waits for any signal that does something.
fn wait_for_signal(wchan: &'static str) -> Outcome {
    let on_signal = OnSignal::Restart(Restart::NoHand);
    Outcome::Sleep(Sleep { on_signal, ..Sleep::new(WaitKey::Never, wchan) })
}

fn pause(_kernel: &mut Kernel, _tid: Tid, _call: &mut Call) -> Outcome {
    wait_for_signal("do_sys_pause")
}

fn rt_sigsuspend(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [addr, size, ..] = call.args;
    if call.progress == Progress::None {
        match read_sigset(kernel, tid, addr, size) {
            Ok(mask) => kernel.set_temporary_mask(tid, mask),
            Err(errno) => return errno.into(),
        }
    }
    match wait_for_signal("sigsuspend") {
        Outcome::Sleep(sleep) => Outcome::Sleep(Sleep { progress: Progress::State(0, None), ..sleep }),
        other => other,
    }
}

/// Takes a signal of the set, or waits for one; a handler or a freeze ends it with EINTR, for good (E08-05).
fn rt_sigtimedwait(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [set, addr, timeout, size, ..] = call.args;
    let (set, until) = match call.progress {
        Progress::State(set, until) => (SigSet(set), until),
        _ => match sigtimedwait_args(kernel, tid, set, timeout, size) {
            Ok(args) => args,
            Err(errno) => return errno.into(),
        },
    };
    // While it sleeps the set is unblocked, so that its signals wake it; now the true mask is back.
    if let Some(mask) = kernel.tasks[tid].signal.waiting_for.take() {
        kernel.tasks[tid].blocked = mask;
    }
    if let Some(info) = kernel.dequeue_signal(tid, SigSet::FULL.without(set)) {
        if addr != 0 && kernel.user(tid).write(addr, &info.encode_64()).is_err() {
            return Errno::EFAULT.into();
        }
        return Outcome::Done(Ok(info.signo.into()));
    }
    if until.is_some_and(|until| until <= kernel.clock.now) {
        return Errno::EAGAIN.into();
    }
    let interrupted = kernel.signal_pending(tid);
    if !interrupted {
        let task = &mut kernel.tasks[tid];
        task.signal.waiting_for = Some(task.blocked);
        task.blocked = task.blocked.without(set);
    }
    Outcome::Sleep(Sleep {
        until,
        freezable: true,
        on_signal: OnSignal::Return(Err(Errno::EINTR)),
        progress: Progress::State(set.0, until),
        ..Sleep::new(WaitKey::Never, "do_sigtimedwait")
    })
}

fn sigtimedwait_args(
    kernel: &mut Kernel,
    tid: Tid,
    set: u64,
    timeout: u64,
    size: u64,
) -> Result<(SigSet, Option<u64>)> {
    let set = read_sigset(kernel, tid, set, size)?.without(SigSet::UNBLOCKABLE);
    if timeout == 0 {
        return Ok((set, None));
    }
    let mut raw = [0; 16];
    kernel.user(tid).read(timeout, &mut raw)?;
    let ns = Timespec::decode_64(&raw).to_ns().ok_or(Errno::EINVAL)?;
    Ok((set, Some(kernel.clock.now.saturating_add(ns))))
}

fn rt_sigreturn(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    signal::restore_sigframe(kernel, tid);
    Outcome::NoReturn
}

fn sigaltstack(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [new, old, ..] = call.args;
    do_sigaltstack(kernel, tid, new, old).into()
}

fn do_sigaltstack(kernel: &mut Kernel, tid: Tid, new: u64, old: u64) -> Result<()> {
    let task = &kernel.tasks[tid];
    let sp = task.arch().abi.stack_pointer(&task.cpu);
    let mut before = task.altstack;
    if before.is_used_at(sp) {
        before.flags |= SS_ONSTACK;
    }
    if new != 0 {
        let mut raw = [0; 24];
        kernel.user(tid).read(new, &mut raw)?;
        kernel.set_altstack(tid, &SigAltStack::decode_64(&raw), sp)?;
    }
    if old != 0 { kernel.user(tid).write(old, &before.encode_64()) } else { Ok(()) }
}

impl Kernel {
    /// `do_sigaltstack`: not while the task is on it.
    pub(crate) fn set_altstack(&mut self, tid: Tid, new: &SigAltStack, sp: u64) -> Result<()> {
        let task = &mut self.tasks[tid];
        if task.altstack.is_used_at(sp) {
            return Err(Errno::EPERM);
        }
        let mode = new.flags & !SS_AUTODISARM;
        if !matches!(mode, SS_DISABLE | SS_ONSTACK | 0) {
            return Err(Errno::EINVAL);
        }
        if mode == SS_DISABLE {
            task.altstack = SigAltStack { sp: 0, flags: new.flags, size: 0 };
            return Ok(());
        }
        if new.size < task.arch().abi.minsigstksz().max(MINSIGSTKSZ) {
            return Err(Errno::ENOMEM);
        }
        task.altstack = SigAltStack { sp: new.sp, flags: new.flags & SS_AUTODISARM, size: new.size };
        Ok(())
    }
}
