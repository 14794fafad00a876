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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_arch::{call, delivered, fork, machine, result, to_user};
    use crate::{Config, INIT};
    use abi::{SIGCONT, SIGKILL, SIGSTOP, SIGUSR1, SigAction, Siginfo, Sysno, WNOHANG, WUNTRACED};

    /// init and a child of it in user mode.
    fn pair() -> (Kernel, Tid) {
        let mut kernel = machine(Config::default());
        let child = fork(&mut kernel, INIT);
        (kernel, child)
    }

    fn letter(kernel: &Kernel, tid: Tid) -> char {
        kernel.tasks[tid].state_letter()
    }

    fn flags(kernel: &Kernel, tid: Tid) -> (bool, bool) {
        let info = &kernel.tasks[tid].thread_info;
        (info.test(Tif::Freeze), info.test(Tif::SigPending))
    }

    fn handle(kernel: &mut Kernel, tid: Tid, signo: u8) {
        kernel.tasks.actions_mut(tid).0[usize::from(signo)] = SigAction { handler: 1 << 12, ..SigAction::default() };
    }

    /// R08-01, R08-02, R08-04, R08-06, R08-09: a task in user mode.
    #[test]
    fn freeze_and_thaw() {
        let (mut kernel, tid) = pair();
        assert!(freeze_task(&mut kernel, tid, true));
        assert_eq!(flags(&kernel, tid), (true, true));
        assert!(!to_user(&mut kernel, tid), "it enters the refrigerator instead");
        assert!(frozen(&kernel.tasks[tid]));
        assert_eq!(flags(&kernel, tid), (false, false), "request and fake signal are gone inside");
        assert_eq!((letter(&kernel, tid), kernel.tasks[tid].wchan()), ('D', "refrigerator"), "R08-18");
        assert!(!freeze_task(&mut kernel, tid, true), "it is frozen already");
        assert!(thaw_process(&mut kernel, tid));
        assert!(to_user(&mut kernel, tid));
        assert!(!thaw_process(&mut kernel, tid), "it is not inside");
    }

    /// R08-07: a request taken back leaves the fake signal, and one empty trip through the signal path.
    #[test]
    fn cancelled() {
        let (mut kernel, tid) = pair();
        freeze_task(&mut kernel, tid, true);
        assert!(!thaw_process(&mut kernel, tid));
        assert_eq!(flags(&kernel, tid), (false, true));
        assert!(to_user(&mut kernel, tid));
        assert_eq!(flags(&kernel, tid), (false, false));
    }

    /// R08-10: asked again between thaw and running, it goes back in before any instruction of its own.
    #[test]
    fn refrozen_before_it_ran() {
        let (mut kernel, tid) = pair();
        freeze_task(&mut kernel, tid, true);
        to_user(&mut kernel, tid);
        thaw_process(&mut kernel, tid);
        assert!(freeze_task(&mut kernel, tid, true));
        assert!(!to_user(&mut kernel, tid));
        assert!(frozen(&kernel.tasks[tid]));
    }

    /// R08-12: signals, SIGKILL too, wait until the thaw; then the task dies before it runs.
    #[test]
    fn killed_inside() {
        let (mut kernel, tid) = pair();
        freeze_task(&mut kernel, tid, true);
        to_user(&mut kernel, tid);
        kernel.send_to_group(tid, Siginfo::kernel(SIGKILL));
        assert!(frozen(&kernel.tasks[tid]));
        thaw_process(&mut kernel, tid);
        assert!(!to_user(&mut kernel, tid));
        assert_eq!(letter(&kernel, tid), 'Z');
    }

    /// R08-12, R08-16: a handler runs after the thaw, once.
    #[test]
    fn signalled_inside() {
        let (mut kernel, tid) = pair();
        handle(&mut kernel, tid, SIGUSR1);
        freeze_task(&mut kernel, tid, true);
        to_user(&mut kernel, tid);
        kernel.send_to_group(tid, Siginfo::kernel(SIGUSR1));
        assert_eq!((frozen(&kernel.tasks[tid]), delivered(&kernel, tid)), (true, 0));
        thaw_process(&mut kernel, tid);
        assert!(to_user(&mut kernel, tid));
        assert_eq!(delivered(&kernel, tid), SIGUSR1);
    }

    /// R08-13: a stopped and flagged task that is killed enters the refrigerator, and dies after the thaw.
    #[test]
    fn stopped_flagged_and_killed() {
        let (mut kernel, tid) = pair();
        kernel.send_to_group(tid, Siginfo::kernel(SIGSTOP));
        to_user(&mut kernel, tid);
        assert_eq!(letter(&kernel, tid), 'T');
        freeze_task(&mut kernel, tid, true);
        assert_eq!(letter(&kernel, tid), 'T', "R08-14: it stays stopped");
        kernel.send_to_group(tid, Siginfo::kernel(SIGKILL));
        assert!(!to_user(&mut kernel, tid));
        assert_eq!(letter(&kernel, tid), 'D');
        thaw_process(&mut kernel, tid);
        to_user(&mut kernel, tid);
        assert_eq!(letter(&kernel, tid), 'Z');
    }

    /// R08-14: SIGCONT to a stopped and flagged task leads into the refrigerator; the parent hears of it after the thaw.
    #[test]
    fn stopped_flagged_and_continued() {
        let (mut kernel, tid) = pair();
        kernel.send_to_group(tid, Siginfo::kernel(SIGSTOP));
        to_user(&mut kernel, tid);
        freeze_task(&mut kernel, tid, true);
        kernel.send_to_group(tid, Siginfo::kernel(SIGCONT));
        to_user(&mut kernel, tid);
        assert_eq!(letter(&kernel, tid), 'D');
        assert!(kernel.tasks.group_of(tid).cld_pending.is_some());
        thaw_process(&mut kernel, tid);
        assert!(to_user(&mut kernel, tid));
        assert!(kernel.tasks.group_of(tid).cld_pending.is_none());
    }

    /// R08-14: thawed while stopped, it stays stopped, and its parent sees no second stop.
    #[test]
    fn thawed_while_stopped() {
        let (mut kernel, tid) = pair();
        kernel.send_to_group(tid, Siginfo::kernel(SIGSTOP));
        to_user(&mut kernel, tid);
        assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[u64::MAX, 0, WUNTRACED.into()]), Some(tid.0.into()));
        freeze_task(&mut kernel, tid, true);
        assert!(!thaw_process(&mut kernel, tid));
        assert_eq!(letter(&kernel, tid), 'T');
        let options = u64::from(WUNTRACED | WNOHANG);
        assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[u64::MAX, 0, options]), Some(0));
    }

    /// R08-15: a stop that comes while it is frozen takes effect after the thaw.
    #[test]
    fn stopped_inside() {
        let (mut kernel, tid) = pair();
        freeze_task(&mut kernel, tid, true);
        to_user(&mut kernel, tid);
        kernel.send_to_group(tid, Siginfo::kernel(SIGSTOP));
        let options = u64::from(WUNTRACED | WNOHANG);
        assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[u64::MAX, 0, options]), Some(0));
        thaw_process(&mut kernel, tid);
        to_user(&mut kernel, tid);
        assert_eq!(letter(&kernel, tid), 'T');
        assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[u64::MAX, 0, options]), Some(tid.0.into()));
    }

    /// E08-03: pause is restarted; a handler that came meanwhile ends it with EINTR (R08-30).
    #[test]
    fn pause_goes_on() {
        for signal in [false, true] {
            let (mut kernel, tid) = pair();
            handle(&mut kernel, tid, SIGUSR1);
            let pc = kernel.tasks[tid].cpu.pc;
            assert_eq!(call(&mut kernel, tid, Sysno::Pause, &[]), None);
            freeze_task(&mut kernel, tid, true);
            assert!(!to_user(&mut kernel, tid));
            assert!(frozen(&kernel.tasks[tid]));
            if signal {
                kernel.send_to_group(tid, Siginfo::kernel(SIGUSR1));
            }
            thaw_process(&mut kernel, tid);
            assert!(to_user(&mut kernel, tid));
            if signal {
                assert_eq!((result(&kernel, tid), kernel.tasks[tid].cpu.pc), (Some(-4), pc + 4));
            } else {
                assert_eq!(kernel.tasks[tid].cpu.pc, pc, "the call is made again");
            }
        }
    }

    /// E08-04, F08-43, F08-40: a flagged task does not fork before it is thawed; its child is not flagged.
    #[test]
    fn fork_waits_for_the_thaw() {
        let (mut kernel, tid) = pair();
        freeze_task(&mut kernel, tid, true);
        let (pc, tasks) = (kernel.tasks[tid].cpu.pc, kernel.tasks.len());
        call(&mut kernel, tid, Sysno::Fork, &[]);
        assert!(!to_user(&mut kernel, tid));
        assert_eq!(kernel.tasks.len(), tasks, "no child was made");
        thaw_process(&mut kernel, tid);
        assert!(to_user(&mut kernel, tid));
        assert_eq!(kernel.tasks[tid].cpu.pc, pc, "fork is made again");
        let child = fork(&mut kernel, tid);
        assert_eq!(flags(&kernel, child), (false, false));
    }

    /// F08-44, F08-45: a vfork parent is flagged but not frozen; when its child lets go it freezes at once.
    #[test]
    fn vfork_parent() {
        let (mut kernel, tid) = pair();
        assert_eq!(call(&mut kernel, tid, Sysno::Vfork, &[]), None);
        let child = Tid(kernel.tasks.last_tid());
        assert!(kernel.tasks[tid].freezer_skip);
        freeze_task(&mut kernel, tid, true);
        assert_eq!((letter(&kernel, tid), flags(&kernel, tid)), ('D', (true, true)));
        assert!(!frozen(&kernel.tasks[tid]));
        call(&mut kernel, child, Sysno::Exit, &[0]);
        assert!(!kernel.tasks[tid].freezer_skip);
        assert!(!to_user(&mut kernel, tid));
        assert!(frozen(&kernel.tasks[tid]));
        thaw_process(&mut kernel, tid);
        assert!(to_user(&mut kernel, tid));
        assert_eq!(result(&kernel, tid), Some(child.0.into()), "and vfork returns");
    }

    /// F08-46: a dying task is not frozen.
    #[test]
    fn exit_clears_the_request() {
        let (mut kernel, tid) = pair();
        freeze_task(&mut kernel, tid, true);
        call(&mut kernel, tid, Sysno::Exit, &[0]);
        assert_eq!((letter(&kernel, tid), flags(&kernel, tid).0), ('Z', false));
    }
}
