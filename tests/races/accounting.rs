//! A group frozen from inside, and what is counted of frozen tasks.
use super::{Era, play};
use abi::{Errno, Sysno};

/// RACE-23 (F08-16; LTP freeze_self_thaw): a task freezes its own group. Its write succeeds, and it sees so after the thaw.
#[test]
fn race_23_self_freeze() {
    play(|stage, era, a, b| {
        let (writer, other) = (stage.spawn_in("/c/g", a), stage.spawn_in("/c/g", b));
        assert_eq!(stage.write_as(writer, "/c/g/freezer.state", "FROZEN"), None, "{}", stage.scene);
        stage.turn(other);
        assert_eq!((stage.letter(writer), stage.letter(other)), ('D', 'D'), "{}", stage.scene);
        let state = stage.state("/c/g");
        // The writer is frozen already when the state is first read: F08-34 does not bite.
        assert_eq!(state, "FROZEN", "{}", stage.scene);
        stage.thaw("/c/g");
        assert_eq!(stage.result(writer), Some(6), "{}", stage.scene);
        if era != Era::S1 {
            let root = stage.write_as(writer, "/c/freezer.state", "FROZEN");
            assert_eq!(root, Some(-i64::from(Errno::ENOENT.0)), "F08-08: {}", stage.scene);
        }
    });
}

/// RACE-23, R08-16, F08-08: under `2008` the root can be frozen, and with it every task that is in no other group, the writer too.
#[test]
fn race_23_root_freezes_everybody() {
    play(|stage, era, a, b| {
        if era != Era::S1 {
            return;
        }
        let (rescuer, bystander) = (stage.spawn_in("/c/g", a), stage.spawn(b));
        let manager = stage.manager;
        assert_eq!(stage.write_as(manager, "/c/freezer.state", "FROZEN"), None, "{}", stage.scene);
        stage.turn(bystander);
        assert!(stage.is_frozen(manager) && stage.is_frozen(bystander) && !stage.is_frozen(rescuer), "{}", stage.scene);
        assert_eq!(stage.write_as(rescuer, "/c/freezer.state", "RUNNING"), Some(7));
        assert_eq!(stage.result(manager), Some(6), "{}", stage.scene);
        assert!(stage.goes(bystander));
    });
}

/// RACE-24 (R08-18, R08-19, F22-05): letter, wait channel and load of frozen tasks.
#[test]
fn race_24_accounting() {
    play(|stage, era, a, b| {
        let asleep = stage.spawn_in("/c/g", a);
        let running = stage.spawn_in("/c/g", b);
        for (at, word) in [(0, 1_000), (8, 0)] {
            stage.machine.kernel.user(asleep.tid).write_u64(asleep.data() + at, word).expect("a time");
        }
        stage.enter(asleep, Sysno::Nanosleep, &[asleep.data(), 0]);
        stage.freeze("/c/g");
        stage.turn(asleep);
        stage.turn(running);
        assert_eq!((stage.letter(asleep), stage.letter(running)), ('D', 'D'), "{}", stage.scene);
        let fridge = if era.is_flat() { "refrigerator" } else { "__refrigerator" };
        let in_place = if era == Era::V61 { "hrtimer_nanosleep" } else { fridge };
        assert_eq!((stage.wchan(asleep), stage.wchan(running)), (in_place, fridge), "{}", stage.scene);
        // Two tasks and the manager, against the manager alone, for a minute.
        let before = load(stage);
        let mut now = stage.machine.kernel.clock.now;
        for _ in 0..12 {
            now += 5_000_000_000;
            stage.machine.kernel.advance_to(now);
            stage.goes(stage.manager);
        }
        let grew = load(stage) - before;
        let want = if era.is_flat() { 1.5..2.0 } else { 0.4..0.7 };
        assert!(want.contains(&grew), "load grew by {grew}: {}", stage.scene);
    });
}

fn load(stage: &mut super::Stage) -> f64 {
    let text = stage.read("/proc/loadavg");
    text.split(' ').next().and_then(|first| first.parse().ok()).expect("a load average")
}
