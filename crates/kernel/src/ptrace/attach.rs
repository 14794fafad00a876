//! Links between tracer and tracee: TRACEME, ATTACH, SEIZE, DETACH, and what becomes of them when either ends.
use super::Ptrace;
use crate::signal::Target;
use crate::syscall::{Call, OnSignal, Outcome, Progress, Sleep, SleepKind};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{CAP_SYS_PTRACE, Errno, PtraceOptions, SIGKILL, SIGSTOP, Siginfo, valid_signal};
use arch::Tif;

impl Kernel {
    /// `__ptrace_may_access`, for attaching, with real credentials.
    pub(crate) fn ptrace_may_attach(&self, caller: Tid, tid: Tid) -> bool {
        let (Some(by), Some(task)) = (self.tasks.get(caller), self.tasks.get(tid)) else { return false };
        if by.tgid == task.tgid || self.namespaces.capable(&by.cred, task.cred.user_ns, CAP_SYS_PTRACE) {
            return true;
        }
        let (own, other) = (&by.cred, &task.cred);
        [other.uid, other.euid, other.suid].iter().all(|&uid| uid == own.uid)
            && [other.gid, other.egid, other.sgid].iter().all(|&gid| gid == own.gid)
            && self.tasks.group_of(tid).dumpable
            && other.cap_permitted & !own.cap_permitted == 0
    }

    fn ptrace_link(&mut self, tid: Tid, ptrace: Ptrace) {
        self.tasks[ptrace.tracer].tracees.insert(tid);
        self.tasks[tid].ptrace = Some(Box::new(ptrace));
    }

    /// Takes the link away and nothing else.
    pub(crate) fn ptrace_forget(&mut self, tid: Tid) {
        let Some(ptrace) = self.tasks.get_mut(tid).and_then(|task| task.ptrace.take()) else { return };
        if let Some(tracer) = self.tasks.get_mut(ptrace.tracer) {
            tracer.tracees.remove(&tid);
        }
    }

    /// `ptrace_traceme`: the parent becomes the tracer, the thread of it that forked if it is still there.
    pub(super) fn ptrace_traceme(&mut self, tid: Tid) -> Result<()> {
        let group = self.tasks.group_of(tid);
        let lives = |tid: Tid| self.tasks.get(tid).filter(|task| !task.is_dead() && !task.signal.exiting);
        let parent = self.tasks.group(group.parent).ok_or(Errno::EPERM)?;
        let forker = Some(group.forked_by).filter(|by| parent.threads.contains(by) && lives(*by).is_some());
        let tracer = forker.or_else(|| parent.threads.iter().copied().find(|&thread| lives(thread).is_some()));
        let tracer = tracer.and_then(lives).ok_or(Errno::EPERM)?;
        let task = &self.tasks[tid];
        let allowed = task.cred.cap_permitted & !tracer.cred.cap_permitted == 0
            || self.namespaces.capable(&tracer.cred, task.cred.user_ns, CAP_SYS_PTRACE);
        if task.ptrace.is_some() || !allowed {
            return Err(Errno::EPERM);
        }
        let (tracer, options) = (tracer.tid, PtraceOptions::empty());
        self.ptrace_link(tid, Ptrace { tracer, seized: false, options });
        Ok(())
    }

    /// `ptrace_attach`; `options` with SEIZE. Waits until a task that is stopped already has turned that into a trace stop.
    pub(super) fn ptrace_attach(&mut self, tid: Tid, call: &Call, to: Tid, seize: Option<PtraceOptions>) -> Outcome {
        if call.progress != Progress::None {
            return Outcome::Done(Ok(0));
        }
        let task = &self.tasks[to];
        if task.kthread
            || task.tgid == self.tasks[tid].tgid
            || !self.ptrace_may_attach(tid, to)
            || task.is_dead()
            || task.ptrace.is_some()
        {
            return Errno::EPERM.into();
        }
        let options = seize.unwrap_or_default();
        self.ptrace_link(to, Ptrace { tracer: tid, seized: seize.is_some(), options });
        if seize.is_none() {
            self.send_to_thread(to, Siginfo::kernel(SIGSTOP));
        }
        if !self.tasks[to].is_stopped() || !self.set_trap_stop(to) {
            return Outcome::Done(Ok(0));
        }
        let signal = &mut self.tasks[to].signal;
        signal.trapping = true;
        self.tasks[to].thread_info.set(Tif::SigPending);
        self.tasks.wake_up(to);
        Outcome::Sleep(Sleep {
            kind: SleepKind::Killable,
            on_signal: OnSignal::Return(Ok(0)),
            progress: Progress::State(0, None),
            ..Sleep::new(WaitKey::Trapping(to), "ptrace_attach")
        })
    }

    /// `ptrace_detach`.
    pub(super) fn ptrace_detach(&mut self, tid: Tid, data: u64) -> Result<()> {
        if !u8::try_from(data).is_ok_and(|signo| signo == 0 || valid_signal(signo)) {
            return Err(Errno::EIO);
        }
        let task = &mut self.tasks[tid];
        task.single_step = false;
        if let Some(stop) = &mut task.trace_stop {
            stop.code = data as u32;
        }
        self.ptrace_unlink(tid);
        Ok(())
    }

    /// `__ptrace_unlink`: what is left goes on as if nobody had traced it, into the group stop if there is one.
    fn ptrace_unlink(&mut self, tid: Tid) {
        self.ptrace_forget(tid);
        let group = self.tasks.group_of(tid);
        let stop = group.stopped || group.stop_count > 0;
        let task = &mut self.tasks[tid];
        task.thread_info.clear(Tif::SyscallTrace);
        let signal = &mut task.signal;
        (signal.trap_stop, signal.trap_notify) = (false, false);
        signal.stop_pending |= stop && !signal.exiting;
        if signal.stop_pending || task.is_traced_stopped() {
            self.ptrace_signal_wake_up(tid, true);
        }
        self.clear_trapping(tid);
    }

    /// `exit_ptrace`: a tracer ends. Its tracees die if it asked for that; the dead ones are their parents' now.
    pub(crate) fn exit_ptrace(&mut self, tracer: Tid) {
        for tid in std::mem::take(&mut self.tasks[tracer].tracees) {
            let Some(ptrace) = self.tasks.get(tid).and_then(|task| task.ptrace.as_ref()) else { continue };
            if ptrace.options.contains(PtraceOptions::EXITKILL) {
                let _ = self.send_signal(Target::Group(self.tasks[tid].tgid), Siginfo::kernel(SIGKILL));
            }
            self.ptrace_unlink(tid);
            if self.tasks[tid].is_dead() {
                self.untraced_zombie(tid);
            }
        }
    }

    /// `ptrace_init_task`: what a traced task makes is traced by the same tracer, and stops before it runs.
    pub(crate) fn ptrace_init_task(&mut self, parent: Tid, child: Tid) {
        let Some(ptrace) = self.tasks[parent].ptrace.clone() else { return };
        let seized = ptrace.seized;
        self.ptrace_link(child, *ptrace);
        let task = &mut self.tasks[child];
        if seized {
            task.signal.trap_stop = true;
        } else {
            task.pending.set.add(SIGSTOP);
        }
        task.thread_info.set(Tif::SigPending);
    }

    /// `de_thread`: a thread takes another number, as tracee and as tracer.
    pub(crate) fn ptrace_rename(&mut self, from: Tid, to: Tid) {
        if let Some(tracer) = self.tasks[to].ptrace.as_ref().map(|ptrace| ptrace.tracer)
            && let Some(tracer) = self.tasks.get_mut(tracer)
            && tracer.tracees.remove(&from)
        {
            tracer.tracees.insert(to);
        }
        for tracee in self.tasks[to].tracees.clone() {
            if let Some(ptrace) = self.tasks.get_mut(tracee).and_then(|task| task.ptrace.as_mut()) {
                ptrace.tracer = to;
            }
        }
    }
}
