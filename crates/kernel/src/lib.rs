//! The Linux of minikern: tasks, scheduler, signals, freezer, memory, files, system calls, time.
//!
//! Design: (1) the kernel is a value at rest: [`Kernel::schedule`] picks a task, [`Kernel::lend`] lends its CPU out,
//! [`Kernel::handle`] takes the exit back, and in between there is no host stack that belongs to a guest; (2) one owner, no
//! locks: `Kernel` owns every table and everything else refers by id; (3) nothing depends on host time, host randomness or
//! hash order; (4) it never runs guest code and names no architecture.
mod boot;
mod cgroup;
mod clock;
mod config;
mod cred;
mod dev;
mod entry;
mod exec;
pub mod freezer;
mod futex;
mod ipc;
mod load;
mod log;
mod mm;
mod namespaces;
mod net;
pub mod power;
mod procfs;
mod ptrace;
mod random;
pub mod saved;
mod sched;
mod signal;
mod syscall;
mod sysfs;
mod task;
#[cfg(test)]
mod test_arch;
mod timers;
mod trace;
mod tty;
pub mod vfs;

pub use cgroup::{CgroupCore, Cgroups, Dir};
pub use clock::{Clock, TimerKey};
pub use config::Config;
pub use cred::Cred;
pub use dev::Devices;
pub use exec::NoInit;
pub use ipc::{Ipc, UndoId};
pub use load::Load;
pub use log::Log;
pub use mm::{Mm, MmId, Mms, UserMem};
pub use namespaces::{IdMap, Namespaces, NsId, NsProxy};
pub use net::Net;
pub use power::{NoImage, Power};
pub use ptrace::Ptrace;
pub use random::Random;

pub use sched::{SYSCALL_NS, Schedule, Scheduler, Slot};
pub use signal::{Actions, Pending, SignalState};
pub use syscall::{Call, Handler, OnSignal, Outcome, Progress, Row, Sleep, SleepKind, Support, syscalls};
pub use task::{INIT, Task, TaskState, Tasks, Tgid, ThreadGroup, Tid, WaitKey};
pub use timers::Timers;
pub use trace::{Trace, TraceKind};
pub use tty::{Tty, Ttys};

use arch::Arch;
pub use arch::Tif;
use mmu::FramePool;
use serde::{Deserialize, Serialize};

/// A result whose error the guest sees.
pub type Result<T> = abi::Result<T>;

/// The whole kernel.
#[derive(Serialize, Deserialize)]
pub struct Kernel {
    pub config: Config,
    // The reader's own list: it knows every architecture of the file.
    #[serde(skip, default = "arch::saved::arches")]
    pub arches: &'static [&'static Arch],
    pub tasks: Tasks,
    pub mms: Mms,
    pub frames: FramePool,
    pub vfs: vfs::Vfs,
    pub net: Net,
    // Behind a trait: `saved::Image` has it.
    #[serde(skip)]
    pub cgroups: Cgroups,
    pub clock: Clock,
    pub timers: Timers,
    pub load: Load,
    pub tty: Ttys,
    pub devices: Devices,
    pub ipc: Ipc,
    pub random: Random,
    pub power: power::Power,
    pub log: Log,
    // Whoever runs the machine says what is traced.
    #[serde(skip)]
    pub trace: Trace,
    pub namespaces: Namespaces,
    /// syslog(2): lines that READ has given, and that CLEAR has put aside.
    pub(crate) syslog_read: u64,
    pub(crate) syslog_clear: u64,
    /// The machine has ended with this status.
    pub halted: Option<u8>,
}
