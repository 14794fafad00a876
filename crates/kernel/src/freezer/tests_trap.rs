//! cgroup2's freezer trap, rule by rule, without a cgroup core: what a group would ask is asked here.
use super::*;
use crate::test_arch::{call, delivered, fork, machine, to_user};
use crate::{Config, INIT};
use abi::{SIGCONT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM, SIGUSR1, SigAction, Siginfo, Sysno};

fn pair(profile: &'static Profile) -> (Kernel, Tid) {
    let mut kernel = machine(Config { freezer: profile, ..Config::default() });
    let child = fork(&mut kernel, INIT);
    (kernel, child)
}

fn trapped(kernel: &Kernel, tid: Tid) -> bool {
    let task = &kernel.tasks[tid];
    in_freezer_trap(task) && task.cgroup_frozen
}

fn trap(kernel: &mut Kernel, tid: Tid) {
    kernel.cgroup_freeze_task(tid, true);
    assert!(!to_user(kernel, tid), "it goes to the trap instead");
    assert!(trapped(kernel, tid));
}

/// C2-05, C2-15: S in get_signal, with TIF_SIGPENDING clear; let out, it goes on.
#[test]
fn in_and_out() {
    let (mut kernel, tid) = pair(&PROFILE_6_18);
    trap(&mut kernel, tid);
    let task = &kernel.tasks[tid];
    assert_eq!((task.state_letter(), task.wchan()), ('S', "get_signal"));
    assert!(!task.thread_info.test(Tif::SigPending));
    kernel.cgroup_freeze_task(tid, false);
    assert!(to_user(&mut kernel, tid));
    assert!(!kernel.tasks[tid].cgroup_frozen);
}

/// C2-06: a stopped task counts where it is, also in a group that is not frozen; SIGCONT then moves it to the trap.
#[test]
fn stopped() {
    let (mut kernel, tid) = pair(&PROFILE_6_18);
    kernel.send_to_group(tid, Siginfo::kernel(SIGSTOP));
    assert!(!to_user(&mut kernel, tid));
    assert!(kernel.tasks[tid].cgroup_frozen);
    kernel.cgroup_freeze_task(tid, true);
    assert_eq!(kernel.tasks[tid].state_letter(), 'T');
    kernel.send_to_group(tid, Siginfo::kernel(SIGCONT));
    assert!(!to_user(&mut kernel, tid));
    assert!(trapped(&kernel, tid));
    kernel.cgroup_freeze_task(tid, false);
    assert!(to_user(&mut kernel, tid) && !kernel.tasks[tid].cgroup_frozen);
}

/// C2-06, RACE-04: a vfork parent counts, and meets the trap when its child lets go of it.
#[test]
fn vfork_parent() {
    let (mut kernel, tid) = pair(&PROFILE_6_18);
    assert_eq!(call(&mut kernel, tid, Sysno::Vfork, &[]), None);
    assert!(kernel.tasks[tid].cgroup_frozen);
    kernel.cgroup_freeze_task(tid, true);
    let child = kernel.tasks.iter().map(|task| task.tid).max().expect("tasks");
    call(&mut kernel, child, Sysno::Exit, &[0]);
    assert!(!to_user(&mut kernel, tid));
    assert!(trapped(&kernel, tid));
}

/// C2-07, RACE-09: fatal signals kill in the trap; handlers and core-dumping defaults wait there.
#[test]
fn signals() {
    for fatal in [SIGKILL, SIGTERM] {
        let (mut kernel, tid) = pair(&PROFILE_6_18);
        trap(&mut kernel, tid);
        kernel.send_to_group(tid, Siginfo::kernel(fatal));
        assert!(!to_user(&mut kernel, tid));
        assert!(kernel.tasks.get(tid).is_none_or(|task| task.is_dead()), "{fatal}");
    }
    for waits in [SIGQUIT, SIGUSR1, SIGSTOP] {
        let (mut kernel, tid) = pair(&PROFILE_6_18);
        kernel.tasks.actions_mut(tid).0[usize::from(SIGUSR1)] = SigAction { handler: 1 << 12, ..SigAction::default() };
        trap(&mut kernel, tid);
        kernel.send_to_group(tid, Siginfo::kernel(waits));
        assert!(!to_user(&mut kernel, tid));
        assert!(trapped(&kernel, tid), "{waits}");
        kernel.cgroup_freeze_task(tid, false);
        to_user(&mut kernel, tid);
        match waits {
            SIGQUIT => assert!(kernel.tasks.get(tid).is_none_or(|task| task.is_dead())),
            SIGUSR1 => assert_eq!(delivered(&kernel, tid), SIGUSR1),
            _ => assert_eq!(kernel.tasks[tid].state_letter(), 'T'),
        }
    }
}

/// C2-12: the trap ends a sleep as a signal would; the call goes on after it.
#[test]
fn sleeping_call() {
    let (mut kernel, tid) = pair(&PROFILE_6_18);
    assert_eq!(call(&mut kernel, tid, Sysno::Pause, &[]), None);
    trap(&mut kernel, tid);
    kernel.cgroup_freeze_task(tid, false);
    assert!(to_user(&mut kernel, tid), "it is about to make the call again");
}

/// Scenario 52, under every profile: frozen by both freezers, a task runs when both have let it go, in either order; a
/// SIGKILL works when the v1 freezer has.
#[test]
fn both_freezers() {
    for profile in PROFILES.iter().copied().filter(|profile| profile.mechanism.request == Request::TifFlag) {
        for v1_first in [false, true] {
            let (mut kernel, tid) = pair(profile);
            trap(&mut kernel, tid);
            freeze_task(&mut kernel, tid, true);
            to_user(&mut kernel, tid);
            assert!(frozen(&kernel.tasks[tid]) && kernel.tasks[tid].cgroup_frozen, "{}", profile.name);
            if v1_first {
                thaw_process(&mut kernel, tid);
                assert!(!to_user(&mut kernel, tid));
                assert!(trapped(&kernel, tid));
                kernel.cgroup_freeze_task(tid, false);
            } else {
                kernel.cgroup_freeze_task(tid, false);
                assert!(!to_user(&mut kernel, tid));
                kernel.send_to_group(tid, Siginfo::kernel(SIGKILL));
                assert!(!to_user(&mut kernel, tid) && frozen(&kernel.tasks[tid]));
                thaw_process(&mut kernel, tid);
                assert!(!to_user(&mut kernel, tid));
                assert!(kernel.tasks.get(tid).is_none_or(|task| task.is_dead()));
                continue;
            }
            assert!(to_user(&mut kernel, tid) && !kernel.tasks[tid].cgroup_frozen);
        }
    }
}
