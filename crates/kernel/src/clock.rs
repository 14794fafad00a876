//! Virtual time (ARCHITECTURE decision 3, DECISIONS 5): retired instructions, plus jumps to the next timer when idle.
use crate::task::Tgid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TimerKey {
    /// A thread group's ITIMER_REAL (and alarm).
    RealTimer(Tgid),
    /// A timer of the VFS (timerfd), by number.
    Vfs(u64),
    /// A timer of timer_create(2): whose, and its number.
    Posix(Tgid, u32),
    /// VTIME of a terminal.
    Tty(u32),
}

/// The clock and its timers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Clock {
    /// Virtual nanoseconds since boot: CLOCK_MONOTONIC.
    pub now: u64,
    /// CLOCK_REALTIME at boot, nanoseconds since 1970.
    pub realtime_base: u64,
    /// Instructions not yet worth a nanosecond, with several busy virtual CPUs.
    pub carry: u64,
    timers: BTreeSet<(u64, TimerKey)>,
}

impl Clock {
    /// A clock at boot; `realtime` is in seconds since 1970.
    pub fn new(realtime: u64) -> Clock {
        Clock { realtime_base: realtime.wrapping_mul(abi::NSEC_PER_SEC), ..Clock::default() }
    }
    /// CLOCK_REALTIME, nanoseconds.
    pub fn realtime(&self) -> u64 {
        self.realtime_base.wrapping_add(self.now)
    }
    /// The time since boot at which CLOCK_REALTIME shows `at`.
    pub fn monotonic_of(&self, at: u64) -> u64 {
        at.saturating_sub(self.realtime_base)
    }
    pub fn arm(&mut self, at: u64, key: TimerKey) {
        self.timers.insert((at, key));
    }
    pub fn disarm(&mut self, at: u64, key: TimerKey) {
        self.timers.remove(&(at, key));
    }
    /// When the next timer is due.
    pub fn next_timer(&self) -> Option<u64> {
        self.timers.first().map(|t| t.0)
    }
    /// Takes the next timer that is due.
    pub fn pop_due(&mut self) -> Option<TimerKey> {
        let &(at, key) = self.timers.first()?;
        (at <= self.now).then(|| {
            self.timers.pop_first();
            key
        })
    }
    /// Adds `ticks` retired by one of `busy` virtual CPUs.
    pub fn advance(&mut self, ticks: u64, busy: u64) {
        let total = self.carry.wrapping_add(ticks);
        self.now += total / busy;
        self.carry = total % busy;
    }
}
