//! Tasks and thread groups: the table that owns them, and how they sleep and wake.
mod table;
mod thread_group;
mod wait;

pub use table::Tasks;
pub use thread_group::ThreadGroup;
pub use wait::WaitKey;

use crate::Cred;
use crate::mm::MmId;
use crate::signal::{Pending, SignalState};
use crate::syscall::{Call, Progress, SleepKind};
use crate::vfs::{FilesId, FsId};
use abi::{SigAltStack, SigSet, Sysno};
use arch::{Cpu, ThreadInfo};

/// A task's number: `gettid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tid(pub u32);

/// A thread group's number: `getpid`, the tid of its first task.
pub type Tgid = Tid;

/// What a task is doing.
#[derive(Clone, Debug)]
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
        wchan: &'static str,
    },
    /// Job control stop.
    Stopped,
    /// ptrace stop.
    Traced,
    /// In the refrigerator (R08-04). `saved`: the sleep or stop it was frozen in, if in place (F22-01).
    Frozen { saved: Option<Box<TaskState>> },
    /// Dead, and not yet reaped.
    Zombie,
}

/// One task (thread).
#[derive(Clone)]
pub struct Task {
    pub tid: Tid,
    pub tgid: Tgid,
    pub comm: Vec<u8>,
    pub cpu: Cpu,
    pub thread_info: ThreadInfo,
    pub state: TaskState,
    pub mm: Option<MmId>,
    pub files: FilesId,
    pub fs: FsId,
    pub cred: Cred,

    // Signals.
    pub pending: Pending,
    pub blocked: SigSet,
    /// The mask that sigsuspend and its like replaced, to be put back (TIF_RESTORE_SIGMASK).
    pub saved_mask: Option<SigSet>,
    pub altstack: SigAltStack,
    pub signal: SignalState,

    // The system call it is in.
    /// A sleeping call: its handler is called again at every wake-up.
    pub in_syscall: Option<Call>,
    /// What restart_syscall(2) goes on with.
    pub restart_block: Option<(Sysno, [u64; 6], Progress)>,
    /// The last call entered, for /proc/PID/syscall and reports.
    pub last_syscall: Option<(Sysno, [u64; 6])>,

    // Thread start and end.
    /// Cleared, and woken as a futex, at exit.
    pub clear_child_tid: u64,
    pub robust_list: u64,
    /// The vfork parent that sleeps until this task execs or exits.
    pub vfork_parent: Option<Tid>,
    pub exit_signal: u8,
    /// `WaitStatus`-encoded, once dead.
    pub exit_code: u32,

    // Scheduling and accounting.
    pub nice: i8,
    pub start_time: u64,
    /// Instructions retired.
    pub utime: u64,
    /// System calls made; each counts as some system time.
    pub stime: u64,
    pub kthread: bool,
    /// PF_FREEZER_SKIP: a vfork parent, which no freezer waits for (R28).
    pub freezer_skip: bool,
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
}
