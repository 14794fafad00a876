//! timerfd: a timer that is a file (fs/timerfd.c). How often it fired is worked out when somebody reads.
use super::anon::AnonKind;
use super::{Block, FileId, FileKind, Io};
use crate::{Kernel, Result, SleepKind, Tid, TimerKey, WaitKey};
use abi::{Errno, OpenFlags, PollEvents};
use serde::{Deserialize, Serialize};

/// One timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimerFd {
    pub(crate) clock: i32,
    /// When it fires, or first fired since the last read; `None`: disarmed.
    due: Option<u64>,
    interval: u64,
}

impl TimerFd {
    /// How often it has fired since the last read.
    fn fired(&self, now: u64) -> u64 {
        match self.due {
            Some(due) if due <= now => (now - due).checked_div(self.interval).unwrap_or(0) + 1,
            _ => 0,
        }
    }

    /// Takes the firings note of; gives when it fires next.
    fn restart(&mut self, now: u64) -> Option<u64> {
        let fired = self.fired(now);
        if fired > 0 {
            let next = self.due.map(|due| due.saturating_add(fired.saturating_mul(self.interval)));
            self.due = next.filter(|_| self.interval != 0);
        }
        self.due
    }

    /// What is left until it fires next, and its interval.
    pub(crate) fn left(mut self, now: u64) -> (u64, u64) {
        (self.restart(now).map_or(0, |due| due - now), self.interval)
    }
}

impl Kernel {
    pub(crate) fn new_timerfd(&mut self, tid: Tid, clock: i32, flags: OpenFlags) -> Result<FileId> {
        let path = self.new_anon(tid, AnonKind::Inode("timerfd"))?;
        let id = self.vfs.new_key();
        self.vfs.timerfds.insert(id, TimerFd { clock, due: None, interval: 0 });
        Ok(self.vfs.new_file(FileKind::TimerFd(id), path, OpenFlags::O_RDWR | flags))
    }

    /// The timer of an open file; EINVAL if it is something else.
    pub(crate) fn timerfd(&self, file: FileId) -> Result<(u64, TimerFd)> {
        match self.vfs.file(file).kind {
            FileKind::TimerFd(id) => Ok((id, *self.vfs.timerfds.get(&id).ok_or(Errno::EINVAL)?)),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Arms a timer for `due` (`None`: disarms it), and then every `interval`.
    pub(crate) fn set_timerfd(&mut self, id: u64, due: Option<u64>, interval: u64) {
        let Some(timer) = self.vfs.timerfds.get_mut(&id) else { return };
        let old = std::mem::replace(&mut timer.due, due);
        timer.interval = interval;
        if let Some(old) = old {
            self.clock.disarm(old, TimerKey::Vfs(id));
        }
        if let Some(due) = due {
            self.clock.arm(due, TimerKey::Vfs(id));
        }
    }

    pub(super) fn read_timerfd(&mut self, id: u64, buf: &mut [u8]) -> Io {
        let out = buf.first_chunk_mut::<8>().ok_or(Errno::EINVAL)?;
        let now = self.clock.now;
        let timer = self.vfs.timerfds.get_mut(&id).ok_or(Errno::EINVAL)?;
        let fired = timer.fired(now);
        if fired == 0 {
            let (on, kind, wchan) = (WaitKey::Readable(id), SleepKind::Interruptible, "timerfd_read");
            return Err(Block { on, kind, wchan, freezable: false }.into());
        }
        *out = fired.to_le_bytes();
        if let Some(next) = timer.restart(now) {
            self.clock.arm(next, TimerKey::Vfs(id));
        }
        Ok(8)
    }

    pub(super) fn poll_timerfd(&self, id: u64) -> (PollEvents, Vec<WaitKey>) {
        let fired = self.vfs.timerfds.get(&id).is_some_and(|timer| timer.fired(self.clock.now) > 0);
        let events = if fired { PollEvents::POLLIN } else { PollEvents::empty() };
        (events, vec![WaitKey::Readable(id)])
    }

    pub(super) fn close_timerfd(&mut self, id: u64) {
        self.set_timerfd(id, None, 0);
        self.vfs.timerfds.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firings_are_counted_when_read() {
        let mut timer = TimerFd { clock: 0, due: Some(100), interval: 30 };
        assert_eq!((timer.fired(99), timer.fired(100), timer.fired(129), timer.fired(160)), (0, 1, 1, 3));
        assert_eq!(timer.left(160), (30, 30));
        assert_eq!(timer.restart(165), Some(190));
        assert_eq!(timer.fired(165), 0);
        let mut once = TimerFd { clock: 0, due: Some(100), interval: 0 };
        assert_eq!((once.fired(500), once.restart(500), once.fired(600)), (1, None, 0));
        let hostile = TimerFd { clock: 0, due: Some(0), interval: u64::MAX };
        assert_eq!(hostile.left(u64::MAX).0, 0);
    }
}
