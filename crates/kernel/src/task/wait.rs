//! What a task can wait for. Waiters of one key are woken in the order they came.
use super::Tid;
use crate::vfs::{Ino, SuperId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing to wait for. A task waits for a set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WaitKey {
    /// A child of this thread group changed state.
    Child(Tid),
    /// The vfork child execs or exits.
    Vfork(Tid),
    /// The task has turned its job-control stop into one for its tracer (JOBCTL_TRAPPING).
    Trapping(Tid),
    /// The other threads of a group are gone (de_thread).
    ThreadsGone(Tid),
    /// A futex: mm or file page identity, then offset.
    Futex(u64, u64),
    /// Something to read from, or room in, an object of the VFS (pipe, socket, eventfd, tty), by its own number.
    Readable(u64),
    Writable(u64),
    /// A FIFO's other end was opened.
    Opened(u64),
    /// A signal came for this thread group, blocked or not (signalfd).
    SignalFd(Tid),
    /// The IPC operation this task sleeps for was carried out.
    IpcDone(Tid),
    /// A file lock was released.
    Lock(u64),
    /// /dev/stuck was written.
    Stuck,
    /// The kernel log grew.
    Log,
    /// A file of a kernfs (cgroup, sysfs) says something else.
    Kernfs(SuperId, Ino),
    /// /proc/mounts changed, and other whole-kernel events.
    Event(u32),
    /// A system suspend goes on.
    Power,
    /// A system suspend is over, and the next may begin.
    PowerLock,
    /// The RTC fired.
    Rtc,
    /// Nothing but time, or a signal, ends the wait.
    Never,
}

/// Who waits for what. A waiter has one ticket a sleep, whatever the number of its keys: tickets are the order of arrival.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct WaitTable {
    queues: BTreeMap<(WaitKey, u64), Tid>,
    next_ticket: u64,
}

impl WaitTable {
    /// Queues `tid` on all of `keys`; gives its ticket.
    pub(super) fn add(&mut self, tid: Tid, keys: &[WaitKey]) -> u64 {
        self.next_ticket += 1;
        for &key in keys.iter().filter(|&&key| key != WaitKey::Never) {
            self.queues.insert((key, self.next_ticket), tid);
        }
        self.next_ticket
    }

    pub(super) fn remove(&mut self, ticket: u64, keys: &[WaitKey]) {
        for &key in keys {
            self.queues.remove(&(key, ticket));
        }
    }

    /// The waiters of `key`, first come first.
    pub(super) fn of(&self, key: WaitKey) -> impl Iterator<Item = Tid> + '_ {
        self.queues.range((key, 0)..=(key, u64::MAX)).map(|(_, &tid)| tid)
    }

    pub(super) fn rename(&mut self, ticket: u64, keys: &[WaitKey], to: Tid) {
        for &key in keys {
            if let Some(tid) = self.queues.get_mut(&(key, ticket)) {
                *tid = to;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: WaitKey = WaitKey::Readable(1);
    const B: WaitKey = WaitKey::Writable(1);

    #[test]
    fn first_come_first_woken() {
        let mut table = WaitTable::default();
        let seven = table.add(Tid(7), &[A, B]);
        table.add(Tid(3), &[A]);
        table.add(Tid(5), &[B]);
        assert_eq!(table.of(A).collect::<Vec<_>>(), [Tid(7), Tid(3)]);
        table.remove(seven, &[A, B]);
        assert_eq!(table.of(A).collect::<Vec<_>>(), [Tid(3)]);
        assert_eq!(table.of(B).collect::<Vec<_>>(), [Tid(5)]);
        table.add(Tid(7), &[A]);
        assert_eq!(table.of(A).collect::<Vec<_>>(), [Tid(3), Tid(7)], "who sleeps again goes to the end");
    }

    #[test]
    fn nobody_is_queued_on_never() {
        let mut table = WaitTable::default();
        table.add(Tid(1), &[WaitKey::Never]);
        assert_eq!(table.of(WaitKey::Never).count(), 0);
    }
}
