//! Births, deaths and waits, on the architecture made for tests.
use super::{INIT, TaskState, Tid};
use crate::freezer::{freeze_task, thaw_process};
use crate::test_arch::{RANDOM, call, fork, machine, result, to_user};
use crate::{Config, Kernel, Schedule};
use abi::*;

const ANY: u64 = u64::MAX;
const THREAD: u64 = 0x1_0d00; // CLONE_VM, SIGHAND, THREAD, FILES

fn thread(kernel: &mut Kernel, of: Tid) -> Tid {
    Tid(call(kernel, of, Sysno::Clone, &[THREAD]).expect("clone does not sleep") as u32)
}

#[test]
fn wait_sleeps_until_a_child_dies_and_reaps_it() {
    let mut kernel = machine(Config::default());
    let child = fork(&mut kernel, INIT);
    assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[ANY, 0, WNOHANG.into()]), Some(0));
    assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[ANY, 0, 0]), None);
    call(&mut kernel, child, Sysno::Exit, &[3]);
    assert_eq!(kernel.tasks[child].exit_code, 0x300);
    assert!(to_user(&mut kernel, INIT));
    assert_eq!(result(&kernel, INIT), Some(child.0.into()));
    assert!(kernel.tasks.get(child).is_none());
    let echild = -i64::from(Errno::ECHILD.0);
    assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[ANY, 0, 0]), Some(echild));
}

/// A task with the number of one that is gone does not get its random numbers.
#[test]
fn numbers_used_again_bring_no_old_seed() {
    let mut kernel = machine(Config { pid_max: 3, ..Config::default() });
    let mut born = || {
        let child = fork(&mut kernel, INIT);
        let seed = kernel.tasks[child].cpu.get(RANDOM);
        call(&mut kernel, child, Sysno::Exit, &[0]);
        call(&mut kernel, INIT, Sysno::Wait4, &[ANY, 0, 0]);
        (child, seed)
    };
    let (first, second) = (born(), born());
    assert_eq!(first.0, second.0);
    assert_ne!(first.1, second.1);
}

#[test]
fn orphans_go_to_the_subreaper() {
    let mut kernel = machine(Config::default());
    let reaper = fork(&mut kernel, INIT);
    call(&mut kernel, reaper, Sysno::Prctl, &[PR_SET_CHILD_SUBREAPER as u64, 1]);
    let middle = fork(&mut kernel, reaper);
    let grandchild = fork(&mut kernel, middle);
    call(&mut kernel, middle, Sysno::ExitGroup, &[0]);
    assert_eq!(call(&mut kernel, grandchild, Sysno::Getppid, &[]), Some(reaper.0.into()));
    call(&mut kernel, reaper, Sysno::ExitGroup, &[0]);
    assert_eq!(call(&mut kernel, grandchild, Sysno::Getppid, &[]), Some(INIT.0.into()));
}

/// A leader that is gone before its threads is waited for when they are gone too, with the group's status.
#[test]
fn leader_first() {
    let mut kernel = machine(Config::default());
    let leader = fork(&mut kernel, INIT);
    let other = thread(&mut kernel, leader);
    call(&mut kernel, leader, Sysno::Exit, &[1]);
    assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[ANY, 0, WNOHANG.into()]), Some(0));
    call(&mut kernel, other, Sysno::ExitGroup, &[2]);
    assert_eq!(kernel.tasks.group(leader).and_then(|group| group.group_exit), Some(0x200));
    assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[ANY, 0, WNOHANG.into()]), Some(leader.0.into()));
}

/// Every thread has to stop before the parent hears of it.
#[test]
fn group_stop_is_complete() {
    let mut kernel = machine(Config::default());
    let leader = fork(&mut kernel, INIT);
    let other = thread(&mut kernel, leader);
    kernel.send_to_group(leader, Siginfo::kernel(SIGSTOP));
    to_user(&mut kernel, leader);
    assert!(matches!(kernel.tasks[leader].state, TaskState::Stopped));
    assert_eq!(kernel.tasks.group_of(leader).wait_report, None);
    to_user(&mut kernel, other);
    assert_eq!(kernel.tasks.group_of(leader).wait_report, Some(WaitStatus::Stopped { signo: SIGSTOP }.encode()));
    kernel.send_to_group(leader, Siginfo::kernel(SIGCONT));
    assert!(to_user(&mut kernel, leader) && to_user(&mut kernel, other));
    assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[ANY, 0, WCONTINUED.into()]), Some(leader.0.into()));
}

/// A thread that execs takes its group's number once the others, the leader too, are gone.
#[test]
fn de_thread_takes_over() {
    let mut kernel = machine(Config::default());
    let leader = fork(&mut kernel, INIT);
    let (execs, other) = (thread(&mut kernel, leader), thread(&mut kernel, leader));
    assert!(kernel.de_thread(execs).is_err());
    assert!(!to_user(&mut kernel, leader) && !to_user(&mut kernel, other), "both die");
    assert_eq!(kernel.de_thread(execs).ok(), Some(leader));
    assert!(kernel.tasks.get(execs).is_none() && kernel.tasks[leader].is_runnable());
    assert_eq!(kernel.tasks.group_of(leader).threads.len(), 1);
    assert_eq!(call(&mut kernel, leader, Sysno::Gettid, &[]), Some(leader.0.into()));
}

/// F08-47: a sibling in the refrigerator cannot die, so execve waits, uninterruptibly, until it is thawed.
#[test]
fn exec_waits_for_a_frozen_sibling() {
    let mut kernel = machine(Config::default());
    let leader = fork(&mut kernel, INIT);
    let other = thread(&mut kernel, leader);
    freeze_task(&mut kernel, other, true);
    to_user(&mut kernel, other);
    let sleep = kernel.de_thread(leader).expect_err("the other one is still there");
    assert_eq!(sleep.kind, crate::SleepKind::Uninterruptible);
    assert!(kernel.de_thread(leader).is_err());
    thaw_process(&mut kernel, other);
    to_user(&mut kernel, other);
    assert_eq!(kernel.de_thread(leader).ok(), Some(leader));
}

/// SIGNAL_UNKILLABLE, and the machine's end.
#[test]
fn init() {
    let mut kernel = machine(Config::default());
    for signo in [SIGTERM, SIGKILL, SIGSTOP] {
        kernel.send_to_group(INIT, Siginfo::kernel(signo));
        assert!(to_user(&mut kernel, INIT), "{}", signal_name(signo));
    }
    kernel.make_init_mortal();
    kernel.send_to_group(INIT, Siginfo::kernel(SIGTERM));
    assert_eq!(kernel.schedule(), Schedule::Halted(128 + SIGTERM));

    let mut kernel = machine(Config::default());
    call(&mut kernel, INIT, Sysno::ExitGroup, &[7]);
    assert_eq!(kernel.schedule(), Schedule::Halted(7));
}

#[test]
fn limits_stop_a_fork_bomb() {
    let mut kernel = machine(Config { memory: 16 << 20, ..Config::default() });
    let most = kernel.config.max_threads();
    for _ in 1..most {
        assert!(call(&mut kernel, INIT, Sysno::Fork, &[]).is_some_and(|tid| tid > 0));
    }
    assert_eq!(call(&mut kernel, INIT, Sysno::Fork, &[]), Some(-i64::from(Errno::EAGAIN.0)));
}
