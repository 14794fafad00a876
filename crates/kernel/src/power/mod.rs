//! System suspend and hibernation (kernel/power; rules P08, F12-13 and F22-07 of facts/FREEZER.md).
//!
//! A write to /sys/power/state is a system call that sleeps: what it has come to is a `Transition`, and the writer looks
//! again whenever the timer it set is due. While the machine is asleep, or is to be written down as the image of a
//! hibernation, [`Kernel::schedule`] runs nobody and says so; the driver answers with time, input or [`Kernel::image_saved`].
pub(crate) mod attributes;
mod log;
mod process;
mod suspend;
#[cfg(test)]
mod tests;

pub(crate) use attributes::Attribute;

use crate::{Kernel, Tid};
use abi::{Errno, NSEC_PER_SEC};
use serde::{Deserialize, Serialize};

/// How deep a test goes (/sys/power/pm_test) before it waits and comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TestLevel {
    #[default]
    None,
    Core,
    Processors,
    Platform,
    Devices,
    Freezer,
}

/// What a suspend is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Sleep {
    /// Suspend to idle: `freeze`, or `mem` with s2idle.
    Idle,
    Standby,
    /// Suspend to RAM.
    Deep,
    /// Hibernation.
    Disk,
}

/// What becomes of the machine once its image is written (/sys/power/disk).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DiskMode {
    #[default]
    Platform,
    Shutdown,
    Reboot,
    Suspend,
    TestResume,
    /// 2.6.28: devices and processors too, and no image.
    Test,
    /// 2.6.28: tasks alone.
    TestProc,
}

/// Whom `freezing` wants, where it is computed (pm_freezing, pm_nosig_freezing).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Wanted {
    #[default]
    Nobody,
    UserSpace,
    Everybody,
}

/// One pass of try_to_freeze_tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pass {
    user_only: bool,
    started: u64,
    /// Until the next look, nanoseconds.
    pause: u64,
    look: u64,
}

/// How far a transition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Freezing(Pass),
    /// A test waits.
    Waiting {
        until: u64,
    },
    Asleep {
        woken: bool,
    },
    /// The driver writes the image.
    Imaging,
    Over(crate::Result<()>),
}

/// A suspend in progress.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Transition {
    /// Who writes to /sys/power/state: never frozen (P08-15).
    writer: Tid,
    sleep: Sleep,
    phase: Phase,
    /// All user space is frozen, and the OOM killer off (P08-14).
    user_frozen: bool,
}

/// What the files of /sys/power/suspend_stats count.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stats {
    pub(crate) success: u32,
    pub(crate) fail: u32,
    pub(crate) failed_freeze: u32,
    pub(crate) last_failed: Option<abi::Errno>,
}

/// What is kept of suspends: the one in progress, and what /sys/power sets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Power {
    wanted: Wanted,
    transition: Option<Transition>,
    /// There is somewhere to write an image to.
    pub(crate) swap: bool,
    /// /sys/power/resume was written: the driver is asked for the image.
    restore: bool,
    pub(crate) test: TestLevel,
    pub(crate) disk: DiskMode,
    /// `mem` means suspend to idle.
    pub(crate) s2idle: bool,
    /// Milliseconds (P08-13).
    pub(crate) freeze_timeout: u32,
    /// Bytes; 2.6.28's default.
    pub(crate) image_size: u64,
    pub(crate) reserved_size: u64,
    /// Major and minor number of the device to resume from, and where on it.
    pub(crate) resume: (u32, u32),
    pub(crate) resume_offset: u64,
    pub(crate) asynchronous: bool,
    pub(crate) sync_on_suspend: bool,
    pub(crate) debug_messages: bool,
    pub(crate) print_times: bool,
    /// Wake-up events since boot, and how many a writer of wakeup_count knows of.
    pub(crate) wakeups: u32,
    pub(crate) known_wakeups: Option<u32>,
    pub(crate) stats: Stats,
}

impl Default for Power {
    fn default() -> Power {
        Power {
            wanted: Wanted::Nobody,
            transition: None,
            swap: false,
            restore: false,
            test: TestLevel::None,
            disk: DiskMode::Platform,
            s2idle: false,
            freeze_timeout: 20_000,
            image_size: 500 << 20,
            reserved_size: 1 << 20,
            resume: (0, 0),
            resume_offset: 0,
            asynchronous: true,
            sync_on_suspend: true,
            debug_messages: false,
            print_times: false,
            wakeups: 0,
            known_wakeups: None,
            stats: Stats::default(),
        }
    }
}

impl Power {
    fn phase(&self) -> Option<Phase> {
        self.transition.as_ref().map(|transition| transition.phase)
    }

    /// The machine sleeps: CLOCK_MONOTONIC stands.
    pub fn is_asleep(&self) -> bool {
        matches!(self.phase(), Some(Phase::Asleep { .. }))
    }

    /// Who suspends the system (PF_SUSPEND_TASK): it is not frozen meanwhile, by anyone.
    pub(crate) fn suspends(&self, tid: Tid) -> bool {
        self.transition.as_ref().is_some_and(|transition| transition.writer == tid)
    }

    /// Whether a suspend wants the task frozen (`freezing_slow_path`).
    pub(crate) fn wants_frozen(&self, kthread: bool) -> bool {
        match self.wanted {
            Wanted::Nobody => false,
            Wanted::UserSpace => !kthread,
            Wanted::Everybody => true,
        }
    }
}

impl Kernel {
    /// Whether there is somewhere to write the image of a hibernation to, or to read one from.
    pub fn swap(&mut self, there: bool) {
        self.power.swap = there;
    }

    /// What the machine does instead of running tasks, if a suspend has come that far.
    pub(crate) fn system_asleep(&mut self) -> Option<crate::Schedule> {
        if self.power.restore {
            return Some(crate::Schedule::Restore);
        }
        match self.power.phase()? {
            Phase::Imaging => Some(crate::Schedule::Hibernate),
            Phase::Asleep { woken: false } => {
                let until = self.devices.rtc.alarm();
                if until.is_none_or(|at| at > self.clock.boottime()) {
                    return Some(crate::Schedule::Idle { until });
                }
                self.wake_system();
                None
            }
            Phase::Asleep { woken: true } => {
                self.wake_system();
                None
            }
            _ => None,
        }
    }

    /// The alarm, or a key at the console, ends the sleep.
    fn wake_system(&mut self) {
        self.set_phase(Phase::Over(Ok(())));
        self.clocks_went_on();
        self.notify(crate::WaitKey::Power);
    }

    /// A key was pressed at the console, which wakes the machine.
    pub(crate) fn console_wakes(&mut self) {
        if self.power.is_asleep() {
            self.set_phase(Phase::Asleep { woken: true });
        }
    }

    /// Nothing goes on before somebody types: a reader waits, or the machine sleeps without an alarm.
    pub fn input_wanted(&mut self) -> bool {
        match self.power.is_asleep() {
            true => self.devices.rtc.alarm().is_none(),
            false => self.tty_reader_waits(),
        }
    }

    fn set_phase(&mut self, phase: Phase) {
        if let Some(transition) = &mut self.power.transition {
            transition.phase = phase;
        }
    }

    /// The driver's answer to `Schedule::Hibernate`, in the machine that wrote its image.
    pub fn image_saved(&mut self, result: crate::Result<()>) {
        if self.power.phase() != Some(Phase::Imaging) {
            return;
        }
        let mode = self.power.disk;
        match (result, mode) {
            (Ok(()), DiskMode::Suspend) => self.set_phase(Phase::Asleep { woken: false }),
            (Ok(()), DiskMode::Platform | DiskMode::Shutdown | DiskMode::Reboot) => {
                self.log_power_down(mode);
                self.halt(0);
            }
            _ => {
                self.set_phase(Phase::Over(result));
                self.notify(crate::WaitKey::Power);
            }
        }
    }

    /// The same machine, read back from its image, goes on. It was off for so long, by every clock but CLOCK_MONOTONIC.
    pub fn image_restored(&mut self, off: u64) {
        if off != 0 {
            self.clock.sleep(off);
            self.clocks_went_on();
        }
        if self.power.phase() == Some(Phase::Imaging) {
            self.debug_message("PM: hibernation: Hibernation image restored successfully.");
            self.set_phase(Phase::Over(Ok(())));
            self.notify(crate::WaitKey::Power);
        }
    }
}

/// Why `Schedule::Restore` came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoImage {
    Missing,
    Damaged,
}

impl Kernel {
    /// software_resume: asks the driver for the machine on the swap device, in place of this one.
    pub(crate) fn software_resume(&mut self) {
        if !self.power.swap {
            self.log_no_image(Errno::ENXIO);
        } else if self.power.transition.is_none() {
            self.power.restore = true;
        }
    }

    /// The driver's answer to `Schedule::Restore`, in the machine that asked, if there is no other.
    pub fn image_not_restored(&mut self, why: NoImage) {
        if std::mem::take(&mut self.power.restore) {
            match why {
                NoImage::Missing => self.log_no_image(Errno::EINVAL),
                NoImage::Damaged => self.log_bad_image(),
            }
        }
    }
}

/// How long a test waits (`suspend_test`).
const TEST_SECONDS: u64 = 5;
/// Between two looks of a pass: doubled from the first to the last.
const FIRST_PAUSE: u64 = NSEC_PER_SEC / 1000;
const LAST_PAUSE: u64 = 8 * FIRST_PAUSE;
