//! What a write of the control files does, from open to the removed group.
use super::{Era, play};
use abi::{Errno, SIGSTOP, Sysno};

fn error(errno: Errno) -> i64 {
    -i64::from(errno.0)
}

/// F08-05, F08-04: how long a write may be, and a buffer that is not there.
#[test]
fn sizes_and_pointers() {
    play(|stage, era, _, _| {
        let bad_word = if era == Era::S1 { Errno::EIO } else { Errno::EINVAL };
        let padded = |len: usize| format!("FROZEN{}", " ".repeat(len - 6));
        assert_eq!(stage.write("/c/g/freezer.state", &padded(62)), 62, "{}", stage.scene);
        let most = if era == Era::V61 { 63 } else { error(Errno::E2BIG) };
        assert_eq!(stage.write("/c/g/freezer.state", &padded(63)), most, "{}", stage.scene);
        assert_eq!(stage.write("/c/g/freezer.state", "frozen"), error(bad_word), "{}", stage.scene);
        let manager = stage.manager;
        let fd = stage.open(manager, "/c/g/freezer.state", 1) as u64;
        assert_eq!(stage.done(manager, Sysno::Write, &[fd, 16, 6]), error(Errno::EFAULT), "{}", stage.scene);
    });
}

/// F08-06: files of a removed group that are still open.
#[test]
fn removed_group() {
    play(|stage, _, _, _| {
        let manager = stage.manager;
        let fd = stage.open(manager, "/c/g/freezer.state", 2) as u64;
        let path = stage.path(manager, "/c/g");
        stage.ok(manager, Sysno::Unlinkat, &[-100i64 as u64, path, 0x200]);
        for call in [Sysno::Read, Sysno::Write] {
            assert_eq!(stage.done(manager, call, &[fd, manager.data(), 6]), error(Errno::ENODEV), "{}", stage.scene);
        }
    });
}

/// F08-13, F08-15: writing the state that is, and thawing what is not frozen, are successes that change nothing.
#[test]
fn writing_the_state_that_is() {
    play(|stage, _, a, b| {
        let tasks = [stage.spawn_in("/c/g", a), stage.spawn_in("/c/g", b)];
        let thawed = stage.thawed.len() as i64;
        assert_eq!((stage.thaw("/c/g"), stage.thaw("/c/g")), (thawed, thawed), "{}", stage.scene);
        assert!(tasks.into_iter().all(|task| stage.goes(task)), "{}", stage.scene);
        stage.freeze("/c/g");
        tasks.iter().for_each(|&task| stage.turn(task));
        assert_eq!((stage.freeze("/c/g"), stage.freeze("/c/g")), (6, 6));
        assert_eq!(stage.state("/c/g"), "FROZEN", "{}", stage.scene);
        assert_eq!(stage.thaw("/c/g"), thawed);
        assert!(tasks.into_iter().all(|task| stage.goes(task)), "{}", stage.scene);
    });
}

/// F08-14: a write finds out first what the tasks have become: all frozen without any read, FROZEN is there already.
#[test]
fn a_write_recomputes_first() {
    play(|stage, era, a, b| {
        if !era.is_flat() {
            return;
        }
        let task = stage.spawn_in("/c/g", a);
        stage.freeze("/c/g");
        stage.turn(task);
        // FREEZING is stored still; with FROZEN written it becomes FROZEN, and so nobody may enter (F08-21).
        let late = stage.spawn(b);
        assert!(stage.attach(late, "/c/g") > 0, "{}", stage.scene);
        stage.attach(late, "/c");
        stage.freeze("/c/g");
        assert_eq!(stage.attach(late, "/c/g"), error(Errno::EBUSY), "{}", stage.scene);
    });
}

/// F08-20, F12-06, F22-02: a stopped task is frozen enough once it was asked.
#[test]
fn stopped_is_frozen_enough() {
    play(|stage, _, a, b| {
        let (stopped, other) = (stage.spawn_in("/c/g", a), stage.spawn_in("/c/g", b));
        stage.kill(stopped, SIGSTOP);
        stage.turn(stopped);
        stage.freeze("/c/g");
        stage.turn(other);
        assert_eq!(stage.state("/c/g"), "FROZEN", "{}", stage.scene);
    });
}

/// F08-27, F12-10: whose number can be written to `tasks`.
#[test]
fn numbers_in_tasks() {
    play(|stage, era, a, _| {
        assert_eq!(stage.write("/c/g/tasks", "4000000"), error(Errno::ESRCH), "{}", stage.scene);
        assert_eq!(stage.write("/c/g/tasks", "x"), error(Errno::EINVAL), "{}", stage.scene);
        let zombie = stage.spawn(a);
        stage.enter(zombie, Sysno::ExitGroup, &[0]);
        let text = zombie.tid.0.to_string();
        let moved = if era == Era::V61 { text.len() as i64 } else { error(Errno::ESRCH) };
        assert_eq!(stage.write("/c/g/tasks", &text), moved, "{}", stage.scene);
        assert_eq!(stage.write("/c/g/tasks", "0"), 1, "the writer itself: {}", stage.scene);
        assert_eq!(stage.read("/c/g/tasks"), "1\n", "{}", stage.scene);
    });
}
