//! Times and clocks: `timespec`, `timeval`, `itimerspec`, clock ids. 64-bit little-endian layout.

use crate::bytes::{Reader, Writer};
use serde::{Deserialize, Serialize};

pub const CLOCK_REALTIME: i32 = 0;
pub const CLOCK_MONOTONIC: i32 = 1;
pub const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
pub const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
pub const CLOCK_MONOTONIC_RAW: i32 = 4;
pub const CLOCK_REALTIME_COARSE: i32 = 5;
pub const CLOCK_MONOTONIC_COARSE: i32 = 6;
pub const CLOCK_BOOTTIME: i32 = 7;
pub const CLOCK_REALTIME_ALARM: i32 = 8;
pub const CLOCK_BOOTTIME_ALARM: i32 = 9;
pub const CLOCK_TAI: i32 = 11;

pub const TIMER_ABSTIME: u32 = 1;
pub const TFD_TIMER_ABSTIME: u32 = 1;
pub const TFD_TIMER_CANCEL_ON_SET: u32 = 2;

pub const ITIMER_REAL: u32 = 0;
pub const ITIMER_VIRTUAL: u32 = 1;
pub const ITIMER_PROF: u32 = 2;

/// `USER_HZ`: what `times` and /proc count in.
pub const USER_HZ: u64 = 100;
pub const NSEC_PER_SEC: u64 = 1_000_000_000;
const NSEC_PER_USEC: u64 = 1000;

/// `struct timespec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timespec {
    pub sec: i64,
    pub nsec: i64,
}

impl Timespec {
    pub fn from_ns(ns: u64) -> Timespec {
        Timespec { sec: (ns / NSEC_PER_SEC) as i64, nsec: (ns % NSEC_PER_SEC) as i64 }
    }

    /// Nanoseconds, saturating as `timespec64_to_ktime` does; `None` if not a valid time (EINVAL).
    pub fn to_ns(self) -> Option<u64> {
        if self.sec < 0 || !(0..NSEC_PER_SEC as i64).contains(&self.nsec) {
            return None;
        }
        let ns = (self.sec as u64).saturating_mul(NSEC_PER_SEC).saturating_add(self.nsec as u64);
        Some(ns.min(i64::MAX as u64))
    }

    pub fn encode_64(&self) -> [u8; 16] {
        Writer::new().i64(self.sec).i64(self.nsec).done()
    }

    pub fn decode_64(data: &[u8; 16]) -> Timespec {
        let mut r = Reader::new(data);
        Timespec { sec: r.i64(), nsec: r.i64() }
    }
}

/// `struct timeval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timeval {
    pub sec: i64,
    pub usec: i64,
}

impl Timeval {
    pub fn from_ns(ns: u64) -> Timeval {
        Timeval { sec: (ns / NSEC_PER_SEC) as i64, usec: (ns % NSEC_PER_SEC / NSEC_PER_USEC) as i64 }
    }

    /// Nanoseconds, saturating; `None` if not a valid time (EINVAL).
    pub fn to_ns(self) -> Option<u64> {
        let nsec = self.usec.checked_mul(NSEC_PER_USEC as i64)?;
        Timespec { sec: self.sec, nsec }.to_ns()
    }

    pub fn encode_64(&self) -> [u8; 16] {
        Writer::new().i64(self.sec).i64(self.usec).done()
    }

    pub fn decode_64(data: &[u8; 16]) -> Timeval {
        let mut r = Reader::new(data);
        Timeval { sec: r.i64(), usec: r.i64() }
    }
}

/// `struct itimerspec`: first `value`, then every `interval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Itimerspec {
    pub interval: Timespec,
    pub value: Timespec,
}

impl Itimerspec {
    pub fn encode_64(&self) -> [u8; 32] {
        Writer::new().bytes(&self.interval.encode_64()).bytes(&self.value.encode_64()).done()
    }

    pub fn decode_64(data: &[u8; 32]) -> Itimerspec {
        let mut r = Reader::new(data);
        Itimerspec { interval: Timespec::decode_64(&r.array()), value: Timespec::decode_64(&r.array()) }
    }
}

/// `struct itimerval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Itimerval {
    pub interval: Timeval,
    pub value: Timeval,
}

impl Itimerval {
    pub fn encode_64(&self) -> [u8; 32] {
        Writer::new().bytes(&self.interval.encode_64()).bytes(&self.value.encode_64()).done()
    }

    pub fn decode_64(data: &[u8; 32]) -> Itimerval {
        let mut r = Reader::new(data);
        Itimerval { interval: Timeval::decode_64(&r.array()), value: Timeval::decode_64(&r.array()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds() {
        let t = Timespec { sec: 2, nsec: 5 };
        assert_eq!(t.to_ns(), Some(2_000_000_005));
        assert_eq!(Timespec::from_ns(2_000_000_005), t);
        assert_eq!(Timespec { sec: 0, nsec: 1_000_000_000 }.to_ns(), None);
        assert_eq!(Timespec { sec: -1, nsec: 0 }.to_ns(), None);
        assert_eq!(Timespec { sec: i64::MAX, nsec: 0 }.to_ns(), Some(i64::MAX as u64));
        assert_eq!(Timeval { sec: 1, usec: 999_999 }.to_ns(), Some(1_999_999_000));
        assert_eq!(Timeval { sec: 1, usec: 1_000_000 }.to_ns(), None);
        assert_eq!(Timeval { sec: 0, usec: i64::MAX }.to_ns(), None);
        assert_eq!(Timeval::from_ns(1_999_999_999), Timeval { sec: 1, usec: 999_999 });
    }

    #[test]
    fn interval_comes_first() {
        let spec = Itimerspec { interval: Timespec { sec: 1, nsec: 2 }, value: Timespec { sec: 3, nsec: 4 } };
        let data = spec.encode_64();
        assert_eq!((data[0], data[8], data[16], data[24]), (1, 2, 3, 4));
        assert_eq!(Itimerspec::decode_64(&data), spec);
        let val = Itimerval { interval: Timeval { sec: 1, usec: 2 }, value: Timeval { sec: 3, usec: 4 } };
        assert_eq!(Itimerval::decode_64(&val.encode_64()), val);
    }
}
