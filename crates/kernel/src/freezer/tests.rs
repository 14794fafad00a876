//! The refrigerator, rule by rule, with the 2008 profile's flag.
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

/// R08-01, R08-02, R08-04, R08-06, R08-09, R08-11: a task in user mode.
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

/// R08-14, R08-08: SIGCONT to a stopped and flagged task leads into the refrigerator; the parent hears of it after the thaw.
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
