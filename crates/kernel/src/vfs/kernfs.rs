//! Files whose contents change by themselves, and who waits for that (fs/kernfs/file.c: kernfs_notify, kernfs_generic_poll).
use super::{Ino, SuperId, Vfs};
use crate::{Kernel, TimerKey, WaitKey};
use abi::{Inotify, PollEvents};

/// How long after a change watches are told: by a worker in Linux, so that tasks the change woke have run by then.
const WORK_DELAY: u64 = 50_000;

impl Kernel {
    /// The contents of a file changed, which is `name` in directory `dir`: who polls it sees POLLPRI and POLLERR until it has
    /// read them; watches hear of it a little later, of several changes once.
    pub fn kernfs_notify(&mut self, sup: SuperId, ino: Ino, dir: Ino, name: &str) {
        *self.vfs.kernfs_events.entry((sup, ino)).or_default() += 1;
        self.notify(WaitKey::Kernfs(sup, ino));
        if self.vfs.inotify.is_idle() {
            return;
        }
        if self.vfs.kernfs_work.is_empty() {
            self.clock.arm(self.clock.now + WORK_DELAY, TimerKey::KernfsWork);
        }
        self.vfs.kernfs_work.insert((sup, ino), (dir, name.into()));
    }

    /// `kernfs_notify_workfn`.
    pub(crate) fn kernfs_notify_work(&mut self) {
        for ((sup, ino), (dir, name)) in std::mem::take(&mut self.vfs.kernfs_work) {
            self.fsnotify(sup, dir, Inotify::IN_MODIFY, Some(&name));
            self.fsnotify(sup, ino, Inotify::IN_MODIFY, None);
        }
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
