//! ptrace (kernel/ptrace.c and its half of kernel/signal.c): one task stops another and looks into it.
//!
//! A trace stop is data, as a sleep is: [`TraceStop`] says what the tracer is told and how the task goes on from there
//! (`stop`). Links between tracer and tracee are made and undone in `attach`; what a tracer may ask is in `request`.
mod attach;
mod info;
mod process_vm;
mod registers;
mod request;
mod stop;
#[cfg(test)]
mod tests;

pub(crate) use process_vm::ROWS as PROCESS_VM_ROWS;
pub(crate) use request::ROWS;

use crate::{Kernel, Task, TaskState, Tgid, Tid};
use abi::{PTRACE_EVENT_EXEC, PTRACE_EVENT_STOP, PtraceOptions, SIGTRAP, Siginfo};
use serde::{Deserialize, Serialize};

/// Who traces a task, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ptrace {
    pub tracer: Tid,
    /// PTRACE_SEIZE, not ATTACH or TRACEME: group stops are told as such, and nothing is sent.
    pub seized: bool,
    pub options: PtraceOptions,
}

/// A stop that the tracer is told of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TraceStop {
    /// What wait has still to report, 0 once it has; then what the tracer resumes the task with (`exit_code`).
    pub(crate) code: u32,
    /// GETSIGINFO (`last_siginfo`): none in a group stop of a task that was not seized.
    pub(crate) info: Option<Siginfo>,
    /// GETEVENTMSG.
    pub(crate) message: u64,
    pub(crate) then: Then,
}

/// How a task goes on after a trace stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Then {
    /// On its signal-return path: nothing is left to do.
    Return,
    /// With the signal it was about to take, or what the tracer made of it.
    Signal,
    /// Into the system call; the register that marked the stop is put back.
    Enter(u64),
    /// Out of the system call.
    Leave(u64),
    /// With the call that is in `Task::in_syscall`: an event of it was told.
    Call,
    /// It dies, with this status.
    Exit(u32),
}

/// The code of an event's stop.
pub(crate) const fn event_code(event: u8) -> u32 {
    (event as u32) << 8 | SIGTRAP as u32
}

impl Task {
    /// In a trace stop, frozen there or not, and not yet told to go on (`task_is_traced`).
    pub fn is_traced_stopped(&self) -> bool {
        matches!(self.state.beneath(), TaskState::Traced)
    }

    /// Whether a tracer can work on it (`ptrace_freeze_traced`): stopped, not listening, not being killed.
    fn is_held(&self) -> bool {
        self.is_traced_stopped()
            && !self.signal.listening
            && !self.pending.set.contains(abi::SIGKILL)
            && !self.looks_like_a_spurious_pid()
    }

    /// Another thread's execve gave it this number, and its tracer has not been told yet.
    fn looks_like_a_spurious_pid(&self) -> bool {
        self.trace_stop
            .as_ref()
            .is_some_and(|stop| stop.code == event_code(PTRACE_EVENT_EXEC) && stop.message != u64::from(self.tid.0))
    }

    /// What a tracer's wait would be told now (`task_stopped_code`); 0 is nothing.
    pub(crate) fn trace_report(&self) -> u32 {
        match &self.trace_stop {
            Some(stop) if self.is_traced_stopped() && !self.signal.listening => stop.code,
            _ => 0,
        }
    }

    /// In a PTRACE_EVENT_STOP.
    fn is_event_stopped(&self) -> bool {
        let info = self.trace_stop.as_ref().and_then(|stop| stop.info);
        info.is_some_and(|info| info.code >> 8 == PTRACE_EVENT_STOP.into())
    }
}

impl Kernel {
    /// The process of a task's tracer.
    pub(crate) fn tracer_group(&self, tid: Tid) -> Option<Tgid> {
        let tracer = self.tasks.get(tid)?.ptrace.as_ref()?.tracer;
        Some(self.tasks.get(tracer)?.tgid)
    }

    /// `ptrace_reparented`: it is traced, and not by its own parent.
    pub(crate) fn ptrace_reparented(&self, tid: Tid) -> bool {
        self.tracer_group(tid).is_some_and(|tracer| tracer != self.tasks.group_of(tid).parent)
    }
}
