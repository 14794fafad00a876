//! Births, and a program that becomes another.
use super::{Era, play};
use abi::{CloneFlags, Errno, SIGCHLD, Sysno};

/// RACE-02 (U-03; F08-43, E08-04): the request lands before the look for signals in copy_process. The fork is made after the
/// thaw, once.
#[test]
fn race_02_request_before_fork() {
    play(|stage, _, a, b| {
        let (parent, other) = (stage.spawn_in("/c/g", a), stage.spawn_in("/c/g", b));
        let tasks = stage.machine.kernel.tasks.len();
        stage.enter_while(parent, Sysno::Clone, &[SIGCHLD.into()], |stage| {
            stage.freeze("/c/g");
        });
        stage.turn(other);
        assert!(!stage.goes(parent) && stage.is_frozen(parent), "{}", stage.scene);
        assert_eq!(
            (stage.state("/c/g").as_str(), stage.machine.kernel.tasks.len()),
            ("FROZEN", tasks),
            "{}",
            stage.scene
        );
        let before = stage.machine.kernel.tasks.last_tid();
        stage.thaw("/c/g");
        // It makes the call again, and no number was used up by the first.
        assert_eq!(stage.machine.step_task(parent.tid, 100), Some(arch::Exit::Syscall), "{}", stage.scene);
        assert_eq!(stage.result(parent), Some(i64::from(before) + 1), "{}", stage.scene);
        assert_eq!(stage.machine.kernel.tasks.len(), tasks + 1, "one child: {}", stage.scene);
    });
}

/// RACE-02 (F08-41, F12-08): the request lands after it. The child is there, asked to freeze, and runs no instruction.
#[test]
fn race_02_request_after_fork() {
    play(|stage, _, a, b| {
        let (parent, other) = (stage.spawn_in("/c/g", a), stage.spawn_in("/c/g", b));
        stage.enter(parent, Sysno::Clone, &[SIGCHLD.into()]);
        let tid = i64::from(stage.machine.kernel.tasks.last_tid());
        let child = stage.child(tid, a);
        stage.freeze("/c/g");
        for who in [other, child, parent] {
            assert!(!stage.goes(who) && stage.is_frozen(who), "{}", stage.scene);
        }
        assert_eq!(stage.state("/c/g"), "FROZEN", "{}", stage.scene);
        stage.thaw("/c/g");
        assert_eq!((stage.result(parent), stage.result(child)), (Some(tid), Some(0)), "{}", stage.scene);
    });
}

/// RACE-03 (U-01, U-05, U-08; F08-47): a thread is in execve and waits for the death of a sibling that reaches the refrigerator
/// first. No write of FROZEN ends it; a thaw does.
#[test]
fn race_03_exec_versus_freeze() {
    play(|stage, era, a, b| {
        // A wait that nothing can end.
        let refused = if era == Era::S1 { -i64::from(Errno::EBUSY.0) } else { 6 };
        let execs = stage.spawn_in("/c/g", a);
        let sibling = stage.thread(execs);
        let path = stage.path(execs, &format!("/actor-{b}"));
        stage.enter(execs, Sysno::Execve, &[path, 0, 0]);
        stage.freeze("/c/g");
        assert!(!stage.goes(sibling) && stage.is_frozen(sibling), "{}", stage.scene);
        for _ in 0..1_000 {
            assert_eq!(stage.state("/c/g"), "FREEZING", "{}", stage.scene);
            assert_eq!(stage.freeze("/c/g"), refused, "{}", stage.scene);
            assert!(!stage.goes(execs) && !stage.goes(sibling));
        }
        assert_eq!((stage.letter(execs), stage.wchan(execs)), ('D', "de_thread"), "{}", stage.scene);
        assert_eq!(stage.letter(sibling), 'D');
        let blockers = stage.read("/c/g/freezer.blockers");
        assert!(blockers.contains("waits for the death of its threads") && blockers.lines().count() == 1, "{blockers}");
        // U-05's remedy: a thaw that is long enough for the sibling to die.
        stage.thaw("/c/g");
        assert!(!stage.goes(sibling));
        assert_eq!((stage.letter(sibling), stage.freeze("/c/g")), ('-', 6), "{}", stage.scene);
        assert!(!stage.goes(execs) && stage.is_frozen(execs), "the new image is frozen at its first instruction");
        assert_eq!(stage.state("/c/g"), "FROZEN", "{}", stage.scene);
        assert_eq!(stage.machine.kernel.tasks[execs.tid].arch().name, b);
        stage.thaw("/c/g");
        assert!(stage.goes(execs), "{}", stage.scene);
    });
}

/// RACE-04 (F08-44, F12-06, F22-04): a vfork child is frozen before it execs.
#[test]
fn race_04_vfork_versus_freeze() {
    play(|stage, era, a, b| {
        let parent = stage.spawn_in("/c/g", a);
        let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
        assert_eq!(stage.call(parent, Sysno::Clone, &[flags.bits() | u64::from(SIGCHLD)]), None);
        let tid = i64::from(stage.machine.kernel.tasks.last_tid());
        let child = stage.child(tid, a);
        assert_eq!(stage.freeze("/c/g"), 6, "a vfork parent is no reason for EBUSY: {}", stage.scene);
        assert!(!stage.goes(child) && stage.is_frozen(child));
        assert_eq!((stage.is_frozen(parent), stage.letter(parent)), (era == Era::V61, 'D'), "{}", stage.scene);
        if era.is_flat() {
            for _ in 0..3 {
                assert_eq!(stage.state("/c/g"), "FREEZING", "{}", stage.scene);
                assert_eq!(stage.freeze("/c/g"), 6);
            }
            let blockers = stage.read("/c/g/freezer.blockers");
            assert!(blockers.contains("waits for the exec or exit of its vfork child"), "{blockers}");
            stage.thaw("/c/g");
            assert!(stage.goes(child));
            stage.exec(child, b);
            // F08-45: the parent is let go, and freezes as soon as it is asked again.
            assert_eq!(stage.freeze("/c/g"), 6);
            assert!(!stage.goes(parent) && !stage.goes(child));
        }
        assert_eq!(stage.state("/c/g"), "FROZEN", "{}", stage.scene);
        stage.thaw("/c/g");
        if !era.is_flat() {
            stage.exec(child, b);
        }
        assert_eq!(stage.result(parent), Some(tid), "{}", stage.scene);
    });
}
