//! A transition, step by step (kernel/power/suspend.c, hibernate.c; P08-10).
use super::*;
use crate::freezer::PowerInterface;
use crate::vfs::{Block, IoError};
use crate::{Result, SleepKind, TimerKey, WaitKey};
use abi::Errno;

/// An attribute's write that waits: for the machine, not for a signal.
fn wait(on: WaitKey, wchan: &'static str) -> IoError {
    Block { on, kind: SleepKind::Uninterruptible, wchan, freezable: false }.into()
}

impl Kernel {
    /// state_store: begins a transition, or goes on with the writer's own.
    pub(super) fn state_store(&mut self, writer: Tid, text: &str) -> std::result::Result<(), IoError> {
        if !self.power.suspends(writer) {
            let sleep = self.decode_state(text).ok_or(Errno::EINVAL)?;
            self.begin(writer, sleep)?;
        }
        match self.go_on() {
            Some(result) => Ok(result?),
            None => Err(wait(WaitKey::Power, "suspend")),
        }
    }

    /// The words that the generation knows (P08-09).
    pub(super) fn decode_state(&self, text: &str) -> Option<Sleep> {
        let word = text.split('\n').next().unwrap_or(text);
        let modern = self.config.freezer.suspend.interface == PowerInterface::V6_18;
        match word {
            "disk" => Some(Sleep::Disk),
            "mem" if modern && self.power.s2idle => Some(Sleep::Idle),
            "mem" => Some(Sleep::Deep),
            "freeze" if modern => Some(Sleep::Idle),
            "standby" if !modern => Some(Sleep::Standby),
            _ => None,
        }
    }

    fn begin(&mut self, writer: Tid, sleep: Sleep) -> std::result::Result<(), IoError> {
        if self.power.transition.is_some() {
            if sleep == Sleep::Disk {
                // lock_system_sleep: who waits there does not hold up the one that is on.
                self.tasks[writer].nofreeze = self.config.freezer.suspend.interface != PowerInterface::V2_6_28;
                return Err(wait(WaitKey::PowerLock, "lock_system_sleep"));
            }
            self.log_entry(sleep);
            self.log_exit(sleep);
            return Err(Errno::EBUSY.into());
        }
        self.tasks[writer].nofreeze = false;
        self.log_entry(sleep);
        if sleep == Sleep::Idle && !self.power.test.fits_idle() {
            self.log_unsupported_test();
            self.log_exit(sleep);
            return Err(Errno::EAGAIN.into());
        }
        // A wake-up event that user space has not seen (wakeup_count).
        if self.power.known_wakeups.take().is_some_and(|known| known != self.power.wakeups) {
            self.log_exit(sleep);
            return Err(Errno::EBUSY.into());
        }
        self.log_prepare(sleep);
        let phase = self.begin_pass(true);
        self.power.transition = Some(Transition { writer, sleep, phase, user_frozen: false });
        Ok(())
    }

    fn begin_pass(&mut self, user_only: bool) -> Phase {
        self.log_freezing(user_only);
        let now = self.clock.now;
        Phase::Freezing(Pass { user_only, started: now, pause: FIRST_PAUSE, look: now })
    }

    /// As far as it goes without waiting; the result once it is over.
    fn go_on(&mut self) -> Option<Result<()>> {
        loop {
            let transition = self.power.transition.clone()?;
            let now = self.clock.now;
            let next = match transition.phase {
                Phase::Freezing(pass) if pass.look > now => return None,
                Phase::Freezing(pass) => self.look(&transition, pass),
                Phase::Waiting { until } if until > now => return None,
                Phase::Waiting { .. } => Phase::Over(Ok(())),
                Phase::Asleep { .. } | Phase::Imaging => return None,
                Phase::Over(result) => return Some(self.finish(&transition, result)),
            };
            self.set_phase(next);
            match next {
                Phase::Freezing(Pass { look: at, .. }) | Phase::Waiting { until: at } if at > now => {
                    self.clock.arm(at, TimerKey::Power);
                }
                _ => {}
            }
        }
    }

    /// One look of a pass, and what follows from it.
    fn look(&mut self, transition: &Transition, pass: Pass) -> Phase {
        let (now, user_only) = (self.clock.now, pass.user_only);
        let todo = self.ask_all_to_freeze(user_only);
        let elapsed = now - pass.started;
        if todo > 0 && elapsed <= u64::from(self.power.freeze_timeout) * 1_000_000 {
            let pause = (pass.pause * 2).min(LAST_PAUSE);
            return Phase::Freezing(Pass { pause, look: now + pass.pause, ..pass });
        }
        if todo > 0 {
            self.log_refusal(user_only, elapsed, todo);
            self.cancel_freezing_all();
            self.power.stats.failed_freeze += 1;
            return Phase::Over(Err(match transition.sleep {
                Sleep::Disk => Errno::EBUSY,
                _ => self.config.freezer.suspend.failed,
            }));
        }
        self.log_frozen(user_only, elapsed);
        if !user_only {
            return self.all_frozen(transition.sleep);
        }
        if let Some(transition) = &mut self.power.transition {
            transition.user_frozen = true;
        }
        if transition.sleep == Sleep::Disk {
            self.log_preallocation();
        }
        self.begin_pass(false)
    }

    /// Everybody is frozen: what is next is a test, sleep, or the image.
    fn all_frozen(&mut self, sleep: Sleep) -> Phase {
        let disk = sleep == Sleep::Disk;
        if self.power.test == TestLevel::Freezer || disk && self.power.disk == DiskMode::TestProc {
            return self.test(sleep);
        }
        self.log_devices(sleep);
        if self.power.test != TestLevel::None || disk && self.power.disk == DiskMode::Test {
            return self.test(sleep);
        }
        if !disk {
            return Phase::Asleep { woken: false };
        }
        self.log_image();
        if !self.power.swap {
            self.log_no_swap();
            return Phase::Over(Err(Errno::ENODEV));
        }
        Phase::Imaging
    }

    /// suspend_test, hibernation_debug_sleep.
    fn test(&mut self, sleep: Sleep) -> Phase {
        self.log_waiting(sleep);
        Phase::Waiting { until: self.clock.now + TEST_SECONDS * NSEC_PER_SEC }
    }

    /// Everything back, in reverse.
    fn finish(&mut self, transition: &Transition, result: Result<()>) -> Result<()> {
        self.log_finishing(transition);
        let by_themselves = transition.sleep == Sleep::Disk && self.power.test == TestLevel::Freezer;
        if by_themselves && transition.user_frozen && result.is_ok() {
            self.thaw_kthreads();
            self.log_kthreads();
        }
        self.thaw_all();
        self.log_restarting();
        self.power.transition = None;
        match result {
            Ok(()) => self.power.stats.success += 1,
            Err(errno) => {
                self.power.stats.fail += 1;
                self.power.stats.last_failed = Some(errno);
            }
        }
        self.log_exit(transition.sleep);
        self.notify(WaitKey::PowerLock);
        result
    }

    /// The system was asleep: clocks other than CLOCK_MONOTONIC jumped, and what waits for them looks again.
    pub(super) fn clocks_went_on(&mut self) {
        self.notify(crate::syscall::time::CLOCK_WAS_SET);
        self.rearm_rtc();
    }
}
