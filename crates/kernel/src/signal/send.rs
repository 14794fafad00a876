//! Sending: what becomes of a signal between kill(2) and the queue (kernel/signal.c: send_signal, complete_signal).
use super::recalc_sigpending;
use crate::{Kernel, NsId, Result, TaskState, Tgid, Tid, TraceKind, WaitKey};
use abi::{
    DefaultAction, Errno, Fields, RLIMIT_SIGPENDING, SI_USER, SIG_DFL, SIG_IGN, SIGCONT, SIGKILL, SIGRTMIN, SIGSTOP,
    SigSet, Siginfo, WaitStatus, default_action, signal_name,
};
use arch::Tif;

/// To whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Group(Tgid),
    Thread(Tid),
}

impl Kernel {
    /// Sends a signal to a process. One that is gone takes none.
    pub fn send_to_group(&mut self, tgid: Tgid, info: Siginfo) {
        // Only a full real-time queue refuses, and only senders that can say so ask (`send_signal`).
        let _ = self.send_signal(Target::Group(tgid), info);
    }

    /// Sends a signal to one thread.
    pub fn send_to_thread(&mut self, tid: Tid, info: Siginfo) {
        let _ = self.send_signal(Target::Thread(tid), info);
    }

    /// A task sends: to one in a namespace that it is not in itself, it is nobody, and what init ignores is forced on it.
    pub(crate) fn send_signal_from(&mut self, from: Tid, target: Target, mut info: Siginfo) -> Result<()> {
        let (Target::Group(to) | Target::Thread(to)) = target;
        let (ns, sender) = (self.pid_ns_of(to), self.tasks.get(from).map_or(from, |task| task.tgid));
        let outside = self.namespaces.pid_nr(sender, ns) == 0;
        if let (true, Fields::Kill { pid, .. } | Fields::Rt { pid, .. }) = (outside, &mut info.fields) {
            *pid = 0;
        }
        self.do_send_signal(target, info, outside)
    }

    /// From the kernel, which is outside of every pid namespace but the first.
    pub(crate) fn send_signal(&mut self, target: Target, info: Siginfo) -> Result<()> {
        let (Target::Group(to) | Target::Thread(to)) = target;
        self.do_send_signal(target, info, self.pid_ns_of(to) != NsId::PID)
    }

    /// `send_signal`: EAGAIN if a real-time signal finds the queue full. `force`: SIGKILL and SIGSTOP are for init too.
    fn do_send_signal(&mut self, target: Target, info: Siginfo, force: bool) -> Result<()> {
        let (tid, tgid) = match target {
            Target::Group(tgid) => (tgid, tgid),
            Target::Thread(tid) => match self.tasks.get(tid) {
                Some(task) => (tid, task.tgid),
                None => return Ok(()),
            },
        };
        if self.tasks.group(tgid).is_none() || self.tasks.get(tid).is_none() {
            return Ok(());
        }
        self.trace_send(tid, &info);
        if !self.prepare_signal(tid, tgid, info.signo, force) {
            return Ok(());
        }
        let limit = self.tasks.group_of(tid).rlimit(RLIMIT_SIGPENDING);
        // `override_rlimit`: standard signals from the kernel or kill(2) always find room; they are bounded by their number.
        let exempt = info.signo < SIGRTMIN && (info.code >= 0 || info.code == abi::SI_TKILL);
        let room = exempt || self.signals_queued(self.tasks[tid].cred.uid) < limit;
        if !room && info.signo >= SIGRTMIN && info.code != SI_USER {
            return Err(Errno::EAGAIN);
        }
        let queue = match target {
            Target::Group(_) => &mut self.tasks.group_mut(tgid).expect("looked up above").pending,
            Target::Thread(tid) => &mut self.tasks[tid].pending,
        };
        if queue.add(info, room) {
            self.notify(WaitKey::SignalFd(tgid));
            self.complete_signal(target, tid, tgid, info.signo);
        }
        Ok(())
    }

    /// What is queued for all processes of a user, which RLIMIT_SIGPENDING limits (`sigqueue_alloc`).
    pub(crate) fn signals_queued(&self, uid: u32) -> u64 {
        let of_user = self.tasks.iter().filter(|task| task.cred.uid == uid);
        // What is sent to a group is counted with its leader, which stays as long as the group does.
        let queued = of_user.map(|task| {
            let shared = if task.is_leader() { self.tasks.group_of(task.tid).pending.queue.len() } else { 0 };
            task.pending.queue.len() + shared
        });
        queued.sum::<usize>() as u64
    }

    /// Stop signals and SIGCONT cancel each other; a process that is dying, or ignores the signal, does not get it.
    fn prepare_signal(&mut self, tid: Tid, tgid: Tgid, signo: u8, force: bool) -> bool {
        let group = self.tasks.group_mut(tgid).expect("the caller looked");
        if group.group_exit.is_some() {
            return false;
        }
        if SigSet::STOP.contains(signo) {
            self.flush_group(tgid, SigSet::of(&[SIGCONT]));
        } else if signo == SIGCONT {
            self.flush_group(tgid, SigSet::STOP);
            self.continue_group(tgid);
        }
        !self.sig_ignored(tid, signo, force)
    }

    fn flush_group(&mut self, tgid: Tgid, mask: SigSet) {
        let group = self.tasks.group_mut(tgid).expect("the caller looked");
        group.pending.flush(mask);
        for tid in group.threads.clone() {
            self.tasks[tid].pending.flush(mask);
        }
    }

    /// SIGCONT, blocked or ignored or not, ends a stop. The parent is told by the first thread to run (R08-14).
    fn continue_group(&mut self, tgid: Tgid) {
        let group = self.tasks.group_mut(tgid).expect("the caller looked");
        let threads = group.threads.clone();
        let was_stopped = group.is_stopped();
        group.stopped = false;
        if group.group_stop.take().is_some() {
            group.cld_pending = Some(if was_stopped { abi::CLD_CONTINUED } else { abi::CLD_STOPPED });
            group.stop_count = 0;
            if was_stopped {
                group.wait_report = Some(WaitStatus::Continued.encode());
                let parent = group.parent;
                if let Some(parent) = self.tasks.group_mut(parent) {
                    parent.news.insert(tgid);
                }
            }
        }
        for tid in threads {
            let task = &mut self.tasks[tid];
            let signal = &mut task.signal;
            (signal.stop_pending, signal.stop_consume, signal.stop_dequeued) = (false, false, false);
            if task.ptrace.as_ref().is_some_and(|ptrace| ptrace.seized) {
                self.ptrace_trap_notify(tid);
            } else if task.is_stopped() {
                self.tasks.wake_up(tid);
            }
        }
    }

    /// `sig_ignored`: a blocked signal is not, its action may change before it is unblocked.
    fn sig_ignored(&self, tid: Tid, signo: u8, force: bool) -> bool {
        let task = &self.tasks[tid];
        if task.blocked.contains(signo) || task.signal.waiting_for.is_some_and(|set| set.contains(signo)) {
            return false;
        }
        // A tracer hears of ignored signals as well.
        if task.ptrace.is_some() && signo != SIGKILL {
            return false;
        }
        match self.tasks.actions(tid).get(signo).handler {
            SIG_IGN => true,
            // SIGKILL and SIGSTOP reach init's queue only if forced.
            SIG_DFL => {
                self.tasks.group_of(tid).unkillable && !(force && kernel_only(signo))
                    || matches!(default_action(signo), DefaultAction::Ignore | DefaultAction::Continue)
            }
            _ => false,
        }
    }

    /// Chooses the thread to wake; a signal that kills the group takes effect on all threads at once.
    fn complete_signal(&mut self, target: Target, tid: Tid, tgid: Tgid, signo: u8) {
        let group = self.tasks.group(tgid).expect("the caller looked");
        let chosen = match target {
            _ if self.wants_signal(tid, signo) => tid,
            Target::Thread(_) => return,
            Target::Group(_) => match group.threads.iter().find(|&&thread| self.wants_signal(thread, signo)) {
                Some(&thread) => thread,
                None => return,
            },
        };
        let fatal = self.tasks.actions(tid).get(signo).handler == SIG_DFL
            && matches!(default_action(signo), DefaultAction::Terminate)
            && (!group.unkillable || signo == SIGKILL)
            && (signo == SIGKILL || self.tasks[chosen].ptrace.is_none())
            && !self.tasks[chosen].signal.waiting_for.is_some_and(|set| set.contains(signo));
        if fatal {
            let threads = group.threads.clone();
            self.start_group_exit(tgid, WaitStatus::Signaled { signo, core: false }.encode());
            for thread in threads {
                self.kill_thread(thread);
            }
        } else {
            self.tasks.signal_wake_up(chosen, signo == SIGKILL);
        }
    }

    /// From here on the group is dying: no more signals, no stop.
    pub(crate) fn start_group_exit(&mut self, tgid: Tgid, code: u32) {
        if let Some(group) = self.tasks.group_mut(tgid) {
            group.group_exit.get_or_insert(code);
            group.group_stop = None;
            group.stopped = false;
            group.stop_count = 0;
        }
    }

    /// Makes one thread of a dying group see a SIGKILL.
    pub(crate) fn kill_thread(&mut self, tid: Tid) {
        if let Some(task) = self.tasks.get_mut(tid)
            && !task.is_dead()
        {
            let signal = &mut task.signal;
            (signal.stop_pending, signal.stop_consume) = (false, false);
            (signal.trap_stop, signal.trap_notify) = (false, false);
            task.pending.set.add(SIGKILL);
            self.tasks.signal_wake_up(tid, true);
            self.clear_trapping(tid);
        }
    }

    /// `wants_signal`: whether the thread can take the signal now.
    fn wants_signal(&self, tid: Tid, signo: u8) -> bool {
        let task = &self.tasks[tid];
        if task.blocked.contains(signo) || task.signal.exiting || task.is_dead() {
            return false;
        }
        if signo == SIGKILL {
            return true;
        }
        if matches!(task.state.beneath(), TaskState::Stopped | TaskState::Traced) {
            return false;
        }
        self.tasks.sched.current() == Some(tid) || !task.thread_info.test(Tif::SigPending)
    }

    /// `force_sig_info`: a signal the task's own instruction caused. Blocking or ignoring it does not help.
    pub(crate) fn force_signal(&mut self, tid: Tid, info: Siginfo) {
        let signo = info.signo;
        let blocked = self.tasks[tid].blocked.contains(signo);
        let action = &mut self.tasks.actions_mut(tid).0[usize::from(signo)];
        if blocked || action.handler == SIG_IGN {
            action.handler = SIG_DFL;
        }
        if action.handler == SIG_DFL {
            self.tasks.group_of_mut(tid).unkillable = false;
        }
        if blocked {
            self.tasks[tid].blocked.remove(signo);
            recalc_sigpending(self, tid);
        }
        self.send_to_thread(tid, info);
    }

    /// `force_sigsegv`: a signal frame that cannot be written, or read back. No second try if SIGSEGV itself failed.
    pub(crate) fn force_sigsegv(&mut self, tid: Tid, failed: u8) {
        if failed == abi::SIGSEGV {
            self.tasks.actions_mut(tid).0[usize::from(failed)].handler = SIG_DFL;
        }
        self.force_signal(tid, Siginfo::kernel(abi::SIGSEGV));
    }

    fn trace_send(&mut self, tid: Tid, info: &Siginfo) {
        if self.trace.is_on(TraceKind::Signal) {
            let from = match info.fields {
                Fields::Kill { pid, .. } | Fields::Rt { pid, .. } | Fields::Child { pid, .. } => format!("from {pid}"),
                Fields::Fault { addr } => format!("at {addr:#x}"),
                _ => "from the kernel".into(),
            };
            let line =
                format!("{} gets {} {from}, code {}", self.tasks[tid].label(), signal_name(info.signo), info.code);
            self.trace.line(TraceKind::Signal, || line);
        }
    }
}

/// Whether SIGKILL is pending for the task itself (`fatal_signal_pending`).
pub(crate) fn fatal_signal_pending(kernel: &Kernel, tid: Tid) -> bool {
    let task = &kernel.tasks[tid];
    task.thread_info.test(Tif::SigPending) && task.pending.set.contains(SIGKILL)
}

/// SIGKILL and SIGSTOP, which init's immunity still lets through if forced (`sig_kernel_only`).
pub(super) fn kernel_only(signo: u8) -> bool {
    matches!(signo, SIGKILL | SIGSTOP)
}

#[cfg(test)]
mod tests {
    use crate::test_arch::{call, fork, machine};
    use crate::{Config, INIT, Kernel, Tid};
    use abi::{Errno, RLIMIT_SIGPENDING, SIGRTMIN, SIGUSR1, SigSet, Sysno};

    /// RLIMIT_SIGPENDING is a user's: what is queued for another process of it counts, another user's does not.
    #[test]
    fn queued_signals_are_limited_per_user() {
        let mut kernel = machine(Config::default());
        let (first, second, other) = (fork(&mut kernel, INIT), fork(&mut kernel, INIT), fork(&mut kernel, INIT));
        for tid in [first, second, other] {
            kernel.tasks[tid].blocked = SigSet::FULL;
            kernel.tasks.group_of_mut(tid).rlimits[RLIMIT_SIGPENDING].cur = 2;
        }
        kernel.tasks[other].cred.uid = 7;
        let kill =
            |kernel: &mut Kernel, tid: Tid, signo: u8| call(kernel, INIT, Sysno::Tkill, &[tid.0.into(), signo.into()]);
        let eagain = Some(-i64::from(Errno::EAGAIN.0));
        assert_eq!(kill(&mut kernel, first, SIGRTMIN), Some(0));
        assert_eq!(kill(&mut kernel, second, SIGRTMIN), Some(0));
        assert_eq!(kill(&mut kernel, second, SIGRTMIN), eagain);
        assert_eq!(kill(&mut kernel, first, SIGUSR1), Some(0), "a standard signal finds room");
        assert_eq!(kill(&mut kernel, other, SIGRTMIN), Some(0));
    }
}
