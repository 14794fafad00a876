//! The default hierarchy, cgroup2's: what it has beyond the tree of groups (kernel/cgroup/cgroup.c, cgroup-v2.rst).
//!
//! It has no controllers, is there whether mounted or not, and can be mounted beside any v1 hierarchy.
mod attach;
mod files;
pub(crate) mod freezer;
mod mount;
mod threaded;

pub(crate) use attach::can_fork_into;
pub(crate) use files::{files, read, write};
pub(crate) use mount::{mount, options};

use crate::fs::{ino, parts};
use crate::hierarchy::{GroupId, Hierarchy, ROOT};
use abi::{Errno, SIGKILL, Siginfo};
use freezer::GroupState;
use kernel::{Dir, Kernel, Result, Tid, TraceKind};
use serde::{Deserialize, Serialize};

/// What the default hierarchy keeps of a group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Unified {
    /// Of a threaded group: the group whose resource domain it is in. Any other is its own.
    threaded_in: Option<GroupId>,
    threaded_children: usize,
    /// Children, threaded or not, that have a task in them or below.
    populated_threaded_children: usize,
    populated_domain_children: usize,
    /// Live groups below it.
    descendants: u64,
    /// cgroup.max.depth and cgroup.max.descendants; `None`: max.
    max_depth: Option<u64>,
    max_descendants: Option<u64>,
    pub(crate) freezer: GroupState,
}

fn state(h: &Hierarchy, id: GroupId) -> Option<&Unified> {
    h.any(id).map(|group| &group.unified)
}

fn parent(h: &Hierarchy, id: GroupId) -> Option<GroupId> {
    h.any(id)?.parent
}

/// The groups above one, nearest first.
fn ancestors(h: &Hierarchy, id: GroupId) -> Vec<GroupId> {
    std::iter::successors(parent(h, id), |&at| parent(h, at)).collect()
}

/// Whether `id` is `top` or below it.
fn is_descendant(h: &Hierarchy, id: GroupId, top: GroupId) -> bool {
    id == top || ancestors(h, id).contains(&top)
}

/// A group with tasks in it or below it.
fn is_populated(h: &Hierarchy, id: GroupId) -> bool {
    h.any(id).is_some_and(|group| {
        let unified = &group.unified;
        !group.members.is_empty() || unified.populated_domain_children + unified.populated_threaded_children > 0
    })
}

/// Runs a change of a group's members, and tells those above if that makes it populated or empty
/// (`cgroup_update_populated`).
fn with_populated(h: &mut Hierarchy, id: GroupId, kernel: &mut Kernel, change: impl FnOnce(&mut Hierarchy)) {
    let mut was = is_populated(h, id);
    change(h);
    let mut at = id;
    loop {
        let now = is_populated(h, at);
        if was == now || at == ROOT {
            return;
        }
        let path = h.path(at);
        kernel.trace.line(TraceKind::Freezer, || format!("cgroup2 {path}: populated {}", u8::from(now)));
        notify_events(h, at, kernel);
        let Some(above) = parent(h, at) else { return };
        was = is_populated(h, above);
        let threaded = threaded::is_threaded(h, at);
        if let Ok(group) = h.get_mut(above) {
            let count = match threaded {
                true => &mut group.unified.populated_threaded_children,
                false => &mut group.unified.populated_domain_children,
            };
            *count = if now { *count + 1 } else { count.saturating_sub(1) };
        }
        at = above;
    }
}

/// `cgroup_file_notify` of cgroup.events (C2-02). Linux puts a second one within 10 ms off to their end; here none waits.
fn notify_events(h: &Hierarchy, id: GroupId, kernel: &mut Kernel) {
    if let Some(sup) = h.sup {
        kernel.kernfs_notify(sup, ino(id, files::EVENTS_PLACE), ino(id, 0), "cgroup.events");
    }
}

/// `cgroup_mkdir`'s own checks: the limits of every group above (`cgroup_check_hierarchy_limits`).
pub(crate) fn can_create(h: &Hierarchy, above: GroupId) -> Result<()> {
    for (level, at) in std::iter::once(above).chain(ancestors(h, above)).enumerate() {
        let Some(unified) = state(h, at) else { continue };
        let full = unified.max_descendants.is_some_and(|max| unified.descendants >= max);
        if full || unified.max_depth.is_some_and(|max| level as u64 >= max) {
            return Err(Errno::EAGAIN);
        }
    }
    Ok(())
}

/// A group was made: those above have one more, and it is to be frozen if its parent is.
pub(crate) fn created(h: &mut Hierarchy, id: GroupId, kernel: &Kernel) {
    for at in ancestors(h, id) {
        if let Ok(group) = h.get_mut(at) {
            group.unified.descendants += 1;
        }
    }
    freezer::created(h, id, kernel);
}

/// `cgroup_destroy_locked`: EBUSY with live tasks in it, or groups. Zombies hold nothing.
pub(crate) fn remove(h: &mut Hierarchy, id: GroupId, kernel: &mut Kernel) -> Result<()> {
    let frozen = freezer::is_frozen(h, id);
    let threaded = threaded::is_threaded(h, id);
    let above = ancestors(h, id);
    h.remove(id)?;
    for (level, at) in above.into_iter().enumerate() {
        let Ok(group) = h.get_mut(at) else { continue };
        let unified = &mut group.unified;
        unified.descendants = unified.descendants.saturating_sub(1);
        if level == 0 && threaded {
            unified.threaded_children = unified.threaded_children.saturating_sub(1);
        }
        unified.freezer.descendant_gone(frozen);
    }
    if let Some(sup) = h.sup {
        for place in 1..=files::FILES.len() {
            kernel.vfs.kernfs_removed(sup, ino(id, place));
        }
    }
    Ok(())
}

/// `cgroup_post_fork` (C2-09).
pub(crate) fn forked(h: &mut Hierarchy, kernel: &mut Kernel, parent: Tid, child: Tid, into: Option<Dir>) {
    let id = into.map_or_else(|| h.group_of(parent), |(_, ino)| parts(ino).0);
    with_populated(h, id, kernel, |h| h.put(child, id));
    freezer::forked(h, kernel, id, child);
}

/// `cgroup_exit`.
pub(crate) fn exited(h: &mut Hierarchy, kernel: &mut Kernel, tid: Tid) {
    let id = h.group_of(tid);
    if id == ROOT {
        return;
    }
    freezer::exiting(h, kernel, id, tid);
    with_populated(h, id, kernel, |h| {
        h.take(tid);
    });
    h.keep_zombie(tid, id);
    // Only then (cgroup_exit): a group that was left saying frozen 1 goes on saying so.
    if freezer::is_freezing(h, id) {
        freezer::update_frozen(h, kernel, id);
    }
}

/// `cgroup_kill`: every process of the group and of those below it (C2-13). A process cannot slip out by forking: a child is
/// in its group before it can run, and nothing runs meanwhile.
fn kill(h: &Hierarchy, top: GroupId, kernel: &mut Kernel) {
    for id in h.below(top) {
        for tid in h.members(id, kernel) {
            let Some(task) = kernel.tasks.get(tid).filter(|task| !task.kthread) else { continue };
            let tgid = task.tgid;
            if kernel.tasks.group(tgid).is_some_and(|group| group.group_exit.is_none()) {
                kernel.send_to_group(tgid, Siginfo::kernel(SIGKILL));
            }
        }
    }
}
