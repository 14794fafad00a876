//! The system call table, put together from the rows each subject lists; docs/SYSCALLS.md is made from it.
use super::Handler;
use abi::Sysno;
use std::sync::LazyLock;

/// How much of a call there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    Full,
    /// What is missing.
    Partial(&'static str),
}

/// One implemented call.
pub struct Row {
    pub sysno: Sysno,
    pub handler: Handler,
    pub support: Support,
}

/// A complete call.
pub(crate) const fn full(sysno: Sysno, handler: Handler) -> Row {
    Row { sysno, handler, support: Support::Full }
}

/// A call of which something is missing.
pub(crate) const fn partial(sysno: Sysno, handler: Handler, missing: &'static str) -> Row {
    Row { sysno, handler, support: Support::Partial(missing) }
}

/// The rows of every subject: add a file's `ROWS` here.
#[rustfmt::skip]
const SUBJECTS: &[&[Row]] = &[
    super::ids::ROWS,
    super::limits::ROWS,
    super::process::ROWS,
    super::sched::ROWS,
    super::signal::ROWS,
    super::signalfd::ROWS,
    super::system::ROWS,
    crate::namespaces::SETNS_ROWS,
    crate::namespaces::UNSHARE_ROWS,
    crate::ipc::MQ_ROWS,
    crate::ipc::MSG_ROWS,
    crate::ipc::SEM_ROWS,
    crate::ipc::SHM_ROWS,
    crate::task::CLONE_ROWS,
    crate::task::WAIT_ROWS,
    crate::ptrace::PROCESS_VM_ROWS,
    crate::ptrace::ROWS,
    super::copy::ROWS,
    super::event::ROWS,
    super::exec::ROWS,
    super::socket::ROWS,
    super::message::ROWS,
    super::xattr::ROWS,
    super::fs_attr::ROWS,
    super::fs_dir::ROWS,
    super::fs_mount::ROWS,
    super::fs_open::ROWS,
    super::futex::ROWS,
    super::inotify::ROWS,
    super::io::ROWS,
    super::ioctl::ROWS,
    super::locks::ROWS,
    super::mm::ROWS,
    super::pidfd::ROWS,
    super::pipe::ROWS,
    super::poll::ROWS,
    super::time::ROWS,
    super::timer::ROWS,
    super::timerfd::ROWS,
];

/// Every implemented call.
pub fn syscalls() -> impl Iterator<Item = &'static Row> {
    SUBJECTS.iter().flat_map(|rows| rows.iter())
}

/// The handlers, by `Sysno`.
static HANDLERS: LazyLock<Vec<Option<Handler>>> = LazyLock::new(|| {
    let mut handlers = vec![None; Sysno::ALL.len()];
    for row in syscalls() {
        handlers[row.sysno as usize] = Some(row.handler);
    }
    handlers
});

pub(super) fn handler(sysno: Sysno) -> Option<Handler> {
    HANDLERS[sysno as usize]
}
