//! wait4 and waitid (kernel/exit.c).
use super::exit::exit_status;
use super::{Accounts, Tgid, Tid, WaitKey};
use crate::syscall::{Call, Outcome, Row, Sleep, full};
use crate::{Kernel, Result};
use abi::{
    __WALL, __WCLONE, __WNOTHREAD, CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED, CLD_TRAPPED, Errno, Fields,
    P_ALL, P_PGID, P_PID, P_PIDFD, SIGCHLD, SIGCONT, Siginfo, Sysno, WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WUNTRACED,
    WaitStatus,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Wait4, wait4),
    full(Sysno::Waitid, waitid),
];

/// Whom a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Any,
    Child(Tgid),
    Pgrp(Tid),
}

/// What it was told of a child.
struct Report {
    child: Tid,
    /// The child's number as the caller knows it; it is gone with the child.
    number: u32,
    uid: u32,
    /// As wait4 has it.
    status: u32,
    /// As siginfo has it.
    code: i32,
    value: i32,
    /// Of the child and its own children (RUSAGE_BOTH).
    used: Accounts,
    /// The caller traces it.
    traced: bool,
}

fn wait4(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, status, options, rusage, ..] = call.args;
    let (pid, options) = (pid as i32, options as u32);
    if options & !(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL) != 0 {
        return Errno::EINVAL.into();
    }
    let who = match pid {
        i32::MIN => return Errno::ESRCH.into(),
        -1 => Who::Any,
        0 => Who::Pgrp(kernel.tasks.group_of(tid).pgid),
        1.. => Who::Child(Tid(pid as u32)),
        _ => Who::Pgrp(Tid(pid.unsigned_abs())),
    };
    match do_wait(kernel, tid, who, options | WEXITED) {
        Err(outcome) => outcome,
        Ok(None) => Outcome::Done(Ok(0)),
        Ok(Some(report)) => {
            let mut result = Ok(report.number.into());
            if status != 0 && kernel.user(tid).write_u32(status, report.status).is_err()
                || put_rusage(kernel, tid, rusage, &report).is_err()
            {
                result = Err(Errno::EFAULT);
            }
            Outcome::Done(result)
        }
    }
}

fn waitid(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [which, id, infop, options, rusage, _] = call.args;
    let (which, id, options) = (which as u32, id as i32, options as u32);
    let known = WNOHANG | WNOWAIT | WEXITED | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
    if options & !known != 0 || options & (WEXITED | WUNTRACED | WCONTINUED) == 0 {
        return Errno::EINVAL.into();
    }
    let mut nonblocking = false;
    let who = match (which, id) {
        (P_ALL, _) => Who::Any,
        (P_PID, 1..) => Who::Child(Tid(id as u32)),
        (P_PGID, 0) => Who::Pgrp(kernel.tasks.group_of(tid).pgid),
        (P_PGID, 1..) => Who::Pgrp(Tid(id as u32)),
        (P_PIDFD, 0..) => match pidfd_who(kernel, tid, id) {
            Ok((child, nonblock)) => {
                nonblocking = nonblock;
                Who::Child(child)
            }
            Err(errno) => return errno.into(),
        },
        _ => return Errno::EINVAL.into(),
    };
    let report = match do_wait(kernel, tid, who, options | if nonblocking { WNOHANG } else { 0 }) {
        Err(outcome) => return outcome,
        Ok(None) if nonblocking && options & WNOHANG == 0 => return Errno::EAGAIN.into(),
        Ok(report) => report,
    };
    let mut result = Ok(0);
    if let Some(report) = &report {
        result = result.and(put_rusage(kernel, tid, rusage, report).map(|()| 0));
    }
    if infop != 0 {
        let bytes = match &report {
            Some(report) => {
                let fields =
                    Fields::Child { pid: report.number, uid: report.uid, status: report.value, utime: 0, stime: 0 };
                Siginfo { signo: SIGCHLD, errno: 0, code: report.code, fields }.encode_64()
            }
            None => [0; 128],
        };
        // signo, errno and code, then pid, uid and status: what waitid fills.
        let wrote = kernel
            .user(tid)
            .write(infop, &bytes[..12])
            .and(kernel.user(tid).write(infop.wrapping_add(16), &bytes[16..28]));
        result = result.and(wrote.map(|()| 0));
    }
    Outcome::Done(result)
}

/// The process behind a pidfd, and whether the file waits for nobody (PIDFD_NONBLOCK). One that is reaped is no child.
fn pidfd_who(kernel: &Kernel, tid: Tid, fd: i32) -> Result<(Tgid, bool)> {
    let file = kernel.fd_file(tid, fd)?;
    let key = kernel.pidfd(file)?;
    let child = kernel.pidfd_process(key).ok_or(Errno::ECHILD)?;
    Ok((child, kernel.vfs.file(file).nonblocking()))
}

/// Finds something to report, and reaps a dead child unless WNOWAIT. `Ok(None)`: nothing yet, and WNOHANG.
fn do_wait(kernel: &mut Kernel, tid: Tid, who: Who, options: u32) -> std::result::Result<Option<Report>, Outcome> {
    let group = kernel.tasks.group_of(tid);
    let tgid = group.tgid;
    let tells = |child: Tgid| {
        if eligible(kernel, child, who, options) { peek(kernel, tgid, child, options) } else { None }
    };
    let found = match who {
        Who::Child(child) => group.news.get(&child).and_then(|&child| tells(child)),
        _ => group.news.iter().find_map(|&child| tells(child)),
    };
    let found =
        found.or_else(|| tracees(kernel, tid, who, options).find_map(|child| peek_traced(kernel, child, options)));
    if let Some(mut report) = found {
        report.number = kernel.pid_vnr(tid, report.child);
        if options & WNOWAIT == 0 {
            consume(kernel, tgid, &report);
        }
        return Ok(Some(report));
    }
    let children = &kernel.tasks.group_of(tid).children;
    let any = match who {
        Who::Child(child) => children.contains(&child) && eligible(kernel, child, who, options),
        _ => children.iter().any(|&child| eligible(kernel, child, who, options)),
    };
    if !any && tracees(kernel, tid, who, options).next().is_none() {
        return Err(Errno::ECHILD.into());
    }
    if options & WNOHANG != 0 {
        return Ok(None);
    }
    Err(Outcome::Sleep(Sleep::new(WaitKey::Child(tgid), "do_wait")))
}

/// `eligible_child`: the right number, and the right kind: a child whose end sends SIGCHLD, or another one with __WCLONE.
fn eligible(kernel: &Kernel, child: Tgid, who: Who, options: u32) -> bool {
    let is_clone = kernel.tasks.get(child).is_some_and(|leader| leader.exit_signal != SIGCHLD);
    is_meant(kernel, child, who) && (options & __WALL != 0 || is_clone == (options & __WCLONE != 0))
}

fn is_meant(kernel: &Kernel, child: Tid, who: Who) -> bool {
    let Some(group) = kernel.tasks.get(child).and_then(|task| kernel.tasks.group(task.tgid)) else { return false };
    match who {
        Who::Any => true,
        Who::Child(wanted) => wanted == child,
        Who::Pgrp(pgid) => pgid == group.pgid,
    }
}

/// Whom the caller's process traces, whatever their kind; with __WNOTHREAD, whom the caller does.
fn tracees(kernel: &Kernel, tid: Tid, who: Who, options: u32) -> impl Iterator<Item = Tid> + '_ {
    let threads = kernel.tasks.group_of(tid).threads.iter().copied();
    let threads = threads.filter(move |&thread| thread == tid || options & __WNOTHREAD == 0);
    let all = threads.filter_map(|thread| kernel.tasks.get(thread)).flat_map(|thread| thread.tracees.iter().copied());
    all.filter(move |&child| is_meant(kernel, child, who))
}

/// What there is to say of a child, if `options` ask for it. One that its own parent traces is told of as that; one that
/// somebody else traces is not dead before the tracer has seen it.
fn peek(kernel: &Kernel, parent: Tgid, child: Tgid, options: u32) -> Option<Report> {
    let group = kernel.tasks.group(child)?;
    let tracer = kernel.tracer_group(child);
    if tracer == Some(parent) {
        return None;
    }
    if kernel.tasks.is_group_dead(child) {
        return if tracer.is_none() { peek_dead(kernel, child, options) } else { None };
    }
    peek_group(kernel, child, group.wait_report?, options)
}

/// A stop of the group, or its end.
fn peek_group(kernel: &Kernel, child: Tgid, status: u32, options: u32) -> Option<Report> {
    let (asked, code, value) = if status == WaitStatus::Continued.encode() {
        (WCONTINUED, CLD_CONTINUED, SIGCONT.into())
    } else {
        (WUNTRACED, CLD_STOPPED, (status >> 8) as i32)
    };
    (options & asked != 0).then(|| report(kernel, child, status, code, value))
}

fn peek_dead(kernel: &Kernel, child: Tid, options: u32) -> Option<Report> {
    let status = exit_status(kernel, child);
    let (code, value) = match status & 0x7f {
        0 => (CLD_EXITED, status >> 8 & 0xff),
        signo => (CLD_KILLED, signo),
    };
    (options & WEXITED != 0).then(|| report(kernel, child, status, code, value as i32))
}

fn report(kernel: &Kernel, child: Tid, status: u32, code: i32, value: i32) -> Report {
    let task = &kernel.tasks[child];
    let used = if task.is_leader() {
        let mut used = kernel.group_accounts(child);
        used.add(&kernel.tasks.group_of(child).children_accounts);
        used
    } else {
        Accounts::of(task)
    };
    Report { child, number: 0, uid: task.cred.uid, status, code, value, used, traced: false }
}

/// What there is to say of a tracee: its stops whatever the options are (`wait_consider_task` with `ptrace`).
fn peek_traced(kernel: &Kernel, child: Tid, options: u32) -> Option<Report> {
    let task = kernel.tasks.get(child)?;
    let group = kernel.tasks.group(task.tgid)?;
    let found = if task.is_dead() && (!task.is_leader() || group.threads.len() == 1) {
        peek_dead(kernel, child, options)
    } else if task.trace_report() != 0 {
        let code = task.trace_report();
        Some(report(kernel, child, code << 8 | 0x7f, CLD_TRAPPED, code as i32))
    } else {
        let continued = group.wait_report.filter(|&status| status == WaitStatus::Continued.encode());
        continued.and_then(|status| peek_group(kernel, child, status, options))
    };
    found.map(|report| Report { traced: true, ..report })
}

/// The report was given: a dead child is gone, a stop or continue is not told again.
fn consume(kernel: &mut Kernel, parent: Tgid, report: &Report) {
    let child = report.child;
    let Some(tgid) = kernel.tasks.get(child).map(|task| task.tgid) else { return };
    match report.code {
        CLD_EXITED | CLD_KILLED if report.traced && child != tgid => kernel.release_thread(child),
        CLD_EXITED | CLD_KILLED if report.traced && kernel.ptrace_reparented(child) => {
            // Now it is its parent's to wait for.
            kernel.ptrace_forget(child);
            kernel.untraced_zombie(child);
        }
        CLD_EXITED | CLD_KILLED => {
            kernel.release(child);
            if let Some(group) = kernel.tasks.group_mut(parent) {
                group.children_accounts.add(&report.used);
            }
        }
        CLD_TRAPPED => {
            if let Some(stop) = &mut kernel.tasks[child].trace_stop {
                stop.code = 0;
            }
        }
        _ => {
            let Some(group) = kernel.tasks.group_mut(tgid) else { return };
            group.wait_report = None;
            let parent = group.parent;
            if let Some(group) = kernel.tasks.group_mut(parent) {
                group.news.remove(&tgid);
            }
        }
    }
}

fn put_rusage(kernel: &mut Kernel, tid: Tid, addr: u64, report: &Report) -> Result<()> {
    if addr == 0 {
        return Ok(());
    }
    kernel.user(tid).write(addr, &report.used.rusage().encode_64())
}
