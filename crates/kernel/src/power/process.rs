//! Freezing and thawing all tasks (kernel/power/process.c).
use super::Wanted;
use crate::freezer::{Request, Resume, cancel_freezing, freeze_task, freezing, frozen, may_skip, thaw_process};
use crate::{Kernel, Tid};

impl Kernel {
    /// Every task that can be frozen by a suspend (P08-02).
    fn freezeable(&self) -> Vec<Tid> {
        let freezeable = |task: &&crate::Task| !task.nofreeze && !task.is_dead() && !self.power.suspends(task.tid);
        self.tasks.iter().filter(freezeable).map(|task| task.tid).collect()
    }

    /// One round of try_to_freeze_tasks: asks all who are not frozen; gives who has yet to freeze. Who is where no freezer
    /// waits for it does not count (P08-03, P08-04).
    pub(super) fn ask_all_to_freeze(&mut self, user_only: bool) -> usize {
        self.power.wanted = if user_only { Wanted::UserSpace } else { Wanted::Everybody };
        let mut todo = 0;
        for tid in self.freezeable() {
            if !frozen(&self.tasks[tid]) && freeze_task(self, tid, user_only) && !may_skip(self, tid) {
                todo += 1;
            }
        }
        todo
    }

    /// Who was asked and is not frozen, to be named in the log.
    pub(super) fn refusing(&self) -> Vec<Tid> {
        let refuses = |&tid: &Tid| freezing(self, tid) && !frozen(&self.tasks[tid]) && !may_skip(self, tid);
        self.freezeable().into_iter().filter(refuses).collect()
    }

    /// Takes every request back, a cgroup's too (P08-05, P08-06). Where requests are computed there is nothing to take.
    pub(super) fn cancel_freezing_all(&mut self) {
        if self.config.freezer.mechanism.request == Request::TifFlag {
            let all: Vec<Tid> = self.tasks.iter().filter(|task| !task.is_dead()).map(|task| task.tid).collect();
            for tid in all {
                cancel_freezing(self, tid);
            }
        }
    }

    /// thaw_processes: all but those whom the profile spares (P08-07, F12-13). Kernel threads come first.
    pub(super) fn thaw_all(&mut self) {
        self.power.wanted = Wanted::Nobody;
        let mut tids = self.freezeable();
        tids.sort_by_key(|&tid| !self.tasks[tid].kthread);
        for tid in tids {
            if !self.stays_frozen(tid) {
                thaw_process(self, tid);
            }
        }
    }

    /// thaw_kernel_threads.
    pub(super) fn thaw_kthreads(&mut self) {
        self.power.wanted = Wanted::UserSpace;
        for tid in self.freezeable() {
            if self.tasks[tid].kthread && !self.stays_frozen(tid) {
                thaw_process(self, tid);
            }
        }
    }

    fn stays_frozen(&self, tid: Tid) -> bool {
        match self.config.freezer.suspend.resume {
            Resume::ThawsAll => false,
            // P08-08: by the state as it is stored, which nobody may have looked at since the tasks froze.
            Resume::SparesFrozen => self.cgroup_core().is_some_and(|core| core.cgroup_frozen(tid)),
            Resume::SparesFreezing => !frozen(&self.tasks[tid]) || freezing(self, tid),
        }
    }
}
