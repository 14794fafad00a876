//! The freezer subsystem (kernel/cgroup_freezer.c, later kernel/cgroup/legacy_freezer.c), by the rules of a profile.
//!
//! What the generations have in common is here; their state machines are [`flat`] (2008) and [`hierarchical`] (3.8 on).
mod blockers;
mod flat;
mod hierarchical;
mod state;

pub(crate) use state::{GroupFreezer, State};

use crate::hierarchy::{GroupId, Hierarchy, ROOT};
use crate::subsystem::{FileSpec, Subsystem};
use abi::Errno;
use kernel::freezer::{Migration, freezing, frozen};
use kernel::{Kernel, Result, TaskState, Tid};

/// The subsystem.
pub(crate) struct Freezer;

const STATE: &str = "freezer.state";
const SELF_FREEZING: &str = "freezer.self_freezing";
const PARENT_FREEZING: &str = "freezer.parent_freezing";
const BLOCKERS: &str = "freezer.blockers";
const BLOCKERS_FILE: FileSpec = FileSpec { name: BLOCKERS, mode: 0o444, listed: false };
const FLAT_FILES: &[FileSpec] = &[FileSpec::new(STATE, 0o644), BLOCKERS_FILE];
/// F12-02.
const HIERARCHICAL_FILES: &[FileSpec] = &[
    FileSpec::new(STATE, 0o644),
    FileSpec::new(SELF_FREEZING, 0o444),
    FileSpec::new(PARENT_FREEZING, 0o444),
    BLOCKERS_FILE,
];

impl Subsystem for Freezer {
    fn name(&self) -> &'static str {
        "freezer"
    }
    fn created(&self, hierarchy: &mut Hierarchy, id: GroupId, kernel: &Kernel) {
        if kernel.config.freezer.rules.hierarchical {
            hierarchical::created(hierarchy, id);
        }
    }
    fn files(&self, _: &Hierarchy, id: GroupId, kernel: &Kernel) -> &'static [FileSpec] {
        let rules = &kernel.config.freezer.rules;
        match id {
            // F08-08
            ROOT if !rules.root_file => &[],
            _ if rules.hierarchical => HIERARCHICAL_FILES,
            _ => FLAT_FILES,
        }
    }
    fn read(&self, hierarchy: &mut Hierarchy, id: GroupId, file: &str, kernel: &mut Kernel) -> Result<String> {
        let bits = hierarchy.get(id)?.freezer;
        Ok(match file {
            SELF_FREEZING => format!("{}\n", u8::from(bits.self_freezing)),
            PARENT_FREEZING => format!("{}\n", u8::from(bits.parent_freezing)),
            BLOCKERS => blockers::text(hierarchy, id, kernel),
            _ => format!("{}\n", state(hierarchy, id, kernel)),
        })
    }
    fn write(
        &self,
        hierarchy: &mut Hierarchy,
        id: GroupId,
        file: &str,
        text: &[u8],
        kernel: &mut Kernel,
    ) -> Result<()> {
        if file != STATE {
            return Err(Errno::EINVAL);
        }
        let text = text.split(|&b| b == 0).next().unwrap_or(text);
        let word = std::str::from_utf8(text.trim_ascii()).map_err(|_| kernel.config.freezer.rules.bad_word)?;
        write_state(hierarchy, id, word, kernel)
    }
    fn can_attach(&self, hierarchy: &Hierarchy, to: GroupId, tid: Tid, kernel: &Kernel) -> Result<()> {
        // Only the stored state of the target counts (F08-21); into a freezing group everyone may (F08-24).
        let into_frozen = hierarchy.get(to)?.freezer.state() == State::Frozen;
        let refused = match kernel.config.freezer.rules.migration {
            Migration::NotIntoFrozen => into_frozen,
            Migration::NotWhileFrozen => into_frozen || is_task_frozen_enough(kernel, tid),
            Migration::Always => false,
        };
        if refused { Err(Errno::EBUSY) } else { Ok(()) }
    }
    fn attached(&self, hierarchy: &mut Hierarchy, _: GroupId, to: GroupId, tid: Tid, kernel: &mut Kernel) {
        if kernel.config.freezer.rules.hierarchical {
            hierarchical::attached(hierarchy, to, tid, kernel);
        }
    }
    fn forked(&self, hierarchy: &mut Hierarchy, id: GroupId, child: Tid, kernel: &mut Kernel) {
        if kernel.config.freezer.rules.hierarchical {
            hierarchical::forked(hierarchy, id, child, kernel);
        } else {
            flat::forked(hierarchy, id, child, kernel);
        }
    }
}

/// Whether the group has `freezer.state` at all.
pub(crate) fn can_freeze(hierarchy: &Hierarchy, id: GroupId, kernel: &Kernel) -> bool {
    hierarchy.get(id).is_ok() && (id != ROOT || kernel.config.freezer.rules.root_file)
}

pub(crate) fn is_freezing(hierarchy: &Hierarchy, id: GroupId) -> bool {
    stored(hierarchy, id) != State::Thawed
}

pub(crate) fn is_frozen(hierarchy: &Hierarchy, id: GroupId) -> bool {
    stored(hierarchy, id) == State::Frozen
}

/// What a read of `freezer.state` says; it may turn FREEZING into something else (F08-32, F12-06).
pub(crate) fn state(hierarchy: &mut Hierarchy, id: GroupId, kernel: &mut Kernel) -> &'static str {
    if kernel.config.freezer.rules.hierarchical {
        hierarchical::update(hierarchy, id, kernel);
    } else if stored(hierarchy, id) == State::Freezing {
        flat::recompute(hierarchy, id, kernel);
    }
    stored(hierarchy, id).word(kernel)
}

/// freezer_change_state: a write of `goal` (F08-03, F12-05).
pub(crate) fn write_state(hierarchy: &mut Hierarchy, id: GroupId, goal: &str, kernel: &mut Kernel) -> Result<()> {
    let rules = &kernel.config.freezer.rules;
    let freeze = match goal {
        "FROZEN" => true,
        word if word == rules.thawed_word => false,
        _ => return Err(rules.bad_word),
    };
    hierarchy.get(id)?;
    if rules.hierarchical {
        hierarchical::change_state(hierarchy, id, freeze, kernel);
        return Ok(());
    }
    flat::change_state(hierarchy, id, freeze, kernel)
}

fn stored(hierarchy: &Hierarchy, id: GroupId) -> State {
    hierarchy.get(id).map_or(State::Thawed, |group| group.freezer.state())
}

fn members(hierarchy: &Hierarchy, id: GroupId) -> Vec<Tid> {
    hierarchy.get(id).map(|group| group.members.iter().copied().collect()).unwrap_or_default()
}

/// is_task_frozen_enough: frozen, or stopped with the request pending (F08-20).
fn is_task_frozen_enough(kernel: &Kernel, tid: Tid) -> bool {
    kernel.tasks.get(tid).is_none_or(|task| {
        frozen(task) || matches!(task.state, TaskState::Stopped | TaskState::Traced) && freezing(kernel, tid)
    })
}
