//! The table of all tasks, and who waits for what.
use super::{Task, Tgid, ThreadGroup, Tid, WaitKey};
use std::collections::{BTreeMap, VecDeque};

/// Every task and thread group, the run queue and the wait table: state changes go through here, so they cannot disagree.
#[derive(Clone, Default)]
pub struct Tasks {
    table: BTreeMap<Tid, Task>,
    groups: BTreeMap<Tgid, ThreadGroup>,
    waiters: BTreeMap<WaitKey, VecDeque<Tid>>,
}

impl Tasks {
    pub fn get(&self, tid: Tid) -> Option<&Task> {
        self.table.get(&tid)
    }
    pub fn get_mut(&mut self, tid: Tid) -> Option<&mut Task> {
        self.table.get_mut(&tid)
    }
    pub fn group(&self, tgid: Tgid) -> Option<&ThreadGroup> {
        self.groups.get(&tgid)
    }
    pub fn group_mut(&mut self, tgid: Tgid) -> Option<&mut ThreadGroup> {
        self.groups.get_mut(&tgid)
    }
    /// All tasks, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Task> {
        self.table.values()
    }
    /// Wakes up to `n` waiters of `key`, first come first; how many there were.
    pub fn wake_n(&mut self, key: WaitKey, n: usize) -> usize {
        let _ = (self.waiters.get(&key), n);
        0
    }
    pub fn wake_one(&mut self, key: WaitKey) -> bool {
        self.wake_n(key, 1) == 1
    }
    pub fn wake_all(&mut self, key: WaitKey) {
        self.wake_n(key, usize::MAX);
    }
}

impl std::ops::Index<Tid> for Tasks {
    type Output = Task;
    /// For a tid that is known to be live; ids from a guest go through `get`.
    fn index(&self, tid: Tid) -> &Task {
        self.table.get(&tid).expect("a live task")
    }
}

impl std::ops::IndexMut<Tid> for Tasks {
    fn index_mut(&mut self, tid: Tid) -> &mut Task {
        self.table.get_mut(&tid).expect("a live task")
    }
}

// What futexes and execve need. ktask: these are yours to fill in.
impl Tasks {
    /// The waiters of a key, in the order they came.
    pub fn waiters(&self, key: WaitKey) -> Vec<Tid> {
        self.waiters.get(&key).map(|queue| queue.iter().copied().collect()).unwrap_or_default()
    }
    /// Wakes one particular waiter of `key`; false if it does not wait for it.
    pub fn wake_waiter(&mut self, _tid: Tid, _key: WaitKey) -> bool {
        false
    }
    /// Moves a waiter of `from` to the end of `to`'s queue without waking it (its call's `waiting_on` follows).
    pub fn requeue(&mut self, _tid: Tid, _from: WaitKey, _to: WaitKey) {}
}

impl crate::Kernel {
    /// execve in a thread group: the other threads are told to die; `None` when they are gone (the caller is then the leader,
    /// with its tid), else the uninterruptible sleep to take until they are (F08-47).
    pub(crate) fn de_thread(&mut self, _tid: Tid) -> Option<crate::Sleep> {
        None
    }
    /// A task leaves its address space (exec or exit): clear_child_tid, robust list, vfork parent.
    pub(crate) fn mm_release(&mut self, _tid: Tid) {}
    /// execve: handlers become SIG_DFL (in a table of its own), the alternate stack is gone.
    pub(crate) fn flush_signal_handlers(&mut self, _tid: Tid) {}
}
