//! Real-time clocks (include/uapi/linux/rtc.h).
use crate::bytes::{Reader, Writer};

pub const RTC_AIE_ON: u32 = 0x7001;
pub const RTC_AIE_OFF: u32 = 0x7002;
pub const RTC_UIE_ON: u32 = 0x7003;
pub const RTC_UIE_OFF: u32 = 0x7004;
pub const RTC_ALM_SET: u32 = 0x4024_7007;
pub const RTC_ALM_READ: u32 = 0x8024_7008;
pub const RTC_RD_TIME: u32 = 0x8024_7009;
pub const RTC_SET_TIME: u32 = 0x4024_700a;
pub const RTC_WKALM_SET: u32 = 0x4028_700f;
pub const RTC_WKALM_RD: u32 = 0x8028_7010;

/// What a read gives beside the count: an interrupt, of an alarm, of a second that began.
pub const RTC_IRQF: u64 = 0x80;
pub const RTC_AF: u64 = 0x20;
pub const RTC_UF: u64 = 0x10;

const DAY: i64 = 86_400;

/// `struct rtc_time`, by the names of `struct tm`. Summer time is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtcTime {
    pub sec: i32,
    pub min: i32,
    pub hour: i32,
    pub mday: i32,
    pub mon: i32,
    pub year: i32,
    pub wday: i32,
    pub yday: i32,
}

/// Days from 1970-01-01 to a date, by years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, mon: i32) -> i32 {
    match mon {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

impl RtcTime {
    /// The time `seconds` after 1970, as far as a year fits.
    pub fn from_seconds(seconds: u64) -> RtcTime {
        let seconds = seconds.min(1 << 40) as i64;
        let (day, rest) = (seconds / DAY, seconds % DAY);
        let mut year = 1970 + day / 366;
        while days(year + 1, 1, 1) <= day {
            year += 1;
        }
        let yday = (day - days(year, 1, 1)) as i32;
        let (mut mon, mut mday) = (0, yday);
        while mday >= month_days(year, mon) {
            mday -= month_days(year, mon);
            mon += 1;
        }
        RtcTime {
            sec: (rest % 60) as i32,
            min: (rest / 60 % 60) as i32,
            hour: (rest / 3600) as i32,
            mday: mday + 1,
            mon,
            year: (year - 1900) as i32,
            wday: ((day + 4) % 7) as i32,
            yday,
        }
    }

    /// Seconds after 1970; `None` if it is no time (`rtc_valid_tm`).
    pub fn to_seconds(&self) -> Option<u64> {
        let year = i64::from(self.year) + 1900;
        let valid = (70..=100_000).contains(&self.year)
            && (0..12).contains(&self.mon)
            && (1..=month_days(year, self.mon)).contains(&self.mday)
            && (0..24).contains(&self.hour)
            && (0..60).contains(&self.min)
            && (0..60).contains(&self.sec);
        let [mon, mday, hour, min, sec] = [self.mon, self.mday, self.hour, self.min, self.sec].map(i64::from);
        valid.then(|| (days(year, mon + 1, mday) * DAY + hour * 3600 + min * 60 + sec) as u64)
    }

    pub fn encode(&self) -> [u8; 36] {
        let w = Writer::new().i32(self.sec).i32(self.min).i32(self.hour).i32(self.mday).i32(self.mon);
        w.i32(self.year).i32(self.wday).i32(self.yday).i32(0).done()
    }

    pub fn decode(data: &[u8; 36]) -> RtcTime {
        let mut r = Reader::new(data);
        let (sec, min, hour, mday) = (r.i32(), r.i32(), r.i32(), r.i32());
        let (mon, year, wday, yday) = (r.i32(), r.i32(), r.i32(), r.i32());
        RtcTime { sec, min, hour, mday, mon, year, wday, yday }
    }
}

/// `struct rtc_wkalrm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtcWkalrm {
    pub enabled: bool,
    pub pending: bool,
    pub time: RtcTime,
}

impl RtcWkalrm {
    pub fn encode(&self) -> [u8; 40] {
        let w = Writer::new().u8(self.enabled.into()).u8(self.pending.into()).zero(2);
        w.bytes(&self.time.encode()).done()
    }

    pub fn decode(data: &[u8; 40]) -> RtcWkalrm {
        let mut r = Reader::new(data);
        let (enabled, pending, _) = (r.u8() != 0, r.u8() != 0, r.u16());
        RtcWkalrm { enabled, pending, time: RtcTime::decode(&r.array()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let time = RtcTime::from_seconds(1_224_504_245);
        let want = RtcTime { sec: 5, min: 4, hour: 12, mday: 20, mon: 9, year: 108, wday: 1, yday: 293 };
        assert_eq!((time, time.to_seconds()), (want, Some(1_224_504_245)));
        assert_eq!(RtcTime::decode(&time.encode()), time);
        // 2000-02-29 and the last second of 1999, of 2100, which is no leap year, and of February there.
        for (seconds, (mday, mon, year)) in [
            (951_782_400, (29, 1, 100)),
            (946_684_799, (31, 11, 99)),
            (4_133_980_799, (31, 11, 200)),
            (4_107_542_399, (28, 1, 200)),
            (0, (1, 0, 70)),
        ] {
            let time = RtcTime::from_seconds(seconds);
            assert_eq!(((time.mday, time.mon, time.year), time.to_seconds()), ((mday, mon, year), Some(seconds)));
        }
    }

    #[test]
    fn what_is_no_time() {
        let good = RtcTime::from_seconds(0);
        for bad in [
            RtcTime { sec: 60, ..good },
            RtcTime { mon: 12, ..good },
            RtcTime { mon: -1, ..good },
            RtcTime { mday: 0, ..good },
            RtcTime { mday: 30, mon: 1, ..good },
            RtcTime { year: 69, ..good },
            RtcTime { year: i32::MAX, ..good },
        ] {
            assert_eq!(bad.to_seconds(), None, "{bad:?}");
        }
        assert!(RtcTime::from_seconds(u64::MAX).to_seconds().is_some());
    }
}
