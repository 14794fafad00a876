//! A task that cannot be frozen.
use super::{Era, play};
use abi::Errno;

/// RACE-18 (U-14, U-15, U-22; F08-09..11, F12-05, E08-06): a task waits on a device that never answers; a second one is frozen.
#[test]
fn race_18_blocker() {
    play(|stage, era, a, b| {
        let (blocker, other) = (stage.spawn_in("/c/g", a), stage.spawn_in("/c/g", b));
        stage.get_stuck(blocker);
        let busy = -i64::from(Errno::EBUSY.0);
        assert_eq!(stage.freeze("/c/g"), if era == Era::S1 { busy } else { 6 }, "{}", stage.scene);
        stage.turn(other);
        for _ in 0..3 {
            assert_eq!(stage.state("/c/g"), "FREEZING", "{}", stage.scene);
        }
        let blockers = stage.read("/c/g/freezer.blockers");
        let want = format!("/g {} actor-{a} {a} D tif=", blocker.tid.0);
        assert!(blockers.starts_with(&want) && blockers.lines().count() == 1, "{blockers}: {}", stage.scene);
        assert!(blockers.contains("wchan=stuck_read syscall=read: sleeps uninterruptibly"), "{blockers}");
        stage.release();
        assert!(!stage.goes(blocker) && stage.is_frozen(blocker));
        assert_eq!(stage.state("/c/g"), "FROZEN", "on the next read: {}", stage.scene);
        stage.thaw("/c/g");
        assert!(stage.goes(blocker) && stage.goes(other), "{}", stage.scene);
    });
}
