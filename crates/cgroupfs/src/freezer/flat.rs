//! The freezers of 2007 and 2008: every group for itself (F07, F08).
use super::state::store;
use super::{State, is_task_frozen_enough, members, stored, thaw};
use crate::hierarchy::{GroupId, Hierarchy};
use abi::Errno;
use kernel::freezer::{Busy, Recompute, freeze_task, wake_stopped};
use kernel::{Kernel, Result, SleepKind, TaskState, Tid};

/// check_if_frozen, later update_freezer_state: what the members make of the state.
pub(super) fn recompute(hierarchy: &mut Hierarchy, id: GroupId, kernel: &mut Kernel) {
    let rules = hierarchy.rules(kernel);
    let members = members(hierarchy, id);
    let frozen = members.iter().filter(|&&tid| is_task_frozen_enough(rules, kernel, tid)).count();
    let state = match rules.recompute {
        // An empty group is frozen too (F08-33).
        _ if frozen == members.len() => State::Frozen,
        Recompute::ByCount if frozen > 0 => State::Freezing,
        // F08-31: and so a freeze that no task has met yet is forgotten (F08-34, F08-35).
        Recompute::ByCount => State::Thawed,
        // F08-30
        Recompute::ToFrozen | Recompute::OnRead => return,
    };
    store(hierarchy, id, state.flat(), kernel);
}

/// F07-04, F08-13..15.
pub(super) fn change_state(hierarchy: &mut Hierarchy, id: GroupId, freeze: bool, kernel: &mut Kernel) -> Result<()> {
    if hierarchy.rules(kernel).recompute != Recompute::OnRead {
        // F08-14, and so an empty group is frozen first whatever is written (F08-33).
        recompute(hierarchy, id, kernel);
        if let (State::Frozen, true) | (State::Thawed, false) = (stored(hierarchy, id), freeze) {
            return Ok(());
        }
    }
    if freeze {
        store(hierarchy, id, State::Freezing.flat(), kernel);
        return try_to_freeze_cgroup(hierarchy, id, kernel);
    }
    for tid in members(hierarchy, id) {
        thaw(hierarchy, tid, kernel);
    }
    store(hierarchy, id, State::Thawed.flat(), kernel);
    Ok(())
}

/// Flags every member; EBUSY, where the rules say so, while one is in a sleep that nothing can end (F08-09, F08-10).
fn try_to_freeze_cgroup(hierarchy: &Hierarchy, id: GroupId, kernel: &mut Kernel) -> Result<()> {
    let rules = hierarchy.rules(kernel);
    let mut busy = false;
    for tid in members(hierarchy, id) {
        if rules.wakes_stopped {
            wake_stopped(kernel, tid);
        }
        freeze_task(kernel, tid, true);
        let Some(task) = kernel.tasks.get(tid) else { continue };
        let unmoved = matches!(task.state, TaskState::Sleeping { kind: SleepKind::Uninterruptible, .. });
        busy |= unmoved && !task.freezer_skip;
    }
    match rules.busy {
        Busy::Uninterruptible if busy => Err(Errno::EBUSY),
        // Under `Unflagged`, every member was flagged just now by one owner, so none is not (F08-11).
        Busy::Uninterruptible | Busy::Unflagged | Busy::Never => Ok(()),
    }
}

/// F08-41
pub(super) fn forked(hierarchy: &Hierarchy, id: GroupId, child: Tid, kernel: &mut Kernel) {
    if stored(hierarchy, id) == State::Freezing {
        freeze_task(kernel, child, true);
    }
}
