//! Writes and reads that come before any task has frozen, and managers that know nothing of one another.
use super::{Era, play};
use crate::races::stage::{Actor, Stage};

/// RACE-05 (F08-35, F08-38): the freeze is taken back before any task has met it.
#[test]
fn race_05_cancelled_before_anybody_froze() {
    play(|stage, era, a, b| {
        let tasks = [stage.spawn_in("/c/g", a), stage.spawn_in("/c/g", b)];
        stage.freeze("/c/g");
        stage.thaw("/c/g");
        tasks.iter().for_each(|&task| stage.turn(task));
        let lost = era == Era::R28;
        assert_eq!(tasks.map(|task| stage.is_frozen(task)), [lost; 2], "{}", stage.scene);
        assert_eq!(stage.state("/c/g"), "THAWED", "{}", stage.scene);
        assert_eq!(stage.read("/c/g/freezer.blockers").lines().count(), if lost { 2 } else { 0 }, "{}", stage.scene);
        stage.thaw("/c/g");
        assert!(tasks.iter().all(|&task| stage.goes(task)), "{}", stage.scene);
    });
}

/// RACE-06 (F08-34, F08-36): the state is read before any task has frozen, and after.
#[test]
fn race_06_read_too_early() {
    play(|stage, era, a, b| {
        let tasks = [stage.spawn_in("/c/g", a), stage.spawn_in("/c/g", b)];
        stage.freeze("/c/g");
        let early = stage.state("/c/g");
        tasks.iter().for_each(|&task| stage.turn(task));
        let late = stage.state("/c/g");
        let want = if era == Era::R28 { ["THAWED", "THAWED"] } else { ["FREEZING", "FROZEN"] };
        assert_eq!([early.as_str(), late.as_str()], want, "{}", stage.scene);
        assert_eq!(tasks.map(|task| stage.letter(task)), ['D', 'D'], "{}", stage.scene);
        stage.thaw("/c/g");
        assert!(tasks.iter().all(|&task| stage.goes(task)), "{}", stage.scene);
    });
}

/// What a manager does: read the state, freeze, put back what it read.
#[derive(Clone, Copy, Debug)]
enum Does {
    Read,
    Freeze,
    Restore,
}

/// Every order of two managers' steps, as the number of who goes next.
fn interleavings() -> Vec<[usize; 6]> {
    let all = (0..64u32).filter(|bits| bits.count_ones() == 3);
    all.map(|bits| std::array::from_fn(|step| usize::from(bits & 1 << step != 0))).collect()
}

/// The state in the end, each step followed by a turn for the group's task.
fn managed(stage: &mut Stage, task: Actor, order: [usize; 6]) -> String {
    let mut at = [0; 2];
    let mut seen = [String::new(), String::new()];
    for who in order {
        match [Does::Read, Does::Freeze, Does::Restore][at[who]] {
            Does::Read => seen[who] = stage.state("/c/g"),
            Does::Freeze => drop(stage.freeze("/c/g")),
            // "FREEZING" cannot be written: a manager that saw it waits for FROZEN, and remembers that.
            Does::Restore if seen[who] == "THAWED" => drop(stage.thaw("/c/g")),
            Does::Restore => drop(stage.freeze("/c/g")),
        }
        at[who] += 1;
        stage.turn(task);
    }
    stage.state("/c/g")
}

/// RACE-08 (U-02, U-12): two managers, all orders. Bad is one in which the group stays frozen though both are done: the one that
/// ends last had read while the other held the freeze.
#[test]
fn race_08_two_managers() {
    play(|stage, _, a, b| {
        if a != b {
            return;
        }
        let task = stage.spawn_in("/c/g", a);
        let mut bad = Vec::new();
        for order in interleavings() {
            let mut copy = stage.fork();
            if managed(&mut copy, task, order) != "THAWED" {
                bad.push(order);
            }
        }
        let want = [[0, 0, 1, 0, 1, 1], [0, 0, 1, 1, 0, 1], [1, 1, 0, 0, 1, 0], [1, 1, 0, 1, 0, 0]];
        bad.sort_unstable();
        assert_eq!(bad, want, "{}", stage.scene);
    });
}
