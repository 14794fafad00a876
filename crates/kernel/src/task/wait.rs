//! What a task can wait for. Waiters of one key are woken in the order they came.
use super::Tid;

/// One thing to wait for. A task waits for a set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitKey {
    /// A child of this thread group changed state.
    Child(Tid),
    /// The vfork child execs or exits.
    Vfork(Tid),
    /// The other threads of a group are gone (de_thread).
    ThreadsGone(Tid),
    /// A futex: mm or file page identity, then offset.
    Futex(u64, u64),
    /// A signal for this task (pause, sigsuspend, sigtimedwait).
    Signal(Tid),
    /// Something to read from, or room in, an object of the VFS (pipe, socket, eventfd, tty), by its own number.
    Readable(u64),
    Writable(u64),
    /// A FIFO's other end was opened.
    Opened(u64),
    /// A file lock was released.
    Lock(u64),
    /// /dev/stuck was written.
    Stuck,
    /// The kernel log grew.
    Log,
    /// /proc/mounts changed, and other whole-kernel events.
    Event(u32),
    /// Nothing but time, or a signal, ends the wait.
    Never,
}
