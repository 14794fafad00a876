//! The kernel's half of a signal-return path: `get_signal`, which every architecture's `do_signal` calls.
use super::is_orphaned_pgrp;
use super::send::kernel_only;
use crate::freezer::{self, freezing};
use crate::{Kernel, Result, Tid, TraceKind};
use abi::{
    DefaultAction, SIG_DFL, SIG_IGN, SIGKILL, SIGSEGV, SIGSTOP, SS_AUTODISARM, SaFlags, SigAltStack, SigSet, Siginfo,
    WaitStatus, default_action, signal_name,
};
use arch::{Delivery, Freeze, GetSignal, ReturnPath, SignalEra, Tif, UserMemory};

/// Lends the task's CPU to its architecture's signal-return path.
pub(crate) fn do_signal(kernel: &mut Kernel, tid: Tid) {
    let task = &mut kernel.tasks[tid];
    task.walk = false;
    let arch = task.cpu.arch;
    let mut cpu = std::mem::replace(&mut task.cpu, arch::Cpu::new(arch));
    arch.abi.do_signal(&mut cpu, &mut Path { kernel, tid });
    // A thread that died here without anyone to reap it is gone.
    if let Some(task) = kernel.tasks.get_mut(tid) {
        task.cpu = cpu;
    }
}

/// rt_sigreturn: the architecture takes its frame back. Where it refuses, the call's result is 0.
pub(crate) fn restore_sigframe(kernel: &mut Kernel, tid: Tid) {
    let task = &mut kernel.tasks[tid];
    // An old restart must not survive a handler.
    task.restart_block = None;
    let arch = task.cpu.arch;
    let mut cpu = std::mem::replace(&mut task.cpu, arch::Cpu::new(arch));
    let restored = arch.abi.restore_sigframe(&mut cpu, &mut Path { kernel, tid });
    if restored.is_err() {
        arch.abi.set_return(&mut cpu, 0);
    }
    kernel.tasks[tid].cpu = cpu;
    if restored.is_err() {
        kernel.force_signal(tid, Siginfo::kernel(SIGSEGV));
    }
}

/// `recalc_sigpending`: whether the flag must stay (R08-06: for a freeze request, a stop to join, or a deliverable signal).
/// Only the task itself may clear it (R08-07).
pub(crate) fn recalc_sigpending(kernel: &mut Kernel, tid: Tid) {
    let needed = freezing(kernel, tid) || has_pending(kernel, tid);
    let flags = &mut kernel.tasks[tid].thread_info;
    if needed {
        flags.set(Tif::SigPending);
    } else {
        flags.clear(Tif::SigPending);
    }
}

/// A signal that is not blocked, a group stop to join, or the freezer trap to enter or leave.
fn has_pending(kernel: &Kernel, tid: Tid) -> bool {
    let task = &kernel.tasks[tid];
    let group = kernel.tasks.group_of(tid);
    let pending = task.pending.set.union(group.pending.set).without(task.blocked);
    let signal = &task.signal;
    let traps = signal.stop_pending || signal.trap_stop || signal.trap_notify || signal.trap_freeze;
    !pending.is_empty() || traps || task.cgroup_frozen
}

impl Kernel {
    /// Takes the next signal not in `blocked`: the task's own first, then its group's.
    pub(crate) fn dequeue_signal(&mut self, tid: Tid, blocked: SigSet) -> Option<Siginfo> {
        let mask = SigSet::FULL.without(blocked);
        let own = self.tasks[tid].pending.take(mask);
        let mut info = own.or_else(|| self.tasks.group_of_mut(tid).pending.take(mask));
        recalc_sigpending(self, tid);
        if let Some(info) = &mut info {
            let tgid = self.tasks[tid].tgid;
            self.timer_signal_taken(tgid, info);
        }
        info
    }

    /// `set_current_blocked`: SIGKILL and SIGSTOP cannot be.
    pub(crate) fn set_blocked(&mut self, tid: Tid, mask: SigSet) {
        let task = &mut self.tasks[tid];
        let newly = mask.without(task.blocked);
        task.blocked = mask.without(SigSet::UNBLOCKABLE);
        self.retarget_shared_pending(tid, newly);
        recalc_sigpending(self, tid);
    }

    /// Signals for the group that this thread was to take and now blocks go to another thread that does not.
    pub(crate) fn retarget_shared_pending(&mut self, tid: Tid, newly_blocked: SigSet) {
        let group = self.tasks.group_of(tid);
        let mut left = group.pending.set.intersection(newly_blocked);
        if left.is_empty() || group.threads.len() == 1 {
            return;
        }
        for thread in group.threads.clone() {
            let task = &self.tasks[thread];
            let takes = left.without(task.blocked);
            if thread == tid || task.is_dead() || task.signal.exiting || takes.is_empty() {
                continue;
            }
            left = left.without(takes);
            if !task.thread_info.test(Tif::SigPending) {
                self.tasks.signal_wake_up(thread, false);
            }
            if left.is_empty() {
                return;
            }
        }
    }

    /// Replaces the mask until the call ends or a handler's frame has taken the old one (`set_user_sigmask`).
    pub(crate) fn set_temporary_mask(&mut self, tid: Tid, mask: SigSet) {
        let task = &mut self.tasks[tid];
        if task.saved_mask.is_none() {
            task.saved_mask = Some(task.blocked);
            task.thread_info.set(Tif::RestoreSigmask);
        }
        self.set_blocked(tid, mask);
    }

    /// Puts back the mask that `set_temporary_mask` replaced.
    pub(crate) fn restore_saved_mask(&mut self, tid: Tid) {
        let task = &mut self.tasks[tid];
        if let Some(mask) = task.saved_mask.take() {
            task.thread_info.clear(Tif::RestoreSigmask);
            self.set_blocked(tid, mask);
        }
    }

    /// Freezes, stops, carries out default actions, or gives the next signal that has a handler
    /// (`get_signal_to_deliver`).
    fn get_signal(&mut self, tid: Tid) -> GetSignal {
        let mut injected = self.tasks[tid].signal.injected.take();
        if injected.is_none() {
            if freezer::try_to_freeze(self, tid) {
                return GetSignal::Away;
            }
            self.tasks[tid].thawed = false;
            self.tell_pending_cld(tid);
        }
        loop {
            let info = match injected.take() {
                Some(info) => info,
                None => match self.next_signal(tid) {
                    Next::Signal(info) => info,
                    Next::Nothing => return GetSignal::Nothing,
                    Next::Away => return GetSignal::Away,
                    Next::Death => return self.fatal(tid, SIGKILL),
                },
            };
            let signo = info.signo;
            let action = *self.tasks.actions(tid).get(signo);
            match action.handler {
                SIG_IGN => continue,
                SIG_DFL => {}
                _ => {
                    if action.flags.contains(SaFlags::SA_RESETHAND) {
                        self.tasks.actions_mut(tid).0[usize::from(signo)].handler = SIG_DFL;
                    }
                    return GetSignal::Deliver(Box::new(self.delivery(tid, info, action)));
                }
            }
            let group = self.tasks.group_of(tid);
            if group.unkillable && !kernel_only(signo) {
                continue;
            }
            match default_action(signo) {
                _ if signo == SIGKILL => return self.fatal(tid, signo),
                DefaultAction::Ignore | DefaultAction::Continue => {}
                DefaultAction::Stop => {
                    let pgid = self.tasks.group_of(tid).pgid;
                    if signo != SIGSTOP && is_orphaned_pgrp(self, pgid) {
                        continue;
                    }
                    self.trace_default(tid, signo, "is stopped by");
                    if self.do_signal_stop(tid, Some(signo)) {
                        return GetSignal::Away;
                    }
                }
                DefaultAction::Terminate | DefaultAction::CoreDump => return self.fatal(tid, signo),
            }
        }
    }

    /// The task's group ends, of `signo` if it is not ending already. No core file is written, so the status does not say that
    /// one was.
    fn fatal(&mut self, tid: Tid, signo: u8) -> GetSignal {
        // Others that were killed with it must not keep it from telling its tracer of its end.
        self.tasks[tid].pending.flush(SigSet::of(&[SIGKILL]));
        self.cgroup_leave_frozen(tid, true);
        self.trace_default(tid, signo, "dies of");
        let code = WaitStatus::Signaled { signo, core: false }.encode();
        crate::task::do_group_exit(self, tid, code);
        GetSignal::Away
    }

    /// The next signal, if neither a stop nor the tracer, who is told of it first, stands before it.
    fn next_signal(&mut self, tid: Tid) -> Next {
        loop {
            // Already marked for death: no signal, stop or trap counts any more.
            let group = self.tasks.group_of(tid);
            if group.group_exit.is_some() || group.group_exec.is_some_and(|by| by != tid) {
                return Next::Death;
            }
            if self.tasks[tid].signal.stop_pending && self.do_signal_stop(tid, None) {
                return Next::Away;
            }
            let signal = &self.tasks[tid].signal;
            if signal.trap_stop || signal.trap_notify {
                if self.do_jobctl_trap(tid) {
                    return Next::Away;
                }
                continue;
            }
            if self.tasks[tid].signal.trap_freeze {
                self.do_freezer_trap(tid);
                return Next::Away;
            }
            if self.tasks[tid].cgroup_frozen {
                self.cgroup_leave_frozen(tid, false);
                continue;
            }
            let blocked = self.tasks[tid].blocked;
            let Some(info) = self.dequeue_signal(tid, blocked) else { return Next::Nothing };
            if SigSet::STOP.contains(info.signo) {
                self.tasks[tid].signal.stop_dequeued = true;
            }
            if info.signo != SIGKILL && self.ptrace_signal(tid, info) {
                return Next::Away;
            }
            return Next::Signal(info);
        }
    }

    fn delivery(&mut self, tid: Tid, info: Siginfo, action: abi::SigAction) -> Delivery {
        let task = &self.tasks[tid];
        let delivery = Delivery {
            info,
            action,
            mask: task.saved_mask.unwrap_or(task.blocked),
            altstack: task.altstack,
            trampoline: task.mm.and_then(|mm| self.mms.get(mm)).map_or(0, |mm| mm.vdso),
        };
        if self.trace.is_on(TraceKind::Signal) {
            let line = format!("{} {} to handler {:#x}", task.label(), signal_name(info.signo), action.handler);
            self.trace.line(TraceKind::Signal, || line);
        }
        delivery
    }

    fn trace_default(&mut self, tid: Tid, signo: u8, what: &str) {
        let task = &self.tasks[tid];
        self.trace.line(TraceKind::Signal, || format!("{} {what} {}", task.label(), signal_name(signo)));
    }
}

/// What `get_signal` finds to do.
enum Next {
    Signal(Siginfo),
    Nothing,
    /// The task stopped.
    Away,
    /// The task's group ends.
    Death,
}

/// What a signal-return path may do with the kernel, for one task.
struct Path<'a> {
    kernel: &'a mut Kernel,
    tid: Tid,
}

impl ReturnPath for Path<'_> {
    fn era(&self) -> SignalEra {
        self.kernel.config.freezer.mechanism.era
    }

    fn try_to_freeze(&mut self) -> Freeze {
        if freezer::try_to_freeze(self.kernel, self.tid) {
            self.kernel.tasks[self.tid].walk = true;
            return Freeze::Frozen;
        }
        if std::mem::take(&mut self.kernel.tasks[self.tid].thawed) { Freeze::Thawed } else { Freeze::NotAsked }
    }

    fn get_signal(&mut self) -> GetSignal {
        let found = self.kernel.get_signal(self.tid);
        if matches!(found, GetSignal::Away)
            && let Some(task) = self.kernel.tasks.get_mut(self.tid)
        {
            task.walk = true;
        }
        found
    }

    fn signal_setup_done(&mut self, delivery: &Delivery, frame: Result<()>) {
        let signo = delivery.info.signo;
        if frame.is_err() {
            return self.kernel.force_sigsegv(self.tid, signo);
        }
        // An exclusive store in progress starts over; the register file's half is the architecture's.
        self.kernel.frames.disarm(self.tid.0.into());
        let task = &mut self.kernel.tasks[self.tid];
        if task.altstack.flags & SS_AUTODISARM != 0 {
            task.altstack = SigAltStack::default();
        }
        task.saved_mask = None;
        task.thread_info.clear(Tif::RestoreSigmask);
        let mut mask = task.blocked.union(delivery.action.mask);
        if !delivery.action.flags.contains(SaFlags::SA_NODEFER) {
            mask.add(signo);
        }
        self.kernel.set_blocked(self.tid, mask);
        if std::mem::take(&mut self.kernel.tasks[self.tid].single_step) {
            self.kernel.ptrace_step_into_handler(self.tid);
        }
    }

    fn restore_saved_sigmask(&mut self) {
        self.kernel.restore_saved_mask(self.tid);
    }

    fn set_blocked(&mut self, mask: SigSet) {
        self.kernel.set_blocked(self.tid, mask);
    }

    fn restore_altstack(&mut self, altstack: &SigAltStack, sp: u64) {
        // Errors are nobody's.
        let _ = self.kernel.set_altstack(self.tid, altstack, sp);
    }
}

impl UserMemory for Path<'_> {
    fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<()> {
        self.kernel.user(self.tid).read(addr, buf)
    }
    fn write(&mut self, addr: u64, data: &[u8]) -> Result<()> {
        self.kernel.user(self.tid).write(addr, data)
    }
}

#[cfg(test)]
mod tests {
    use crate::test_arch::{call, delivered, machine, result, to_user};
    use crate::{Config, INIT};
    use abi::{Errno, SIGSEGV, SigAction, Sysno};

    /// `sys_rt_sigreturn` gives 0 when it refuses a frame, so what the frame had for a result restarts nothing.
    #[test]
    fn a_refused_frame_restarts_nothing() {
        let mut kernel = machine(Config::default());
        let action = SigAction { handler: 0x1000, ..SigAction::default() };
        kernel.tasks.actions_mut(INIT).0[usize::from(SIGSEGV)] = action;
        let next = kernel.tasks[INIT].cpu.pc + 4;
        call(&mut kernel, INIT, Sysno::RtSigreturn, &[Errno::EFAULT.0.into()]);
        assert!(to_user(&mut kernel, INIT));
        assert_eq!((result(&kernel, INIT), delivered(&kernel, INIT)), (Some(0), SIGSEGV));
        assert_eq!(kernel.tasks[INIT].cpu.pc, next);
    }
}
