//! The freezer of 3.8 and later: freezing reaches down, and whether a task is to freeze is computed from its group (F12).
use super::state::store;
use super::{GroupFreezer, members, thaw};
use crate::hierarchy::{GroupId, Hierarchy};
use kernel::freezer::{freeze_task, frozen};
use kernel::{Kernel, TaskState, Tid};

fn bits(hierarchy: &Hierarchy, id: GroupId) -> GroupFreezer {
    hierarchy.get(id).map(|group| group.freezer).unwrap_or_default()
}

fn parent(hierarchy: &Hierarchy, id: GroupId) -> Option<GroupId> {
    hierarchy.get(id).ok()?.parent
}

/// A child of a freezing group starts frozen; nobody is in it yet (F12-07).
pub(super) fn created(hierarchy: &mut Hierarchy, id: GroupId) {
    let above = parent(hierarchy, id).is_some_and(|above| bits(hierarchy, above).is_freezing());
    if let Ok(group) = hierarchy.get_mut(id) {
        group.freezer = GroupFreezer { self_freezing: false, parent_freezing: above, frozen: above };
    }
}

/// freezer_change_state: the group, then all below it (F12-03, F12-04).
pub(super) fn change_state(hierarchy: &mut Hierarchy, id: GroupId, freeze: bool, kernel: &mut Kernel) {
    for at in hierarchy.below(id) {
        let was = bits(hierarchy, at);
        let mut now = was;
        if at == id {
            now.self_freezing = freeze;
        } else {
            now.parent_freezing = parent(hierarchy, at).is_some_and(|above| bits(hierarchy, above).is_freezing());
        }
        now.frozen &= now.is_freezing();
        store(hierarchy, at, now, kernel);
        for tid in members(hierarchy, at) {
            if now.is_freezing() {
                freeze_task(kernel, tid, true);
            } else if was.is_freezing() {
                thaw(hierarchy, tid, kernel);
            }
        }
    }
}

/// freezer_read's walk: from the bottom up, what is freezing and all frozen becomes FROZEN (F12-06).
pub(super) fn update(hierarchy: &mut Hierarchy, id: GroupId, kernel: &mut Kernel) {
    for at in hierarchy.below(id).into_iter().rev() {
        let now = bits(hierarchy, at);
        if !now.is_freezing() || now.frozen {
            continue;
        }
        let Ok(group) = hierarchy.get(at) else { continue };
        let below = group.children.values().all(|&child| bits(hierarchy, child).frozen);
        if below && group.members.iter().all(|&tid| is_frozen_enough(kernel, tid)) {
            store(hierarchy, at, GroupFreezer { frozen: true, ..now }, kernel);
        }
    }
}

/// Frozen; or, before tasks were frozen in place, where no freezer waits for it: a vfork parent, stopped or traced
/// (PF_FREEZER_SKIP). Kernel threads do not count.
pub(super) fn is_frozen_enough(kernel: &Kernel, tid: Tid) -> bool {
    let in_place = kernel.config.freezer.mechanism.in_place;
    kernel.tasks.get(tid).is_none_or(|task| {
        let skipped = task.freezer_skip || matches!(task.state, TaskState::Stopped | TaskState::Traced);
        frozen(task) || task.kthread || skipped && !in_place
    })
}

/// freezer_attach: the newcomer does as the group does, and what was frozen is FREEZING until it has (F12-09, F12-10).
pub(super) fn attached(hierarchy: &mut Hierarchy, to: GroupId, tid: Tid, kernel: &mut Kernel) {
    if !bits(hierarchy, to).is_freezing() {
        thaw(hierarchy, tid, kernel);
        return;
    }
    let mut at = Some(to);
    while let Some(id) = at.filter(|&id| bits(hierarchy, id).frozen) {
        store(hierarchy, id, GroupFreezer { frozen: false, ..bits(hierarchy, id) }, kernel);
        at = parent(hierarchy, id);
    }
    freeze_task(kernel, tid, true);
}

/// F12-08: the state does not change for it.
pub(super) fn forked(hierarchy: &Hierarchy, id: GroupId, child: Tid, kernel: &mut Kernel) {
    if bits(hierarchy, id).is_freezing() {
        freeze_task(kernel, child, true);
    }
}
