//! Load averages and CPU time of the whole machine (kernel/sched/loadavg.c).
use crate::{Kernel, Task, TaskState};
use abi::NSEC_PER_SEC;
use serde::{Deserialize, Serialize};

/// Every five seconds the number of active tasks is taken in.
const PERIOD: u64 = 5 * NSEC_PER_SEC;
/// Fixed point with 11 bits, and exp(-5 s / 1, 5, 15 min) in it.
const SHIFT: u32 = 11;
const FIXED_1: u64 = 1 << SHIFT;
const EXP: [u64; 3] = [1884, 2014, 2037];

/// What is counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Load {
    averages: [u64; 3],
    /// The periods taken in.
    periods: u64,
    /// Nanoseconds all tasks together have run in user mode and in the kernel.
    pub(crate) user: u64,
    pub(crate) system: u64,
}

/// `x^n` in fixed point, rounded (`fixed_power_int`).
fn power(mut x: u64, mut n: u64) -> u64 {
    let mut result = FIXED_1;
    while n > 0 {
        if n & 1 != 0 {
            result = (result * x + (1 << (SHIFT - 1))) >> SHIFT;
        }
        n >>= 1;
        x = (x * x + (1 << (SHIFT - 1))) >> SHIFT;
    }
    result
}

/// `calc_load`.
fn step(load: u64, exp: u64, active: u64) -> u64 {
    let mut new = load * exp + active * (FIXED_1 - exp);
    if active >= load {
        new += FIXED_1 - 1;
    }
    new / FIXED_1
}

impl Load {
    /// Time has come to `now`, with `active` tasks since the last time.
    fn update(&mut self, now: u64, active: u64) {
        let passed = now / PERIOD - self.periods;
        if passed == 0 {
            return;
        }
        self.periods += passed;
        for (average, exp) in self.averages.iter_mut().zip(EXP) {
            *average = step(*average, power(exp, passed), active * FIXED_1);
        }
    }

    /// As /proc/loadavg shows them.
    pub(crate) fn shown(&self) -> [String; 3] {
        self.averages.map(|average| {
            let average = average + FIXED_1 / 200;
            format!("{}.{:02}", average >> SHIFT, ((average & (FIXED_1 - 1)) * 100) >> SHIFT)
        })
    }

    /// As sysinfo(2) gives them, with `SI_LOAD_SHIFT` bits of fraction.
    pub(crate) fn fixed(&self) -> [u64; 3] {
        self.averages.map(|average| average << (abi::SI_LOAD_SHIFT - SHIFT))
    }
}

impl Kernel {
    /// Takes in the periods that have passed.
    pub(crate) fn update_load(&mut self) {
        if self.clock.now / PERIOD != self.load.periods {
            let frozen_counts = self.config.freezer.mechanism.frozen_is_load;
            let active = |task: &&Task| match task.state {
                TaskState::Frozen { .. } => frozen_counts,
                _ => matches!(task.state_letter(), 'R' | 'D'),
            };
            let active = self.tasks.iter().filter(active).count() as u64;
            self.load.update(self.clock.now, active);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One task that always runs: 1 - e^-1 of the way after a minute, on each scale.
    #[test]
    fn averages_follow_the_exponential() {
        let mut load = Load::default();
        for second in 0..=60 {
            load.update(second * NSEC_PER_SEC, 1);
        }
        assert_eq!(load.shown(), ["0.63", "0.18", "0.06"]);
        let mut jump = Load::default();
        jump.update(60 * NSEC_PER_SEC, 1);
        for (a, b) in load.averages.iter().zip(jump.averages) {
            assert!(a.abs_diff(b) < 24, "twelve steps and one of twelve: {a} {b}");
        }
        load.update(7200 * NSEC_PER_SEC, 0);
        assert_eq!(load.shown(), ["0.00", "0.00", "0.00"]);
    }
}
