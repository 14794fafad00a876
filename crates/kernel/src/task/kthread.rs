//! Kernel threads (kernel/kthread.c): those that a system suspend has to freeze, or to leave alone.
//!
//! Each is a loop that sleeps and, where Linux's of that name says `set_freezable`, freezes when it is asked to. What Linux's
//! do besides, nobody here has to do. They have no memory, and are never lent out.
use super::{Task, TaskState, ThreadGroup, Tid};
use crate::freezer::try_to_freeze;
use crate::signal::Actions;
use crate::{Kernel, SleepKind};
use abi::{SIG_IGN, default_rlimits};

/// A kernel thread: its name, where it sleeps, and whether it is freezable.
struct Kthread {
    comm: &'static str,
    wchan: &'static str,
    freezable: bool,
}

/// kthreadd comes first: it is the parent of the others.
const KTHREADS: &[Kthread] = &[
    Kthread { comm: "kthreadd", wchan: "kthreadd", freezable: false },
    Kthread { comm: "ksoftirqd/0", wchan: "smpboot_thread_fn", freezable: false },
    Kthread { comm: "kswapd0", wchan: "kswapd", freezable: true },
    Kthread { comm: "oom_reaper", wchan: "oom_reaper", freezable: true },
];

impl Kernel {
    /// Makes the kernel threads; the first gets the number after init's.
    pub(crate) fn start_kthreads(&mut self) {
        let mut parent = None;
        for kthread in KTHREADS {
            let Some(tid) = self.tasks.alloc_tid(self.config.pid_max) else { return };
            let (files, fs) = (self.vfs.new_files(), self.vfs.new_fs());
            let task = Task {
                comm: kthread.comm.into(),
                kthread: true,
                nofreeze: !kthread.freezable,
                exit_signal: 0,
                ..self.new_task(tid, files, fs)
            };
            let mut ignored = Actions::default();
            ignored.0.iter_mut().for_each(|action| action.handler = SIG_IGN);
            let sighand = self.tasks.new_sighand(ignored);
            let (limits, none) = (default_rlimits(self.config.max_threads()), Tid(0));
            // kthreadd is its own parent, which /proc shows as 0.
            let group = ThreadGroup {
                parent: parent.unwrap_or(tid),
                ..ThreadGroup::new(tid, sighand, none, none, None, limits, false)
            };
            parent = parent.or(Some(tid));
            self.tasks.insert(task, Some(group));
            self.fall_asleep(tid, kthread);
        }
    }

    fn fall_asleep(&mut self, tid: Tid, kthread: &Kthread) {
        let (kind, wchan) = (SleepKind::Interruptible, kthread.wchan);
        self.tasks.set_asleep(tid, TaskState::Sleeping { kind, freezable: false, until: None, wchan });
    }
}

/// A kernel thread was woken: once round its loop.
pub(crate) fn run_kthread(kernel: &mut Kernel, tid: Tid) {
    let Some(kthread) = KTHREADS.iter().find(|kthread| kthread.comm.as_bytes() == kernel.tasks[tid].comm) else {
        return;
    };
    if !(kthread.freezable && try_to_freeze(kernel, tid)) {
        kernel.fall_asleep(tid, kthread);
    }
}

#[cfg(test)]
mod tests {
    use crate::test_arch::{call, machine};
    use crate::{Config, INIT, Tid};
    use abi::{SIGKILL, Sysno};

    /// They sleep on whatever is sent to them, and nobody waits for them.
    #[test]
    fn kernel_threads_are_there_and_ignore_signals() {
        let mut kernel = machine(Config::default());
        kernel.start_kthreads();
        let kthreads: Vec<Tid> = kernel.tasks.iter().filter(|task| task.kthread).map(|task| task.tid).collect();
        assert_eq!(kthreads[0], Tid(2));
        for &tid in &kthreads {
            assert_eq!(call(&mut kernel, INIT, Sysno::Kill, &[tid.0.into(), SIGKILL.into()]), Some(0));
            assert_eq!(kernel.tasks[tid].state_letter(), 'S');
        }
        let echild = -i64::from(abi::Errno::ECHILD.0);
        assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[u64::MAX, 0, 0]), Some(echild));
    }
}
