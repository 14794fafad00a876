//! The race catalogue of facts/USERS.md: each race by its number, its schedule written down, its table asserted for every
//! profile, on every architecture and between tasks of different ones.
//!
//! Elsewhere: RACE-14 and RACE-15 in suspend.rs, RACE-17 in ptrace.rs, RACE-21 in sockets.rs, RACE-25 in containers.rs, RACE-26
//! in freeze_storm.rs. RACE-13 is m68k's, which is not built.
mod accounting;
mod cancel;
mod cgroup2;
mod fork;
mod membership;
mod model;
mod nested;
mod reference;
mod restart;
mod signals;
mod stage;
mod stuck;
mod unified;

mod writes;

use crate::support::arches;
use stage::Stage;

const V1: [&str; 4] = ["2008", "2.6.28", "3.8", "6.18"];

/// What a profile's table has for a race.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Era {
    /// `2008`.
    S1,
    /// `2.6.28`.
    R28,
    /// `3.8`.
    V38,
    /// `6.18`.
    V61,
}

impl Era {
    /// Every group for itself, the request a flag of the task.
    fn is_flat(self) -> bool {
        matches!(self, Era::S1 | Era::R28)
    }
}

/// Plays a race under every v1 profile, with the two architectures of every pair.
fn play(race: impl Fn(&mut Stage, Era, &'static str, &'static str)) {
    for (name, era) in V1.into_iter().zip([Era::S1, Era::R28, Era::V38, Era::V61]) {
        for a in arches() {
            for b in arches() {
                let mut stage = Stage::new(name, a);
                stage.scene = format!("{name}, {a} and {b}");
                stage.mkdir("/c/g");
                race(&mut stage, era, a, b);
            }
        }
    }
}
