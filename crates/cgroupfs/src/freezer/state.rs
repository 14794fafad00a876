//! What is stored of a group's freezer, and the words for it.
use crate::hierarchy::{GroupId, Hierarchy};
use kernel::freezer::Rules;
use kernel::{Kernel, TraceKind};
use serde::{Deserialize, Serialize};

/// What a group's stored bits come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Thawed,
    Freezing,
    Frozen,
}

/// The bits of F12-01. A flat freezer has FREEZING as `self_freezing` alone, and FROZEN as that and `frozen`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupFreezer {
    pub(crate) self_freezing: bool,
    pub(crate) parent_freezing: bool,
    pub(crate) frozen: bool,
}

impl GroupFreezer {
    pub(crate) fn state(self) -> State {
        match self {
            GroupFreezer { frozen: true, .. } => State::Frozen,
            bits if bits.is_freezing() => State::Freezing,
            _ => State::Thawed,
        }
    }
    pub(crate) fn is_freezing(self) -> bool {
        self.self_freezing || self.parent_freezing
    }
}

impl State {
    /// F08-02.
    pub(super) fn word(self, rules: &Rules) -> &'static str {
        match self {
            State::Thawed => rules.thawed_word,
            State::Freezing => "FREEZING",
            State::Frozen => "FROZEN",
        }
    }
    /// The bits of a flat freezer.
    pub(super) fn flat(self) -> GroupFreezer {
        GroupFreezer { self_freezing: self != State::Thawed, parent_freezing: false, frozen: self == State::Frozen }
    }
}

/// Stores bits, and says so in the trace if the state is another now.
pub(super) fn store(hierarchy: &mut Hierarchy, id: GroupId, bits: GroupFreezer, kernel: &mut Kernel) {
    let Ok(group) = hierarchy.get_mut(id) else { return };
    let from = std::mem::replace(&mut group.freezer, bits).state();
    let to = bits.state();
    if from != to && kernel.trace.is_on(TraceKind::Freezer) {
        let rules = hierarchy.rules(kernel);
        let (path, from, to) = (hierarchy.path(id), from.word(rules), to.word(rules));
        let fstype = hierarchy.interface.fstype();
        kernel.trace.line(TraceKind::Freezer, || format!("{fstype} {path}: {from} -> {to}"));
    }
}
