//! signalfd(2): signals that are read (fs/signalfd.c). A file has a set; the signals are those of whoever reads.
use super::anon::AnonKind;
use super::{Block, FileId, FileKind, Io};
use crate::{Kernel, Result, SleepKind, Tid, WaitKey};
use abi::{Errno, OpenFlags, PollEvents, SigSet, encode_signalfd_siginfo};

/// Bytes of `struct signalfd_siginfo`.
const RECORD: usize = 128;

impl Kernel {
    pub(crate) fn new_signalfd(&mut self, tid: Tid, set: SigSet, flags: OpenFlags) -> Result<FileId> {
        let path = self.new_anon(tid, AnonKind::Inode("signalfd"))?;
        let id = self.vfs.new_key();
        self.vfs.signalfds.insert(id, set);
        Ok(self.vfs.new_file(FileKind::SignalFd(id), path, OpenFlags::O_RDWR | flags))
    }
    /// The set of a file; EINVAL if it is something else.
    pub(crate) fn signalfd_mut(&mut self, file: FileId) -> Result<&mut SigSet> {
        match self.vfs.file(file).kind {
            FileKind::SignalFd(id) => self.vfs.signalfds.get_mut(&id).ok_or(Errno::EINVAL),
            _ => Err(Errno::EINVAL),
        }
    }
    fn signalfd(&self, id: u64) -> SigSet {
        self.vfs.signalfds.get(&id).copied().unwrap_or(SigSet::EMPTY)
    }

    pub(super) fn read_signalfd(&mut self, caller: Tid, id: u64, buf: &mut [u8]) -> Io {
        if buf.len() < RECORD {
            return Err(Errno::EINVAL.into());
        }
        let (set, tgid) = (self.signalfd(id), self.tasks.get(caller).ok_or(Errno::EINVAL)?.tgid);
        let mut done = 0;
        for record in buf.as_chunks_mut::<RECORD>().0 {
            let Some(info) = self.dequeue_signal(caller, SigSet::FULL.without(set)) else { break };
            *record = encode_signalfd_siginfo(&info);
            done += RECORD;
        }
        if done == 0 {
            let (on, kind, wchan) = (WaitKey::SignalFd(tgid), SleepKind::Interruptible, "signalfd_read_iter");
            return Err(Block { on, kind, wchan, freezable: false }.into());
        }
        Ok(done)
    }
    pub(super) fn poll_signalfd(&self, caller: Tid, id: u64) -> (PollEvents, Vec<WaitKey>) {
        let Some(task) = self.tasks.get(caller) else { return (PollEvents::empty(), Vec::new()) };
        let pending = task.pending.set.union(self.tasks.group_of(caller).pending.set);
        let ready = !pending.intersection(self.signalfd(id)).is_empty();
        let events = if ready { PollEvents::POLLIN } else { PollEvents::empty() };
        (events, vec![WaitKey::SignalFd(task.tgid)])
    }
}
