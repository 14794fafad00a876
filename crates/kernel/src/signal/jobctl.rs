//! Job control: group stops, what the parent hears of them, orphaned process groups.
use crate::task::{INIT, TaskState};
use crate::{Kernel, Tgid, Tid};
use abi::{CLD_CONTINUED, CLD_STOPPED, Fields, SIGCHLD, SIGCONT, SaFlags, Siginfo, USER_HZ, WaitStatus};

impl Kernel {
    /// The task takes `signo`, a stop signal, for its group: every other thread is asked to stop too.
    pub(super) fn start_group_stop(&mut self, tid: Tid, signo: u8) {
        let tgid = self.tasks[tid].tgid;
        if self.tasks.group_of(tid).group_exit.is_some() {
            return;
        }
        let mut count = 0;
        for thread in self.tasks.group_of(tid).threads.clone() {
            let task = &mut self.tasks[thread];
            if task.is_dead() || task.signal.exiting || task.is_stopped() {
                continue;
            }
            task.signal.stop_pending = true;
            count += 1;
            if thread != tid {
                self.tasks.signal_wake_up(thread, false);
            }
        }
        let group = self.tasks.group_mut(tgid).expect("the caller's group");
        group.group_stop = Some(signo);
        group.stop_count = count;
        self.enter_stop(tid);
    }

    /// The task enters the stop it takes part in; the last one to do so completes it.
    pub(super) fn enter_stop(&mut self, tid: Tid) {
        self.leave_stop_count(tid);
        self.tasks.set_asleep(tid, TaskState::Stopped);
        self.cgroup_enter_frozen(tid);
    }

    /// The task need not be waited for any more: it stopped, or is on its way out.
    pub(crate) fn leave_stop_count(&mut self, tid: Tid) {
        if !std::mem::take(&mut self.tasks[tid].signal.stop_pending) {
            return;
        }
        let group = self.tasks.group_of_mut(tid);
        let Some(signo) = group.group_stop else { return };
        group.stop_count = group.stop_count.saturating_sub(1);
        if group.stop_count == 0 {
            let (tgid, parent) = (group.tgid, group.parent);
            group.wait_report = Some(WaitStatus::Stopped { signo }.encode());
            group.cld_pending = None;
            if let Some(parent) = self.tasks.group_mut(parent) {
                parent.news.insert(tgid);
            }
            notify_stopped(self, tgid, CLD_STOPPED, signo);
        }
    }

    /// A parent that has not been told of the end of a stop hears of it now (R08-14: after the thaw).
    pub(super) fn tell_pending_cld(&mut self, tid: Tid) {
        let group = self.tasks.group_of_mut(tid);
        if let Some(code) = group.cld_pending.take() {
            let tgid = group.tgid;
            notify_stopped(self, tgid, code, SIGCONT);
        }
    }
}

/// `do_notify_parent_cldstop`: SIGCHLD, unless the parent does not want it for stops, and an end to its wait.
fn notify_stopped(kernel: &mut Kernel, tgid: Tgid, code: i32, signo: u8) {
    let Some(group) = kernel.tasks.group(tgid) else { return };
    let Some(leader) = kernel.tasks.get(tgid) else { return };
    let parent = group.parent;
    let status = if code == CLD_CONTINUED { SIGCONT } else { signo };
    let (utime, stime) = group_ticks(kernel, tgid);
    let pid = kernel.pid_vnr(parent, tgid);
    let fields = Fields::Child { pid, uid: leader.cred.uid, status: status.into(), utime, stime };
    if kernel.tasks.group(parent).is_none() {
        return;
    }
    let action = kernel.tasks.actions(parent).get(SIGCHLD);
    if action.handler != abi::SIG_IGN && !action.flags.contains(SaFlags::SA_NOCLDSTOP) {
        kernel.send_to_group(parent, Siginfo { signo: SIGCHLD, errno: 0, code, fields });
    }
    kernel.tasks.wake_all(crate::WaitKey::Child(parent));
}

/// User and system time of a group in clock ticks, as siginfo has them.
pub(crate) fn group_ticks(kernel: &Kernel, tgid: Tgid) -> (i64, i64) {
    let (user, system) = kernel.group_cpu_time(tgid);
    let tick = 1_000_000_000 / USER_HZ;
    ((user / tick) as i64, (system / tick) as i64)
}

/// Whether no member of the process group has a parent in the same session but outside the group: nobody is left who
/// would continue it.
/// DIFFERS FROM LINUX: init counts as the parent of those it forked itself, because it may be a shell here, with a terminal
/// and jobs; not of those it took in, as ever.
pub(crate) fn is_orphaned_pgrp(kernel: &Kernel, pgid: Tid) -> bool {
    orphaned_without(kernel, pgid, None)
}

/// The same, with one member counted as gone already (`will_become_orphaned_pgrp`).
pub(crate) fn orphaned_without(kernel: &Kernel, pgid: Tid, ignored: Option<Tgid>) -> bool {
    !kernel.tasks.pgrp(pgid).any(|tgid| {
        let Some(group) = kernel.tasks.group(tgid) else { return false };
        let dead = kernel.tasks.get(tgid).is_none_or(|task| task.is_dead()) && group.threads.len() <= 1;
        if Some(tgid) == ignored || dead || group.parent == tgid || group.adopted && group.parent == INIT {
            return false;
        }
        kernel.tasks.group(group.parent).is_some_and(|parent| parent.pgid != pgid && parent.sid == group.sid)
    })
}
