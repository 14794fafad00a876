//! Job control: group stops, what the parent hears of them, orphaned process groups.
use crate::task::{INIT, TaskState};
use crate::{Kernel, Tgid, Tid, WaitKey};
use abi::{CLD_CONTINUED, CLD_STOPPED, Fields, SIGCHLD, SIGCONT, SIGKILL, SaFlags, Siginfo, USER_HZ, WaitStatus};

impl Kernel {
    /// `task_set_jobctl_pending` with a trap stop; false if the task is on its way out.
    pub(crate) fn set_trap_stop(&mut self, tid: Tid) -> bool {
        let lives = self.may_stop(tid);
        self.tasks[tid].signal.trap_stop |= lives;
        lives
    }

    fn may_stop(&self, tid: Tid) -> bool {
        let task = &self.tasks[tid];
        !task.is_dead() && !task.signal.exiting && !task.pending.set.contains(SIGKILL)
    }

    /// The thread takes part in the group stop of `signo` that begins; false if it is on its way out.
    fn set_stop_pending(&mut self, tid: Tid, signo: u8) -> bool {
        if !self.may_stop(tid) {
            return false;
        }
        let signal = &mut self.tasks[tid].signal;
        (signal.stop_pending, signal.stop_consume, signal.stop_signal) = (true, true, signo);
        true
    }

    /// `do_signal_stop`: joins the group stop there is, or begins one for `signo`, which the task has taken. True if it has
    /// stopped; a traced task is to stop for its tracer instead.
    pub(super) fn do_signal_stop(&mut self, tid: Tid, signo: Option<u8>) -> bool {
        if let Some(signo) = signo
            && !self.tasks[tid].signal.stop_pending
        {
            let group = self.tasks.group_of(tid);
            let ending = group.group_exit.is_some() || group.group_exec.is_some();
            if !self.tasks[tid].signal.stop_dequeued || ending {
                return false;
            }
            self.begin_group_stop(tid, signo);
        }
        if self.tasks[tid].ptrace.is_some() {
            self.set_trap_stop(tid);
            return false;
        }
        let completes = self.participate_group_stop(tid);
        self.tasks.set_asleep(tid, TaskState::Stopped);
        if completes {
            self.notify_group_stopped(tid);
        }
        self.cgroup_enter_frozen(tid);
        true
    }

    /// Every thread that has not stopped is asked to. A traced task may have been let go on while the group is stopped, and
    /// then take another stop signal: the parent is not told twice.
    fn begin_group_stop(&mut self, tid: Tid, signo: u8) {
        let traced = self.tasks[tid].ptrace.is_some();
        let group = self.tasks.group_of_mut(tid);
        // Not traced, it was woken from its stop for a freeze (F07-16), and stops anew.
        group.stopped &= traced;
        if !group.stopped {
            group.group_stop = Some(signo);
        }
        group.stop_count = 0;
        let mut count = u32::from(self.set_stop_pending(tid, signo));
        for thread in self.tasks.group_of(tid).threads.clone() {
            if thread == tid || self.tasks[thread].is_stopped() || !self.set_stop_pending(thread, signo) {
                continue;
            }
            count += 1;
            if self.tasks[thread].ptrace.as_ref().is_some_and(|ptrace| ptrace.seized) {
                self.ptrace_trap_notify(thread);
            } else {
                self.tasks.signal_wake_up(thread, false);
            }
        }
        self.tasks.group_of_mut(tid).stop_count = count;
    }

    /// `task_participate_group_stop`: the task need not be waited for any more; true if the stop is complete with that.
    pub(crate) fn participate_group_stop(&mut self, tid: Tid) -> bool {
        let signal = &mut self.tasks[tid].signal;
        (signal.stop_pending, signal.stop_dequeued) = (false, false);
        if !std::mem::take(&mut signal.stop_consume) {
            return false;
        }
        let group = self.tasks.group_of_mut(tid);
        let Some(signo) = group.group_stop else { return false };
        group.stop_count = group.stop_count.saturating_sub(1);
        if group.stop_count > 0 || group.stopped {
            return false;
        }
        let (tgid, parent) = (group.tgid, group.parent);
        group.stopped = true;
        group.wait_report = Some(WaitStatus::Stopped { signo }.encode());
        group.cld_pending = None;
        if let Some(parent) = self.tasks.group_mut(parent) {
            parent.news.insert(tgid);
        }
        true
    }

    /// A dying task leaves a stop it had not entered.
    pub(crate) fn leave_group_stop(&mut self, tid: Tid) {
        if self.tasks[tid].signal.stop_pending && self.participate_group_stop(tid) {
            self.notify_group_stopped(tid);
        }
    }

    /// The parent hears that the group has stopped.
    pub(crate) fn notify_group_stopped(&mut self, tid: Tid) {
        let group = self.tasks.group_of(tid);
        let (tgid, signo) = (group.tgid, group.group_stop.unwrap_or(0));
        notify_stopped(self, tgid, CLD_STOPPED, signo);
    }

    /// `ptrace_trap_notify`: a tracer that seized the task hears of a change of the group stop.
    pub(super) fn ptrace_trap_notify(&mut self, tid: Tid) {
        if self.may_stop(tid) {
            let signal = &mut self.tasks[tid].signal;
            signal.trap_notify = true;
            let listening = signal.listening;
            self.ptrace_signal_wake_up(tid, listening);
        }
    }

    /// `ptrace_signal_wake_up`: the task looks for what it has to do, out of its trace stop if `resume`.
    pub(crate) fn ptrace_signal_wake_up(&mut self, tid: Tid, resume: bool) {
        self.tasks.signal_wake_up(tid, false);
        if resume && self.tasks[tid].is_traced_stopped() {
            self.tasks.wake_up(tid);
        }
    }

    /// `task_clear_jobctl_trapping`.
    pub(crate) fn clear_trapping(&mut self, tid: Tid) {
        if std::mem::take(&mut self.tasks[tid].signal.trapping) {
            self.tasks.wake_all(WaitKey::Trapping(tid));
        }
    }

    /// `do_notify_parent_cldstop` for the tracer: SIGCHLD, unless it does not want it for stops, and an end to its wait.
    pub(crate) fn notify_tracer(&mut self, tid: Tid, code: i32) {
        let Some(tracer) = self.tracer_group(tid) else { return };
        let task = &self.tasks[tid];
        let status = match code {
            CLD_CONTINUED => SIGCONT.into(),
            CLD_STOPPED => i32::from(self.tasks.group_of(tid).group_stop.unwrap_or(0)),
            _ => task.trace_stop.as_ref().map_or(0, |stop| stop.code as i32 & 0x7f),
        };
        let (user, system) = task.cpu_time();
        let tick = 1_000_000_000 / USER_HZ;
        let (utime, stime) = ((user / tick) as i64, (system / tick) as i64);
        let fields = Fields::Child { pid: self.pid_vnr(tracer, tid), uid: task.cred.uid, status, utime, stime };
        self.tell_stop(tracer, code, fields);
    }

    fn tell_stop(&mut self, parent: Tgid, code: i32, fields: Fields) {
        if self.tasks.group(parent).is_none() {
            return;
        }
        let action = self.tasks.actions(parent).get(SIGCHLD);
        if action.handler != abi::SIG_IGN && !action.flags.contains(SaFlags::SA_NOCLDSTOP) {
            self.send_to_group(parent, Siginfo { signo: SIGCHLD, errno: 0, code, fields });
        }
        self.tasks.wake_all(WaitKey::Child(parent));
    }

    /// A parent that has not been told of the end of a stop hears of it now (R08-14: after the thaw).
    pub(super) fn tell_pending_cld(&mut self, tid: Tid) {
        let group = self.tasks.group_of_mut(tid);
        if let Some(code) = group.cld_pending.take() {
            let tgid = group.tgid;
            notify_stopped(self, tgid, code, SIGCONT);
            if self.ptrace_reparented(tgid) {
                self.notify_tracer(tgid, code);
            }
        }
    }
}

/// `do_notify_parent_cldstop`: SIGCHLD, unless the parent does not want it for stops, and an end to its wait.
fn notify_stopped(kernel: &mut Kernel, tgid: Tgid, code: i32, signo: u8) {
    let Some(group) = kernel.tasks.group(tgid) else { return };
    let Some(leader) = kernel.tasks.get(tgid) else { return };
    let parent = group.parent;
    let status = if code == CLD_CONTINUED { SIGCONT } else { signo };
    let (utime, stime) = group_ticks(kernel, tgid);
    let pid = kernel.pid_vnr(parent, tgid);
    let fields = Fields::Child { pid, uid: leader.cred.uid, status: status.into(), utime, stime };
    kernel.tell_stop(parent, code, fields);
}

/// User and system time of a group in clock ticks, as siginfo has them.
pub(crate) fn group_ticks(kernel: &Kernel, tgid: Tgid) -> (i64, i64) {
    let (user, system) = kernel.group_cpu_time(tgid);
    let tick = 1_000_000_000 / USER_HZ;
    ((user / tick) as i64, (system / tick) as i64)
}

/// Whether no member of the process group has a parent in the same session but outside the group: nobody is left who
/// would continue it.
/// DIFFERS FROM LINUX: init counts as the parent of those it forked itself, because it may be a shell here, with a terminal
/// and jobs; not of those it took in, as ever.
pub(crate) fn is_orphaned_pgrp(kernel: &Kernel, pgid: Tid) -> bool {
    orphaned_without(kernel, pgid, None)
}

/// The same, with one member counted as gone already (`will_become_orphaned_pgrp`).
pub(crate) fn orphaned_without(kernel: &Kernel, pgid: Tid, ignored: Option<Tgid>) -> bool {
    // From the end: of a large group that dies in the order of its birth, the dead are at the front.
    !kernel.tasks.pgrp(pgid).rev().any(|tgid| {
        let Some(group) = kernel.tasks.group(tgid) else { return false };
        let dead = kernel.tasks.get(tgid).is_none_or(|task| task.is_dead()) && group.threads.len() <= 1;
        if Some(tgid) == ignored || dead || group.parent == tgid || group.adopted && group.parent == INIT {
            return false;
        }
        kernel.tasks.group(group.parent).is_some_and(|parent| parent.pgid != pgid && parent.sid == group.sid)
    })
}
