//! Rules of pid namespaces that a guest program cannot show: an init that waits for the frozen, numbers used again, refusals.
use super::tests::{BUF, INITIAL, clone, error, kernel, unshare};
use super::*;
use crate::freezer::{freeze_task, thaw_process};
use crate::signal::Target;
use crate::test_arch::{call, fork, result, to_user};
use crate::{INIT, TaskState};
use abi::{CAP_FULL_SET, CloneFlags as F, Errno, SIGKILL, SIGTERM, SIGUSR1, SigAction, Siginfo, Sysno};

/// A namespace of init's: its first process, and a child of that.
fn family(kernel: &mut Kernel) -> (Tid, Tid) {
    let init = Tid(clone(kernel, INIT, F::CLONE_NEWPID).expect("does not sleep") as u32);
    let number = call(kernel, init, Sysno::Fork, &[]).expect("does not sleep") as u32;
    (init, kernel.find_vpid(init, number).expect("just born"))
}

#[test]
fn numbers_are_per_namespace() {
    let mut kernel = kernel();
    let (init, child) = family(&mut kernel);
    assert_eq!((kernel.pid_vnr(init, init), kernel.pid_vnr(init, child), kernel.pid_vnr(init, INIT)), (1, 2, 0));
    assert_eq!(kernel.pid_vnr(INIT, child), child.0);
    for (tid, own) in [(init, [1, 0]), (child, [2, 1])] {
        assert_eq!(call(&mut kernel, tid, Sysno::Getpid, &[]), Some(own[0]));
        assert_eq!(call(&mut kernel, tid, Sysno::Getppid, &[]), Some(own[1]));
    }
    assert_eq!(call(&mut kernel, init, Sysno::Kill, &[child.0.into(), 0]), error(Errno::ESRCH), "not its number");
    assert_eq!(call(&mut kernel, init, Sysno::Setpgid, &[2, 2]), Some(0));
    assert_eq!(call(&mut kernel, init, Sysno::Getpgid, &[2]), Some(2));
    assert_eq!(call(&mut kernel, init, Sysno::Kill, &[-2i64 as u64, 0]), Some(0));
    assert_eq!(call(&mut kernel, init, Sysno::Getpgid, &[0]), Some(0), "its own group is outside");
    call(&mut kernel, child, Sysno::ExitGroup, &[3]);
    assert_eq!(call(&mut kernel, init, Sysno::Wait4, &[u64::MAX, BUF, 0, 0]), Some(2));
    assert_eq!(kernel.find_vpid(init, 2), None);
}

/// zap_pid_ns_processes waits for all, and who is frozen does not die: init stays until the thaw.
#[test]
fn the_end_of_a_namespace_waits_for_its_frozen() {
    let mut kernel = kernel();
    let (init, child) = family(&mut kernel);
    freeze_task(&mut kernel, child, true);
    assert!(!to_user(&mut kernel, child));
    assert_eq!(call(&mut kernel, INIT, Sysno::Kill, &[init.0.into(), SIGKILL.into()]), Some(0));
    assert!(!to_user(&mut kernel, init));
    assert_eq!(kernel.tasks[init].wchan(), "zap_pid_ns_processes");
    assert_eq!(kernel.tasks[init].state_letter(), 'S');
    assert!(matches!(kernel.tasks[child].state, TaskState::Frozen { .. }));
    assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[u64::MAX, BUF, 0, 0]), None, "it sleeps");
    // No signal or freeze ends that wait.
    kernel.send_to_group(init, Siginfo::kernel(SIGKILL));
    freeze_task(&mut kernel, init, true);
    assert_eq!(kernel.tasks[init].wchan(), "zap_pid_ns_processes");
    assert!(thaw_process(&mut kernel, child));
    assert!(!to_user(&mut kernel, child), "it dies");
    assert!(kernel.tasks.get(child).is_none() && kernel.tasks[init].is_dead());
    assert!(to_user(&mut kernel, INIT));
    assert_eq!(result(&kernel, INIT), Some(init.0.into()));
    assert_eq!(kernel.user(INIT).read_u32(BUF), Ok(SIGKILL.into()));
    assert_eq!(kernel.namespaces.table.len(), INITIAL);
}

/// pid_namespaces(7): init is spared by its own, and by others unless SIGKILL or SIGSTOP; orphans come to it.
#[test]
fn init_of_a_namespace() {
    let mut kernel = kernel();
    let (init, child) = family(&mut kernel);
    for signo in [SIGKILL, SIGTERM] {
        assert_eq!(call(&mut kernel, child, Sysno::Kill, &[1, signo.into()]), Some(0));
        assert!(to_user(&mut kernel, init));
    }
    assert_eq!(call(&mut kernel, INIT, Sysno::Kill, &[init.0.into(), SIGTERM.into()]), Some(0));
    assert!(to_user(&mut kernel, init));
    // From outside, a signal is from nobody.
    kernel.tasks.actions_mut(init).0[usize::from(SIGUSR1)] = SigAction { handler: 0x1000, ..SigAction::default() };
    let info = Siginfo { signo: SIGUSR1, errno: 0, code: 0, fields: abi::Fields::Kill { pid: 1, uid: 0 } };
    kernel.send_signal_from(INIT, Target::Group(init), info).expect("room");
    let group = kernel.tasks.group_of(init);
    assert_eq!(group.pending.queue.front().map(|info| info.fields), Some(abi::Fields::Kill { pid: 0, uid: 0 }));
    let number = call(&mut kernel, child, Sysno::Fork, &[]).expect("does not sleep") as u32;
    let orphan = kernel.find_vpid(init, number).expect("just born");
    call(&mut kernel, child, Sysno::ExitGroup, &[0]);
    assert_eq!(call(&mut kernel, orphan, Sysno::Getppid, &[]), Some(1));
    kernel.send_to_group(init, Siginfo::kernel(SIGKILL));
    assert!(!to_user(&mut kernel, init) && !to_user(&mut kernel, orphan));
    assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[init.0.into(), 0, 0, 0]), Some(init.0.into()));
    assert!(kernel.tasks.get(orphan).is_none());
}

/// unshare changes the children to be; a namespace whose init is gone takes no more.
#[test]
fn unshare_is_for_children() {
    let mut kernel = kernel();
    let parent = fork(&mut kernel, INIT);
    assert_eq!(unshare(&mut kernel, parent, F::CLONE_NEWPID), Some(0));
    assert_eq!(call(&mut kernel, parent, Sysno::Getpid, &[]), Some(parent.0.into()));
    assert_eq!(unshare(&mut kernel, parent, F::CLONE_NEWPID), error(Errno::EINVAL));
    let thread = F::CLONE_THREAD | F::CLONE_SIGHAND | F::CLONE_VM;
    assert_eq!(clone(&mut kernel, parent, thread), error(Errno::EINVAL), "it would be elsewhere than its group");
    let init = fork(&mut kernel, parent);
    assert_eq!(kernel.pid_vnr(init, init), 1);
    call(&mut kernel, init, Sysno::ExitGroup, &[0]);
    assert_eq!(call(&mut kernel, parent, Sysno::Fork, &[]), error(Errno::ENOMEM));
    assert_eq!(call(&mut kernel, parent, Sysno::Wait4, &[u64::MAX, 0, 0, 0]), Some(init.0.into()));
    assert_eq!(call(&mut kernel, parent, Sysno::Fork, &[]), error(Errno::ENOMEM));
    call(&mut kernel, parent, Sysno::ExitGroup, &[0]);
    assert_eq!(kernel.namespaces.table.len(), INITIAL);
}

/// user_namespaces(7): all capabilities inside, none outside; no more than 32 levels of either kind.
#[test]
fn capabilities_hold_inside() {
    let mut kernel = kernel();
    let child = fork(&mut kernel, INIT);
    let cred = &mut kernel.tasks[child].cred;
    (cred.uid, cred.euid, cred.suid, cred.fsuid) = (7, 7, 7, 7);
    (cred.cap_effective, cred.cap_permitted) = (0, 0);
    kernel.tasks.count_user(0, -1);
    kernel.tasks.count_user(7, 1);
    assert_eq!(unshare(&mut kernel, child, F::CLONE_NEWUTS), error(Errno::EPERM));
    assert_eq!(unshare(&mut kernel, child, F::CLONE_NEWUSER | F::CLONE_NEWPID | F::CLONE_NEWUTS), Some(0));
    let cred = &kernel.tasks[child].cred;
    assert_eq!(cred.cap_effective, CAP_FULL_SET);
    assert!(!cred.capable(abi::CAP_SYS_ADMIN) && cred.has_cap(abi::CAP_SYS_ADMIN));
    assert!(kernel.ns_capable(child, kernel.tasks[child].cred.user_ns, abi::CAP_SYS_ADMIN));
    assert!(!kernel.ns_capable(child, NsId::USER, abi::CAP_SYS_ADMIN));
    assert!(kernel.ns_capable(INIT, kernel.tasks[child].cred.user_ns, abi::CAP_SYS_ADMIN), "root above");
    assert_eq!(call(&mut kernel, child, Sysno::Getuid, &[]), Some(65534));
    call(&mut kernel, child, Sysno::ExitGroup, &[0]);
    call(&mut kernel, INIT, Sysno::Wait4, &[child.0.into(), 0, 0, 0]);
    assert_eq!(kernel.namespaces.table.len(), INITIAL);
    let mut deepest = INIT;
    for level in 0..40 {
        let number = clone(&mut kernel, deepest, F::CLONE_NEWPID).expect("does not sleep");
        if number < 0 {
            assert_eq!((Some(number), level), (error(Errno::ENOSPC), MAX_PID_NS_LEVEL));
            return;
        }
        deepest = kernel.find_vpid(deepest, number as u32).expect("just born");
    }
    panic!("a limit");
}
