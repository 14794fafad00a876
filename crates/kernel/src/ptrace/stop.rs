//! Trace stops: entering one, and going on from it (kernel/signal.c: ptrace_stop, ptrace_notify, ptrace_signal).
use super::{Then, TraceStop, event_code};
use crate::freezer::{self, Request};
use crate::signal::recalc_sigpending;
use crate::{Kernel, TaskState, Tid, TraceKind, syscall};
use abi::{
    CLD_STOPPED, CLD_TRAPPED, Fields, PTRACE_EVENT_EXEC, PTRACE_EVENT_EXIT, PTRACE_EVENT_STOP,
    PTRACE_EVENTMSG_SYSCALL_ENTRY, PTRACE_EVENTMSG_SYSCALL_EXIT, PtraceOptions, SI_USER, SIGKILL, SIGTRAP, Siginfo,
    valid_signal,
};

impl Kernel {
    /// `ptrace_stop`: the task stops, and its tracer is told. False if it has none, or is being killed: then the caller goes
    /// on as if it had been resumed with the stop's code.
    fn ptrace_stop(&mut self, tid: Tid, why: i32, stop: TraceStop) -> bool {
        let task = &self.tasks[tid];
        if task.ptrace.is_none() || task.pending.set.contains(SIGKILL) {
            return false;
        }
        let completes = why == CLD_STOPPED && task.signal.stop_pending && self.participate_group_stop(tid);
        let task = &mut self.tasks[tid];
        task.signal.trap_stop = false;
        if stop.info.is_some_and(|info| info.code >> 8 == PTRACE_EVENT_STOP.into()) {
            task.signal.trap_notify = false;
        }
        let (code, label) = (stop.code, task.label());
        self.trace.line(TraceKind::Signal, || format!("{label} stops for its tracer, code {code:#x}"));
        task.trace_stop = Some(Box::new(stop));
        self.clear_trapping(tid);
        self.tasks.set_asleep(tid, TaskState::Traced);
        self.notify_tracer(tid, why);
        if completes && self.ptrace_reparented(tid) {
            self.notify_group_stopped(tid);
        }
        self.cgroup_enter_frozen(tid);
        true
    }

    /// `ptrace_notify`.
    fn ptrace_notify(&mut self, tid: Tid, signo: u8, code: u32, message: u64, why: i32, then: Then) -> bool {
        let fields = Fields::Kill { pid: self.pid_vnr(tid, tid), uid: self.tasks[tid].cred.uid };
        let info = Some(Siginfo { signo, errno: 0, code: code as i32, fields });
        self.ptrace_stop(tid, why, TraceStop { code, info, message, then })
    }

    /// `ptrace_event`: true if the tracer wants it, and the task has stopped for it.
    pub(crate) fn ptrace_event(&mut self, tid: Tid, event: u8, message: u64) -> bool {
        let Some(ptrace) = &self.tasks[tid].ptrace else { return false };
        if ptrace.options.wants(event) {
            let then = if event == PTRACE_EVENT_EXIT { Then::Exit(message as u32) } else { Then::Call };
            return self.ptrace_notify(tid, SIGTRAP, event_code(event), message, CLD_TRAPPED, then);
        }
        if event == PTRACE_EVENT_EXEC && !ptrace.seized {
            // As it was told before there were events.
            let info = syscall::by_user(self, tid, SIGTRAP, SI_USER);
            self.send_to_thread(tid, info);
        }
        false
    }

    /// `ptrace_event_pid`: an event about a child, by the number that the tracer knows it by.
    pub(crate) fn ptrace_fork_event(&mut self, tid: Tid, event: u8, child: Tid) -> bool {
        let Some(tracer) = self.tasks[tid].ptrace.as_ref().map(|ptrace| ptrace.tracer) else { return false };
        let number = self.pid_vnr(tracer, child);
        self.ptrace_event(tid, event, number.into())
    }

    /// `ptrace_report_syscall`: a stop on the way into a system call, or out of it.
    pub(crate) fn ptrace_report_syscall(&mut self, tid: Tid, exit: bool) -> bool {
        let task = &mut self.tasks[tid];
        let Some(ptrace) = &task.ptrace else { return false };
        let good = ptrace.options.contains(PtraceOptions::TRACESYSGOOD);
        let code = u32::from(SIGTRAP) | if good { 0x80 } else { 0 };
        let abi = task.arch().abi;
        let saved = abi.mark_syscall_stop(&mut task.cpu, exit);
        let (message, then) = if exit {
            (PTRACE_EVENTMSG_SYSCALL_EXIT, Then::Leave(saved))
        } else {
            (PTRACE_EVENTMSG_SYSCALL_ENTRY, Then::Enter(saved))
        };
        let stopped = self.ptrace_notify(tid, SIGTRAP, code, message, CLD_TRAPPED, then);
        if !stopped {
            abi.unmark_syscall_stop(&mut self.tasks[tid].cpu, saved);
        }
        stopped
    }

    /// A handler's frame was written under a single step: the tracer sees its first instruction (`signal_delivered`).
    pub(crate) fn ptrace_step_into_handler(&mut self, tid: Tid) {
        self.ptrace_notify(tid, SIGTRAP, SIGTRAP.into(), 0, CLD_TRAPPED, Then::Return);
    }

    /// `ptrace_signal`: the tracer decides on a signal before it does anything. False: nobody does.
    pub(crate) fn ptrace_signal(&mut self, tid: Tid, info: Siginfo) -> bool {
        // Whatever the tracer makes of it may be a stop signal; SIGCONT meanwhile takes the mark away.
        self.tasks[tid].signal.stop_dequeued = true;
        let stop = TraceStop { code: info.signo.into(), info: Some(info), message: 0, then: Then::Signal };
        self.ptrace_stop(tid, CLD_TRAPPED, stop)
    }

    /// `do_jobctl_trap`: a group stop, or what INTERRUPT and the like asked for.
    pub(crate) fn do_jobctl_trap(&mut self, tid: Tid) -> bool {
        let task = &self.tasks[tid];
        let group = self.tasks.group_of(tid);
        let mut signo = task.signal.stop_signal;
        let stopped = if task.ptrace.as_ref().is_some_and(|ptrace| ptrace.seized) {
            if group.stop_count == 0 && !group.stopped {
                signo = SIGTRAP;
            }
            let code = u32::from(PTRACE_EVENT_STOP) << 8 | u32::from(signo);
            self.ptrace_notify(tid, signo, code, 0, CLD_STOPPED, Then::Return)
        } else {
            let stop = TraceStop { code: signo.into(), info: None, message: 0, then: Then::Return };
            self.ptrace_stop(tid, CLD_STOPPED, stop)
        };
        if !stopped {
            let signal = &mut self.tasks[tid].signal;
            (signal.trap_stop, signal.trap_notify) = (false, false);
        }
        stopped
    }

    /// A task whose trace stop is over goes on from where it was; false if it does not get any further now.
    pub(crate) fn ptrace_resumed(&mut self, tid: Tid) -> bool {
        let mechanism = &self.config.freezer.mechanism;
        // Before 6.1 a stop froze when it was over (R08-08); a request that is computed later is met on the signal path.
        let freezes = mechanism.request == Request::TifFlag || !mechanism.in_place;
        if freezes && freezer::try_to_freeze(self, tid) {
            return false;
        }
        let Some(stop) = self.tasks[tid].trace_stop.take() else { return true };
        self.tasks[tid].signal.listening = false;
        recalc_sigpending(self, tid);
        self.cgroup_leave_frozen(tid, true);
        let signo = u8::try_from(stop.code).ok().filter(|&signo| valid_signal(signo));
        let abi = self.tasks[tid].arch().abi;
        match stop.then {
            Then::Return => self.tasks[tid].walk = true,
            Then::Call => {}
            Then::Signal => {
                self.tasks[tid].walk = true;
                if let Some(signo) = signo {
                    self.ptrace_inject(tid, signo, stop.info);
                }
            }
            Then::Enter(saved) => {
                abi.unmark_syscall_stop(&mut self.tasks[tid].cpu, saved);
                self.send_after_stop(tid, signo);
                syscall::enter_traced(self, tid);
            }
            Then::Leave(saved) => {
                abi.unmark_syscall_stop(&mut self.tasks[tid].cpu, saved);
                self.send_after_stop(tid, signo);
            }
            Then::Exit(code) => {
                crate::task::finish_exit(self, tid, code);
                return false;
            }
        }
        true
    }

    /// The signal a tracer resumed a system call stop with is sent like any other.
    fn send_after_stop(&mut self, tid: Tid, signo: Option<u8>) {
        if let Some(signo) = signo {
            self.send_to_thread(tid, Siginfo::kernel(signo));
        }
    }

    /// The end of `ptrace_signal`: this signal is taken next, unless it is blocked or the task is being killed.
    fn ptrace_inject(&mut self, tid: Tid, signo: u8, info: Option<Siginfo>) {
        let task = &self.tasks[tid];
        let info = info.filter(|info| info.signo == signo).unwrap_or_else(|| {
            let tracer = task.ptrace.as_ref().and_then(|ptrace| self.tasks.get(ptrace.tracer));
            let (pid, uid) = match tracer {
                Some(tracer) => (self.pid_vnr(tid, tracer.tid), tracer.cred.uid),
                // It let go of the task with this signal: the real parent stands for it.
                None => {
                    let parent = self.tasks.group_of(tid).parent;
                    (self.pid_vnr(tid, parent), self.tasks.get(parent).map_or(0, |parent| parent.cred.uid))
                }
            };
            Siginfo { signo, errno: 0, code: SI_USER, fields: Fields::Kill { pid, uid } }
        });
        if task.blocked.contains(signo) || task.pending.set.contains(SIGKILL) {
            self.send_to_thread(tid, info);
        } else {
            self.tasks[tid].signal.injected = Some(info);
        }
    }
}
