//! Tasks that come, go and stay away.
use super::{Era, play};
use abi::{Errno, Sysno};

const EBUSY: i64 = -(Errno::EBUSY.0 as i64);

/// RACE-01 (U-01, U-03; F08-24, F12-09): a task attached while the group is FREEZING. A third one, frozen, keeps F08-31 from
/// forgetting the freeze.
#[test]
fn race_01_attach_while_freezing() {
    play(|stage, era, a, b| {
        let (stuck, frozen) = (stage.spawn_in("/c/g", a), stage.spawn_in("/c/g", b));
        stage.get_stuck(stuck);
        assert_eq!(stage.freeze("/c/g"), if era == Era::S1 { EBUSY } else { 6 }, "{}", stage.scene);
        stage.turn(frozen);
        let late = stage.spawn(b);
        assert!(stage.attach(late, "/c/g") > 0, "{}", stage.scene);
        stage.turn(late);
        assert_eq!(
            (stage.state("/c/g").as_str(), stage.is_frozen(late)),
            ("FREEZING", !era.is_flat()),
            "{}",
            stage.scene
        );
        stage.release();
        stage.turn(stuck);
        assert!(stage.is_frozen(stuck) && stage.is_frozen(frozen), "{}", stage.scene);
        if era.is_flat() {
            // Until somebody writes FROZEN again: U-03's remedy.
            assert_eq!(stage.state("/c/g"), "FREEZING", "{}", stage.scene);
            assert!(stage.read("/c/g/freezer.blockers").contains("it came while the group was freezing"));
            assert_eq!(stage.freeze("/c/g"), 6);
            stage.turn(late);
        }
        assert_eq!((stage.state("/c/g").as_str(), stage.is_frozen(late)), ("FROZEN", true), "{}", stage.scene);
        assert_eq!(stage.read("/c/g/freezer.blockers"), "", "{}", stage.scene);
    });
}

/// RACE-07 (U-06; F08-25, F12-10): a task asked to freeze, and not yet frozen, moves to a thawed group.
#[test]
fn race_07_flagged_task_moves_out() {
    play(|stage, era, a, b| {
        stage.mkdir("/c/d");
        let (moves, stays) = (stage.spawn_in("/c/g", a), stage.spawn_in("/c/g", b));
        stage.freeze("/c/g");
        assert!(stage.attach(moves, "/c/d") > 0, "{}", stage.scene);
        stage.turn(moves);
        stage.turn(stays);
        assert_eq!((stage.is_frozen(moves), stage.is_frozen(stays)), (era.is_flat(), true), "{}", stage.scene);
        assert_eq!(
            (stage.state("/c/d").as_str(), stage.state("/c/g").as_str()),
            ("THAWED", "FROZEN"),
            "{}",
            stage.scene
        );
        if era.is_flat() {
            assert!(stage.read("/c/d/freezer.blockers").contains("frozen in a thawed group"), "{}", stage.scene);
            // Every member is frozen, so the write finds FROZEN and thaws (F08-30, F08-31).
            stage.thaw("/c/d");
        }
        assert!(stage.goes(moves) && !stage.goes(stays), "{}", stage.scene);
    });
}

/// RACE-19 (U-16; F08-33, F12-09): the last task of the group is gone before the write.
#[test]
fn race_19_empty_group() {
    play(|stage, era, a, b| {
        let last = stage.spawn_in("/c/g", a);
        stage.enter(last, Sysno::ExitGroup, &[0]);
        assert_eq!(stage.freeze("/c/g"), 6);
        assert_eq!(stage.state("/c/g"), "FROZEN", "{}", stage.scene);
        let late = stage.spawn(b);
        if era.is_flat() {
            assert_eq!(stage.attach(late, "/c/g"), EBUSY, "F08-21: {}", stage.scene);
            assert!(stage.goes(late));
            return;
        }
        assert!(stage.attach(late, "/c/g") > 0);
        assert_eq!(stage.state("/c/g"), "FREEZING", "{}", stage.scene);
        assert!(!stage.goes(late));
        assert_eq!(stage.state("/c/g"), "FROZEN", "{}", stage.scene);
    });
}

/// RACE-20 (U-20; F08-21, F12-09): a child is put into a frozen group before it execs; its parent waits for that exec.
#[test]
fn race_20_spawn_into_frozen_group() {
    play(|stage, era, a, b| {
        stage.freeze("/c/g");
        assert_eq!(stage.state("/c/g"), "FROZEN");
        let parent = stage.spawn(a);
        let flags = abi::CloneFlags::CLONE_VM | abi::CloneFlags::CLONE_VFORK;
        let none = stage.call(parent, Sysno::Clone, &[flags.bits() | u64::from(abi::SIGCHLD)]);
        assert_eq!(none, None, "a vfork parent waits");
        let tid = stage.machine.kernel.tasks.last_tid();
        let child = stage.child(tid.into(), a);
        if era.is_flat() {
            assert_eq!(stage.attach(child, "/c/g"), EBUSY, "{}", stage.scene);
            stage.exec(child, b);
            assert!(stage.goes(parent), "{}", stage.scene);
            return;
        }
        assert!(stage.attach(child, "/c/g") > 0);
        assert!(!stage.goes(child) && !stage.goes(parent), "{}", stage.scene);
        assert_eq!((stage.letter(parent), stage.wchan(parent)), ('D', "kernel_clone"));
        stage.thaw("/c/g");
        stage.exec(child, b);
        assert_eq!(stage.result(parent), Some(tid.into()), "{}", stage.scene);
    });
}
