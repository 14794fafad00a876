//! The end of a task (kernel/exit.c).
use super::{Accounts, INIT, TaskState, Tgid, Tid, WaitKey};
use crate::signal::{group_ticks, orphaned_without};
use crate::tty::disassociate_ctty;
use crate::{Kernel, TraceKind};
use abi::{
    CLD_EXITED, CLD_KILLED, FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS, Fields, PTRACE_EVENT_EXIT,
    ROBUST_LIST_LIMIT, SIG_IGN, SIGCHLD, SIGCONT, SIGHUP, SaFlags, SigSet, Siginfo,
};
use arch::Tif;

/// `do_group_exit`: the whole thread group ends with `code` (`WaitStatus`-encoded), this task at once.
pub(crate) fn do_group_exit(kernel: &mut Kernel, tid: Tid, code: u32) {
    let group = kernel.tasks.group_of(tid);
    let tgid = group.tgid;
    let code = match (group.group_exit, group.group_exec) {
        (Some(earlier), _) => earlier,
        // Killed to make room for another thread's execve: only this thread ends.
        (None, Some(by)) if by != tid => 0,
        _ => {
            let others: Vec<Tid> = group.threads.iter().copied().filter(|&thread| thread != tid).collect();
            kernel.start_group_exit(tgid, code);
            for thread in others {
                kernel.kill_thread(thread);
            }
            code
        }
    };
    do_exit(kernel, tid, code);
}

/// `do_exit`: this task ends, when its tracer has seen it if it wants to.
pub(crate) fn do_exit(kernel: &mut Kernel, tid: Tid, code: u32) {
    if !kernel.ptrace_event(tid, PTRACE_EVENT_EXIT, code.into()) {
        finish_exit(kernel, tid, code);
    }
}

/// The rest of `do_exit`. What a parent must still learn of the task stays as a zombie.
pub(crate) fn finish_exit(kernel: &mut Kernel, tid: Tid, code: u32) {
    kernel.trace.line(TraceKind::Signal, || format!("[{}] exits with status {code:#x}", tid.0));
    kernel.frames.disarm(tid.0.into());
    let task = &mut kernel.tasks[tid];
    task.signal.exiting = true;
    task.exit_code = code;
    task.in_syscall = None;
    let unblocked = SigSet::FULL.without(task.blocked);
    kernel.leave_group_stop(tid);
    kernel.retarget_shared_pending(tid, unblocked);
    kernel.mm_release(tid);
    kernel.keep_max_rss(tid);
    // exit_mm: a dying task is not frozen any more (F08-46).
    if let Some(image) = kernel.tasks[tid].bprm.take() {
        kernel.discard_mm(image.mm);
    }
    let task = &mut kernel.tasks[tid];
    task.thread_info.clear(Tif::Freeze);
    let (mm, files, fs, nsproxy) = (task.mm.take(), task.files, task.fs, task.nsproxy);
    if let Some(mm) = mm {
        kernel.drop_mm(mm);
    }
    kernel.exit_sem(tid);
    kernel.drop_files(files);
    kernel.drop_fs(fs);
    kernel.put_proxy(nsproxy);
    if !kernel.tasks.group_of(tid).threads.iter().any(|&other| other != tid && !kernel.tasks[other].is_dead()) {
        let tgid = kernel.tasks[tid].tgid;
        kernel.drop_timers(tgid);
        if kernel.tasks.group_of(tid).sid == tgid {
            disassociate_ctty(kernel, tgid, true);
        }
    }
    kernel.with_cgroups(|core, kernel| core.exited(kernel, tid));
    let group = kernel.tasks.group_of(tid);
    let last = group.threads.iter().all(|&other| other == tid || kernel.tasks[other].is_dead());
    if !(last && kernel.zap_pid_ns(tid)) {
        exit_notify(kernel, tid);
    }
}

/// `exit_notify`: the task is dead; children get another parent, the parent or tracer is told, and what nobody waits for is gone.
pub(crate) fn exit_notify(kernel: &mut Kernel, tid: Tid) {
    kernel.exit_ptrace(tid);
    kernel.tasks.set_asleep(tid, TaskState::Zombie);
    let task = &mut kernel.tasks[tid];
    task.pending.flush(SigSet::FULL);
    let (tgid, traced) = (task.tgid, task.ptrace.is_some());
    let group = kernel.tasks.group_of(tid);
    let last = group.threads.iter().all(|&thread| kernel.tasks[thread].is_dead());
    let exec_waits = group.group_exec.is_some();
    if last && !exec_waits && !group_is_dead(kernel, tgid) {
        return;
    }
    if traced {
        // Its tracer reaps it, whatever it is.
        do_notify_parent(kernel, tid);
    } else if tid != tgid {
        return kernel.release_thread(tid);
    }
    if exec_waits {
        kernel.tasks.wake_all(WaitKey::ThreadsGone(tgid));
    } else if !traced {
        leader_is_alone(kernel, tgid);
    }
}

/// The last thread of a group has ended (`exit_notify` with `group_dead`); false if the machine ends with it.
fn group_is_dead(kernel: &mut Kernel, tgid: Tgid) -> bool {
    if tgid == INIT {
        let status = exit_status(kernel, tgid);
        let code = if status & 0x7f == 0 { status >> 8 & 0xff } else { 128 + (status & 0x7f) };
        kernel.halt(code as u8);
        return false;
    }
    kernel.forget_original_parent(tgid);
    let group = kernel.tasks.group(tgid).expect("still a zombie");
    let (pgid, sid, parent) = (group.pgid, group.sid, group.parent);
    kernel.hang_up_if_orphaned(pgid, sid, parent, Some(tgid));
    true
}

/// If nobody but a dead leader is left of a group, there is something to wait for, or nobody who would.
fn leader_is_alone(kernel: &mut Kernel, tgid: Tgid) {
    if kernel.tasks.is_group_dead(tgid) && do_notify_parent(kernel, tgid) {
        kernel.release(tgid);
    }
}

/// The status a parent reads: the group's if it ended as one.
pub(super) fn exit_status(kernel: &Kernel, tid: Tid) -> u32 {
    kernel.tasks.group_of(tid).group_exit.unwrap_or_else(|| kernel.tasks[tid].exit_code)
}

/// Tells the parent of a dead group, or the tracer of a dead task; true if the parent does not want to wait for it.
fn do_notify_parent(kernel: &mut Kernel, tid: Tid) -> bool {
    let task = &kernel.tasks[tid];
    let (tgid, uid, mut signo) = (task.tgid, task.cred.uid, task.exit_signal);
    let status = exit_status(kernel, tid);
    let (utime, stime) = group_ticks(kernel, tgid);
    let group = kernel.tasks.group(tgid).expect("its leader is in it");
    let tracer = kernel.tracer_group(tid);
    if tid == tgid && group.threads.len() == 1 {
        let pidfd = group.pidfd;
        kernel.pidfd_notify(pidfd);
    }
    let group = kernel.tasks.group(tgid).expect("its leader is in it");
    if tracer.is_some_and(|tracer| tracer != group.parent || tid != tgid || group.threads.len() > 1) {
        signo = SIGCHLD;
    }
    let parent = tracer.unwrap_or(group.parent);
    let Some(of_parent) = kernel.tasks.group_mut(parent) else { return true };
    if tracer.is_none() {
        of_parent.news.insert(tgid);
    }
    let action = *kernel.tasks.actions(parent).get(SIGCHLD);
    let (code, status) =
        if status & 0x7f == 0 { (CLD_EXITED, status >> 8 & 0xff) } else { (CLD_KILLED, status & 0x7f) };
    let ignored = action.handler == SIG_IGN;
    let autoreap = tracer.is_none() && signo == SIGCHLD && (ignored || action.flags.contains(SaFlags::SA_NOCLDWAIT));
    if abi::valid_signal(signo) && !(signo == SIGCHLD && ignored) {
        let pid = kernel.pid_vnr(parent, tid);
        let fields = Fields::Child { pid, uid, status: status as i32, utime, stime };
        kernel.send_to_group(parent, Siginfo { signo, errno: 0, code, fields });
    }
    kernel.tasks.wake_all(WaitKey::Child(parent));
    autoreap
}

impl Kernel {
    /// The machine stops with this status.
    pub(crate) fn halt(&mut self, status: u8) {
        self.halted.get_or_insert(status);
    }

    /// Takes a dead group out for good (`release_task`).
    pub(crate) fn release(&mut self, tgid: Tgid) {
        self.ptrace_forget(tgid);
        let pidfd = self.tasks.group(tgid).and_then(|group| group.pidfd);
        let leader = self.tasks.remove(tgid);
        self.with_cgroups(|core, _| core.released(tgid));
        self.pidfd_notify(pidfd);
        if let Some(leader) = leader {
            self.free_pid(tgid, (leader.pid_ns, leader.cred.user_ns));
        }
    }

    /// The next subreaper above a dead group in its pid namespace, or that namespace's init.
    fn find_new_reaper(&self, tgid: Tgid, parent: Tgid) -> Tgid {
        let ns = self.pid_ns_of(tgid);
        let init = self.namespaces.child_reaper(ns);
        let mut above = parent;
        while above != init && above != INIT && self.pid_ns_of(above) == ns {
            let Some(group) = self.tasks.group(above) else { break };
            if group.child_subreaper {
                return above;
            }
            above = group.parent;
        }
        init
    }

    /// Takes out a dead thread that is no leader; the group keeps what it used.
    pub(super) fn release_thread(&mut self, tid: Tid) {
        self.ptrace_forget(tid);
        let task = &self.tasks[tid];
        let (tgid, accounts) = (task.tgid, Accounts::of(task));
        let group = self.tasks.group_of_mut(tid);
        group.dead.add(&accounts);
        let exec_waits = group.group_exec.is_some();
        let ids = (self.tasks[tid].pid_ns, self.tasks[tid].cred.user_ns);
        self.tasks.remove(tid);
        self.free_pid(tid, ids);
        self.with_cgroups(|core, _| core.released(tid));
        if exec_waits {
            self.tasks.wake_all(WaitKey::ThreadsGone(tgid));
        } else {
            leader_is_alone(self, tgid);
        }
    }

    /// A zombie is not traced any more: its parent is told, or it is gone.
    pub(crate) fn untraced_zombie(&mut self, tid: Tid) {
        let task = &self.tasks[tid];
        if task.is_leader() {
            leader_is_alone(self, tid);
        } else {
            self.release_thread(tid);
        }
    }

    /// Children of a dead group go to who takes in orphans.
    fn forget_original_parent(&mut self, tgid: Tgid) {
        let group = self.tasks.group(tgid).expect("still a zombie");
        let (children, pgid, sid) = (group.children.clone(), group.pgid, group.sid);
        let reaper = self.find_new_reaper(tgid, group.parent);
        for child in children {
            self.tasks.reparent(child, reaper);
            let Some(group) = self.tasks.group(child) else { continue };
            let (child_pgid, child_sid, threads) = (group.pgid, group.sid, group.threads.clone());
            for thread in threads {
                let task = &mut self.tasks[thread];
                let signo = task.pdeath_signal;
                if signo != 0 && !task.is_dead() {
                    self.send_to_group(
                        child,
                        Siginfo { signo, errno: 0, code: 0, fields: Fields::Kill { pid: 0, uid: 0 } },
                    );
                }
            }
            let leader = &mut self.tasks[child];
            // A parent that said nothing of SIGCHLD is not sent clone's other choice.
            leader.exit_signal = SIGCHLD;
            if self.tasks.is_group_dead(child) {
                if self.tasks[child].ptrace.is_none() && do_notify_parent(self, child) {
                    self.release(child);
                }
            } else if child_pgid != pgid && child_sid == sid {
                // It may have been what kept its own process group from being orphaned.
                self.hang_up_if_orphaned(child_pgid, child_sid, tgid, None);
            }
        }
    }

    /// `kill_orphaned_pgrp`: `gone` (or a child's old `parent`) was the last link between a process group and its session;
    /// if it has stopped members, nobody could continue them: SIGHUP, SIGCONT.
    fn hang_up_if_orphaned(&mut self, pgid: Tid, sid: Tid, parent: Tgid, gone: Option<Tgid>) {
        let linked = self.tasks.group(parent).is_some_and(|parent| parent.pgid != pgid && parent.sid == sid);
        let has_stopped = |kernel: &Kernel| {
            kernel.tasks.pgrp(pgid).any(|tgid| kernel.tasks.group(tgid).is_some_and(|group| group.is_stopped()))
        };
        if linked && orphaned_without(self, pgid, gone) && has_stopped(self) {
            crate::signal::kill_pgrp(self, pgid, SIGHUP);
            crate::signal::kill_pgrp(self, pgid, SIGCONT);
        }
    }

    /// A task leaves its address space (exec or exit): robust futexes, clear_child_tid, a vfork parent.
    pub(crate) fn mm_release(&mut self, tid: Tid) {
        self.exit_robust_list(tid);
        let task = &mut self.tasks[tid];
        let clear = std::mem::take(&mut task.clear_child_tid);
        let shared = task.mm.and_then(|mm| self.mms.get(mm)).is_some_and(|mm| mm.users > 1);
        if clear != 0 && shared && self.user(tid).write_u32(clear, 0).is_ok() {
            self.futex_wake(tid, clear, 1);
        }
        self.complete_vfork(tid);
    }

    /// Lets a vfork parent go on (F08-45: it freezes, if it was asked to, before it is back in user mode).
    fn complete_vfork(&mut self, tid: Tid) {
        if let Some(parent) = self.tasks[tid].vfork_parent.take() {
            if let Some(parent) = self.tasks.get_mut(parent) {
                parent.freezer_skip = false;
            }
            self.tasks.wake_all(WaitKey::Vfork(tid));
        }
    }

    /// Futexes a dying thread still holds are marked, and one waiter each is woken (kernel/futex/core.c).
    fn exit_robust_list(&mut self, tid: Tid) {
        let head = std::mem::take(&mut self.tasks[tid].robust_list);
        if head == 0 {
            return;
        }
        let mut user = self.user(tid);
        let (Ok(mut entry), Ok(offset), Ok(pending)) =
            (user.read_u64(head), user.read_u64(head.wrapping_add(8)), user.read_u64(head.wrapping_add(16)))
        else {
            return;
        };
        for _ in 0..ROBUST_LIST_LIMIT {
            if entry == head {
                break;
            }
            // The next link is read before the word is given away.
            let next = self.user(tid).read_u64(entry & !1);
            // Bit 0 marks a priority-inheritance futex.
            if entry & !1 != pending & !1 && !self.futex_owner_died(tid, (entry & !1).wrapping_add(offset), false) {
                return;
            }
            match next {
                Ok(next) => entry = next,
                Err(_) => return,
            }
        }
        if pending != 0 {
            self.futex_owner_died(tid, (pending & !1).wrapping_add(offset), true);
        }
    }

    /// `handle_futex_death`; false if the word cannot be reached.
    fn futex_owner_died(&mut self, tid: Tid, addr: u64, pending: bool) -> bool {
        if !addr.is_multiple_of(4) {
            return false;
        }
        let Ok(word) = self.user(tid).read_u32(addr) else { return false };
        if pending && word == 0 {
            // It died between unlocking and waking.
            self.futex_wake(tid, addr, 1);
            return true;
        }
        if word & FUTEX_TID_MASK == self.pid_vnr(tid, tid) {
            if self.user(tid).write_u32(addr, word & FUTEX_WAITERS | FUTEX_OWNER_DIED).is_err() {
                return false;
            }
            if word & FUTEX_WAITERS != 0 {
                self.futex_wake(tid, addr, 1);
            }
        }
        true
    }

    /// No frame is left: the task with the largest memory dies (mm/oom_kill.c). Init goes last.
    pub(crate) fn out_of_memory(&mut self, tid: Tid) {
        let resident = |kernel: &Kernel, task: &super::Task| {
            task.mm.and_then(|mm| kernel.mms.get(mm)).map_or(0, |mm| mm.space.resident())
        };
        let dying = |task: &super::Task| self.tasks.group_of(task.tid).group_exit.is_some();
        // Someone is on the way out already: its memory is about to be free. (Not from the refrigerator: R08-12.)
        if self.tasks.iter().any(|task| task.tid != tid && task.mm.is_some() && dying(task) && task.is_runnable()) {
            self.tasks.yield_now(tid);
            return;
        }
        let total = self.frames.usage().1 as i64;
        let adjustment = |task: &super::Task| i64::from(self.tasks.group_of(task.tid).oom_score_adj);
        let points = |task: &super::Task| resident(self, task) as i64 + adjustment(task) * total / 1000;
        let may_die = |task: &&super::Task| task.is_leader() && task.mm.is_some() && task.tgid != INIT && !dying(task);
        let candidates = self.tasks.iter().filter(may_die).filter(|task| adjustment(task) != -1000);
        let victim = candidates.max_by_key(|task| (points(task), std::cmp::Reverse(task.tid))).map(|task| task.tid);
        let victim = victim.unwrap_or(INIT);
        let (pages, comm) = {
            let task = &self.tasks[victim];
            (resident(self, task), String::from_utf8_lossy(&task.comm).into_owned())
        };
        let text = format!("Out of memory: Killed process {} ({comm}) anon-rss:{}kB", victim.0, pages * 4);
        self.log.print(self.clock.now, 3, text.clone());
        self.trace.line(TraceKind::Missing, || text);
        self.tasks.group_of_mut(victim).unkillable = false;
        self.send_to_group(victim, Siginfo::kernel(abi::SIGKILL));
    }
}
