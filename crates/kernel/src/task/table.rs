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
