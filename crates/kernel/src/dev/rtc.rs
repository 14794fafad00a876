//! The real-time clock (drivers/rtc): it runs while the system sleeps, and its alarm wakes it.
use crate::vfs::{Block, CharDevice, DeviceFile, Io, IoError};
use crate::{Kernel, Result, SleepKind, TimerKey, WaitKey};
use abi::*;
use serde::{Deserialize, Serialize};

/// What a look at the clock's registers costs: a dozen reads from a slow bus.
const READ_NS: u64 = 20_000;

/// The one clock there is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Rtc {
    /// What it showed at boot, nanoseconds since 1970.
    at_boot: u64,
    open: bool,
    /// The alarm's time, seconds since 1970, and whether it is to ring.
    alarm: u64,
    enabled: bool,
    /// An interrupt every second (RTC_UIE_ON).
    updates: bool,
    /// When the clock's timer is due, by CLOCK_MONOTONIC.
    due: Option<u64>,
    /// What a read gives: interrupts since the last, and their kinds.
    data: u64,
}

impl Rtc {
    pub(crate) fn new(seconds: u64) -> Rtc {
        Rtc { at_boot: seconds.saturating_mul(NSEC_PER_SEC), ..Rtc::default() }
    }

    /// What it shows `boottime` ns after boot, seconds since 1970.
    fn seconds(&self, boottime: u64) -> u64 {
        self.at_boot.wrapping_add(boottime) / NSEC_PER_SEC
    }

    /// When it shows `seconds`, nanoseconds since boot.
    fn boottime_of(&self, seconds: u64) -> u64 {
        seconds.saturating_mul(NSEC_PER_SEC).saturating_sub(self.at_boot)
    }

    /// When the alarm rings, nanoseconds since boot.
    pub(crate) fn alarm(&self) -> Option<u64> {
        self.enabled.then(|| self.boottime_of(self.alarm))
    }

    fn next(&self, boottime: u64) -> Option<u64> {
        let update = self.updates.then(|| self.boottime_of(self.seconds(boottime).saturating_add(1)));
        [self.alarm(), update].into_iter().flatten().min()
    }

    fn interrupt(&mut self, kind: u64) {
        self.data = self.data.wrapping_add(1 << 8) | RTC_IRQF | kind;
    }
}

impl Kernel {
    /// What the RTC shows, seconds since 1970.
    pub(crate) fn rtc_seconds(&self) -> u64 {
        self.devices.rtc.seconds(self.clock.boottime())
    }

    /// The alarm as it is set; `None` while it is not to ring.
    pub(crate) fn rtc_alarm(&self) -> Option<u64> {
        self.devices.rtc.enabled.then_some(self.devices.rtc.alarm)
    }

    /// Sets the alarm, to ring or not.
    pub(crate) fn set_rtc_alarm(&mut self, seconds: u64, enabled: bool) {
        (self.devices.rtc.alarm, self.devices.rtc.enabled) = (seconds, enabled);
        self.rearm_rtc();
    }

    /// The alarm was changed, or CLOCK_MONOTONIC stood for a while.
    pub(crate) fn rearm_rtc(&mut self) {
        if let Some(due) = self.devices.rtc.due.take() {
            self.clock.disarm(due, TimerKey::Rtc);
        }
        if let Some(at) = self.devices.rtc.next(self.clock.boottime()) {
            let due = at.saturating_sub(self.clock.slept).max(self.clock.now);
            self.devices.rtc.due = Some(due);
            self.clock.arm(due, TimerKey::Rtc);
        }
    }

    /// The clock's timer is due: the alarm, a second that began, or both.
    pub(crate) fn rtc_expired(&mut self) {
        let boottime = self.clock.boottime();
        let rtc = &mut self.devices.rtc;
        rtc.due = None;
        if rtc.alarm().is_some_and(|at| at <= boottime) {
            rtc.enabled = false;
            rtc.interrupt(RTC_AF);
            self.power.wakeups = self.power.wakeups.wrapping_add(1);
        }
        if rtc.updates {
            rtc.interrupt(RTC_UF);
        }
        self.rearm_rtc();
        self.notify(WaitKey::Rtc);
    }

    fn read_rtc_time(&mut self, file: DeviceFile, arg: u64) -> Result<RtcTime> {
        let mut raw = [0; 36];
        self.user(file.caller).read(arg, &mut raw)?;
        Ok(RtcTime::decode(&raw))
    }
}

pub(super) struct RtcDevice;

/// The time of day of `time`, today or tomorrow (RTC_ALM_SET knows no date).
fn next_at(now: u64, time: RtcTime) -> Option<u64> {
    let on = |day: RtcTime| RtcTime { mday: day.mday, mon: day.mon, year: day.year, ..time }.to_seconds();
    let today = on(RtcTime::from_seconds(now))?;
    if today < now { on(RtcTime::from_seconds(now + 86_400)) } else { Some(today) }
}

impl CharDevice for RtcDevice {
    /// One open file at a time.
    fn open(&self, kernel: &mut Kernel, _: &mut DeviceFile) -> Result<u64> {
        if std::mem::replace(&mut kernel.devices.rtc.open, true) {
            return Err(Errno::EBUSY);
        }
        kernel.devices.rtc.data = 0;
        Ok(0)
    }

    /// The alarm stays; updates do not.
    fn release(&self, kernel: &mut Kernel, _: DeviceFile) {
        (kernel.devices.rtc.open, kernel.devices.rtc.updates) = (false, false);
        kernel.rearm_rtc();
    }

    fn read(&self, kernel: &mut Kernel, _: DeviceFile, _: u64, buf: &mut [u8]) -> Io {
        let len = match buf.len() {
            4 => 4,
            8.. => 8,
            _ => return Err(Errno::EINVAL.into()),
        };
        let data = std::mem::take(&mut kernel.devices.rtc.data);
        if data == 0 {
            let (kind, wchan) = (SleepKind::Interruptible, "rtc_dev_read");
            return Err(Block { on: WaitKey::Rtc, kind, wchan, freezable: false }.into());
        }
        buf[..len].copy_from_slice(&data.to_le_bytes()[..len]);
        Ok(len)
    }

    fn write(&self, _: &mut Kernel, _: DeviceFile, _: u64, _: &[u8]) -> Io {
        Err(Errno::EINVAL.into())
    }

    fn poll(&self, kernel: &mut Kernel, _: DeviceFile) -> (PollEvents, Vec<WaitKey>) {
        let ready = PollEvents::POLLIN | PollEvents::POLLRDNORM;
        let events = if kernel.devices.rtc.data != 0 { ready } else { PollEvents::empty() };
        (events, vec![WaitKey::Rtc])
    }

    fn ioctl(&self, kernel: &mut Kernel, file: DeviceFile, cmd: u32, arg: u64) -> std::result::Result<u64, IoError> {
        let caller = file.caller;
        match cmd {
            RTC_RD_TIME => {
                kernel.clock.advance(READ_NS, 1);
                let time = RtcTime::from_seconds(kernel.rtc_seconds());
                kernel.user(caller).write(arg, &time.encode())?;
            }
            RTC_SET_TIME => {
                if !kernel.tasks[caller].cred.capable(CAP_SYS_TIME) {
                    return Err(Errno::EACCES.into());
                }
                let seconds = kernel.read_rtc_time(file, arg)?.to_seconds().ok_or(Errno::EINVAL)?;
                let boottime = kernel.clock.boottime();
                kernel.devices.rtc.at_boot = seconds.saturating_mul(NSEC_PER_SEC).wrapping_sub(boottime);
                kernel.rearm_rtc();
            }
            RTC_ALM_READ | RTC_WKALM_RD => {
                let rtc = &kernel.devices.rtc;
                let (enabled, time) = (rtc.enabled, RtcTime::from_seconds(rtc.alarm));
                match cmd {
                    RTC_ALM_READ => kernel.user(caller).write(arg, &time.encode())?,
                    _ => kernel.user(caller).write(arg, &RtcWkalrm { enabled, pending: false, time }.encode())?,
                }
            }
            RTC_ALM_SET => {
                let time = kernel.read_rtc_time(file, arg)?;
                let seconds = next_at(kernel.rtc_seconds(), time).ok_or(Errno::EINVAL)?;
                kernel.set_rtc_alarm(seconds, false);
            }
            RTC_WKALM_SET => {
                let mut raw = [0; 40];
                kernel.user(caller).read(arg, &mut raw)?;
                let alarm = RtcWkalrm::decode(&raw);
                let seconds = alarm.time.to_seconds().ok_or(Errno::EINVAL)?;
                kernel.set_rtc_alarm(seconds, alarm.enabled);
            }
            RTC_AIE_ON | RTC_AIE_OFF => {
                let alarm = kernel.devices.rtc.alarm;
                kernel.set_rtc_alarm(alarm, cmd == RTC_AIE_ON);
            }
            RTC_UIE_ON | RTC_UIE_OFF => {
                kernel.devices.rtc.updates = cmd == RTC_UIE_ON;
                kernel.rearm_rtc();
            }
            _ => return Err(Errno::ENOTTY.into()),
        }
        Ok(0)
    }

    fn seekable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_without_a_date_is_today_s_or_tomorrow_s() {
        let now = 1_224_504_245;
        let time = RtcTime::from_seconds(now);
        assert_eq!(next_at(now, RtcTime { sec: 9, year: 0, mday: 0, ..time }), Some(now + 4));
        assert_eq!(next_at(now, RtcTime { sec: 4, ..time }), Some(now + 86_399));
        assert_eq!(next_at(now, RtcTime { hour: 24, ..time }), None);
    }

    #[test]
    fn seconds_and_back() {
        let rtc = Rtc { at_boot: 10_300_000_000, alarm: 12, enabled: true, updates: true, ..Rtc::default() };
        assert_eq!((rtc.seconds(0), rtc.seconds(699_999_999), rtc.seconds(700_000_000)), (10, 10, 11));
        assert_eq!(
            (rtc.alarm(), rtc.next(0), rtc.next(700_000_000)),
            (Some(1_700_000_000), Some(700_000_000), Some(1_700_000_000))
        );
    }
}
