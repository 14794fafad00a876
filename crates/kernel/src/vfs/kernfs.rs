//! Files whose contents change by themselves, and who waits for that (fs/kernfs/file.c: kernfs_notify, kernfs_generic_poll).
use super::{Ino, SuperId, Vfs};
use crate::{Kernel, WaitKey};
use abi::{Inotify, PollEvents};

impl Kernel {
    /// The contents of a file changed: who polls it sees POLLPRI and POLLERR until it has read them, and watches hear of it.
    pub fn kernfs_notify(&mut self, sup: SuperId, ino: Ino) {
        *self.vfs.kernfs_events.entry((sup, ino)).or_default() += 1;
        self.notify(WaitKey::Kernfs(sup, ino));
        self.fsnotify(sup, ino, Inotify::IN_MODIFY, None);
    }
}

impl Vfs {
    /// The number of the file's last change. An open file keeps the one it has read, 0 before it has.
    pub fn kernfs_event(&self, sup: SuperId, ino: Ino) -> u64 {
        1 + self.kernfs_events.get(&(sup, ino)).copied().unwrap_or_default()
    }
    /// What poll says of an open file that has read change `seen`; `None`: the file is gone.
    pub fn kernfs_poll(&self, sup: SuperId, ino: Ino, seen: Option<u64>) -> (PollEvents, Vec<WaitKey>) {
        let mut events = PollEvents::POLLIN | PollEvents::POLLOUT | PollEvents::POLLRDNORM | PollEvents::POLLWRNORM;
        let changed = seen != Some(self.kernfs_event(sup, ino));
        events.set(PollEvents::POLLPRI | PollEvents::POLLERR, changed);
        (events, vec![WaitKey::Kernfs(sup, ino)])
    }
    /// The file is gone.
    pub fn kernfs_removed(&mut self, sup: SuperId, ino: Ino) {
        self.kernfs_events.remove(&(sup, ino));
        self.notified.remove(&WaitKey::Kernfs(sup, ino));
    }
}
