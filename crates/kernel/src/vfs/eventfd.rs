//! eventfd(2): a counter that is a file.
use super::anon::AnonKind;
use super::{Block, FileId, FileKind, Io};
use crate::{Kernel, Result, SleepKind, Tid, WaitKey};
use abi::{Errno, OpenFlags, PollEvents};
use serde::{Deserialize, Serialize};

/// One counter.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct EventFd {
    count: u64,
    /// EFD_SEMAPHORE: a read takes one.
    semaphore: bool,
}

/// The counter never reaches this.
const FULL: u64 = u64::MAX;

impl Kernel {
    pub(crate) fn new_eventfd(&mut self, tid: Tid, count: u32, semaphore: bool, flags: OpenFlags) -> Result<FileId> {
        let path = self.new_anon(tid, AnonKind::Inode("eventfd"))?;
        let id = self.vfs.new_key();
        self.vfs.eventfds.insert(id, EventFd { count: count.into(), semaphore });
        Ok(self.vfs.new_file(FileKind::EventFd(id), path, OpenFlags::O_RDWR | flags))
    }
    fn eventfd(&mut self, id: u64) -> &mut EventFd {
        self.vfs.eventfds.get_mut(&id).expect("a counter lives as long as its file")
    }
    pub(super) fn read_eventfd(&mut self, id: u64, buf: &mut [u8]) -> Io {
        let out = buf.first_chunk_mut::<8>().ok_or(Errno::EINVAL)?;
        let event = self.eventfd(id);
        if event.count == 0 {
            let (on, kind, wchan) = (WaitKey::Readable(id), SleepKind::Interruptible, "eventfd_read");
            return Err(Block { on, kind, wchan, freezable: false }.into());
        }
        let taken = if event.semaphore { 1 } else { event.count };
        event.count -= taken;
        *out = taken.to_le_bytes();
        self.notify(WaitKey::Writable(id));
        Ok(8)
    }
    pub(super) fn write_eventfd(&mut self, id: u64, data: &[u8]) -> Io {
        let add = u64::from_le_bytes(*data.first_chunk::<8>().ok_or(Errno::EINVAL)?);
        if add == FULL {
            return Err(Errno::EINVAL.into());
        }
        let event = self.eventfd(id);
        match event.count.checked_add(add).filter(|&sum| sum != FULL) {
            Some(sum) => event.count = sum,
            None => {
                let (on, kind, wchan) = (WaitKey::Writable(id), SleepKind::Interruptible, "eventfd_write");
                return Err(Block { on, kind, wchan, freezable: false }.into());
            }
        }
        self.notify(WaitKey::Readable(id));
        Ok(8)
    }
    pub(super) fn poll_eventfd(&mut self, id: u64) -> (PollEvents, Vec<WaitKey>) {
        let count = self.eventfd(id).count;
        let mut events = PollEvents::empty();
        events.set(PollEvents::POLLIN, count > 0);
        events.set(PollEvents::POLLOUT, count < FULL - 1);
        (events, vec![WaitKey::Readable(id), WaitKey::Writable(id)])
    }
}
