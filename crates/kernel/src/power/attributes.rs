//! The files of /sys/power and of the RTC in sysfs (kernel/power/main.c, hibernate.c, drivers/rtc/sysfs.c).
use super::{DiskMode, Kernel, Power, TestLevel};
use crate::freezer::PowerInterface;
use crate::vfs::IoError;
use crate::{Result, Tid};
use abi::{Errno, RtcTime};

/// One file of sysfs that is read by `show` and written by `store`.
pub(crate) struct Attribute {
    pub(crate) show: fn(&mut Kernel) -> Result<String>,
    pub(crate) store: Option<Store>,
}

/// Takes what was written, up to a page.
pub(crate) type Store = fn(&mut Kernel, Tid, &str) -> std::result::Result<(), IoError>;

const fn rw(show: fn(&mut Kernel) -> Result<String>, store: Store) -> Attribute {
    Attribute { show, store: Some(store) }
}

const fn ro(show: fn(&mut Kernel) -> Result<String>) -> Attribute {
    Attribute { show, store: None }
}

/// `kstrtoul` with base 10: a sign that is `+`, digits, a newline.
fn number(text: &str) -> Result<u64> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Errno::EINVAL);
    }
    digits.parse().map_err(|_| Errno::ERANGE)
}

/// `sscanf` with `%lu`: blanks, digits, and whatever follows.
fn scan(text: &str) -> Result<u64> {
    let text = text.trim_ascii_start();
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().map_err(|_| Errno::EINVAL)
}

/// A switch: 0 or 1.
fn switch(text: &str) -> Result<bool> {
    match number(text)? {
        value @ (0 | 1) => Ok(value == 1),
        _ => Err(Errno::EINVAL),
    }
}

fn shown(value: impl std::fmt::Display) -> Result<String> {
    Ok(format!("{value}\n"))
}

/// The words of a choice, the chosen one in brackets.
fn choice<T: PartialEq>(words: &[(&str, T)], chosen: &T) -> String {
    let word = |(word, value): &(&str, T)| if value == chosen { format!("[{word}]") } else { (*word).to_string() };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// The value of a word, which ends at a newline.
fn chosen<T: Copy>(words: &[(&str, T)], text: &str) -> Result<T> {
    let text = text.split('\n').next().unwrap_or(text);
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or(Errno::EINVAL)
}

fn interface(kernel: &Kernel) -> PowerInterface {
    kernel.config.freezer.suspend.interface
}

pub(crate) static STATE: Attribute = rw(
    |kernel| {
        shown(match interface(kernel) {
            PowerInterface::V6_18 => "freeze mem disk",
            PowerInterface::V2_6_28 | PowerInterface::V3_8 => "standby mem disk",
        })
    },
    |kernel, caller, text| kernel.state_store(caller, text),
);

const LEVELS: &[(&str, TestLevel)] = &[
    ("none", TestLevel::None),
    ("core", TestLevel::Core),
    ("processors", TestLevel::Processors),
    ("platform", TestLevel::Platform),
    ("devices", TestLevel::Devices),
    ("freezer", TestLevel::Freezer),
];

pub(crate) static PM_TEST: Attribute = rw(
    |kernel| shown(choice(LEVELS, &kernel.power.test)),
    |kernel, _, text| {
        kernel.power.test = chosen(LEVELS, text)?;
        Ok(())
    },
);

/// P08-11; `test` and `testproc` went in 3.x, when pm_test did their work.
fn disk_modes(kernel: &Kernel) -> &'static [(&'static str, DiskMode)] {
    use DiskMode::{Platform, Reboot, Shutdown, Suspend, Test, TestProc, TestResume};
    match interface(kernel) {
        PowerInterface::V2_6_28 => &[
            ("platform", Platform),
            ("shutdown", Shutdown),
            ("reboot", Reboot),
            ("test", Test),
            ("testproc", TestProc),
        ],
        PowerInterface::V3_8 => {
            &[("platform", Platform), ("shutdown", Shutdown), ("reboot", Reboot), ("suspend", Suspend)]
        }
        PowerInterface::V6_18 => &[
            ("platform", Platform),
            ("shutdown", Shutdown),
            ("reboot", Reboot),
            ("suspend", Suspend),
            ("test_resume", TestResume),
        ],
    }
}

pub(crate) static DISK: Attribute = rw(
    |kernel| {
        let words = choice(disk_modes(kernel), &kernel.power.disk);
        // The last blank became the newline late.
        Ok(words + if interface(kernel) == PowerInterface::V6_18 { "\n" } else { " \n" })
    },
    |kernel, _, text| {
        kernel.power.disk = chosen(disk_modes(kernel), text)?;
        Ok(())
    },
);

const MEM_SLEEP: &[(&str, bool)] = &[("s2idle", true), ("deep", false)];

pub(crate) static MEM_SLEEP_FILE: Attribute = rw(
    |kernel| shown(choice(MEM_SLEEP, &kernel.power.s2idle)),
    |kernel, _, text| {
        kernel.power.s2idle = chosen(MEM_SLEEP, text)?;
        Ok(())
    },
);

pub(crate) static PM_FREEZE_TIMEOUT: Attribute = rw(
    |kernel| shown(kernel.power.freeze_timeout),
    |kernel, _, text| {
        // As on Linux, 32 bits of it are kept.
        kernel.power.freeze_timeout = number(text)? as u32;
        Ok(())
    },
);

pub(crate) static IMAGE_SIZE: Attribute = rw(
    |kernel| shown(kernel.power.image_size),
    |kernel, _, text| {
        kernel.power.image_size = scan(text)?;
        Ok(())
    },
);

pub(crate) static RESERVED_SIZE: Attribute = rw(
    |kernel| shown(kernel.power.reserved_size),
    |kernel, _, text| {
        kernel.power.reserved_size = scan(text)?;
        Ok(())
    },
);

/// A device to resume from, at once. Whatever the numbers, it is the one that the driver has.
pub(crate) static RESUME: Attribute = rw(
    |kernel| shown(format!("{}:{}", kernel.power.resume.0, kernel.power.resume.1)),
    |kernel, _, text| {
        let (major, minor) = text.trim_end_matches('\n').split_once(':').ok_or(Errno::EINVAL)?;
        let part = |text: &str| number(text).ok().and_then(|part| u32::try_from(part).ok()).ok_or(Errno::EINVAL);
        kernel.power.resume = (part(major)?, part(minor)?);
        kernel.software_resume();
        Ok(())
    },
);

pub(crate) static RESUME_OFFSET: Attribute = rw(
    |kernel| shown(kernel.power.resume_offset),
    |kernel, _, text| {
        kernel.power.resume_offset = number(text)?;
        Ok(())
    },
);

/// A file that is a switch.
macro_rules! switch {
    ($name:ident, $field:ident) => {
        pub(crate) static $name: Attribute = rw(
            |kernel| shown(u8::from(kernel.power.$field)),
            |kernel, _, text| {
                kernel.power.$field = switch(text)?;
                Ok(())
            },
        );
    };
}

switch!(PM_ASYNC, asynchronous);
switch!(SYNC_ON_SUSPEND, sync_on_suspend);
switch!(PM_DEBUG_MESSAGES, debug_messages);
switch!(PM_PRINT_TIMES, print_times);

pub(crate) static PM_WAKEUP_IRQ: Attribute = ro(|_| Err(Errno::ENODATA));

/// Writing back what was read arms the check: a wake-up event since then makes the next suspend fail.
pub(crate) static WAKEUP_COUNT: Attribute = rw(
    |kernel| shown(kernel.power.wakeups),
    |kernel, _, text| {
        if scan(text)? != u64::from(kernel.power.wakeups) {
            return Err(Errno::EINVAL.into());
        }
        kernel.power.known_wakeups = Some(kernel.power.wakeups);
        Ok(())
    },
);

fn stats(power: &Power) -> &super::Stats {
    &power.stats
}

pub(crate) static STATS_SUCCESS: Attribute = ro(|kernel| shown(stats(&kernel.power).success));
pub(crate) static STATS_FAIL: Attribute = ro(|kernel| shown(stats(&kernel.power).fail));
pub(crate) static STATS_FAILED_FREEZE: Attribute = ro(|kernel| shown(stats(&kernel.power).failed_freeze));
pub(crate) static STATS_LAST_ERRNO: Attribute =
    ro(|kernel| shown(stats(&kernel.power).last_failed.map_or(0, |errno| -i64::from(errno.0))));

pub(crate) static RTC_SINCE_EPOCH: Attribute = ro(|kernel| shown(kernel.rtc_seconds()));

pub(crate) static RTC_DATE: Attribute = ro(|kernel| {
    let time = RtcTime::from_seconds(kernel.rtc_seconds());
    shown(format!("{:04}-{:02}-{:02}", time.year + 1900, time.mon + 1, time.mday))
});

pub(crate) static RTC_TIME: Attribute = ro(|kernel| {
    let time = RtcTime::from_seconds(kernel.rtc_seconds());
    shown(format!("{:02}:{:02}:{:02}", time.hour, time.min, time.sec))
});

/// `wakealarm_store`: seconds since 1970, `+N` from now, `+=N` after the alarm that is set. What is not to come disables.
pub(crate) static RTC_WAKEALARM: Attribute = rw(
    |kernel| kernel.rtc_alarm().map_or(Ok(String::new()), shown),
    |kernel, _, text| {
        let (now, set) = (kernel.rtc_seconds(), kernel.rtc_alarm());
        let (push, adjust, digits) = match (text.strip_prefix("+="), text.strip_prefix('+')) {
            (Some(digits), _) => (true, false, digits),
            (None, Some(digits)) => (false, true, digits),
            (None, None) => (false, false, text),
        };
        let (negative, digits) = digits.strip_prefix('-').map_or((false, digits), |digits| (true, digits));
        let value = if negative { number(digits).map(|_| 0)? } else { number(digits)? };
        let alarm = if adjust { now.saturating_add(value) } else { value };
        match set {
            _ if alarm <= now && !push => kernel.set_rtc_alarm(now + 300, false),
            Some(set) if push => kernel.set_rtc_alarm(set.saturating_add(alarm), true),
            Some(_) => return Err(Errno::EBUSY.into()),
            None if push => return Err(Errno::EINVAL.into()),
            None => kernel.set_rtc_alarm(alarm, true),
        }
        Ok(())
    },
);

#[cfg(test)]
mod tests {
    use super::*;

    /// As recorded in oracle/SUSPEND.md.
    #[test]
    fn numbers() {
        assert_eq!(
            ["0", "1\n", "4294967295", "+7", "-1", "abc", "", "\n", "1 ", "1\n\n"].map(number),
            [
                Ok(0),
                Ok(1),
                Ok(u32::MAX.into()),
                Ok(7),
                Err(Errno::EINVAL),
                Err(Errno::EINVAL),
                Err(Errno::EINVAL),
                Err(Errno::EINVAL),
                Err(Errno::EINVAL),
                Err(Errno::EINVAL)
            ]
        );
        assert_eq!(number("99999999999999999999"), Err(Errno::ERANGE));
        assert_eq!([" 12x", "x", "-1"].map(scan), [Ok(12), Err(Errno::EINVAL), Err(Errno::EINVAL)]);
    }

    #[test]
    fn words() {
        assert_eq!(choice(LEVELS, &TestLevel::Devices), "none core processors platform [devices] freezer");
        assert_eq!(chosen(LEVELS, "freezer\nx"), Ok(TestLevel::Freezer));
        assert_eq!([chosen(LEVELS, "free"), chosen(LEVELS, "none "), chosen(LEVELS, "")], [Err(Errno::EINVAL); 3]);
    }
}
