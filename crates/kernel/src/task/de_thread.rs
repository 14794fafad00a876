//! execve in a thread group: the other threads die first (fs/exec.c: de_thread).
use super::{Accounts, Tid, WaitKey};
use crate::Kernel;
use crate::syscall::{OnSignal, Sleep, SleepKind};
use abi::Restart;

impl Kernel {
    /// Tells the other threads to die. The caller's number from then on (its group's), or the sleep to take until they are
    /// gone: uninterruptible, so that a thread in the refrigerator holds it up for as long as it stays there (F08-47).
    pub(crate) fn de_thread(&mut self, tid: Tid) -> Result<Tid, Sleep> {
        let group = self.tasks.group_of(tid);
        let tgid = group.tgid;
        let others: Vec<Tid> = group.threads.iter().copied().filter(|&thread| thread != tid).collect();
        if others.is_empty() {
            return Ok(tid);
        }
        if group.group_exit.is_some() || group.group_exec.is_some_and(|by| by != tid) {
            // Too late: this thread is to die itself.
            return Err(Sleep {
                kind: SleepKind::Killable,
                on_signal: OnSignal::Restart(Restart::NoIntr),
                ..Sleep::new(WaitKey::Never, "de_thread")
            });
        }
        if group.group_exec.is_none() {
            self.tasks.group_of_mut(tid).group_exec = Some(tid);
            for &thread in &others {
                self.kill_thread(thread);
            }
        }
        // A dead leader stays until its number is taken over.
        if others.iter().any(|&thread| thread != tgid || !self.tasks[thread].is_dead()) {
            return Err(Sleep {
                kind: SleepKind::Uninterruptible,
                ..Sleep::new(WaitKey::ThreadsGone(tgid), "de_thread")
            });
        }
        self.tasks.group_of_mut(tid).group_exec = None;
        if tid == tgid {
            return Ok(tid);
        }
        let leader = &self.tasks[tgid];
        let (accounts, start_time) = (Accounts::of(leader), leader.start_time);
        self.tasks.group_of_mut(tid).dead.add(&accounts);
        if let Some(tracer) = self.tracer_group(tgid) {
            // It waits for a leader that will not be there.
            self.ptrace_forget(tgid);
            self.tasks.wake_all(WaitKey::Child(tracer));
        }
        self.tasks.remove_leader(tgid);
        self.tasks.rename(tid, tgid);
        self.ptrace_rename(tid, tgid);
        let task = &self.tasks[tgid];
        let ids = (task.pid_ns, task.cred.user_ns);
        self.free_pid(tid, ids);
        self.tasks[tgid].start_time = start_time;
        // The group's place in the control groups was the old number's.
        self.with_cgroups(|core, kernel| core.renamed(kernel, tid, tgid));
        Ok(tgid)
    }
}
