//! Tasks and thread groups: the table that owns them, and how they sleep and wake.
mod account;
mod clone;
mod de_thread;
mod exit;
mod kthread;
mod reap;
mod sighand;
mod table;
#[cfg(test)]
mod tests;
mod thread_group;
mod wait;

pub(crate) use account::Accounts;
pub(crate) use sighand::SighandId;
pub use table::Tasks;
pub use thread_group::ThreadGroup;
pub use wait::WaitKey;

use crate::Cred;
use crate::exec::Image;
use crate::mm::MmId;
use crate::namespaces::{NsId, NsProxy};
use crate::ptrace::{Ptrace, TraceStop};
use crate::sched::SchedEntity;
use crate::signal::{Pending, SignalState};
use crate::syscall::{Call, Progress, SleepKind};
use crate::vfs::{FilesId, FsId};
use abi::saved::Name;
use abi::{SigAltStack, SigSet, Sysno};
use arch::{Cpu, ThreadInfo};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub(crate) use clone::ROWS as CLONE_ROWS;
pub(crate) use exit::{do_exit, do_group_exit, exit_notify, finish_exit};
pub(crate) use kthread::run_kthread;
pub(crate) use reap::ROWS as WAIT_ROWS;

/// A task's number: `gettid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tid(pub u32);

/// A thread group's number: `getpid`, the tid of its first task.
pub type Tgid = Tid;

/// The first process.
pub const INIT: Tgid = Tid(1);

/// What a task is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TaskState {
    /// On the run queue, or lent out.
    Runnable,
    /// In `Task::in_syscall`, waiting.
    Sleeping {
        kind: SleepKind,
        /// May be frozen where it is (profile 6.18).
        freezable: bool,
        /// When it wakes at the latest, virtual nanoseconds.
        until: Option<u64>,
        /// What /proc/PID/wchan says.
        #[serde(deserialize_with = "abi::saved::name")]
        wchan: Name,
    },
    /// Job control stop.
    Stopped,
    /// ptrace stop.
    Traced,
    /// Frozen: in the refrigerator (R08-04) or, with `saved`, in the sleep or stop that it goes back to (F22-01).
    Frozen {
        saved: Option<Box<TaskState>>,
        /// What /proc/PID/wchan says.
        #[serde(deserialize_with = "abi::saved::name")]
        wchan: Name,
    },
    /// Dead, and not yet reaped.
    Zombie,
}

impl TaskState {
    /// The state that a task frozen in place goes back to; any other is itself.
    pub(crate) fn beneath(&self) -> &TaskState {
        match self {
            TaskState::Frozen { saved: Some(saved), .. } => saved,
            state => state,
        }
    }
    pub(crate) fn wchan(&self) -> &'static str {
        match self {
            TaskState::Sleeping { wchan, .. } | TaskState::Frozen { wchan, .. } => wchan,
            TaskState::Stopped => "do_signal_stop",
            TaskState::Traced => "ptrace_stop",
            TaskState::Runnable | TaskState::Zombie => "",
        }
    }
}

/// One task (thread).
#[derive(Clone, Serialize, Deserialize)]
pub struct Task {
    pub tid: Tid,
    pub tgid: Tgid,
    pub comm: Vec<u8>,
    pub cpu: Cpu,
    pub thread_info: ThreadInfo,
    /// Changed by `Tasks` alone, which keeps run queue, wait table and timers in step.
    pub state: TaskState,
    pub mm: Option<MmId>,
    /// These two name nothing any more once the task is dead.
    pub files: FilesId,
    pub fs: FsId,
    pub cred: Cred,
    pub nsproxy: NsProxy,
    /// Its own, from birth on (`task_active_pid_ns`).
    pub pid_ns: NsId,

    // Signals.
    pub pending: Pending,
    pub blocked: SigSet,
    /// The mask that sigsuspend and its like replaced, to be put back (TIF_RESTORE_SIGMASK).
    pub saved_mask: Option<SigSet>,
    pub altstack: SigAltStack,
    pub signal: SignalState,
    /// Who traces it.
    pub ptrace: Option<Box<Ptrace>>,
    /// The trace stop it is in, or has yet to go on from.
    pub(crate) trace_stop: Option<Box<TraceStop>>,
    /// Traps after each instruction (TIF_SINGLESTEP).
    pub single_step: bool,
    /// Whom it traces.
    pub tracees: BTreeSet<Tid>,
    /// Sent to it when its parent dies (PR_SET_PDEATHSIG).
    pub pdeath_signal: u8,

    // The system call it is in.
    /// A sleeping call: its handler is called again at every wake-up.
    pub in_syscall: Option<Call>,
    /// The program it is to become, while execve waits for the end of the other threads (struct linux_binprm).
    pub(crate) bprm: Option<Box<Image>>,
    /// What restart_syscall(2) goes on with.
    pub restart_block: Option<(Sysno, [u64; 6], Progress)>,
    /// The last call entered, for /proc/PID/syscall and reports.
    pub last_syscall: Option<(Sysno, [u64; 6])>,
    /// Its number, as the guest gave it.
    pub last_nr: u64,
    /// Has to walk its signal-return path before user mode though no signal is pending: it was stopped or frozen on it.
    pub(crate) walk: bool,

    // Thread start and end.
    /// Cleared, and woken as a futex, at exit.
    pub clear_child_tid: u64,
    pub robust_list: u64,
    /// The vfork parent that sleeps until this task execs or exits.
    pub vfork_parent: Option<Tid>,
    /// What the end of its last user takes back of semaphores (SEM_UNDO); CLONE_SYSVSEM shares it.
    pub sysvsem: Option<crate::UndoId>,
    /// What is sent to the parent when its group is dead; 0: nothing.
    pub exit_signal: u8,
    /// `WaitStatus`-encoded, once dead.
    pub exit_code: u32,

    // Scheduling and accounting.
    pub nice: i8,
    /// SCHED_NORMAL, SCHED_BATCH, ... and its real-time priority: kept and reported; all share the processor by nice.
    pub policy: (u32, u32),
    /// The virtual CPUs it may say it runs on.
    pub affinity: u64,
    pub timer_slack: u64,
    /// personality(2): kept, and otherwise without effect.
    pub personality: u32,
    /// PR_SET_KEEPCAPS.
    pub keep_caps: bool,
    pub(crate) sched: SchedEntity,
    pub start_time: u64,
    /// Instructions retired.
    pub utime: u64,
    /// Virtual nanoseconds in the kernel: each system call costs `sched::SYSCALL_NS`.
    pub stime: u64,
    /// Page faults that were resolved.
    pub faults: u64,
    /// Voluntary and involuntary switches.
    pub switches: (u64, u64),
    pub kthread: bool,
    /// PF_NOFREEZE: no system suspend freezes it (P08-02).
    pub nofreeze: bool,
    /// PF_FREEZER_SKIP: a vfork parent, which no freezer waits for (R28).
    pub freezer_skip: bool,
    /// Runs nothing before it has passed `get_signal` again, and counts as frozen in its cgroup2 group (C2-06).
    pub cgroup_frozen: bool,
    /// Left the refrigerator, and its signal-return path has not been told yet.
    pub(crate) thawed: bool,
}

impl Task {
    pub fn arch(&self) -> &'static arch::Arch {
        self.cpu.arch
    }
    pub fn is_leader(&self) -> bool {
        self.tid == self.tgid
    }
    pub fn is_dead(&self) -> bool {
        matches!(self.state, TaskState::Zombie)
    }
    pub fn is_runnable(&self) -> bool {
        matches!(self.state, TaskState::Runnable)
    }
    /// The letter of /proc/PID/stat (R08-18: a frozen task is in disk sleep, `D`).
    pub fn state_letter(&self) -> char {
        match &self.state {
            TaskState::Runnable => 'R',
            TaskState::Sleeping { kind: SleepKind::Interruptible, .. } => 'S',
            TaskState::Sleeping { .. } | TaskState::Frozen { .. } => 'D',
            TaskState::Stopped => 'T',
            TaskState::Traced => 't',
            TaskState::Zombie => 'Z',
        }
    }
    /// Whether it takes part in a job-control stop, frozen there or not.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state.beneath(), TaskState::Stopped)
    }
    /// What /proc/PID/wchan says; empty while it runs.
    pub fn wchan(&self) -> &'static str {
        self.state.wchan()
    }
    /// `[tid arch comm]`, as trace lines begin.
    pub fn label(&self) -> String {
        format!("[{} {} {}]", self.tid.0, self.arch().name, String::from_utf8_lossy(&self.comm))
    }
}
