//! SEM_UNDO: what the end of a process gives back (struct sem_undo_list). Threads, and whoever is cloned with CLONE_SYSVSEM,
//! share one list.
use crate::namespaces::NsId;
use crate::{Kernel, Tid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A list, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UndoId(u64);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct UndoList {
    users: u32,
    /// Adjustments of each set, a semaphore each.
    sets: BTreeMap<(NsId, i32), Vec<i32>>,
}

/// All lists.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct UndoLists {
    table: BTreeMap<UndoId, UndoList>,
    next: u64,
}

impl UndoLists {
    fn create(&mut self) -> UndoId {
        self.next += 1;
        self.table.insert(UndoId(self.next), UndoList { users: 1, sets: BTreeMap::new() });
        UndoId(self.next)
    }
    /// The adjustments a list has for a set; `None` once the set is gone.
    pub(super) fn of(&mut self, list: UndoId, set: (NsId, i32)) -> Option<&mut Vec<i32>> {
        self.table.get_mut(&list)?.sets.get_mut(&set)
    }
    /// A set is gone.
    pub(super) fn forget_set(&mut self, set: (NsId, i32)) {
        for list in self.table.values_mut() {
            list.sets.remove(&set);
        }
    }
    /// SETVAL, SETALL: nobody's adjustment of these semaphores counts any more.
    pub(super) fn clear(&mut self, set: (NsId, i32), sems: std::ops::Range<usize>) {
        for adjustments in self.table.values_mut().filter_map(|list| list.sets.get_mut(&set)) {
            if let Some(slice) = adjustments.get_mut(sems.clone()) {
                slice.fill(0);
            }
        }
    }
}

impl Kernel {
    /// The list of a task, made at its first use.
    fn undo_list(&mut self, tid: Tid) -> UndoId {
        match self.tasks[tid].sysvsem {
            Some(list) => list,
            None => *self.tasks[tid].sysvsem.insert(self.ipc.undo.create()),
        }
    }
    /// `find_alloc_undo`: the list has room for a set of `nsems`.
    pub(super) fn undo_for(&mut self, tid: Tid, set: (NsId, i32), nsems: usize) -> UndoId {
        let list = self.undo_list(tid);
        if let Some(list) = self.ipc.undo.table.get_mut(&list) {
            list.sets.entry(set).or_insert_with(|| vec![0; nsems]);
        }
        list
    }
    /// `copy_semundo`: with CLONE_SYSVSEM the child has its parent's list.
    pub(crate) fn copy_semundo(&mut self, parent: Tid, share: bool) -> Option<UndoId> {
        share.then(|| {
            let id = self.undo_list(parent);
            if let Some(list) = self.ipc.undo.table.get_mut(&id) {
                list.users += 1;
            }
            id
        })
    }
    /// `exit_sem`: the last user of a list makes its adjustments; what goes below 0 or beyond SEMVMX ends there.
    pub(crate) fn exit_sem(&mut self, tid: Tid) {
        let Some(task) = self.tasks.get_mut(tid) else { return };
        let (tgid, Some(id)) = (task.tgid, task.sysvsem.take()) else { return };
        let Some(list) = self.ipc.undo.table.get_mut(&id) else { return };
        list.users -= 1;
        if list.users > 0 {
            return;
        }
        let Some(list) = self.ipc.undo.table.remove(&id) else { return };
        for ((ns, semid), adjustments) in list.sets {
            self.sem_adjust(ns, semid, &adjustments, tgid);
        }
    }
}
