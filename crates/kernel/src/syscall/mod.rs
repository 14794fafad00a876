//! System calls: entry, sleeping and resuming. What each does is in the file of its subject.
//!
//! A handler never blocks. It returns [`Outcome::Sleep`] and is called again, with what it left in [`Call::progress`], at
//! every wake-up; so a sleeping call is data in its task.
mod exec;
mod fs_attr;
mod fs_dir;
mod fs_open;
mod futex;
mod io;
mod ioctl;
mod locks;
mod mm;
mod pipe;
mod table;
pub(crate) mod time;
mod timer;

pub use table::{Row, Support, syscalls};

use crate::task::{Tid, WaitKey};
use crate::{Kernel, Result};
use abi::{Errno, Restart, Sysno};

/// One system call being made.
#[derive(Clone, Debug)]
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
    /// The keys it is queued on.
    pub waiting_on: Vec<WaitKey>,
}

/// What a handler keeps across a sleep.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Progress {
    #[default]
    None,
    /// An absolute virtual time the call ends at.
    Deadline(u64),
    /// Bytes moved so far.
    Bytes(u64),
    /// A counter or id of the handler's own, and a deadline.
    State(u64, Option<u64>),
    /// Bytes the handler has taken in, and how far it is with them.
    Data(Vec<u8>, u64),
}

/// How a sleep ends when a signal comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSignal {
    /// Interrupted, to be restarted as said; `Restart::Block` keeps `progress` for restart_syscall.
    Restart(Restart),
    /// This result (a partial count, or EINTR without restart).
    Return(Result<u64>),
}

/// Which signals end a sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
            on: vec![on],
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
