//! A group in a group.
use super::stage::{Actor, Stage};
use super::{Era, play};

const GROUPS: [&str; 2] = ["/c/g", "/c/g/k"];

/// What was asked of parent and child, against what is so.
fn check(stage: &mut Stage, era: Era, tasks: [Actor; 2], asked: [bool; 2]) {
    if !era.is_flat() {
        let bit = |on: bool| format!("{}\n", u8::from(on));
        let own = GROUPS.map(|group| stage.read(&format!("{group}/freezer.self_freezing")));
        assert_eq!(own, asked.map(bit), "F12-03: {}", stage.scene);
        let from_above = GROUPS.map(|group| stage.read(&format!("{group}/freezer.parent_freezing")));
        assert_eq!(from_above, [false, asked[0]].map(bit), "F12-03: {}", stage.scene);
    }
    tasks.iter().for_each(|&task| stage.turn(task));
    // Under the flat profiles every group has its own state alone (F08-07).
    let effective = if era.is_flat() { asked } else { [asked[0], asked[0] || asked[1]] };
    assert_eq!(tasks.map(|task| stage.is_frozen(task)), effective, "asked {asked:?}: {}", stage.scene);
    let states = GROUPS.map(|group| stage.state(group));
    assert_eq!(states, effective.map(|on| if on { "FROZEN" } else { "THAWED" }), "asked {asked:?}: {}", stage.scene);
}

/// RACE-10 (U-09, U-11, U-19; F08-07, F12-03, F12-04): parent and child frozen in both orders, thawed in both orders.
#[test]
fn race_10_nested() {
    play(|stage, era, a, b| {
        stage.mkdir("/c/g/k");
        let tasks = [stage.spawn_in(GROUPS[0], a), stage.spawn_in(GROUPS[1], b)];
        let mut asked = [false; 2];
        check(stage, era, tasks, asked);
        for (frozen_first, thawed_first) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for group in [frozen_first, 1 - frozen_first] {
                asked[group] = true;
                assert_eq!(stage.freeze(GROUPS[group]), 6);
                check(stage, era, tasks, asked);
            }
            for group in [thawed_first, 1 - thawed_first] {
                asked[group] = false;
                assert!(stage.thaw(GROUPS[group]) > 0);
                check(stage, era, tasks, asked);
            }
        }
    });
}
