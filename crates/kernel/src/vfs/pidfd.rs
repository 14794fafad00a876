//! pidfd: a process that is a file (fs/pidfs.c). All pidfds of one process share an inode; it knows the process from a later one
//! of the same number by the key that its group keeps.
use super::anon::AnonKind;
use super::{FileId, FileKind, Path};
use crate::{Kernel, Result, Tgid, Tid, WaitKey};
use abi::{Errno, OpenFlags, PollEvents};
use serde::{Deserialize, Serialize};

/// The process behind pidfds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct PidFd {
    tgid: Tgid,
    path: Path,
    /// Open files that refer to it.
    files: u32,
}

impl Kernel {
    /// A new file for a process; for one that does not exist yet, `pidfd_attach` follows.
    pub(crate) fn new_pidfd(&mut self, tid: Tid, tgid: Tgid, flags: OpenFlags) -> Result<(FileId, u64)> {
        let key = match self.tasks.group(tgid).and_then(|group| group.pidfd) {
            Some(key) => key,
            None => {
                let path = self.new_anon(tid, AnonKind::Inode("pidfd"))?;
                let key = self.vfs.new_key();
                self.vfs.pidfds.insert(key, PidFd { tgid, path, files: 0 });
                self.pidfd_attach(tgid, key);
                key
            }
        };
        let pidfd = self.vfs.pidfds.get_mut(&key).expect("a group's key is of open files");
        pidfd.files += 1;
        let path = pidfd.path;
        Ok((self.vfs.new_file(FileKind::PidFd(key), path, OpenFlags::O_RDWR | flags), key))
    }

    /// Tells a process the key of its files.
    pub(crate) fn pidfd_attach(&mut self, tgid: Tgid, key: u64) {
        if let Some(group) = self.tasks.group_mut(tgid) {
            group.pidfd = Some(key);
        }
    }

    /// The key of an open file; EBADF if it is something else.
    pub(crate) fn pidfd(&self, file: FileId) -> Result<u64> {
        match self.vfs.file(file).kind {
            FileKind::PidFd(key) => Ok(key),
            _ => Err(Errno::EBADF),
        }
    }

    /// The process, unless it has been reaped.
    pub(crate) fn pidfd_process(&self, key: u64) -> Option<Tgid> {
        let tgid = self.vfs.pidfds.get(&key)?.tgid;
        self.tasks.group(tgid).filter(|group| group.pidfd == Some(key)).map(|group| group.tgid)
    }

    /// A process died, or was reaped: who polls hears of it.
    pub(crate) fn pidfd_notify(&mut self, key: Option<u64>) {
        if let Some(key) = key {
            self.notify(WaitKey::Readable(key));
        }
    }

    pub(super) fn poll_pidfd(&self, key: u64) -> (PollEvents, Vec<WaitKey>) {
        let readable = PollEvents::POLLIN | PollEvents::POLLRDNORM;
        let events = match self.pidfd_process(key) {
            None => readable | PollEvents::POLLHUP,
            Some(tgid) if self.tasks.is_group_dead(tgid) => readable,
            Some(_) => PollEvents::empty(),
        };
        (events, vec![WaitKey::Readable(key)])
    }

    pub(super) fn close_pidfd(&mut self, key: u64) {
        let Some(pidfd) = self.vfs.pidfds.get_mut(&key) else { return };
        pidfd.files -= 1;
        if pidfd.files > 0 {
            return;
        }
        let tgid = pidfd.tgid;
        self.vfs.pidfds.remove(&key);
        self.forget_key(key);
        if let Some(group) = self.tasks.group_mut(tgid).filter(|group| group.pidfd == Some(key)) {
            group.pidfd = None;
        }
    }
}
