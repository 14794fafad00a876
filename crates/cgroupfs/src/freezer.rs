//! The freezer subsystem (kernel/cgroup_freezer.c), by the rules of a profile.
use crate::hierarchy::{GroupId, Hierarchy, ROOT};
use crate::subsystem::{FileSpec, Subsystem};
use abi::Errno;
use kernel::freezer::{Busy, freeze_task, freezing, frozen, thaw_process};
use kernel::{Kernel, Result, SleepKind, TaskState, Tid, TraceKind};

/// What is stored for a group; FREEZING becomes FROZEN when somebody looks (F08-30, F08-32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FreezerState {
    #[default]
    Thawed,
    Freezing,
    Frozen,
}

/// The subsystem.
pub(crate) struct Freezer;

const FILES: &[FileSpec] = &[FileSpec { name: "freezer.state", mode: 0o644 }];
/// Longest write that is looked at (CGROUP_LOCAL_BUFFER_SIZE less one; F08-05).
const MAX_WRITE: usize = 62;

impl Subsystem for Freezer {
    fn name(&self) -> &'static str {
        "freezer"
    }
    fn files(&self, _: &Hierarchy, id: GroupId, kernel: &Kernel) -> &'static [FileSpec] {
        // F08-08
        if id == ROOT && !kernel.config.freezer.rules.root_file { &[] } else { FILES }
    }
    fn read(&self, hierarchy: &mut Hierarchy, id: GroupId, _: &str, kernel: &mut Kernel) -> Result<String> {
        Ok(format!("{}\n", state(hierarchy, id, kernel)))
    }
    fn write(&self, hierarchy: &mut Hierarchy, id: GroupId, _: &str, text: &[u8], kernel: &mut Kernel) -> Result<()> {
        if text.len() > MAX_WRITE {
            return Err(Errno::E2BIG);
        }
        let rules = &kernel.config.freezer.rules;
        let text = text.split(|&b| b == 0).next().unwrap_or(text);
        let word = std::str::from_utf8(text.trim_ascii()).map_err(|_| rules.bad_word)?;
        write_state(hierarchy, id, word, kernel)
    }
    fn can_attach(&self, hierarchy: &Hierarchy, to: GroupId, _: Tid, _: &Kernel) -> Result<()> {
        // F08-21: only the target counts, and only its stored state.
        match hierarchy.get(to)?.freezer {
            FreezerState::Frozen => Err(Errno::EBUSY),
            // F08-24: a newcomer to a freezing group is not asked to freeze.
            FreezerState::Freezing | FreezerState::Thawed => Ok(()),
        }
    }
    fn forked(&self, hierarchy: &mut Hierarchy, id: GroupId, child: Tid, kernel: &mut Kernel) {
        // F08-41
        if stored(hierarchy, id) == FreezerState::Freezing {
            freeze_task(kernel, child, true);
        }
    }
}

fn stored(hierarchy: &Hierarchy, id: GroupId) -> FreezerState {
    hierarchy.get(id).map_or(FreezerState::Thawed, |group| group.freezer)
}

/// Whether the group has `freezer.state` at all.
pub(crate) fn can_freeze(hierarchy: &Hierarchy, id: GroupId) -> bool {
    hierarchy.get(id).is_ok()
}

pub(crate) fn is_freezing(hierarchy: &Hierarchy, id: GroupId) -> bool {
    stored(hierarchy, id) != FreezerState::Thawed
}

pub(crate) fn is_frozen(hierarchy: &Hierarchy, id: GroupId) -> bool {
    stored(hierarchy, id) == FreezerState::Frozen
}

fn members(hierarchy: &Hierarchy, id: GroupId) -> Vec<Tid> {
    hierarchy.get(id).map(|group| group.members.iter().copied().collect()).unwrap_or_default()
}

fn word(state: FreezerState, kernel: &Kernel) -> &'static str {
    match state {
        FreezerState::Thawed => kernel.config.freezer.rules.thawed_word,
        FreezerState::Freezing => "FREEZING",
        FreezerState::Frozen => "FROZEN",
    }
}

/// is_task_frozen_enough: in the refrigerator, or stopped with the request pending (F08-20).
fn is_task_frozen_enough(kernel: &Kernel, tid: Tid) -> bool {
    kernel.tasks.get(tid).is_none_or(|task| {
        frozen(task) || matches!(task.state, TaskState::Stopped | TaskState::Traced) && freezing(kernel, tid)
    })
}

/// check_if_frozen: FROZEN if every member is frozen enough (F08-20, F08-30).
fn check_if_frozen(hierarchy: &mut Hierarchy, id: GroupId, kernel: &mut Kernel) {
    let all = members(hierarchy, id).iter().all(|&tid| is_task_frozen_enough(kernel, tid));
    if all {
        set(hierarchy, id, FreezerState::Frozen, kernel);
    }
}

fn set(hierarchy: &mut Hierarchy, id: GroupId, to: FreezerState, kernel: &mut Kernel) {
    let from = stored(hierarchy, id);
    if from == to {
        return;
    }
    if let Ok(group) = hierarchy.get_mut(id) {
        group.freezer = to;
    }
    if kernel.trace.is_on(TraceKind::Freezer) {
        let (path, from, to) = (hierarchy.path(id), word(from, kernel), word(to, kernel));
        kernel.trace.line(TraceKind::Freezer, || format!("cgroup {path}: {from} -> {to}"));
    }
}

/// What a read of `freezer.state` says; it may turn FREEZING into FROZEN (F08-32).
pub(crate) fn state(hierarchy: &mut Hierarchy, id: GroupId, kernel: &mut Kernel) -> &'static str {
    if stored(hierarchy, id) == FreezerState::Freezing {
        check_if_frozen(hierarchy, id, kernel);
    }
    word(stored(hierarchy, id), kernel)
}

/// freezer_change_state: a write of `goal` (F08-03, F08-13..15).
pub(crate) fn write_state(hierarchy: &mut Hierarchy, id: GroupId, goal: &str, kernel: &mut Kernel) -> Result<()> {
    let rules = &kernel.config.freezer.rules;
    let goal = match goal {
        "FROZEN" => FreezerState::Frozen,
        word if word == rules.thawed_word => FreezerState::Thawed,
        _ => return Err(rules.bad_word),
    };
    hierarchy.get(id)?;
    // F08-14, and so an empty group is frozen first whatever is written (F08-33).
    check_if_frozen(hierarchy, id, kernel);
    match (stored(hierarchy, id), goal) {
        (now, goal) if now == goal => Ok(()),
        (_, FreezerState::Frozen) => {
            set(hierarchy, id, FreezerState::Freezing, kernel);
            try_to_freeze_cgroup(hierarchy, id, kernel)
        }
        _ => {
            for tid in members(hierarchy, id) {
                thaw_process(kernel, tid);
            }
            set(hierarchy, id, FreezerState::Thawed, kernel);
            Ok(())
        }
    }
}

/// Flags every member; EBUSY, where the profile says so, while one is in a sleep that nothing can end (F08-09, F08-10,
/// DECISIONS 2).
fn try_to_freeze_cgroup(hierarchy: &Hierarchy, id: GroupId, kernel: &mut Kernel) -> Result<()> {
    let mut busy = false;
    for tid in members(hierarchy, id) {
        freeze_task(kernel, tid, true);
        let Some(task) = kernel.tasks.get(tid) else { continue };
        let unmoved = matches!(task.state, TaskState::Sleeping { kind: SleepKind::Uninterruptible, .. });
        busy |= unmoved && !task.freezer_skip;
    }
    match kernel.config.freezer.rules.busy {
        Busy::Uninterruptible if busy => Err(Errno::EBUSY),
        // Under `Unflagged`, every member was flagged just now by one owner, so none is not (F08-11).
        Busy::Uninterruptible | Busy::Unflagged | Busy::Never => Ok(()),
    }
}
