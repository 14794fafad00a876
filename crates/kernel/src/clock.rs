//! Virtual time: retired instructions, plus jumps to the next timer when idle.
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
    /// Watches of files of a kernfs are to be told.
    KernfsWork,
    /// The next look of a system suspend.
    Power,
    /// The next alarm or update of the RTC.
    Rtc,
}

/// The clock and its timers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Clock {
    /// Virtual nanoseconds since boot: CLOCK_MONOTONIC.
    pub now: u64,
    /// What CLOCK_REALTIME is ahead of `now`, nanoseconds since 1970.
    pub realtime_base: u64,
    /// Nanoseconds that the system was suspended: CLOCK_BOOTTIME is ahead of `now` by as much.
    pub slept: u64,
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
    /// CLOCK_BOOTTIME, nanoseconds.
    pub fn boottime(&self) -> u64 {
        self.now.saturating_add(self.slept)
    }
    /// When the system was booted, by CLOCK_REALTIME.
    pub fn booted_at(&self) -> u64 {
        self.realtime_base.wrapping_sub(self.slept)
    }
    /// The system was suspended: every clock but CLOCK_MONOTONIC went on.
    pub(crate) fn sleep(&mut self, ns: u64) {
        self.slept = self.slept.saturating_add(ns);
        self.realtime_base = self.realtime_base.wrapping_add(ns);
    }
    /// The time by CLOCK_MONOTONIC at which CLOCK_REALTIME shows `at`.
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
