//! `freezer.blockers`, an extension: which tasks keep a group from being what was asked of it, and why.
//!
//! It only looks: no state is recomputed, and nothing is kept for it. It is not listed in its directory, so that the listings
//! are Linux's.
use super::{State, hierarchical, is_task_frozen_enough, members, stored};
use crate::hierarchy::{GroupId, Hierarchy};
use crate::subsystem::FileSpec;
use crate::unified;
use kernel::freezer::{Request, frozen};
use kernel::{Kernel, SleepKind, Task, TaskState, Tid, Tif};

pub(crate) const NAME: &str = "freezer.blockers";
pub(crate) const FILE: FileSpec = FileSpec { name: NAME, mode: 0o444, listed: false };

/// A line for each task, of the group and, where freezing reaches down, of those below it.
pub(super) fn text(hierarchy: &Hierarchy, id: GroupId, kernel: &Kernel) -> String {
    let hierarchical = hierarchy.rules(kernel).hierarchical;
    let groups = if hierarchical { hierarchy.below(id) } else { vec![id] };
    let mut text = String::new();
    for group in groups {
        for tid in members(hierarchy, group) {
            let Some(task) = kernel.tasks.get(tid) else { continue };
            let why = match stored(hierarchy, group) {
                State::Thawed => why_not_thawed(task),
                State::Freezing | State::Frozen => why_not_frozen(hierarchy, kernel, tid),
            };
            if let Some(why) = why {
                text += &line(&hierarchy.path(group), task, frozen(task), why);
            }
        }
    }
    text
}

/// The same of a cgroup2 group: the tasks of it and of those below that keep it from `frozen 1`.
pub(crate) fn unified_text(hierarchy: &Hierarchy, id: GroupId, kernel: &Kernel) -> String {
    let mut text = String::new();
    for group in hierarchy.below(id) {
        if !unified::freezer::is_freezing(hierarchy, group) {
            continue;
        }
        for tid in hierarchy.members(group, kernel) {
            let Some(task) = kernel.tasks.get(tid).filter(|task| !task.cgroup_frozen) else { continue };
            text += &line(&hierarchy.path(group), task, false, why_not_trapped(task));
        }
    }
    text
}

fn line(group: &str, task: &Task, is_frozen: bool, why: &str) -> String {
    let flags: Vec<&str> =
        Tif::ALL.iter().filter(|&&flag| task.thread_info.test(flag)).map(|flag| flag.name()).collect();
    let or_none = |text: &str| if text.is_empty() { "-".to_string() } else { text.to_string() };
    let call = task.last_syscall.filter(|_| task.in_syscall.is_some());
    format!(
        "{group} {} {} {} {} tif={} frozen={} wchan={} syscall={}: {why}\n",
        task.tid.0,
        String::from_utf8_lossy(&task.comm),
        task.arch().name,
        task.state_letter(),
        or_none(&flags.join(",")),
        u8::from(is_frozen),
        or_none(task.wchan()),
        call.map_or("-", |(sysno, _)| sysno.name()),
    )
}

fn why_not_trapped(task: &Task) -> &'static str {
    match &task.state {
        _ if frozen(task) => "frozen by the v1 freezer: it goes to the trap when that thaws it",
        state => waits_for(state),
    }
}

/// What a task that was asked does instead.
fn waits_for(state: &TaskState) -> &'static str {
    match state {
        // F08-47
        TaskState::Sleeping { wchan: "de_thread", .. } => "in execve, waits for the death of its threads",
        // E08-06
        TaskState::Sleeping { kind: SleepKind::Uninterruptible, .. } => "sleeps uninterruptibly",
        TaskState::Sleeping { kind: SleepKind::Killable, .. } => "sleeps until a fatal signal",
        _ => "has not run since it was asked",
    }
}

/// A task that a thawed group should not have: left over by F08-25, F08-34 or F08-35.
fn why_not_thawed(task: &Task) -> Option<&'static str> {
    match task.thread_info.test(Tif::Freeze) {
        _ if frozen(task) => Some("frozen in a thawed group: write the thawed word"),
        true => Some("will freeze in a thawed group: write the thawed word"),
        false => None,
    }
}

fn why_not_frozen(hierarchy: &Hierarchy, kernel: &Kernel, tid: Tid) -> Option<&'static str> {
    let done = match hierarchy.rules(kernel) {
        rules if rules.hierarchical => hierarchical::is_frozen_enough(kernel, tid),
        rules => is_task_frozen_enough(rules, kernel, tid),
    };
    let task = kernel.tasks.get(tid).filter(|_| !done)?;
    let flagged = kernel.config.freezer.mechanism.request == Request::Condition || task.thread_info.test(Tif::Freeze);
    Some(match &task.state {
        // F08-12
        _ if task.kthread => "a kernel thread, which is not asked",
        // F08-24
        _ if !flagged => "not asked: it came while the group was freezing; write FROZEN again",
        // F08-44
        TaskState::Sleeping { .. } if task.freezer_skip => "waits for the exec or exit of its vfork child",
        state => waits_for(state),
    })
}
