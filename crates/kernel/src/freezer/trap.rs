//! The freezer of cgroup2 as a task meets it: a trap on its way to user mode, in which it sleeps interruptibly, so that fatal
//! signals end it (kernel/cgroup/freezer.c, do_freezer_trap of kernel/signal.c; rules C2-05 to C2-09).
//!
//! `Task::cgroup_frozen` is Linux's `task->frozen`: the task is where it runs no code of its own until it passes `get_signal`
//! again - in the trap, stopped, traced or waiting for a vfork child - and counts as frozen in its group.
use super::told;
use crate::syscall::SleepKind;
use crate::task::{Task, TaskState};
use crate::{Kernel, Tid};
use arch::Tif;

/// What /proc/PID/wchan says in the trap.
const WCHAN: &str = "get_signal";

/// Whether the task sleeps in the trap, frozen there by the other freezer or not.
pub fn in_freezer_trap(task: &Task) -> bool {
    task.in_syscall.is_none() && matches!(task.state.beneath(), TaskState::Sleeping { wchan: WCHAN, .. })
}

impl Kernel {
    /// `cgroup_freeze_task`: asks a task into the trap, or lets it out.
    pub fn cgroup_freeze_task(&mut self, tid: Tid, freeze: bool) {
        let Some(task) = self.tasks.get_mut(tid).filter(|task| !task.is_dead() && !task.kthread) else { return };
        task.signal.trap_freeze = freeze;
        let trapped = in_freezer_trap(task);
        if freeze {
            self.tasks.signal_wake_up(tid, false);
        } else if trapped {
            self.tasks.wake_up(tid);
        }
    }

    /// `do_freezer_trap`: the task sleeps, whatever signals are pending; each new one makes it look again.
    pub(crate) fn do_freezer_trap(&mut self, tid: Tid) {
        self.tasks[tid].thread_info.clear(Tif::SigPending);
        let sleep = TaskState::Sleeping { kind: SleepKind::Interruptible, freezable: true, until: None, wchan: WCHAN };
        self.tasks.set_asleep(tid, sleep);
        if !self.tasks[tid].cgroup_frozen {
            told(self, tid, "enters the freezer trap");
        }
        self.cgroup_enter_frozen(tid);
    }

    /// `cgroup_enter_frozen`: the task counts as frozen from here on.
    pub(crate) fn cgroup_enter_frozen(&mut self, tid: Tid) {
        if !std::mem::replace(&mut self.tasks[tid].cgroup_frozen, true) {
            self.with_cgroups(|core, kernel| core.cgroup2_frozen_changed(kernel, tid));
        }
    }

    /// `cgroup_leave_frozen`: it does not any more. In a group that is to be frozen it goes to the trap instead and counts on,
    /// unless it leaves for good (`always`).
    pub(crate) fn cgroup_leave_frozen(&mut self, tid: Tid, always: bool) {
        if !self.tasks[tid].cgroup_frozen {
            return;
        }
        if !always && self.cgroup_core().is_some_and(|core| core.cgroup2_freezing(tid)) {
            let task = &mut self.tasks[tid];
            task.signal.trap_freeze = true;
            task.thread_info.set(Tif::SigPending);
            return;
        }
        self.tasks[tid].cgroup_frozen = false;
        self.with_cgroups(|core, kernel| core.cgroup2_frozen_changed(kernel, tid));
    }
}
