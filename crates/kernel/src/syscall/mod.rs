//! System calls: entry, sleeping and resuming. What each does is in the file of its subject.
//!
//! A handler never blocks. It returns [`Outcome::Sleep`] and is called again, with what it left in [`Call::progress`], at
//! every wake-up; so a sleeping call is data in its task.
mod control;
mod copy;
mod event;
mod exec;
mod fs_attr;
mod fs_dir;
mod fs_mount;
mod fs_open;
mod futex;
mod ids;
mod inotify;
mod io;
mod ioctl;
mod limits;
mod locks;
mod message;
mod mm;
mod pidfd;
mod pipe;
mod poll;
mod process;
mod sched;
mod signal;
mod signalfd;
mod socket;
mod system;
mod table;
pub(crate) mod time;
mod timer;
mod timerfd;
mod trace;
mod xattr;

pub(crate) use io::finish;
pub(crate) use signal::by_user;
pub use table::{Row, Support, syscalls};
pub(crate) use table::{full, partial};

use crate::task::{Tid, WaitKey};
use crate::{Kernel, Result};
use abi::{Errno, Restart, Sysno};
use arch::{SyscallRequest, Tif, UserMemory};
use serde::{Deserialize, Serialize};

/// One system call being made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    pub sysno: Sysno,
    /// Normal form, copied once at entry.
    pub args: [u64; 6],
    /// What the handler left when it went to sleep; `Progress::None` at first.
    pub progress: Progress,
    /// Why it was woken: a waker's key, recorded by the waker; `None` at first, after a timeout, or for a signal.
    pub woken: Option<WaitKey>,
    /// What a signal makes of the sleep it is in.
    pub on_signal: OnSignal,
    /// The keys it is queued on, and its place in those queues.
    pub waiting_on: Vec<WaitKey>,
    pub(crate) ticket: u64,
    /// Its line of the trace so far, if it is traced.
    // As `Kernel::trace`: not the machine's.
    #[serde(skip)]
    trace: Option<String>,
}

/// What a handler keeps across a sleep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Progress {
    #[default]
    None,
    /// An absolute virtual time the call ends at.
    Deadline(u64),
    /// Bytes moved so far.
    Bytes(u64),
    /// A counter or id of the handler's own, and a deadline.
    State(u64, Option<u64>),
    /// Bytes the handler has taken in or was given, and how far it is with them or what they are.
    Data(Vec<u8>, u64),
    /// Somebody else has completed the call.
    Result(Result<u64>),
}

/// How a sleep ends when a signal comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnSignal {
    /// Interrupted, to be restarted as said; `Restart::Block` keeps `progress` for restart_syscall.
    Restart(Restart),
    /// This result (a partial count, or EINTR without restart).
    Return(Result<u64>),
}

/// Which signals end a sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SleepKind {
    Interruptible,
    /// Fatal signals only.
    Killable,
    Uninterruptible,
}

/// A sleep a handler asks for.
#[derive(Clone, Debug)]
pub struct Sleep {
    pub on: Vec<WaitKey>,
    pub until: Option<u64>,
    pub kind: SleepKind,
    pub freezable: bool,
    pub on_signal: OnSignal,
    pub progress: Progress,
    pub wchan: &'static str,
}

/// How a handler ends.
#[derive(Debug)]
pub enum Outcome {
    Done(Result<u64>),
    Sleep(Sleep),
    /// The task, which may have another number now, has stopped for its tracer in the middle of the call (a fork's or execve's
    /// event): the handler is called again when it goes on.
    Stopped(Tid, Progress),
    /// The handler set the registers itself (execve, rt_sigreturn), or the task is gone.
    NoReturn,
    /// Interrupted at once, without a sleep (fork with a signal pending: E08-04).
    Interrupted(Restart),
}

/// What a system call does.
pub type Handler = fn(&mut Kernel, Tid, &mut Call) -> Outcome;

impl Sleep {
    /// An interruptible sleep that restarts after a signal (ERESTARTSYS), the common case.
    pub fn new(on: WaitKey, wchan: &'static str) -> Sleep {
        Sleep {
            // What nobody wakes is on no queue.
            on: if on == WaitKey::Never { Vec::new() } else { vec![on] },
            until: None,
            kind: SleepKind::Interruptible,
            freezable: false,
            on_signal: OnSignal::Restart(Restart::Sys),
            progress: Progress::None,
            wchan,
        }
    }
}

impl From<Result<u64>> for Outcome {
    fn from(result: Result<u64>) -> Outcome {
        Outcome::Done(result)
    }
}

impl From<Result<()>> for Outcome {
    fn from(result: Result<()>) -> Outcome {
        Outcome::Done(result.map(|()| 0))
    }
}

impl From<Errno> for Outcome {
    fn from(errno: Errno) -> Outcome {
        Outcome::Done(Err(errno))
    }
}

/// The guest executed its system call instruction.
pub(crate) fn enter(kernel: &mut Kernel, tid: Tid) {
    let task = &mut kernel.tasks[tid];
    let request = task.cpu.arch.abi.syscall_enter(&mut task.cpu);
    task.last_nr = request.nr;
    if let Some(sysno) = request.sysno {
        task.last_syscall = Some((sysno, request.args));
    }
    let traced = task.thread_info.test(Tif::SyscallTrace);
    if !traced || !kernel.ptrace_report_syscall(tid, false) {
        make(kernel, tid, &request);
    }
}

/// A tracer lets a task go on into the system call that its registers say, unless it is being killed.
pub(crate) fn enter_traced(kernel: &mut Kernel, tid: Tid) {
    let task = &mut kernel.tasks[tid];
    let request = task.cpu.arch.abi.syscall_request(&task.cpu);
    // Number -1 is no call: the result is what the tracer left there.
    if request.nr as u32 == u32::MAX || task.pending.set.contains(abi::SIGKILL) {
        let left = task.cpu.arch.abi.get_return(&task.cpu);
        task.cpu.arch.abi.set_return(&mut task.cpu, left);
        return leave(kernel, tid);
    }
    task.last_nr = request.nr;
    if let Some(sysno) = request.sysno {
        task.last_syscall = Some((sysno, request.args));
    }
    make(kernel, tid, &request);
}

fn make(kernel: &mut Kernel, tid: Tid, request: &SyscallRequest) {
    let Some(sysno) = request.sysno else {
        let label = kernel.tasks[tid].label();
        kernel.trace.line(crate::TraceKind::Missing, || format!("{label} system call {} does not exist", request.nr));
        set_return(kernel, tid, Err(Errno::ENOSYS));
        return leave(kernel, tid);
    };
    let mut args = request.args;
    kernel.numbers_in(tid, sysno, &mut args);
    let mut call = Call {
        sysno,
        args,
        progress: Progress::None,
        woken: None,
        on_signal: OnSignal::Restart(Restart::Sys),
        waiting_on: Vec::new(),
        ticket: 0,
        trace: trace::begin(kernel, tid, sysno, &args),
    };
    let tgid = kernel.tasks[tid].tgid;
    let outcome = match table::handler(sysno) {
        Some(handler) => handler(kernel, tid, &mut call),
        None => arch_syscall(kernel, tid, request).into(),
    };
    conclude(kernel, tid, tgid, call, outcome);
}

/// A task that slept in a system call is awake again: its handler goes on.
pub(crate) fn resume(kernel: &mut Kernel, tid: Tid) {
    let Some(mut call) = kernel.tasks[tid].in_syscall.take() else { return };
    let tgid = kernel.tasks[tid].tgid;
    let outcome = match table::handler(call.sysno) {
        Some(handler) => handler(kernel, tid, &mut call),
        None => Errno::ENOSYS.into(),
    };
    conclude(kernel, tid, tgid, call, outcome);
}

/// A call is over (`syscall_exit_work`): a step over it is told, or the stop that a tracer asked for.
fn leave(kernel: &mut Kernel, tid: Tid) {
    let Some(task) = kernel.tasks.get_mut(tid) else { return };
    if !task.is_runnable() || task.in_syscall.is_some() {
        return;
    }
    if task.single_step {
        let info = task.cpu.arch.abi.step_over_syscall(&mut task.cpu);
        kernel.force_signal(tid, info);
    } else if task.thread_info.test(Tif::SyscallTrace) {
        kernel.ptrace_report_syscall(tid, true);
    }
}

/// A call that only this architecture has, or nobody.
fn arch_syscall(kernel: &mut Kernel, tid: Tid, request: &SyscallRequest) -> Result<u64> {
    let arch = kernel.tasks[tid].arch();
    let mut cpu = std::mem::replace(&mut kernel.tasks[tid].cpu, arch::Cpu::new(arch));
    let online = kernel.config.cpu_mask();
    let mut mem = kernel.user(tid);
    let result = arch.abi.arch_syscall(&mut cpu, request, &mut mem as &mut dyn UserMemory, online);
    kernel.tasks[tid].cpu = cpu;
    result.unwrap_or_else(|| {
        let (label, name) = (kernel.tasks[tid].label(), request.sysno.map_or("?", Sysno::name));
        kernel.trace.line(crate::TraceKind::Missing, || format!("{label} {name}: not implemented"));
        Err(Errno::ENOSYS)
    })
}

/// What becomes of a call that its handler has left.
fn conclude(kernel: &mut Kernel, tid: Tid, tgid: Tid, mut call: Call, outcome: Outcome) {
    // execve by another thread than the leader goes on under the leader's number.
    let execs = matches!(call.sysno, Sysno::Execve | Sysno::Execveat);
    let after = if execs && kernel.tasks.get(tid).is_none() { tgid } else { tid };
    match outcome {
        Outcome::Done(result) => {
            let result = result.map(|value| kernel.number_out(tid, call.sysno, value));
            set_return(kernel, tid, result);
            kernel.restore_saved_mask(tid);
            trace::end(kernel, &call, |call| trace::result(call, result));
        }
        Outcome::NoReturn => trace::end(kernel, &call, |_| "?".into()),
        Outcome::Interrupted(how) => interrupted(kernel, tid, call, how),
        Outcome::Stopped(tid, progress) => {
            (call.progress, call.woken) = (progress, None);
            kernel.tasks[tid].in_syscall = Some(call);
        }
        Outcome::Sleep(sleep) => {
            call.progress = sleep.progress.clone();
            call.on_signal = sleep.on_signal;
            call.woken = None;
            let signalled = match sleep.kind {
                SleepKind::Interruptible => kernel.signal_pending(tid),
                SleepKind::Killable => crate::signal::fatal_signal_pending(kernel, tid),
                SleepKind::Uninterruptible => false,
            };
            match sleep.on_signal {
                _ if !signalled => {
                    kernel.tasks[tid].in_syscall = Some(call);
                    kernel.tasks.sleep(tid, &sleep);
                }
                OnSignal::Restart(how) => interrupted(kernel, tid, call, how),
                // The mask that a call replaced stays until the handler's frame has taken the old one.
                OnSignal::Return(result) => {
                    set_return(kernel, tid, result);
                    trace::end(kernel, &call, |call| trace::result(call, result));
                }
            }
        }
    }
    leave(kernel, after);
}

/// The call is cut short: the result register says how to restart it, the signal-return path decides.
fn interrupted(kernel: &mut Kernel, tid: Tid, mut call: Call, how: Restart) {
    let task = &mut kernel.tasks[tid];
    task.cpu.arch.abi.set_return(&mut task.cpu, -i64::from(how.code()));
    task.walk = true;
    if how == Restart::Block {
        task.restart_block = Some((call.sysno, call.args, std::mem::take(&mut call.progress)));
    }
    trace::end(kernel, &call, |_| trace::restart(how).into());
}

fn set_return(kernel: &mut Kernel, tid: Tid, result: Result<u64>) {
    let task = &mut kernel.tasks[tid];
    let value = result.unwrap_or_else(Errno::to_return);
    task.cpu.arch.abi.set_return(&mut task.cpu, value as i64);
}

/// restart_syscall(2): goes on with what the interrupted call left.
fn restart_syscall(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let Some((sysno, args, progress)) = kernel.tasks[tid].restart_block.take() else {
        return Errno::EINTR.into();
    };
    (call.sysno, call.args, call.progress) = (sysno, args, progress);
    match table::handler(sysno) {
        Some(handler) => handler(kernel, tid, call),
        None => Errno::EINTR.into(),
    }
}

impl Kernel {
    /// Whether a signal, or a request to freeze, waits for the task (`signal_pending`).
    pub fn signal_pending(&self, tid: Tid) -> bool {
        self.tasks[tid].thread_info.test(Tif::SigPending)
    }
}
