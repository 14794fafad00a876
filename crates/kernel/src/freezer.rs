//! The freezer: one refrigerator for every architecture (kernel/freezer.c; rules R08 of facts/FREEZER.md).
//!
//! A profile says which Linux's freezer this is. Its mechanism half is read here, its rules half by the cgroup filesystems.
use crate::signal::recalc_sigpending;
use crate::task::{Task, TaskState};
use crate::{Kernel, Tid, TraceKind};
use abi::Errno;
use arch::{SignalEra, Tif};

/// Which freezer the guest sees: one value, made of named policies.
#[derive(Debug)]
pub struct Profile {
    pub name: &'static str,
    pub mechanism: Mechanism,
    pub rules: Rules,
}

/// How a task is frozen.
#[derive(Debug)]
pub struct Mechanism {
    pub request: Request,
    /// Sleeping and stopped tasks become frozen where they are (F22-02).
    pub in_place: bool,
    /// What /proc/PID/wchan says in the refrigerator.
    pub wchan: &'static str,
    /// How old the signal-return paths of the architectures are (R08-31).
    pub era: SignalEra,
}

/// How a task knows that it is to freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// TIF_FREEZE, set by whoever wants it (2.6.24 to 3.2).
    TifFlag,
    /// A condition that is computed whenever it is asked for (3.3 on).
    Condition,
}

/// What freezer.state says and takes.
#[derive(Debug)]
pub struct Rules {
    /// F08-02.
    pub thawed_word: &'static str,
    /// A word that cannot be written (F08-04).
    pub bad_word: Errno,
    pub busy: Busy,
    pub recompute: Recompute,
    pub migration: Migration,
    /// Whether the root cgroup has the file (F08-08).
    pub root_file: bool,
    /// Whether groups have cgroup.procs and cgroup.clone_children (2.6.32 and 2.6.37 on).
    pub modern_core_files: bool,
    /// Whether freezing a group freezes those below it (F08-07, F12-04).
    pub hierarchical: bool,
    /// The errno of a suspend that failed (P08-09).
    pub failed_suspend: Errno,
}

/// When a write of FROZEN fails with EBUSY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// A member is in an uninterruptible wait and is not a vfork parent (the commit's text; DECISIONS 2).
    Uninterruptible,
    /// A member is neither frozen nor flagged nor a vfork parent (2.6.28's code: next to never, F08-11).
    Unflagged,
    /// F12-05.
    Never,
}

/// How the state follows from the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recompute {
    /// To FROZEN when all are frozen, else not at all (F08-30).
    ToFrozen,
    /// To FROZEN, FREEZING or thawed, by how many are frozen (F08-31).
    ByCount,
    /// On read alone, from the bottom up (F12-06).
    OnRead,
}

/// When a task may not be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migration {
    /// Not into a FROZEN group (F08-21).
    NotIntoFrozen,
    /// Nor while it is frozen itself (F08-22).
    NotWhileFrozen,
    /// F12-10.
    Always,
}

/// The commit of October 2008, kernel/cgroup_freezer.c as first applied (S1).
pub static PROFILE_2008: Profile = Profile {
    name: "2008",
    mechanism: Mechanism {
        request: Request::TifFlag,
        in_place: false,
        wchan: "refrigerator",
        // The transcript is that day's; signal frames and restarts are today's kernel's, as its programs expect them.
        era: SignalEra::Modern,
    },
    rules: Rules {
        thawed_word: "RUNNING",
        bad_word: Errno::EIO,
        busy: Busy::Uninterruptible,
        recompute: Recompute::ToFrozen,
        migration: Migration::NotIntoFrozen,
        root_file: true,
        modern_core_files: false,
        hierarchical: false,
        failed_suspend: Errno::EAGAIN,
    },
};

/// Every profile there is.
pub static PROFILES: &[&Profile] = &[&PROFILE_2008];

/// The profile of that name.
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().copied().find(|profile| profile.name == name)
}

/// Whether the task was asked to freeze and has not yet done so.
pub fn freezing(kernel: &Kernel, tid: Tid) -> bool {
    match kernel.config.freezer.mechanism.request {
        Request::TifFlag => kernel.tasks[tid].thread_info.test(Tif::Freeze),
        Request::Condition => kernel.cgroup_core().is_some_and(|core| core.cgroup_freezing(tid)),
    }
}

/// Whether the task is in the refrigerator (PF_FROZEN).
pub fn frozen(task: &Task) -> bool {
    matches!(task.state, TaskState::Frozen { .. })
}

/// Asks a task to freeze (R08-01); `sig_only` spares kernel threads. False if it is frozen already, or cannot be.
pub fn freeze_task(kernel: &mut Kernel, tid: Tid, sig_only: bool) -> bool {
    let asked = freezing(kernel, tid);
    let Some(task) = kernel.tasks.get_mut(tid) else { return false };
    if !asked {
        if frozen(task) || task.kthread && sig_only {
            return false;
        }
        task.thread_info.set(Tif::Freeze);
    }
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
    kernel.tasks.set_asleep(tid, TaskState::Frozen { saved: None });
    let task = &mut kernel.tasks[tid];
    task.thread_info.clear(Tif::Freeze);
    task.thawed = true;
    recalc_sigpending(kernel, tid);
    let (now, task) = (kernel.clock.now, &kernel.tasks[tid]);
    kernel.trace.line(TraceKind::Freezer, || format!("{} enters the refrigerator at {now}", task.label()));
    kernel.with_cgroups(|core, kernel| core.task_stopped_or_frozen_changed(kernel, tid));
}

/// Lets a task out of the refrigerator, or takes the request back (R08-09). True if it was inside.
/// The fake signal of a request taken back stays: the task makes one empty trip through its signal path (R08-07).
pub fn thaw_process(kernel: &mut Kernel, tid: Tid) -> bool {
    let Some(task) = kernel.tasks.get_mut(tid) else { return false };
    let inside = frozen(task);
    if inside {
        kernel.tasks.wake_up(tid);
    } else {
        task.thread_info.clear(Tif::Freeze);
    }
    let (now, task) = (kernel.clock.now, &kernel.tasks[tid]);
    let what = if inside { "leaves the refrigerator" } else { "need not freeze" };
    kernel.trace.line(TraceKind::Freezer, || format!("{} {what} at {now}", task.label()));
    if inside {
        kernel.with_cgroups(|core, kernel| core.task_stopped_or_frozen_changed(kernel, tid));
    }
    inside
}
