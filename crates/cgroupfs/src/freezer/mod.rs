//! The freezer subsystem (kernel/cgroup_freezer.c, later kernel/cgroup/legacy_freezer.c), by the rules of a profile.
//!
//! What the generations have in common is here; their state machines are [`flat`] (2007, 2008) and [`hierarchical`] (3.8 on).
pub(crate) mod blockers;
mod flat;
mod hierarchical;
mod state;

pub(crate) use state::{GroupFreezer, State};

use crate::attach::parse_int;
use crate::hierarchy::{GroupId, Hierarchy, ROOT};
use crate::subsystem::{FileSpec, Subsystem};
use abi::{Errno, Siginfo};
use kernel::freezer::{Control, Migration, Request, Rules, freezing, frozen, thaw_process};
use kernel::{Kernel, Result, TaskState, Tid};

/// The subsystem.
pub(crate) struct Freezer;

const FREEZE: &str = "freezer.freeze";
const KILL: &str = "freezer.kill";
const STATE: &str = "freezer.state";
const SELF_FREEZING: &str = "freezer.self_freezing";
const PARENT_FREEZING: &str = "freezer.parent_freezing";
/// F07-03.
const FILES_2007: &[FileSpec] = &[FileSpec::new(FREEZE, 0o644), FileSpec::new(KILL, 0o200), blockers::FILE];
const FLAT_FILES: &[FileSpec] = &[FileSpec::new(STATE, 0o644), blockers::FILE];
/// F12-02.
const HIERARCHICAL_FILES: &[FileSpec] = &[
    FileSpec::new(STATE, 0o644),
    FileSpec::new(SELF_FREEZING, 0o444),
    FileSpec::new(PARENT_FREEZING, 0o444),
    blockers::FILE,
];

impl Subsystem for Freezer {
    fn name(&self) -> &'static str {
        "freezer"
    }
    fn created(&self, hierarchy: &mut Hierarchy, id: GroupId, kernel: &Kernel) {
        if hierarchy.rules(kernel).hierarchical {
            hierarchical::created(hierarchy, id);
        }
    }
    fn files(&self, hierarchy: &Hierarchy, id: GroupId, kernel: &Kernel) -> &'static [FileSpec] {
        let rules = hierarchy.rules(kernel);
        match rules.control {
            // F08-08
            _ if id == ROOT && !rules.root_file => &[],
            Control::Freeze => FILES_2007,
            Control::State if rules.hierarchical => HIERARCHICAL_FILES,
            Control::State => FLAT_FILES,
        }
    }
    fn read(&self, hierarchy: &mut Hierarchy, id: GroupId, file: &str, kernel: &mut Kernel) -> Result<String> {
        let bits = hierarchy.get(id)?.freezer;
        Ok(match file {
            KILL => return Err(Errno::EINVAL),
            SELF_FREEZING => format!("{}\n", u8::from(bits.self_freezing)),
            PARENT_FREEZING => format!("{}\n", u8::from(bits.parent_freezing)),
            blockers::NAME => blockers::text(hierarchy, id, kernel),
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
        let text = text.split(|&b| b == 0).next().unwrap_or(text).trim_ascii();
        let freeze = match (file, text) {
            (KILL, _) => return kill(hierarchy, id, text, kernel),
            // F07-04; what else is written is F07-09's.
            (FREEZE, _) => match parse_int(text) {
                Ok(number @ 0..=1) => number == 1,
                _ => return Err(hierarchy.rules(kernel).bad_word),
            },
            (STATE, b"FROZEN") => true,
            // F08-03
            (STATE, word) if word == hierarchy.rules(kernel).thawed_word.as_bytes() => false,
            (STATE, _) => return Err(hierarchy.rules(kernel).bad_word),
            _ => return Err(Errno::EINVAL),
        };
        change_state(hierarchy, id, freeze, kernel)
    }
    fn can_attach(&self, hierarchy: &Hierarchy, to: GroupId, tid: Tid, _: Tid, kernel: &Kernel) -> Result<()> {
        // Only the stored state of the target counts (F08-21); into a freezing group everyone may (F08-24).
        let into_frozen = hierarchy.get(to)?.freezer.state() == State::Frozen;
        let rules = hierarchy.rules(kernel);
        let refused = match rules.migration {
            Migration::NotIntoFrozen => into_frozen,
            Migration::NotWhileFrozen => into_frozen || is_task_frozen_enough(rules, kernel, tid),
            Migration::Always => false,
        };
        if refused { Err(Errno::EBUSY) } else { Ok(()) }
    }
    fn attached(&self, hierarchy: &mut Hierarchy, _: GroupId, to: GroupId, tid: Tid, kernel: &mut Kernel) {
        // A computed condition holds, or not, once the task is there.
        let condition = kernel.config.freezer.mechanism.request == Request::Condition;
        if hierarchy.rules(kernel).hierarchical || condition {
            hierarchical::attached(hierarchy, to, tid, kernel);
        }
    }
    fn forked(&self, hierarchy: &mut Hierarchy, id: GroupId, child: Tid, kernel: &mut Kernel) {
        if hierarchy.rules(kernel).hierarchical {
            hierarchical::forked(hierarchy, id, child, kernel);
        } else {
            flat::forked(hierarchy, id, child, kernel);
        }
    }
}

/// Whether the group can be frozen at all.
pub(crate) fn can_freeze(hierarchy: &Hierarchy, id: GroupId, kernel: &Kernel) -> bool {
    hierarchy.get(id).is_ok() && (id != ROOT || hierarchy.rules(kernel).root_file)
}

pub(crate) fn is_freezing(hierarchy: &Hierarchy, id: GroupId) -> bool {
    stored(hierarchy, id) != State::Thawed
}

pub(crate) fn is_frozen(hierarchy: &Hierarchy, id: GroupId) -> bool {
    stored(hierarchy, id) == State::Frozen
}

/// What a read of the state says; it may turn FREEZING into something else (F07-06, F08-32, F12-06).
pub(crate) fn state(hierarchy: &mut Hierarchy, id: GroupId, kernel: &mut Kernel) -> &'static str {
    let rules = hierarchy.rules(kernel);
    if rules.hierarchical {
        hierarchical::update(hierarchy, id, kernel);
    } else if stored(hierarchy, id) == State::Freezing {
        flat::recompute(hierarchy, id, kernel);
    }
    stored(hierarchy, id).word(rules)
}

/// freezer_change_state: freezes or thaws a group (F08-09, F12-05).
pub(crate) fn change_state(hierarchy: &mut Hierarchy, id: GroupId, freeze: bool, kernel: &mut Kernel) -> Result<()> {
    hierarchy.get(id)?;
    if hierarchy.rules(kernel).hierarchical {
        hierarchical::change_state(hierarchy, id, freeze, kernel);
        return Ok(());
    }
    flat::change_state(hierarchy, id, freeze, kernel)
}

/// A write to `freezer.kill`: the signal of that decimal number to every task; 0 asks whether there is one (F07-07, F07-09).
fn kill(hierarchy: &Hierarchy, id: GroupId, text: &[u8], kernel: &mut Kernel) -> Result<()> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<u8>().ok());
    let members = members(hierarchy, id);
    match number.ok_or(Errno::EINVAL)? {
        0 if members.is_empty() => Err(Errno::ESRCH),
        0 => Ok(()),
        signo if abi::valid_signal(signo) => {
            for tid in members {
                kernel.send_to_thread(tid, Siginfo::kernel(signo));
            }
            Ok(())
        }
        _ => Err(Errno::EINVAL),
    }
}

fn stored(hierarchy: &Hierarchy, id: GroupId) -> State {
    hierarchy.get(id).map_or(State::Thawed, |group| group.freezer.state())
}

fn members(hierarchy: &Hierarchy, id: GroupId) -> Vec<Tid> {
    hierarchy.get(id).map(|group| group.members.iter().copied().collect()).unwrap_or_default()
}

/// Lets a task go, as far as this freezer is concerned (`Core::hold`).
fn thaw(hierarchy: &mut Hierarchy, tid: Tid, kernel: &mut Kernel) {
    thaw_process(kernel, tid);
    hierarchy.thawed.push(tid);
}

/// is_task_frozen_enough: frozen, or stopped with the request pending (F08-20).
fn is_task_frozen_enough(rules: &Rules, kernel: &Kernel, tid: Tid) -> bool {
    kernel.tasks.get(tid).is_none_or(|task| {
        let stopped = matches!(task.state, TaskState::Stopped | TaskState::Traced) && !rules.wakes_stopped;
        frozen(task) || stopped && freezing(kernel, tid)
    })
}
