//! Freezing a task where it sleeps or is stopped, and giving it that state back (F22-02, F22-03).
//!
//! The sleep's entries in the wait table and among the timers stay: a wake-up meanwhile ends the sleep, not the freeze
//! (`ttwu_state_match`).
use crate::Tid;
use crate::task::{TaskState, Tasks};

impl Tasks {
    /// `__set_task_frozen`: true if the task is frozen now, without having run.
    pub(super) fn freeze_in_place(&mut self, tid: Tid) -> bool {
        let Some(task) = self.get_mut(tid) else { return false };
        let freezable =
            matches!(task.state, TaskState::Sleeping { freezable: true, .. } | TaskState::Stopped | TaskState::Traced);
        if freezable {
            let wchan = task.state.wchan();
            let saved = std::mem::replace(&mut task.state, TaskState::Runnable);
            task.state = TaskState::Frozen { saved: Some(Box::new(saved)), wchan };
        }
        freezable
    }

    /// `__thaw_task`: the sleep or stop goes on if nothing has ended it, else the task runs.
    pub(super) fn thaw(&mut self, tid: Tid) {
        let Some(task) = self.get_mut(tid) else { return };
        let TaskState::Frozen { saved, .. } = &mut task.state else { return };
        match saved.take() {
            Some(saved) => task.state = *saved,
            None => self.run(tid),
        }
    }
}
