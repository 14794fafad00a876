//! Freezing in place, with the mechanism of 6.18 (F22).
use super::*;
use crate::test_arch::{call, fork, machine, result, to_user};
use crate::{Config, INIT, Sleep, WaitKey};
use abi::{SIGCONT, SIGKILL, SIGSTOP, SIGUSR1, SigAction, Siginfo, Sysno};

fn pair() -> (Kernel, Tid) {
    let mut kernel = machine(Config { freezer: &PROFILE_6_18, ..Config::default() });
    let child = fork(&mut kernel, INIT);
    (kernel, child)
}

fn seen(kernel: &Kernel, tid: Tid) -> (char, &'static str) {
    (kernel.tasks[tid].state_letter(), kernel.tasks[tid].wchan())
}

/// F22-02, F22-03: a stopped task is frozen as it is and stopped again when thawed, without having run.
#[test]
fn stopped() {
    let (mut kernel, tid) = pair();
    kernel.send_to_group(tid, Siginfo::kernel(SIGSTOP));
    to_user(&mut kernel, tid);
    assert!(!freeze_task(&mut kernel, tid, true), "it is frozen at once");
    assert!(!kernel.signal_pending(tid), "and no fake signal is left behind");
    assert_eq!(seen(&kernel, tid), ('D', "do_signal_stop"), "F22-05");
    assert!(thaw_process(&mut kernel, tid));
    assert_eq!(seen(&kernel, tid), ('T', "do_signal_stop"));
}

/// F22-03: what ends the stop while it is frozen shows after the thaw.
#[test]
fn stopped_and_continued_or_killed() {
    for (signo, end) in [(SIGCONT, 'R'), (SIGKILL, 'Z')] {
        let (mut kernel, tid) = pair();
        kernel.send_to_group(tid, Siginfo::kernel(SIGSTOP));
        to_user(&mut kernel, tid);
        freeze_task(&mut kernel, tid, true);
        kernel.send_to_group(tid, Siginfo::kernel(signo));
        assert!(frozen(&kernel.tasks[tid]) && !to_user(&mut kernel, tid));
        thaw_process(&mut kernel, tid);
        to_user(&mut kernel, tid);
        assert_eq!(seen(&kernel, tid).0, end);
    }
}

/// F22-02: a sleep that is not freezable gets the fake signal instead.
#[test]
fn pause_is_not_freezable() {
    let (mut kernel, tid) = pair();
    assert_eq!(call(&mut kernel, tid, Sysno::Pause, &[]), None);
    assert!(freeze_task(&mut kernel, tid, true));
    assert!(!frozen(&kernel.tasks[tid]) && kernel.signal_pending(tid) && kernel.tasks[tid].is_runnable());
}

/// F22-04: a vfork parent is frozen where it waits; released meanwhile, it returns after the thaw.
#[test]
fn vfork_parent() {
    for released in [false, true] {
        let (mut kernel, tid) = pair();
        assert_eq!(call(&mut kernel, tid, Sysno::Vfork, &[]), None);
        let child = Tid(kernel.tasks.last_tid());
        freeze_task(&mut kernel, tid, true);
        assert!(frozen(&kernel.tasks[tid]));
        if released {
            call(&mut kernel, child, Sysno::Exit, &[0]);
            assert!(frozen(&kernel.tasks[tid]), "the end of the wait is not the end of the freeze");
        }
        thaw_process(&mut kernel, tid);
        assert_eq!(kernel.tasks[tid].is_runnable(), released);
        if !released {
            call(&mut kernel, child, Sysno::Exit, &[0]);
        }
        assert!(to_user(&mut kernel, tid));
        assert_eq!(result(&kernel, tid), Some(child.0.into()));
    }
}

/// A freezable sleep until `until`, as nanosleep has it.
fn sleep(kernel: &mut Kernel, tid: Tid, until: u64) {
    assert_eq!(call(kernel, tid, Sysno::Pause, &[]), None);
    kernel.tasks.wake_up(tid);
    let sleep = Sleep { until: Some(until), freezable: true, ..Sleep::new(WaitKey::Never, "hrtimer_nanosleep") };
    kernel.tasks.sleep(tid, &sleep);
}

/// F22-03: a sleep's deadline runs on while it is frozen; past it, the sleep ends with the thaw.
#[test]
fn deadlines_run_on() {
    let (mut kernel, tid) = pair();
    let due = kernel.clock.now + 1_000;
    sleep(&mut kernel, tid, due);
    freeze_task(&mut kernel, tid, true);
    assert_eq!(seen(&kernel, tid), ('D', "hrtimer_nanosleep"));
    kernel.advance_to(due);
    kernel.schedule();
    assert_eq!(kernel.tasks.next_sleeper(), None, "the timer is spent");
    assert!(frozen(&kernel.tasks[tid]));
    thaw_process(&mut kernel, tid);
    assert!(kernel.tasks[tid].is_runnable());
}

/// F22-03: thawed before it is due, the task sleeps on and is woken then; a signal sent meanwhile ends the sleep.
#[test]
fn sleeps_go_on() {
    let (mut kernel, tid) = pair();
    let due = kernel.clock.now + 1_000_000;
    sleep(&mut kernel, tid, due);
    for _ in 0..3 {
        freeze_task(&mut kernel, tid, true);
        assert!(!freeze_task(&mut kernel, tid, true), "it is frozen already");
        thaw_process(&mut kernel, tid);
        assert_eq!(seen(&kernel, tid), ('S', "hrtimer_nanosleep"));
    }
    assert_eq!(kernel.tasks.next_sleeper(), Some(due));
    freeze_task(&mut kernel, tid, true);
    kernel.tasks.actions_mut(tid).0[usize::from(SIGUSR1)] = SigAction { handler: 1 << 12, ..SigAction::default() };
    kernel.send_to_group(tid, Siginfo::kernel(SIGUSR1));
    assert_eq!(seen(&kernel, tid).0, 'D');
    thaw_process(&mut kernel, tid);
    assert!(kernel.tasks[tid].is_runnable());
    assert_eq!(kernel.tasks.next_sleeper(), None);
}
