//! The cgroup2 freezer's half that belongs to groups (kernel/cgroup/freezer.c; rules C2-01 to C2-10). The tasks' half is
//! `kernel::freezer`'s trap.
use super::{ancestors, notify_events, state};
use crate::hierarchy::{GroupId, Hierarchy};
use kernel::{Kernel, Tid, TraceKind};
use serde::{Deserialize, Serialize};

/// What is kept of a group.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct GroupState {
    /// What was written to cgroup.freeze (C2-03).
    freeze: bool,
    /// It or a group above is to be frozen: CGRP_FREEZE.
    freezing: bool,
    /// CGRP_FROZEN, as cgroup.events shows it.
    frozen: bool,
    frozen_descendants: u64,
    frozen_tasks: usize,
    /// cgroup.stat.local: time spent freezing before, and since when it is now.
    frozen_ns: u64,
    since: u64,
}

impl GroupState {
    /// A group below was removed.
    pub(super) fn descendant_gone(&mut self, frozen: bool) {
        self.frozen_descendants = self.frozen_descendants.saturating_sub(u64::from(frozen));
    }
    fn set_freezing(&mut self, freeze: bool, now: u64) {
        if freeze {
            self.since = now;
        } else {
            self.frozen_ns += now.saturating_sub(self.since);
        }
        self.freezing = freeze;
    }
    /// `frozen_usec`: how long the group has been asked to be frozen, by itself or from above, whether it was or not.
    pub(super) fn frozen_usec(&self, now: u64) -> u64 {
        let running = if self.freezing { now.saturating_sub(self.since) } else { 0 };
        (self.frozen_ns + running) / 1000
    }
}

fn of(h: &Hierarchy, id: GroupId) -> GroupState {
    state(h, id).map(|unified| unified.freezer).unwrap_or_default()
}

fn change(h: &mut Hierarchy, id: GroupId, f: impl FnOnce(&mut GroupState)) {
    if let Ok(group) = h.get_mut(id) {
        f(&mut group.unified.freezer);
    }
}

pub(crate) fn is_freezing(h: &Hierarchy, id: GroupId) -> bool {
    of(h, id).freezing
}

pub(crate) fn is_frozen(h: &Hierarchy, id: GroupId) -> bool {
    of(h, id).frozen
}

/// What cgroup.freeze reads.
pub(crate) fn is_set(h: &Hierarchy, id: GroupId) -> bool {
    of(h, id).freeze
}

/// A child of a group that is to be frozen is too, and frozen at once: it is empty.
pub(super) fn created(h: &mut Hierarchy, id: GroupId, kernel: &Kernel) {
    let above = ancestors(h, id);
    if !above.first().is_some_and(|&parent| is_freezing(h, parent)) {
        return;
    }
    let now = kernel.clock.now;
    change(h, id, |freezer| {
        freezer.set_freezing(true, now);
        freezer.frozen = true;
    });
    for at in above {
        change(h, at, |freezer| freezer.frozen_descendants += 1);
    }
}

/// `cgroup_freeze`: a write to cgroup.freeze.
pub(crate) fn freeze(h: &mut Hierarchy, top: GroupId, freeze: bool, kernel: &mut Kernel) {
    if is_set(h, top) == freeze {
        return;
    }
    change(h, top, |freezer| freezer.freeze = freeze);
    let path = h.path(top);
    kernel.trace.line(TraceKind::Freezer, || format!("cgroup2 {path}: freeze {}", u8::from(freeze)));
    let mut applied = false;
    // Parents first, so that each finds its parent as it will be.
    for id in h.below(top) {
        let from_above = h.any(id).and_then(|group| group.parent).is_some_and(|parent| is_freezing(h, parent));
        let freezing = is_set(h, id) || from_above;
        if freezing != is_freezing(h, id) {
            do_freeze(h, kernel, id, freezing);
            applied = true;
        }
    }
    // Held by a group above, it changes nothing; there is nothing to wait for, which is told all the same.
    if !applied {
        notify_events(h, top, kernel);
    }
}

fn do_freeze(h: &mut Hierarchy, kernel: &mut Kernel, id: GroupId, freeze: bool) {
    let now = kernel.clock.now;
    change(h, id, |freezer| freezer.set_freezing(freeze, now));
    for tid in h.members(id, kernel) {
        kernel.cgroup_freeze_task(tid, freeze);
    }
    // Empty groups, and those whose tasks are all stopped.
    if state(h, id).is_some_and(|unified| unified.descendants == unified.freezer.frozen_descendants) {
        update_frozen(h, kernel, id);
    }
}

/// `cgroup_update_frozen`: whether all tasks of the group are frozen now, and what that makes of those above.
pub(super) fn update_frozen(h: &mut Hierarchy, kernel: &mut Kernel, id: GroupId) {
    let Ok(group) = h.get(id) else { return };
    let freezer = &group.unified.freezer;
    let frozen = freezer.freezing && freezer.frozen_tasks == group.members.len();
    if frozen != freezer.frozen {
        set_frozen(h, kernel, id, frozen);
        propagate_frozen(h, kernel, id, frozen);
    }
}

fn set_frozen(h: &mut Hierarchy, kernel: &mut Kernel, id: GroupId, frozen: bool) {
    change(h, id, |freezer| freezer.frozen = frozen);
    let path = h.path(id);
    kernel.trace.line(TraceKind::Freezer, || format!("cgroup2 {path}: frozen {}", u8::from(frozen)));
    notify_events(h, id, kernel);
}

/// `cgroup_propagate_frozen` (C2-04): each group above counts `id`, and every group between that changed with it.
fn propagate_frozen(h: &mut Hierarchy, kernel: &mut Kernel, id: GroupId, frozen: bool) {
    let mut changed = 1;
    for at in ancestors(h, id) {
        let Ok(group) = h.get_mut(at) else { continue };
        let descendants = group.unified.descendants;
        let freezer = &mut group.unified.freezer;
        let count = freezer.frozen_descendants;
        freezer.frozen_descendants = if frozen { count + changed } else { count.saturating_sub(changed) };
        let turns = match frozen {
            true => !freezer.frozen && freezer.freezing && freezer.frozen_descendants == descendants,
            false => freezer.frozen,
        };
        if turns {
            set_frozen(h, kernel, at, frozen);
            changed += 1;
        }
    }
}

/// A task became frozen or left that state (C2-06).
pub(crate) fn task_changed(h: &mut Hierarchy, kernel: &mut Kernel, tid: Tid) {
    let id = h.group_of(tid);
    let frozen = kernel.tasks.get(tid).is_some_and(|task| task.cgroup_frozen);
    count(h, id, frozen);
    update_frozen(h, kernel, id);
}

fn count(h: &mut Hierarchy, id: GroupId, frozen: bool) {
    change(h, id, |freezer| {
        let tasks = freezer.frozen_tasks;
        freezer.frozen_tasks = if frozen { tasks + 1 } else { tasks.saturating_sub(1) };
    });
}

/// A child is to freeze before it first runs; its group is not looked at before it has, so that a frozen one does not
/// flicker (C2-09).
pub(super) fn forked(h: &Hierarchy, kernel: &mut Kernel, id: GroupId, child: Tid) {
    if is_freezing(h, id) {
        kernel.cgroup_freeze_task(child, true);
    }
}

/// A task is about to leave its group for good.
pub(super) fn exiting(h: &mut Hierarchy, kernel: &mut Kernel, id: GroupId, tid: Tid) {
    if let Some(task) = kernel.tasks.get_mut(tid)
        && std::mem::take(&mut task.cgroup_frozen)
    {
        count(h, id, false);
    }
}

/// `cgroup_freezer_migrate_task` (C2-10): counts follow the task, and it does as its new group does.
pub(super) fn migrated(h: &mut Hierarchy, kernel: &mut Kernel, tid: Tid, from: GroupId, to: GroupId) {
    let Some(task) = kernel.tasks.get(tid) else { return };
    if !is_freezing(h, from) && !is_freezing(h, to) && !task.cgroup_frozen {
        return;
    }
    if task.cgroup_frozen {
        count(h, to, true);
        count(h, from, false);
    }
    update_frozen(h, kernel, to);
    update_frozen(h, kernel, from);
    kernel.cgroup_freeze_task(tid, is_freezing(h, to));
}
