//! The freezer: one refrigerator for every architecture (kernel/freezer.c; rules R08 and F22 of facts/FREEZER.md).
//!
//! A profile says which Linux's freezer this is. Its mechanism half is read here, its rules half by the cgroup filesystems.
mod in_place;
mod profile;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_in_place;
#[cfg(test)]
mod tests_trap;
mod trap;

pub use profile::*;
pub use trap::in_freezer_trap;

use crate::signal::recalc_sigpending;
use crate::task::{Task, TaskState};
use crate::{Kernel, Tid, TraceKind};
use arch::Tif;

/// Whether the task was asked to freeze and has not yet done so.
pub fn freezing(kernel: &Kernel, tid: Tid) -> bool {
    let task = &kernel.tasks[tid];
    match kernel.config.freezer.mechanism.request {
        Request::TifFlag => task.thread_info.test(Tif::Freeze),
        Request::Condition if never_freezes(kernel, task) => false,
        Request::Condition => {
            kernel.power.wants_frozen(task.kthread)
                || kernel.cgroup_core().is_some_and(|core| core.cgroup_freezing(tid))
        }
    }
}

/// PF_NOFREEZE, PF_SUSPEND_TASK: no computed condition holds.
fn never_freezes(kernel: &Kernel, task: &Task) -> bool {
    task.nofreeze || kernel.power.suspends(task.tid)
}

/// Whether a system suspend need not wait for the task: it is a vfork parent, stopped or traced (P08-04). Where tasks freeze
/// in place, these do too.
pub(crate) fn may_skip(kernel: &Kernel, tid: Tid) -> bool {
    let task = &kernel.tasks[tid];
    let skipped = task.freezer_skip || matches!(task.state, TaskState::Stopped | TaskState::Traced);
    skipped && !kernel.config.freezer.mechanism.in_place
}

/// Takes a request back that the task has not met (P08-05). Its fake signal stays (R08-07).
pub(crate) fn cancel_freezing(kernel: &mut Kernel, tid: Tid) {
    let task = &mut kernel.tasks[tid];
    if task.thread_info.test(Tif::Freeze) {
        task.thread_info.clear(Tif::Freeze);
        let task = &kernel.tasks[tid];
        kernel.trace.line(TraceKind::Freezer, || format!("{} need not freeze: the suspend failed", task.label()));
    }
}

/// Whether the task is in the refrigerator (PF_FROZEN).
pub fn frozen(task: &Task) -> bool {
    matches!(task.state, TaskState::Frozen { .. })
}

/// Asks a task to freeze (R08-01); `sig_only` spares kernel threads. False if it is frozen already, or cannot be. With a
/// computed condition the caller has seen to it that the condition holds.
pub fn freeze_task(kernel: &mut Kernel, tid: Tid, sig_only: bool) -> bool {
    let mechanism = &kernel.config.freezer.mechanism;
    let spared = kernel.tasks.get(tid).is_some_and(|task| never_freezes(kernel, task));
    let Some(task) = kernel.tasks.get_mut(tid) else { return false };
    match mechanism.request {
        Request::TifFlag => {
            let asked = task.thread_info.test(Tif::Freeze);
            if !asked && (frozen(task) || task.kthread && sig_only) {
                return false;
            }
            task.thread_info.set(Tif::Freeze);
        }
        Request::Condition if frozen(task) || task.is_dead() || spared => return false,
        Request::Condition if mechanism.in_place && kernel.tasks.freeze_in_place(tid) => {
            told(kernel, tid, "is frozen where it is");
            return false;
        }
        Request::Condition => {}
    }
    let task = &kernel.tasks[tid];
    let sleeps = matches!(task.state, TaskState::Sleeping { kind: crate::SleepKind::Interruptible, .. });
    let signalled = task.thread_info.test(Tif::SigPending);
    match (task.kthread, sig_only) {
        (true, true) => return false,
        (true, false) if sleeps => kernel.tasks.wake_up(tid),
        (true, false) => {}
        // The fake signal (R08-02): nothing is queued.
        (false, _) if !signalled => kernel.tasks.signal_wake_up(tid, false),
        (false, _) => {}
    }
    let task = &kernel.tasks[tid];
    let word = task.thread_info.word();
    kernel.trace.line(TraceKind::Freezer, || format!("{} is to freeze: flags {word:#x}", task.label()));
    true
}

/// Ends a job-control stop so that the task can enter the refrigerator; a SIGSTOP of its own stops it again after the thaw,
/// with a new report to its parent (F07-16: 2.6.22's freeze_process).
pub fn wake_stopped(kernel: &mut Kernel, tid: Tid) {
    let Some(task) = kernel.tasks.get_mut(tid) else { return };
    if matches!(task.state, TaskState::Stopped) {
        task.pending.set.add(abi::SIGSTOP);
        kernel.tasks.signal_wake_up(tid, true);
    }
}

/// Enters the refrigerator if the task was asked to (R08-08); true if it is in there now.
pub(crate) fn try_to_freeze(kernel: &mut Kernel, tid: Tid) -> bool {
    let asked = freezing(kernel, tid);
    if asked {
        refrigerator(kernel, tid);
    }
    asked
}

/// The one refrigerator (R08-04). The task stays until `thaw_process`, whatever signals come (R08-12).
fn refrigerator(kernel: &mut Kernel, tid: Tid) {
    let wchan = kernel.config.freezer.mechanism.wchan;
    kernel.tasks.set_asleep(tid, TaskState::Frozen { saved: None, wchan });
    let task = &mut kernel.tasks[tid];
    task.thread_info.clear(Tif::Freeze);
    task.thawed = true;
    recalc_sigpending(kernel, tid);
    told(kernel, tid, "enters the refrigerator");
}

/// The task froze or thawed: a line of the trace.
fn told(kernel: &mut Kernel, tid: Tid, what: &str) {
    let (now, task) = (kernel.clock.now, &kernel.tasks[tid]);
    kernel.trace.line(TraceKind::Freezer, || format!("{} {what} at {now}", task.label()));
}

/// Lets a task out of the refrigerator, or takes the request back (R08-09). True if it was inside.
/// The fake signal of a request taken back stays: the task makes one empty trip through its signal path (R08-07).
pub fn thaw_process(kernel: &mut Kernel, tid: Tid) -> bool {
    let Some(task) = kernel.tasks.get_mut(tid) else { return false };
    let inside = frozen(task);
    if inside {
        kernel.tasks.thaw(tid);
        told(kernel, tid, "leaves the refrigerator");
    } else {
        task.thread_info.clear(Tif::Freeze);
        let (now, task) = (kernel.clock.now, &kernel.tasks[tid]);
        kernel.trace.line(TraceKind::Freezer, || format!("{} need not freeze at {now}", task.label()));
    }
    inside
}
