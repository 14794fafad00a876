//! Signals: sending, queueing, choosing and delivering; job control.
mod get_signal;
mod jobctl;
mod pending;
mod send;

pub(crate) use get_signal::{do_signal, recalc_sigpending, restore_sigframe};
pub(crate) use jobctl::{group_ticks, is_orphaned_pgrp, orphaned_without};
pub use pending::Pending;
pub(crate) use send::{Target, fatal_signal_pending};

use crate::{Kernel, Tid};
use abi::{SIG_DFL, SIG_IGN, SigAction, SigAltStack, SigSet, Siginfo};
use serde::{Deserialize, Serialize};

/// Dispositions of a thread group, by signal number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Actions(#[serde(with = "abi::saved::array")] pub Box<[SigAction; 65]>);

impl Default for Actions {
    fn default() -> Actions {
        Actions(Box::new([SigAction::default(); 65]))
    }
}

impl Actions {
    pub fn get(&self, signo: u8) -> &SigAction {
        &self.0[usize::from(signo)]
    }
    pub fn is_ignored(&self, signo: u8) -> bool {
        self.get(signo).handler == SIG_IGN
    }
    pub fn has_handler(&self, signo: u8) -> bool {
        !matches!(self.get(signo).handler, SIG_DFL | SIG_IGN)
    }
    /// execve: handlers go, what was ignored stays ignored (`flush_signal_handlers`).
    pub(crate) fn flush(&mut self) {
        for action in self.0.iter_mut() {
            let handler = if action.handler == SIG_IGN { SIG_IGN } else { SIG_DFL };
            *action = SigAction { handler, ..SigAction::default() };
        }
    }
}

/// A task's own signal bookkeeping beyond masks and queues.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SignalState {
    /// What sigtimedwait waits for, and has unblocked meanwhile: the mask to put back is here.
    pub waiting_for: Option<SigSet>,
    /// Takes part in a group stop that it has not yet entered (JOBCTL_STOP_PENDING).
    pub stop_pending: bool,
    /// Its cgroup2 group is to be frozen (JOBCTL_TRAP_FREEZE).
    pub trap_freeze: bool,
    /// The group's stop waits for it (JOBCTL_STOP_CONSUME).
    pub stop_consume: bool,
    /// It took a stop signal, and no SIGCONT has come since (JOBCTL_STOP_DEQUEUED).
    pub stop_dequeued: bool,
    /// The signal of the last group stop it took part in (JOBCTL_STOP_SIGMASK).
    pub stop_signal: u8,
    /// Is to stop for its tracer: for a group stop or PTRACE_INTERRUPT (JOBCTL_TRAP_STOP).
    pub trap_stop: bool,
    /// Is to stop to tell its tracer, who seized it, of a group stop that came or went (JOBCTL_TRAP_NOTIFY).
    pub trap_notify: bool,
    /// The tracer waits for it to change from stopped to traced (JOBCTL_TRAPPING).
    pub trapping: bool,
    /// PTRACE_LISTEN: in its stop, and out of the tracer's reach until something happens (JOBCTL_LISTENING).
    pub listening: bool,
    /// What its tracer made of a signal it was about to take: it is taken next, and the tracer is not asked again.
    pub injected: Option<Siginfo>,
    /// In do_exit (PF_EXITING): gets no signals any more.
    pub exiting: bool,
}

/// Sends `signo`, from the kernel, to every process of a group (the terminal's signals).
pub(crate) fn kill_pgrp(kernel: &mut Kernel, pgid: Tid, signo: u8) {
    for tgid in kernel.tasks.pgrp(pgid).collect::<Vec<_>>() {
        kernel.send_to_group(tgid, Siginfo::kernel(signo));
    }
}

impl Kernel {
    /// What execve does to signals: handlers and alternate stack go.
    pub(crate) fn flush_signal_handlers(&mut self, tid: Tid) {
        self.tasks.unshare_sighand(tid);
        self.tasks.actions_mut(tid).flush();
        self.tasks[tid].altstack = SigAltStack::default();
    }
}
